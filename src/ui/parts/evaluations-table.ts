/** The evaluations as a table, for those who cannot see the charts or want the figures. */

import { css, html, nothing, type TemplateResult } from 'lit';
import type { EvaluationReport } from '../../protocol/reports.js';
import { icons } from './icons.js';
import { fill } from '../words/strings.js';
import type { Speech } from '../words/words.js';

/** Rows shown; a long run has more evaluations than anyone reads, and each is a row to render. */
const MOST_ROWS = 200;

export interface EvaluationsTableView extends Speech {
  readonly evaluations: readonly EvaluationReport[];
  /** Names of the losses that have a column. */
  readonly losses: readonly string[];
  readonly isOpen: boolean;
  readonly onToggle: (isOpen: boolean) => void;
}

/** Whether any tells what the classifier makes of images that labels were passed on to. */
function hasPseudoLabels({ evaluations }: EvaluationsTableView): boolean {
  return evaluations.some(({ pseudoLabels }) => pseudoLabels !== null);
}

function row(view: EvaluationsTableView, evaluation: EvaluationReport): TemplateResult {
  const { step, testAccuracy, meanTrainAccuracy, pseudoLabels, elapsedMs } = evaluation;
  const { words, formats, losses } = view;
  const share = (value: number | null | undefined): string =>
    value === null || value === undefined ? words.unknown : formats.percent(value);
  const loss = (name: string): string => {
    const value = evaluation.losses[name];
    return value === undefined ? words.unknown : formats.loss(value);
  };
  return html`<tr>
    <th scope="row">${formats.count(step)}</th>
    <td>${formats.percent(testAccuracy)}</td>
    <td>${formats.percent(meanTrainAccuracy)}</td>
    ${losses.map((name) => html`<td>${loss(name)}</td>`)}
    ${
      hasPseudoLabels(view)
        ? html`<td>${share(pseudoLabels?.confidentLandmarks)}</td>
            <td>${share(pseudoLabels?.spreadAgreement)}</td>`
        : nothing
    }
    <td>${formats.duration(elapsedMs)}</td>
  </tr>`;
}

function table(view: EvaluationsTableView): TemplateResult {
  const { words, formats, evaluations } = view;
  const shown = evaluations.slice(-MOST_ROWS).reverse();
  const columns = [
    words.columnStep,
    words.columnTest,
    words.columnTrain,
    ...view.losses.map((name) => fill(words.columnLoss, { loss: view.metricName(name) })),
    ...(hasPseudoLabels(view) ? [words.columnConfident, words.columnAgreement] : []),
    words.columnTime,
  ];
  return html`${
      evaluations.length > shown.length
        ? html`<p class="muted">
            ${fill(words.tableMore, { count: formats.count(shown.length), total: formats.count(evaluations.length) })}
          </p>`
        : nothing
    }
    <div class="table-scroll" tabindex="0" role="region" aria-label=${words.table}>
      <table class="number">
        <thead>
          <tr>
            ${columns.map((name) => html`<th scope="col">${name}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${shown.map((evaluation) => row(view, evaluation))}
        </tbody>
      </table>
    </div>`;
}

/** The newest evaluation comes first. The rows are made only while it is open. */
export function evaluationsTable(view: EvaluationsTableView): TemplateResult {
  const { words, evaluations, isOpen, onToggle } = view;
  const toggled = (event: Event): void => onToggle((event.currentTarget as HTMLDetailsElement).open);
  return html`<details class="advanced evaluations" part="evaluations" ?open=${isOpen} @toggle=${toggled}>
    <summary>${icons.chevron}${words.table}</summary>
    ${!isOpen ? nothing : evaluations.length === 0 ? html`<p class="muted">${words.tableEmpty}</p>` : table(view)}
  </details>`;
}

export const evaluationsTableStyles = css`
  .table-scroll {
    max-height: 320px;
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

  thead th {
    position: sticky;
    top: 0;
    background: var(--_sunken);
    font-weight: 600;
    font-size: 13px;
  }

  tbody th {
    font-weight: 600;
  }

  tbody tr + tr > * {
    border-top: 1px solid var(--_line);
  }
`;
