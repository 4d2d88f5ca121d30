/** The chip that names the engine, and the panel that says why it is this one and what else was tried. */

import { css, html, nothing, type TemplateResult } from 'lit';
import type { EngineReport } from '../../protocol/engines.js';
import { icons } from './icons.js';
import { fill } from '../words/strings.js';
import type { Speech } from '../words/words.js';

export interface EngineMenuView extends Speech {
  readonly engine: EngineReport | null;
  readonly isOpen: boolean;
  readonly onToggle: () => void;
}

/** Why it computes on fewer threads than it was to have; empty where it has them all. */
function describeThreads({ strings, words, formats }: Speech, engine: EngineReport | null): string {
  const fewer = engine?.fewerThreads;
  if (fewer === undefined) return '';
  return fill(words.engineThreads, {
    threads: formats.count(fewer.threads),
    wanted: formats.count(fewer.wanted),
    reason: strings.threadLimits[fewer.limit],
  });
}

/** How fast the engines were that were compared; nothing where none were. */
function speeds(
  { strings, words, formats }: Speech,
  { measured = [] }: EngineReport,
): TemplateResult | typeof nothing {
  if (measured.length === 0) return nothing;
  return html`<h3>${words.engineMeasured}</h3>
    <ul class="speeds">
      ${measured.map(
        ({ engine, stepsPerSecond }) =>
          html`<li>
            <strong>${strings.engines[engine]}</strong>
            ${fill(words.engineSpeed, { speed: formats.pace(stepsPerSecond) })}
          </li>`,
      )}
    </ul>`;
}

function reasons(speech: Speech, report: EngineReport): TemplateResult {
  const { strings, words } = speech;
  const { engine, adapter, reason, passedOver } = report;
  const threads = describeThreads(speech, report);
  return html`<h3>${strings.engines[engine]}</h3>
    <p class="muted">${adapter}</p>
    <p>${strings.engineReasons[reason]}</p>
    ${threads === '' ? nothing : html`<p class="threads">${threads}</p>`} ${speeds(speech, report)}
    ${
      passedOver.length === 0
        ? nothing
        : html`<h3>${words.enginePassedOver}</h3>
            <ul>
              ${passedOver.map(
                (other) =>
                  html`<li>
                    <strong>${strings.engines[other.engine]}</strong> ${strings.engineReasons[other.reason]}
                    ${other.detail === '' ? nothing : html`<span class="muted detail">${other.detail}</span>`}
                  </li>`,
              )}
            </ul>`
    }`;
}

export function engineMenu(view: EngineMenuView): TemplateResult {
  const { strings, words, engine, isOpen, onToggle } = view;
  const name = engine === null ? words.engineNone : strings.engines[engine.engine];
  const threads = describeThreads(view, engine);
  const note = engine === null ? '' : engine.isSoftware ? words.engineSoftware : engine.adapter;
  return html`<div class="menu engine" data-menu="engine">
    <button
      type="button"
      part="engine"
      title=${threads === '' ? words.engineTitle : threads}
      aria-expanded=${isOpen ? 'true' : 'false'}
      @click=${onToggle}
    >
      <span class="engine-name">${name}</span>
      ${note === '' ? nothing : html`<span class="engine-adapter muted">${note}</span>`} ${icons.chevron}
    </button>
    ${
      isOpen
        ? html`<div class="panel" role="group" aria-label=${words.engineTitle}>
            ${engine === null ? html`<p>${words.engineNoneText}</p>` : reasons(view, engine)}
          </div>`
        : nothing
    }
  </div>`;
}

export const engineMenuStyles = css`
  .engine {
    min-width: 0;
  }

  .engine > button {
    max-width: 100%;
    padding-inline-end: 10px;
  }

  .engine-name {
    min-width: 0;
    overflow: hidden;
    text-overflow: ellipsis;
  }

  .engine-adapter {
    min-width: 0;
    max-width: 160px;
    overflow: hidden;
    text-overflow: ellipsis;
    font-weight: 400;
  }

  .engine .panel {
    display: grid;
    gap: 8px;
    width: 320px;
    white-space: normal;
    overflow-wrap: anywhere;
  }

  .engine .panel ul {
    display: grid;
    gap: 8px;
  }

  .detail {
    display: block;
    font-size: 13px;
  }

  @container (max-width: 1199.9px) {
    .engine-adapter {
      display: none;
    }
  }

  /* The chip is above the commands there: its panel hangs from the bar, which is positioned, and covers none. */
  @container (max-width: 599.9px) {
    .engine {
      position: static;
    }

    .engine .panel {
      inset-inline: 0;
      width: auto;
      max-width: none;
    }
  }
`;
