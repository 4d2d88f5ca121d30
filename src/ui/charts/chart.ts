/**
 * A line chart over steps: the one place that uses uPlot. Owns its canvas and its size; colours are
 * asked for whenever it draws, so a change of theme is a redraw.
 */

import type uPlot from 'uplot';
import type { PlotClass } from './load-plot.js';

export interface ChartSeries {
  /** Which of the theme's colours, see `ChartColours`. */
  readonly colour: 'first' | 'second' | 'muted';
  readonly widthPx: number;
  /** Lengths of dashes and gaps; none: a solid line. */
  readonly dash?: readonly number[];
  /** 0 to 1. */
  readonly opacity: number;
  /** Draws a dot at each value, as long as there is room. */
  readonly hasPoints: boolean;
}

export interface ChartColours {
  readonly first: string;
  readonly second: string;
  readonly muted: string;
  readonly text: string;
  readonly grid: string;
}

export interface ChartOptions {
  readonly series: readonly ChartSeries[];
  /** Whether the steps stand under it; charts that share an axis show them once. */
  readonly hasStepLabels: boolean;
  readonly formatStep: (step: number) => string;
  readonly formatValue: (value: number) => string;
  /** Distances that labels may have, rising; the formats must not round their multiples. */
  readonly stepTicks: readonly number[];
  readonly valueTicks: readonly number[];
  readonly colours: () => ChartColours;
  /** The step under the pointer, null when it has left. */
  readonly onCursor: (step: number | null) => void;
}

export interface ChartData {
  /** [steps, a column for each series], equally long; null: no value, undefined: none needed. */
  readonly columns: readonly [readonly number[], ...(readonly (number | null | undefined)[])[]];
  readonly stepEnd: number;
  readonly valueRange: readonly [number, number];
}

/** Fixed, so that the plots of charts above one another begin at the same place. */
const VALUE_AXIS_PX = 44;
const STEP_AXIS_PX = 28;
/** Half of a step's label, which stands out at the axis' end. */
const STEP_LABEL_PX = 22;

function toPlotSeries(
  { colour, widthPx, dash, opacity, hasPoints }: ChartSeries,
  colours: ChartOptions['colours'],
): uPlot.Series {
  return {
    stroke: () => colours()[colour],
    width: widthPx,
    alpha: opacity,
    ...(dash === undefined ? {} : { dash: [...dash] }),
    spanGaps: true,
    points: hasPoints ? { size: 5 } : { show: false },
  };
}

export class Chart {
  readonly #plot: uPlot;
  readonly #observer: ResizeObserver;
  readonly #colours: ChartOptions['colours'];
  #stepEnd = 10;
  #valueRange: readonly [number, number] = [0, 1];
  #isMoving = false;

  /** Fills `container`, whose size CSS gives; `Plot` is from `loadPlot`. */
  constructor(Plot: PlotClass, container: HTMLElement, options: ChartOptions) {
    const { width, height } = container.getBoundingClientRect();
    this.#colours = options.colours;
    this.#plot = new Plot(this.#plotOptions(options, width, height), this.#emptyData(options), container);
    this.#observer = new ResizeObserver(([entry]) => {
      if (entry === undefined || entry.contentRect.width === 0) return;
      this.#plot.setSize({ width: entry.contentRect.width, height: entry.contentRect.height });
    });
    this.#observer.observe(container);
  }

  /** Other series in place of those there were; data for them has to follow. */
  setSeries(series: readonly ChartSeries[]): void {
    while (this.#plot.series.length > 1) this.#plot.delSeries(1);
    for (const each of series) this.#plot.addSeries(toPlotSeries(each, this.#colours));
  }

  setData({ columns, stepEnd, valueRange }: ChartData): void {
    this.#stepEnd = stepEnd;
    this.#valueRange = valueRange;
    this.#plot.setData(columns as unknown as uPlot.AlignedData);
  }

  /** Draws again, with the colours of now. */
  redraw(): void {
    this.#plot.redraw(false, true);
  }

  /** Puts the cross-hair at a step without telling of it; null takes it away. */
  moveCursor(step: number | null): void {
    this.#isMoving = true;
    this.#plot.setCursor({
      left: step === null ? -10 : this.#plot.valToPos(step, 'x'),
      top: step === null ? -10 : 0,
    });
    this.#isMoving = false;
  }

  destroy(): void {
    this.#observer.disconnect();
    this.#plot.destroy();
  }

  #emptyData({ series }: ChartOptions): uPlot.AlignedData {
    return [[], ...series.map(() => [])];
  }

  #plotOptions(options: ChartOptions, width: number, height: number): uPlot.Options {
    const { series, hasStepLabels, formatStep, formatValue, stepTicks, valueTicks, colours, onCursor } =
      options;
    const axis: uPlot.Axis = {
      stroke: () => colours().text,
      grid: { stroke: () => colours().grid, width: 1 },
      ticks: { show: false },
      font: '12px system-ui, sans-serif',
    };
    return {
      width,
      height,
      padding: [8, STEP_LABEL_PX, hasStepLabels ? 0 : 8, 0],
      legend: { show: false },
      scales: {
        x: { time: false, range: () => [0, this.#stepEnd] },
        y: { range: () => [...this.#valueRange] },
      },
      axes: [
        {
          ...axis,
          size: hasStepLabels ? STEP_AXIS_PX : 0,
          space: 72,
          incrs: [...stepTicks],
          values: (_plot, ticks) => ticks.map((tick) => (hasStepLabels ? formatStep(tick) : '')),
        },
        {
          ...axis,
          size: VALUE_AXIS_PX,
          space: 28,
          incrs: [...valueTicks],
          gap: 8,
          values: (_plot, ticks) => ticks.map(formatValue),
        },
      ],
      cursor: {
        y: false,
        drag: { setScale: false, x: false, y: false },
        points: { size: 7 },
      },
      series: [{}, ...series.map((each) => toPlotSeries(each, colours))],
      hooks: {
        setCursor: [
          (plot) => {
            if (this.#isMoving) return;
            const { left = -1, idx } = plot.cursor;
            onCursor(left < 0 || idx === null || idx === undefined ? null : (plot.data[0][idx] ?? null));
          },
        ],
      },
    };
  }
}
