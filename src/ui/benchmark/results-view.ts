/** Who is how fast: a row each with a bar on a logarithmic axis, then every figure as a table. */

import { css, html, nothing, svg, type TemplateResult } from 'lit';
import { excessesOf, figuresOf, type Figures } from '../../protocol/benchmark/figures.js';
import type { BenchmarkReport } from '../../protocol/benchmark/report.js';
import { COLUMNS, formatFigure, formatTime, NOTHING } from '../../protocol/benchmark/table.js';
import { icons } from '../parts/icons.js';
import { logAxis, type LogAxis } from './log-axis.js';
import { CONTENDER_WORDS, VERDICT_WORDS } from './words.js';

/** Units of the drawing from the left end of the axis to the right one. */
const WIDTH = 1000;
/** A range that is narrower is drawn this wide, so that it can be seen. */
const LEAST_WIDTH = 4;

function bar(axis: LogAxis, { result, label }: Figures): TemplateResult {
  const { min, median, max } = result.msPerStep!;
  const { p10, p90 } = { p10: result.msPerStep!.p10 ?? min, p90: result.msPerStep!.p90 ?? max };
  const [best, from, middle, to] = [min, p10, median, p90].map((value) => WIDTH * axis.place(value)) as [
    number,
    number,
    number,
    number,
  ];
  const text = `${label}: median ${formatFigure(median)} ms a step, from ${formatFigure(p10)} to ${formatFigure(p90)}, best ${formatFigure(min)}`;
  return html`<svg
    class="bar"
    viewBox="0 0 ${WIDTH} 20"
    preserveAspectRatio="none"
    role="img"
    aria-label=${text}
  >
    ${axis.ticks.map(
      (tick) =>
        svg`<line class="grid" x1=${WIDTH * axis.place(tick)} x2=${WIDTH * axis.place(tick)} y1="0" y2="20" />`,
    )}
    <line class="whisker" x1=${best} x2=${from} y1="10" y2="10" />
    <rect class="range" x=${from} y="5" width=${Math.max(LEAST_WIDTH, to - from)} height="10" />
    <line class="median" x1=${middle} x2=${middle} y1="1" y2="19" />
  </svg>`;
}

function scale(axis: LogAxis): TemplateResult {
  // Positions by attributes of SVG: the page's content policy allows no style attribute.
  return html`<svg class="scale" width="100%" height="18" aria-hidden="true">
    ${axis.ticks.map(
      (tick) =>
        svg`<text x="${100 * axis.place(tick)}%" y="13" text-anchor="middle">${formatFigure(tick)}</text>`,
    )}
  </svg>`;
}

function verdict({ verdict: found, result }: Figures): TemplateResult | typeof nothing {
  if (result.firstStepMs === null) return nothing;
  if (found !== 'wrong') return html`<span class="verdict ${found}">${VERDICT_WORDS[found]}</span>`;
  const excesses = excessesOf(result).map(([kind, value]) =>
    value >= 1e9 ? `${kind} missing or no numbers` : `${kind} off by ${formatFigure(value)}`,
  );
  return html`<span class="verdict wrong">${icons.alert} wrong: ${excesses.join(', ')}</span>`;
}

function speed(figures: Figures): TemplateResult {
  const { medianMs, result, verdict: found } = figures;
  if (found === 'wrong') return html`<span class="muted">no speed</span>`;
  if (medianMs === null) {
    const text =
      result.firstStepMs === null ? 'waiting' : `first step after ${formatTime(result.firstStepMs)}`;
    return html`<span class="muted">${text}</span>`;
  }
  return html`<span class="speed number"><strong>${formatFigure(medianMs)}</strong> ms</span>`;
}

function comparison({ timesSlowest, timesTfjsWebgpu, result }: Figures): TemplateResult | typeof nothing {
  const parts = [
    ...(timesSlowest === null || timesSlowest < 1.005
      ? []
      : [`${formatFigure(timesSlowest)}× the slowest’s pace`]),
    ...(timesTfjsWebgpu === null || result.engine === 'tfjs-webgpu'
      ? []
      : [`${formatFigure(timesTfjsWebgpu)}× tfjs-webgpu’s`]),
    ...(result.steps === 0
      ? []
      : [`${result.steps.toLocaleString('en-US')} ${result.steps === 1 ? 'step' : 'steps'} timed`]),
  ];
  return parts.length === 0 ? nothing : html`<p class="times muted number">${parts.join(' · ')}</p>`;
}

function row(axis: LogAxis | null, figures: Figures): TemplateResult {
  const { result, label, medianMs } = figures;
  const what = html`<div class="who">
    <h3>${label}</h3>
    <p class="muted">${CONTENDER_WORDS[result.engine] ?? ''}</p>
  </div>`;
  if (result.failure !== null) {
    return html`<li class="result failed">
      ${what}
      <p class="reason muted">${result.failure}</p>
    </li>`;
  }
  return html`<li class="result">
    ${what}
    <div class="figure">${speed(figures)} ${verdict(figures)}</div>
    <div class="plot">
      ${axis !== null && medianMs !== null ? bar(axis, figures) : nothing}${comparison(figures)}
    </div>
  </li>`;
}

/** Fastest first; then those under way, then those that did not run. */
function inOrder(figures: readonly Figures[]): readonly Figures[] {
  const rank = ({ medianMs, result }: Figures): number =>
    result.failure !== null ? 2e12 : (medianMs ?? 1e12);
  return [...figures].sort((a, b) => rank(a) - rank(b));
}

/** The rows. Those that are measured share one axis. */
export function resultsView(report: BenchmarkReport): TemplateResult {
  const figures = figuresOf(report);
  const spreads = figures.flatMap(({ medianMs, result }) => (medianMs === null ? [] : [result.msPerStep!]));
  const axis = logAxis(spreads.flatMap(({ min, p90, max }) => [min, p90 ?? max]));
  return html`<section class="results" part="results" aria-labelledby="results-title">
    <div class="heading">
      <h2 id="results-title">Milliseconds a step</h2>
      <p class="muted">
        Bars from 10 to 90 % of the steps, a mark at the median, a line from the fastest; logarithmic, further
        left is faster
      </p>
    </div>
    <ol class="rows">
      ${inOrder(figures).map((one) => row(axis, one))}
    </ol>
    ${axis === null ? nothing : html`<div class="scale-row">${scale(axis)}</div>`}
  </section>`;
}

/** Every figure of every contender that ran. */
export function figuresTable(report: BenchmarkReport): TemplateResult {
  const figures = inOrder(figuresOf(report)).filter(({ result }) => result.failure === null);
  const cellClass = (key: string, { verdict: found }: Figures): string =>
    key === 'check' && found === 'wrong' ? 'wrong' : '';
  return html`<div class="table-scroll" tabindex="0" role="region" aria-label="All figures">
    <table class="number figures">
      <thead>
        <tr>
          ${COLUMNS.map(({ title, hint }) => html`<th scope="col" title=${hint}>${title}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${figures.map(
          (one) =>
            html`<tr>
              ${COLUMNS.map(({ key, cell }) => {
                const text = cell(one, report) ?? NOTHING;
                return key === 'label'
                  ? html`<th scope="row">${text}</th>`
                  : html`<td class=${cellClass(key, one)}>${text}</td>`;
              })}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

export const resultsStyles = css`
  .heading p {
    margin-top: 2px;
  }

  .rows {
    margin-top: 12px;
  }

  .result {
    display: grid;
    grid-template-columns: minmax(0, 200px) minmax(0, 150px) minmax(0, 1fr);
    gap: 4px 20px;
    align-items: center;
    padding: 12px 0;
    border-top: 1px solid var(--_line);
  }

  .who h3 {
    font-size: 14px;
  }

  .who p,
  .times {
    font-size: 13px;
    line-height: 18px;
  }

  .figure {
    display: grid;
    gap: 2px;
  }

  .speed strong {
    font: 600 20px / 24px var(--_font);
  }

  .verdict {
    font-size: 13px;
    line-height: 18px;
    color: var(--_muted);
  }

  .verdict.right::before {
    content: '✓ ' / '';
  }

  .wrong {
    color: var(--_danger);
    font-weight: 600;
  }

  .verdict.wrong {
    display: inline-flex;
    gap: 6px;
    align-items: center;
  }

  .reason {
    grid-column: 2 / -1;
  }

  .bar {
    display: block;
    width: 100%;
    height: 20px;
    margin-bottom: 4px;
  }

  .grid {
    stroke: var(--_grid);
    vector-effect: non-scaling-stroke;
  }

  .whisker {
    stroke: var(--_first);
    stroke-width: 1.5;
    vector-effect: non-scaling-stroke;
  }

  .range {
    fill: var(--_first);
    opacity: 0.45;
  }

  .median {
    stroke: var(--_first);
    stroke-width: 3;
    vector-effect: non-scaling-stroke;
  }

  .scale-row {
    margin-inline-start: calc(min(200px, 100%) + 150px + 40px);
  }

  .scale {
    display: block;
    overflow: visible;
    font: 400 12px / 18px var(--_font);
    fill: var(--_muted);
  }

  .table-scroll {
    overflow: auto;
    border: 1px solid var(--_line);
    border-radius: var(--_radius);
  }

  table {
    width: 100%;
    border-collapse: collapse;
  }

  th,
  td {
    padding: 6px 12px;
    text-align: end;
    white-space: nowrap;
  }

  th:first-child,
  td:first-child {
    text-align: start;
  }

  thead th {
    background: var(--_sunken);
    font-weight: 600;
    font-size: 13px;
  }

  tbody th {
    position: sticky;
    inset-inline-start: 0;
    background: var(--_background);
    font-weight: 600;
  }

  tbody tr + tr > * {
    border-top: 1px solid var(--_line);
  }

  @container (max-width: 719.9px) {
    .result {
      grid-template-columns: minmax(0, 1fr) auto;
    }

    .figure {
      justify-items: end;
      text-align: end;
    }

    .plot,
    .reason {
      grid-column: 1 / -1;
    }

    .scale-row {
      margin-inline-start: 0;
    }
  }
`;
