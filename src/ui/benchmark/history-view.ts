/** The benchmarks that this browser has kept: shown again, put beside each other, named, forgotten. */

import { css, html, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import type { BenchmarkReport } from '../../protocol/benchmark/report.js';
import { recipeLabel } from '../../protocol/benchmark/table.js';

export interface HistoryView {
  readonly reports: readonly BenchmarkReport[];
  readonly isRunning: boolean;
  readonly onShow: (index: number) => void;
  readonly onCompare: (index: number) => void;
  readonly onRename: (index: number, name: string) => void;
  readonly onForget: (index: number) => void;
}

function entry(view: HistoryView, report: BenchmarkReport, index: number): TemplateResult {
  const { name, date, batch, preset } = report;
  const when = date === null ? '' : new Date(date).toLocaleString('en-GB');
  const rename = (event: Event): void => {
    const input = event.currentTarget as HTMLInputElement;
    const text = input.value.trim();
    if (text === '') input.value = name;
    else view.onRename(index, text);
  };
  return html`<li>
    <input
      aria-label="Name of the benchmark of ${when}"
      maxlength="200"
      .value=${live(name)}
      @change=${rename}
    />
    <span class="muted number"
      >${[when, recipeLabel(report), `batch ${batch}`, preset ?? ''].filter((part) => part !== '').join(', ')}</span
    >
    <span class="actions">
      <button
        type="button"
        aria-disabled=${view.isRunning}
        @click=${() => view.isRunning || view.onShow(index)}
      >
        Show<span class="hidden-visually"> ${name}</span>
      </button>
      <button type="button" @click=${() => view.onCompare(index)}>
        Compare<span class="hidden-visually"> ${name}</span>
      </button>
      <button type="button" @click=${() => view.onForget(index)}>
        Forget<span class="hidden-visually"> ${name}</span>
      </button>
    </span>
  </li>`;
}

export function historyView(view: HistoryView): TemplateResult {
  return html`<ul class="history">
    ${view.reports.map((report, index) => entry(view, report, index))}
  </ul>`;
}

export const historyStyles = css`
  .history li {
    display: grid;
    grid-template-columns: minmax(0, 1fr) minmax(0, 1fr) auto;
    gap: 4px 16px;
    align-items: center;
    padding: 8px 0;
  }

  .history li + li {
    border-top: 1px solid var(--_line);
  }

  .history .actions {
    display: flex;
    gap: 8px;
  }

  @container (max-width: 719.9px) {
    .history li {
      grid-template-columns: minmax(0, 1fr);
    }
  }
`;
