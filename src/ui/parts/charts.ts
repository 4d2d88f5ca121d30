/**
 * Frames, legends and text alternatives of the two charts. The legends' figures are those under the
 * cross-hair, else the newest; `charts/` draws the lines.
 */

import { css, html, unsafeCSS, type TemplateResult } from 'lit';
import uplotStyles from 'uplot/dist/uPlot.min.css';
import type { EvaluationReport } from '../../protocol/reports.js';
import { baselineAt } from '../charts/baselines.js';
import { probeStyles } from '../charts/theme-colours.js';
import type { RunModel } from '../element/run-model.js';
import { fill } from '../words/strings.js';
import type { Speech } from '../words/words.js';

export interface ChartsPartView extends Speech {
  readonly model: RunModel;
  readonly baseline: readonly EvaluationReport[];
  /** The step under the cross-hair, else null. */
  readonly cursorStep: number | null;
}

/** Of losses in turn, as `charts-view.ts` draws them. */
const LOSS_SWATCHES = ['first', 'second', 'third'];

/** One entry of a legend: a piece of its line, its name, its figure. */
function key(line: string, name: string, value: string): TemplateResult {
  return html`<li>
    <svg class="swatch swatch-${line}" viewBox="0 0 20 8" width="20" height="8" aria-hidden="true">
      <line x1="0" y1="4" x2="20" y2="4" />
    </svg>
    <span class="muted">${name}</span> <span class="number value">${value}</span>
  </li>`;
}

function evaluationAt(
  evaluations: readonly EvaluationReport[],
  step: number | null,
): EvaluationReport | null {
  return baselineAt(evaluations, step ?? Infinity);
}

/** What the accuracy chart shows, in a sentence. */
export function summariseAccuracy(
  { words, formats }: Speech,
  evaluations: readonly EvaluationReport[],
): string {
  const [first] = evaluations;
  const last = evaluations.at(-1);
  if (first === undefined || last === undefined) return words.summaryNone;
  const best = evaluations.reduce((top, each) => (each.testAccuracy > top.testAccuracy ? each : top));
  return fill(words.summaryAccuracy, {
    count: formats.count(evaluations.length),
    first: formats.percent(first.testAccuracy),
    firstStep: formats.count(first.step),
    last: formats.percent(last.testAccuracy),
    lastStep: formats.count(last.step),
    best: formats.percent(best.testAccuracy),
    bestStep: formats.count(best.step),
  });
}

/** What the loss chart shows, in a sentence; of the last evaluation, so that it changes seldom. */
export function summariseLosses(
  { words, formats, metricName }: Speech,
  evaluations: readonly EvaluationReport[],
  losses: readonly string[],
): string {
  const last = evaluations.at(-1);
  if (last === undefined) return words.summaryNone;
  // Those of stages without evaluations have no value at one.
  const known = losses.filter((name) => last.losses[name] !== undefined);
  const values = known.map((name) => `${metricName(name)} ${formats.loss(last.losses[name]!)}`);
  return fill(words.summaryLoss, { step: formats.count(last.step), losses: values.join(', ') });
}

export function charts(view: ChartsPartView): TemplateResult {
  const { words, formats, model, baseline, cursorStep } = view;
  const percent = (share: number | undefined): string =>
    share === undefined ? words.unknown : formats.percent(share);
  const loss = (value: number | null): string => (value === null ? words.unknown : formats.loss(value));
  const evaluation = evaluationAt(model.evaluations, cursorStep);
  const other = evaluationAt(baseline, cursorStep ?? model.step);
  const losses = model.losses.at(cursorStep);
  const at = cursorStep === null ? '' : `${words.chartStep} ${formats.count(cursorStep)}`;
  return html`<div class="charts">
    <figure class="chart" part="accuracy-chart">
      <figcaption>
        <h3>${words.chartAccuracy}</h3>
        <ul class="legend">
          ${key('test', words.seriesTest, percent(evaluation?.testAccuracy))}
          ${key('train', words.seriesTrain, percent(evaluation?.meanTrainAccuracy))}
          ${key('baseline', words.seriesBaseline, percent(other?.testAccuracy))}
        </ul>
      </figcaption>
      <div
        class="plot"
        id="accuracy-chart"
        role="img"
        aria-label=${summariseAccuracy(view, model.evaluations)}
      ></div>
    </figure>
    <figure class="chart" part="loss-chart">
      <figcaption>
        <h3>${words.chartLoss}</h3>
        <ul class="legend">
          ${[...losses].map(([name, value], index) =>
            key(LOSS_SWATCHES[index % LOSS_SWATCHES.length]!, view.metricName(name), loss(value)),
          )}
        </ul>
        <span class="number muted at">${at}</span>
      </figcaption>
      <div
        class="plot"
        id="loss-chart"
        role="img"
        aria-label=${summariseLosses(view, model.evaluations, model.losses.names)}
      ></div>
    </figure>
  </div>`;
}

export const chartsStyles = [
  unsafeCSS(uplotStyles),
  probeStyles,
  css`
    .charts {
      display: grid;
      flex: 1;
      grid-template-rows: 1fr 1fr;
      gap: 16px;
    }

    .chart {
      display: flex;
      flex-direction: column;
      min-width: 0;
    }

    figcaption {
      display: flex;
      flex-wrap: wrap;
      align-items: baseline;
      gap: 0 16px;
      min-height: 20px;
    }

    .legend {
      display: flex;
      flex-wrap: wrap;
      gap: 0 16px;
      font-size: 13px;
    }

    .legend li {
      display: flex;
      align-items: baseline;
      gap: 6px;
      white-space: nowrap;
    }

    .legend .value {
      min-width: 4.5ch;
      font-weight: 600;
    }

    [part='accuracy-chart'] .value {
      min-width: 7ch;
    }

    .at {
      margin-inline-start: auto;
      font-size: 13px;
    }

    .swatch {
      align-self: center;
      stroke: var(--_first);
      stroke-width: 2.5;
      fill: none;
    }

    .swatch-train {
      stroke-width: 1;
      stroke-opacity: 0.6;
    }

    .swatch-baseline {
      stroke: var(--_muted);
      stroke-width: 1.5;
      stroke-dasharray: 3 3;
    }

    .swatch-second {
      stroke: var(--_second);
      stroke-dasharray: 7 3;
    }

    .swatch-third {
      stroke: var(--_muted);
      stroke-dasharray: 2 2;
    }

    .plot {
      position: relative;
      flex: 1;
      min-width: 0;
      height: 176px;
      min-height: 176px;
      overflow: hidden;
    }

    .plot .uplot {
      position: absolute;
      inset: 0;
      font: inherit;
    }

    .plot .u-vt .u-cursor-x,
    .plot .u-hz .u-cursor-x {
      border-right: 1px solid var(--_muted);
    }
  `,
];
