/** The bar on top: state, the commands, how far and how fast, and a thin line of progress. */

import { css, html, nothing, type TemplateResult } from 'lit';
import type { TrainerState } from '../../protocol/reports.js';
import { icons } from './icons.js';
import type { RunModel } from '../element/run-model.js';
import { fill } from '../words/strings.js';
import { remainingTime } from '../words/time-left.js';
import type { Speech } from '../words/words.js';

export interface StatusBarActions {
  readonly onPrimary: () => void;
  readonly onStep: () => void;
  readonly onReset: () => void;
  readonly onDiscard: () => void;
  readonly onKeep: () => void;
}

export interface StatusBarView extends Speech {
  readonly model: RunModel;
  /** Steps of the run, or of the one to come. */
  readonly steps: number;
  /** Whether the run rests now and then for others, so that it takes longer than its own steps. */
  readonly takesTurns: boolean;
  /** While loading: whether training starts when it is done. */
  readonly isStartQueued: boolean;
  /** Whether a finished run has steps to go after all, its number being raised. */
  readonly canContinue: boolean;
  readonly isDiscardAsked: boolean;
  readonly engineMenu: TemplateResult;
  readonly saveMenu: TemplateResult;
}

const STATE_ICONS = {
  idle: icons.idle,
  loading: icons.busy,
  ready: icons.ready,
  running: icons.play,
  paused: icons.pause,
  finished: icons.done,
  failed: icons.alert,
} as const satisfies Record<TrainerState, TemplateResult>;

type Primary = 'start' | 'pause' | 'resume';

/** What the primary button does in a state. */
export function primaryAction(state: TrainerState, isStartQueued: boolean): Primary {
  if (state === 'running' || (state === 'loading' && isStartQueued)) return 'pause';
  return state === 'paused' || state === 'finished' ? 'resume' : 'start';
}

function primaryButton(view: StatusBarView, onPrimary: () => void): TemplateResult {
  const { words, model, isStartQueued, canContinue } = view;
  const action = primaryAction(model.state, isStartQueued);
  const isUseless = model.state === 'failed' || (model.state === 'finished' && !canContinue);
  return html`<button
    type="button"
    class=${model.state === 'paused' || isUseless ? 'first' : 'first primary'}
    part="primary-button"
    aria-disabled=${isUseless ? 'true' : 'false'}
    @click=${isUseless ? nothing : onPrimary}
  >
    ${action === 'pause' ? icons.pause : icons.play}<span>${words[action]}</span>
  </button>`;
}

function resetButton(
  { words, model, formats, isDiscardAsked }: StatusBarView,
  actions: StatusBarActions,
): TemplateResult {
  return html`<div class="menu" data-menu="discard">
    <button
      type="button"
      part="reset-button"
      title=${words.resetHint}
      aria-label=${words.reset}
      aria-expanded=${isDiscardAsked ? 'true' : nothing}
      @click=${actions.onReset}
    >
      ${icons.reset}<span class="label">${words.reset}</span>
    </button>
    ${
      isDiscardAsked
        ? html`<div class="panel discard" role="group" aria-label=${words.reset}>
            <p>${fill(words.discard, { steps: formats.count(model.step) })}</p>
            <div class="row">
              <button type="button" class="primary" @click=${actions.onDiscard}>
                ${words.discardConfirm}
              </button>
              <button type="button" @click=${actions.onKeep}>${words.discardCancel}</button>
            </div>
          </div>`
        : nothing
    }
  </div>`;
}

function figures({ words, formats, model, steps, takesTurns }: StatusBarView): TemplateResult {
  const { state, step, stepsPerSecond, ownEvaluations: evaluations } = model;
  const pace = stepsPerSecond === null ? words.unknown : formats.pace(stepsPerSecond);
  const isUnderWay = state === 'running' || state === 'paused';
  const left = isUnderWay ? remainingTime(step, steps, stepsPerSecond, evaluations) : null;
  const time =
    left === null
      ? words.unknown
      : fill(left.isLowerBound || takesTurns ? words.timeLeftAtLeast : words.timeLeft, {
          time: formats.duration(left.ms),
        });
  const position = fill(words.stepOf, { step: formats.count(step), total: formats.count(steps) });
  return html`<dl class="figures">
    <div class="position">
      <dt>${words.stepUnit}</dt>
      <dd class="number">${position}</dd>
    </div>
    <div class="pace">
      <dt>${words.paceUnit}</dt>
      <dd class="number">${pace}</dd>
    </div>
    <div class="left">
      <dt>${words.timeLeftUnit}</dt>
      <dd class="number">${time}</dd>
    </div>
  </dl>`;
}

function progress({ words, model, steps }: StatusBarView): TemplateResult {
  const { state, loading, step } = model;
  // Bytes where they are counted; a stage without bytes has no value, and the bar wanders.
  const isLoading = state === 'loading';
  const value = !isLoading ? step : loading !== null && loading.totalBytes > 0 ? loading.loadedBytes : null;
  const most = isLoading ? (loading?.totalBytes ?? 0) : steps;
  return html`<progress
    part="progress"
    aria-label=${words.progress}
    max=${Math.max(1, most)}
    value=${value ?? nothing}
  ></progress>`;
}

export function statusBar(view: StatusBarView, actions: StatusBarActions): TemplateResult {
  const { strings, words, model } = view;
  const { state } = model;
  const isStepBlocked =
    state === 'running' || state === 'loading' || state === 'finished' || state === 'failed';
  return html`<section class="bar" part="status-bar" aria-label=${words.controls}>
    <div class="bar-row">
      <div class="pill pill-${state}" part="state">
        ${STATE_ICONS[state]}<span>${strings.states[state]}</span>
      </div>
      <div class="commands">
        ${primaryButton(view, actions.onPrimary)}
        <button
          type="button"
          class=${state === 'paused' ? 'emphasised' : ''}
          part="step-button"
          title=${words.stepHint}
          aria-disabled=${isStepBlocked ? 'true' : 'false'}
          @click=${isStepBlocked ? nothing : actions.onStep}
        >
          ${icons.step}<span>${words.step}</span>
        </button>
        ${resetButton(view, actions)}
      </div>
      ${figures(view)}
      <div class="bar-end">${view.engineMenu} ${view.saveMenu}</div>
    </div>
    ${progress(view)}
  </section>`;
}

export const statusBarStyles = css`
  .bar {
    position: sticky;
    z-index: 3;
    top: var(--sgan-sticky-top, 0px);
    background: var(--_background);
  }

  .bar-row {
    display: grid;
    grid-template:
      'commands engine save' auto
      'pill figures figures' auto / auto minmax(0, 1fr) auto;
    align-items: center;
    gap: 8px;
    padding: 12px 0;
  }

  .pill {
    grid-area: pill;
    display: inline-flex;
    align-items: center;
    justify-content: center;
    justify-self: start;
    gap: 6px;
    min-width: 100px;
    height: 28px;
    padding: 0 12px 0 10px;
    border-radius: 14px;
    background: var(--_sunken);
    color: var(--_text);
    font-weight: 600;
    font-size: 13px;
  }

  .pill-running {
    background: color-mix(in oklab, var(--_accent) 14%, var(--_background));
    color: var(--_accent);
  }

  .pill-failed {
    background: var(--_danger-sunken);
    color: var(--_danger);
  }

  .commands {
    grid-area: commands;
    display: flex;
    gap: 8px;
  }

  .first {
    min-width: 112px;
  }

  .discard {
    inset-inline: 0 auto;
    display: grid;
    gap: 12px;
  }

  .discard .row {
    display: flex;
    gap: 8px;
  }

  .figures {
    grid-area: figures;
    display: flex;
    justify-content: flex-end;
    gap: 4px 20px;
    min-width: 0;
    white-space: nowrap;
  }

  .figures div {
    display: flex;
    gap: 0.4em;
  }

  /* The unit follows the figure, though a list of terms has the term first. */
  .pace,
  .left {
    flex-direction: row-reverse;
    justify-content: flex-end;
  }

  .figures dd {
    font-weight: 600;
  }

  .figures dt {
    color: var(--_muted);
  }

  .pace dd {
    min-width: 4ch;
    text-align: end;
  }

  .bar-end {
    display: contents;
  }

  .engine {
    grid-area: engine;
    justify-self: end;
    max-width: 100%;
  }

  .save {
    grid-area: save;
  }

  progress {
    display: block;
    width: 100%;
    height: 3px;
    border: 0;
    border-radius: 0;
    background: var(--_grid);
    color: var(--_accent);
    appearance: none;
  }

  progress::-webkit-progress-bar {
    background: var(--_grid);
  }

  progress::-webkit-progress-value {
    background: var(--_accent);
  }

  progress::-moz-progress-bar {
    background: var(--_accent);
  }

  progress:indeterminate::-webkit-progress-bar {
    background: linear-gradient(90deg, var(--_grid) 30%, var(--_accent) 50%, var(--_grid) 70%) 0 0 / 200% 100%;
  }

  progress:indeterminate {
    background: linear-gradient(90deg, var(--_grid) 30%, var(--_accent) 50%, var(--_grid) 70%) 0 0 / 200% 100%;
  }

  progress:indeterminate::-moz-progress-bar {
    background: none;
  }

  @media (prefers-reduced-motion: no-preference) {
    progress:indeterminate,
    progress:indeterminate::-webkit-progress-bar {
      animation: wander 1.6s linear infinite;
    }
  }

  @keyframes wander {
    from {
      background-position: 100% 0;
    }
    to {
      background-position: -100% 0;
    }
  }

  @media (forced-colors: active) {
    .pill {
      border: 1px solid;
    }

    progress,
    progress::-webkit-progress-bar,
    progress::-webkit-progress-value {
      forced-color-adjust: none;
    }
  }

  @container (min-width: 1000px) {
    .bar-row {
      grid-template: 'pill commands figures engine save' auto / auto auto 1fr auto auto;
      gap: 8px 16px;
    }

    .figures {
      justify-content: flex-start;
      padding-inline-start: 8px;
    }

    .position dd {
      min-width: 15ch;
    }

    .save {
      margin-inline-start: -8px;
    }
  }

  @container (max-width: 599.9px) {
    /* State and figures scroll away; the commands stay. */
    .bar {
      top: calc(var(--sgan-sticky-top, 0px) - 80px);
    }

    .bar-row {
      grid-template:
        'pill engine engine' 44px
        'figures figures figures' 20px
        'commands commands save' auto / auto minmax(0, 1fr) auto;
      gap: 8px;
      padding: 8px 0;
    }

    .engine {
      justify-self: end;
    }

    .first {
      flex: 1;
      min-width: 96px;
      padding: 0 8px;
    }

    .figures {
      justify-content: space-between;
    }

    .figures .position dt {
      display: none;
    }

    .save button[part],
    .menu[data-menu='discard'] > button {
      width: var(--_control);
      padding: 0;
    }

    .menu .label {
      display: none;
    }
  }
`;
