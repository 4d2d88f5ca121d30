/** Where a step's time goes: each operation by itself, for the contenders that were asked. */

import { css, html, nothing, svg, type TemplateResult } from 'lit';
import { contenderLabel } from '../../protocol/benchmark/contenders.js';
import { bestPeakOf } from '../../protocol/benchmark/figures.js';
import type { BenchmarkReport, BenchmarkResult, OperationTime } from '../../protocol/benchmark/report.js';
import { formatFigure, NOTHING } from '../../protocol/benchmark/table.js';

function operationRow(
  { name, kind, ms, gflops, gigabytesPerSecond }: OperationTime,
  sum: number,
  peak: number | null,
): TemplateResult {
  const share = sum === 0 ? 0 : (100 * ms) / sum;
  const figure = (value: number | null): string => (value === null ? NOTHING : formatFigure(value));
  return html`<tr>
    <th scope="row">${name}</th>
    <td>${kind}</td>
    <td>${formatFigure(ms)}</td>
    <td>
      <svg class="share" viewBox="0 0 100 8" width="100" height="8" aria-hidden="true">
        ${svg`<rect width=${share} height="8" />`}
      </svg>
      ${formatFigure(share)} %
    </td>
    <td>${figure(gflops)}</td>
    <td>${gflops === null || peak === null ? NOTHING : `${formatFigure((100 * gflops) / peak)} %`}</td>
    <td>${figure(gigabytesPerSecond)}</td>
  </tr>`;
}

function operationsOf(report: BenchmarkReport, result: BenchmarkResult): TemplateResult {
  const operations = result.operations!;
  const sum = operations.reduce((total, { ms }) => total + ms, 0);
  const how =
    result.operationsTimedBy === 'timestamps'
      ? 'by the adapter’s timestamps'
      : 'by the clock around each of them';
  const label = contenderLabel(result);
  return html`<div class="operations">
    <h3>${label}</h3>
    <p class="muted">
      ${operations.length} operations, ${formatFigure(sum)} ms in all, ${how}. One by one they take longer
      than together.
    </p>
    <div class="table-scroll" tabindex="0" role="region" aria-label="Operations of ${label}">
      <table class="number">
        <thead>
          <tr>
            ${['operation', 'kind', 'ms', 'share', 'GFLOP/s', 'of peak', 'GB/s'].map(
              (title) => html`<th scope="col">${title}</th>`,
            )}
          </tr>
        </thead>
        <tbody>
          ${operations.map((operation) => operationRow(operation, sum, bestPeakOf(result, report)))}
        </tbody>
      </table>
    </div>
  </div>`;
}

/** Nothing where no contender was asked, or none could tell. */
export function operationsView(report: BenchmarkReport): TemplateResult | typeof nothing {
  const told = report.results.filter(({ operations }) => operations !== undefined && operations.length > 0);
  return told.length === 0 ? nothing : html`${told.map((result) => operationsOf(report, result))}`;
}

export const operationsStyles = css`
  .operations + .operations {
    margin-top: 24px;
  }

  .operations p {
    margin-bottom: 8px;
  }

  .operations .table-scroll {
    max-height: 420px;
  }

  .share {
    fill: var(--_first);
    vertical-align: middle;
  }
`;
