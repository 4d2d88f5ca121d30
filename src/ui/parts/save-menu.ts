/** The panel that saves the checkpoint, the model, the images and the metrics, and loads a checkpoint. */

import { css, html, nothing, type TemplateResult } from 'lit';
import { icons } from './icons.js';
import { SAVE_KINDS, type SaveKind } from '../element/saver.js';
import type { Speech } from '../words/words.js';

const TEXTS = {
  checkpoint: ['saveCheckpoint', 'saveCheckpointHint'],
  model: ['saveModel', 'saveModelHint'],
  samples: ['saveSamples', 'saveSamplesHint'],
  metrics: ['saveMetrics', 'saveMetricsHint'],
} as const satisfies Record<SaveKind, readonly [keyof Speech['words'], keyof Speech['words']]>;

export interface SaveMenuView extends Speech {
  readonly isOpen: boolean;
  /** What there is to save. */
  readonly available: ReadonlySet<SaveKind>;
  readonly onToggle: () => void;
  readonly onSave: (kind: SaveKind) => void;
  readonly onLoad: (file: File) => void;
}

export function saveMenu({
  words,
  isOpen,
  available,
  onToggle,
  onSave,
  onLoad,
}: SaveMenuView): TemplateResult {
  const choose = (event: Event): void => {
    const input = event.currentTarget as HTMLInputElement;
    const file = input.files?.[0];
    if (file !== undefined) onLoad(file);
    // So that choosing the same file again is a change.
    input.value = '';
  };
  const open = (event: Event): void => {
    (event.currentTarget as HTMLElement).parentElement?.querySelector('input')?.click();
  };
  return html`<div class="menu save" data-menu="save">
    <button
      type="button"
      part="save-button"
      aria-label=${words.save}
      aria-expanded=${isOpen ? 'true' : 'false'}
      @click=${onToggle}
    >
      ${icons.save}<span class="label">${words.save}</span>
    </button>
    ${
      isOpen
        ? html`<div class="panel" role="group" aria-label=${words.saveTitle}>
            ${SAVE_KINDS.map((kind) => {
              const [title, hint] = TEXTS[kind];
              const isBlocked = !available.has(kind);
              return html`<button
                type="button"
                class="item"
                data-kind=${kind}
                aria-disabled=${isBlocked ? 'true' : 'false'}
                @click=${isBlocked ? nothing : () => onSave(kind)}
              >
                ${icons.save}<span>${words[title]}<small class="muted">${words[hint]}</small></span>
              </button>`;
            })}
            <hr />
            <button type="button" class="item" data-kind="load" @click=${open}>
              ${icons.open}<span
                >${words.loadCheckpoint}<small class="muted">${words.loadCheckpointHint}</small></span
              >
            </button>
            <input
              type="file"
              accept=".safetensors"
              hidden
              tabindex="-1"
              aria-label=${words.loadCheckpoint}
              @change=${choose}
            />
          </div>`
        : nothing
    }
  </div>`;
}

export const saveMenuStyles = css`
  .save .panel {
    width: 288px;
    padding: 8px;
  }

  .item {
    width: 100%;
    min-height: 52px;
    padding: 6px 10px;
    border: 0;
    background: none;
    text-align: start;
    justify-content: flex-start;
    gap: 12px;
    white-space: normal;
  }

  .item[aria-disabled='true'] {
    background: none;
  }

  .item small {
    display: block;
    font-weight: 400;
    font-size: 13px;
    line-height: 18px;
  }

  .save hr {
    height: 1px;
    margin: 8px;
    border: 0;
    background: var(--_line);
  }
`;
