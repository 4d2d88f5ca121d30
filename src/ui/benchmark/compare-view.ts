/** Several benchmarks side by side: the median of each contender in each, and how it stands to the first. */

import { css, html, nothing, type TemplateResult } from 'lit';
import { figuresOf, type Figures } from '../../protocol/benchmark/figures.js';
import type { BenchmarkReport } from '../../protocol/benchmark/report.js';
import { formatFigure, headline, NOTHING, recipeLabel } from '../../protocol/benchmark/table.js';

export interface ComparedView {
  /** The one that the others are held against comes first. */
  readonly reports: readonly BenchmarkReport[];
  /** Takes one of the others away again, by its index. */
  readonly onRemove: (index: number) => void;
}

function cell(ours: Figures | undefined, first: Figures | undefined, isFirst: boolean): TemplateResult {
  if (ours === undefined) return html`<td>${NOTHING}</td>`;
  if (ours.verdict === 'wrong') return html`<td class="wrong">wrong</td>`;
  if (ours.medianMs === null) return html`<td>${NOTHING}</td>`;
  const times = isFirst || (first?.medianMs ?? null) === null ? null : first!.medianMs! / ours.medianMs;
  return html`<td>
    ${formatFigure(ours.medianMs)}${
      times === null ? nothing : html` <span class="muted">${formatFigure(times)}×</span>`
    }
  </td>`;
}

export function compareView({ reports, onRemove }: ComparedView): TemplateResult | typeof nothing {
  if (reports.length < 2) return nothing;
  const figures = reports.map((report) => new Map(figuresOf(report).map((one) => [one.label, one])));
  const labels = [
    ...new Set(
      figures.flatMap((of) =>
        [...of].filter(([, one]) => one.result.failure === null).map(([label]) => label),
      ),
    ),
  ];
  const [first] = reports as [BenchmarkReport, ...BenchmarkReport[]];
  const isMixed = reports.some((one) => recipeLabel(one) !== recipeLabel(first) || one.batch !== first.batch);
  return html`<section class="compare" part="compare" aria-labelledby="compare-title">
    <h2 id="compare-title">Side by side</h2>
    <p class="muted">
      Milliseconds a step by the median, and how many times as fast as in
      “${first.name}”.${isMixed ? ' They are of different recipes, stages or batches: other work, not other speed.' : ''}
    </p>
    <div class="table-scroll" tabindex="0" role="region" aria-label="Benchmarks side by side">
      <table class="number">
        <thead>
          <tr>
            <th scope="col">engine</th>
            ${reports.map(
              (report, index) =>
                html`<th scope="col" title=${headline(report)}>
                  <span class="report-name">${report.name}</span>
                  <small class="muted">${recipeLabel(report)}, batch ${report.batch}</small>
                  ${
                    index === 0
                      ? nothing
                      : html`<button type="button" class="plain" @click=${() => onRemove(index)}>
                          Remove<span class="hidden-visually"> ${report.name}</span>
                        </button>`
                  }
                </th>`,
            )}
          </tr>
        </thead>
        <tbody>
          ${labels.map(
            (label) =>
              html`<tr>
                <th scope="row">${label}</th>
                ${figures.map((of, index) => cell(of.get(label), figures[0]!.get(label), index === 0))}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}

export const compareStyles = css`
  .compare p {
    margin: 2px 0 12px;
  }

  .compare thead th {
    vertical-align: top;
    white-space: normal;
    min-width: 120px;
  }

  .report-name,
  .compare small {
    display: block;
    font-weight: 400;
  }

  .report-name {
    font-weight: 600;
    overflow-wrap: anywhere;
  }
`;
