/**
 * The two charts of a run as one: same step axis, same cross-hair. Feeds them from the model, a few
 * times a second at most, and remembers the step that the cross-hair is on.
 */

import type { EvaluationReport } from '../../protocol/reports.js';
import { FrameThrottle } from '../element/frame-throttle.js';
import type { Speech } from '../words/words.js';
import type { RunModel } from '../element/run-model.js';
import { Chart, type ChartSeries } from './chart.js';
import { alignEvaluations } from './columns.js';
import type { PlotClass } from './load-plot.js';
import { ACCURACY_TICKS, accuracyRange, LOSS_TICKS, lossRange, STEP_TICKS, stepAxisEnd } from './ranges.js';
import { readColours } from './theme-colours.js';

/** Time between two drawings: enough to look alive, little enough to cost nothing. */
const REDRAW_MS = 300;

const RAW = { widthPx: 1, opacity: 0.3, hasPoints: false } as const;
const SMOOTHED = { widthPx: 2.25, opacity: 1, hasPoints: false } as const;
/** Losses in turn; each is told from the others by its dashes too. */
const LOSS_LINES = [
  { colour: 'first' },
  { colour: 'second', dash: [7, 3] },
  { colour: 'muted', dash: [2, 2] },
] as const;

export interface ChartsSource {
  readonly model: RunModel;
  readonly baseline: readonly EvaluationReport[];
  /** Steps of the run, or of the one to come. */
  readonly steps: number;
  readonly speech: Speech;
}

/** Every loss as it was measured, faint, then every one smoothed. */
function lossLines(names: readonly string[]): readonly ChartSeries[] {
  const lineOf = (index: number): (typeof LOSS_LINES)[number] => LOSS_LINES[index % LOSS_LINES.length]!;
  return [
    ...names.map((_, index) => ({ colour: lineOf(index).colour, ...RAW })),
    ...names.map((_, index) => ({ ...lineOf(index), ...SMOOTHED })),
  ];
}

export class ChartsView {
  readonly #source: () => ChartsSource;
  readonly #accuracy: Chart;
  readonly #loss: Chart;
  /** The losses that its chart has series for. */
  #lossNames: readonly string[] = [];
  readonly #throttle = new FrameThrottle(() => this.#draw(), REDRAW_MS);

  /** `root` has the containers `accuracy-chart` and `loss-chart`; `onCursor` gets the step pointed at. */
  constructor(
    Plot: PlotClass,
    root: ShadowRoot,
    source: () => ChartsSource,
    onCursor: (step: number | null) => void,
  ) {
    this.#source = source;
    const container = (id: string): HTMLElement => root.querySelector<HTMLElement>(`#${id}`)!;
    const formatStep = (step: number): string => source().speech.formats.count(step);
    const shared = { formatStep, stepTicks: STEP_TICKS, colours: () => readColours(root) };
    this.#accuracy = new Chart(Plot, container('accuracy-chart'), {
      ...shared,
      series: [
        { colour: 'muted', widthPx: 1.5, dash: [3, 3], opacity: 1, hasPoints: false },
        { colour: 'first', widthPx: 1, opacity: 0.45, hasPoints: false },
        { colour: 'first', widthPx: 2.25, opacity: 1, hasPoints: true },
      ],
      hasStepLabels: false,
      valueTicks: ACCURACY_TICKS,
      formatValue: (value) => `${source().speech.formats.plain(Math.round(1000 * value) / 10)}\u2009%`,
      onCursor: (step) => {
        this.#loss.moveCursor(step);
        onCursor(step);
      },
    });
    this.#loss = new Chart(Plot, container('loss-chart'), {
      ...shared,
      series: lossLines(this.#lossNames),
      hasStepLabels: true,
      valueTicks: LOSS_TICKS,
      formatValue: (value) => source().speech.formats.plain(value),
      onCursor: (step) => {
        this.#accuracy.moveCursor(step);
        onCursor(step);
      },
    });
    this.#throttle.request();
  }

  /** There is something new to draw. */
  update(): void {
    this.#throttle.request();
  }

  /** The colours are others. */
  redraw(): void {
    this.#accuracy.redraw();
    this.#loss.redraw();
  }

  destroy(): void {
    this.#throttle.cancel();
    this.#accuracy.destroy();
    this.#loss.destroy();
  }

  #draw(): void {
    const { model, baseline, steps } = this.#source();
    const stepEnd = stepAxisEnd(model.step, steps);
    const accuracies = alignEvaluations(model.evaluations, baseline);
    const points = [
      ...model.evaluations.flatMap(({ step, testAccuracy, meanTrainAccuracy }) => [
        { step, accuracy: testAccuracy },
        { step, accuracy: meanTrainAccuracy },
      ]),
      ...baseline
        .filter(({ step }) => step <= stepEnd)
        .map(({ step, testAccuracy }) => ({ step, accuracy: testAccuracy })),
    ];
    this.#accuracy.setData({
      columns: [accuracies.steps, accuracies.baseline, accuracies.train, accuracies.test],
      stepEnd,
      valueRange: accuracyRange(points, stepEnd),
    });
    const { steps: lossSteps, losses } = model.losses.columns();
    const { names } = model.losses;
    if (names.join() !== this.#lossNames.join()) this.#loss.setSeries(lossLines(names));
    this.#lossNames = names;
    this.#loss.setData({
      columns: [lossSteps, ...losses.map(({ values }) => values), ...losses.map(({ smoothed }) => smoothed)],
      stepEnd,
      valueRange: lossRange(losses.flatMap(({ smoothed }) => smoothed)),
    });
  }
}
