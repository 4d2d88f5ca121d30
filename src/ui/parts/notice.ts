/**
 * The line under the bar: what is going on, why, and the one thing to do about it. Always there, so
 * that nothing below it moves; errors take the same place.
 */

import { css, html, nothing, type TemplateResult } from 'lit';
import { LOADING_STAGES, type LoadingStage } from '../../protocol/reports.js';
import type { EngineReport } from '../../protocol/engines.js';
import type { ErrorInfo, ErrorKind } from '../../protocol/errors.js';
import { icons } from './icons.js';
import type { RunModel } from '../element/run-model.js';
import { fill } from '../words/strings.js';
import { remainingTime } from '../words/time-left.js';
import type { Speech } from '../words/words.js';

export interface NoticeView extends Speech {
  readonly model: RunModel;
  /** What went wrong last, unless it was put away. */
  readonly error: ErrorInfo | null;
  /** Total number of steps of the run that goes on from a finished one. */
  readonly continueTo: number;
}

export interface NoticeActions {
  readonly onTryAgain: () => void;
  readonly onStartOver: () => void;
  readonly onDismiss: () => void;
  readonly onContinue: () => void;
  readonly onSave: () => void;
}

/** Failures before there was a run: the same again may work. */
const RETRIED: readonly ErrorKind[] = [
  'DataUnavailable',
  'DataInvalid',
  'EngineUnavailable',
  'WorkerUnavailable',
];

function line(
  icon: TemplateResult,
  title: string,
  text: string,
  actions: TemplateResult | typeof nothing = nothing,
): TemplateResult {
  return html`<div class="notice" part="notice">
    ${icon}
    <p><strong>${title}</strong> ${text}</p>
    ${actions}
  </div>`;
}

function banner({ strings, words, model, error }: NoticeView, actions: NoticeActions): TemplateResult {
  const { kind, message } = error!;
  const hasFailed = model.state === 'failed';
  const [label, act] = !hasFailed
    ? [words.dismiss, actions.onDismiss]
    : RETRIED.includes(kind)
      ? [words.tryAgain, actions.onTryAgain]
      : [words.startOver, actions.onStartOver];
  const kept = hasFailed && model.settings !== null ? words.failedKept : '';
  return html`<div class="notice is-error" part="notice banner">
    ${icons.alert}
    <p><strong>${strings.errors[kind]}.</strong> ${message} ${kept}</p>
    <div class="notice-actions">
      <button type="button" class=${hasFailed ? 'primary' : ''} @click=${act}>${label}</button>
    </div>
  </div>`;
}

function loadingSteps({ strings, words, formats, model }: NoticeView): TemplateResult {
  const { loading } = model;
  const current = loading === null ? -1 : LOADING_STAGES.indexOf(loading.stage);
  const bytes = (stage: LoadingStage): string => {
    if (loading === null || loading.stage !== stage || loading.loadedBytes === 0) return '';
    const loaded = formats.megabytes(loading.loadedBytes);
    if (loading.totalBytes === 0) return fill(words.megabytes, { loaded });
    return fill(words.megabytesOf, { loaded, total: formats.megabytes(loading.totalBytes) });
  };
  const item = (stage: LoadingStage, index: number): TemplateResult => {
    const status = index < current ? 'done' : index === current ? 'current' : 'coming';
    const spoken = { done: words.stageDone, current: words.stageCurrent, coming: '' }[status];
    return html`<li class="stage-${status}" aria-current=${status === 'current' ? 'step' : nothing}>
      ${status === 'done' ? icons.done : status === 'current' ? icons.busy : icons.idle}
      <span>${strings.stages[stage]}<span class="hidden-visually"> ${spoken}</span></span>
      ${stage === 'data' ? html`<span class="number muted bytes">${bytes(stage)}</span>` : nothing}
    </li>`;
  };
  return html`<div class="notice" part="notice">
    <p class="hidden-visually">${words.loadingTitle}</p>
    <ol class="stages">
      ${LOADING_STAGES.map(item)}
    </ol>
  </div>`;
}

/** Whether `auto` had to do without a GPU. */
function isFallback(engine: EngineReport | null): engine is EngineReport {
  return engine !== null && engine.reason === 'fallback';
}

function running(view: NoticeView): TemplateResult {
  const { strings, words, formats, model } = view;
  const { engine, loading, settings, stepsPerSecond, ownEvaluations: evaluations } = model;
  if (model.isSpreading) return line(icons.busy, words.spreadingTitle, words.spreadingNotice);
  if (loading?.stage === 'firstStep') return line(icons.busy, words.compilingTitle, words.compilingText);
  if (engine?.reason === 'deviceLost') {
    return line(
      icons.info,
      fill(words.lostTitle, { engine: strings.engines[engine.engine] }),
      words.lostText,
    );
  }
  if (!isFallback(engine)) return line(icons.info, words.runningTitle, words.runningText + scheduleOf(view));
  const title = fill(words.fallbackTitle, { engine: strings.engines[engine.engine] });
  const whole = settings === null ? null : remainingTime(0, settings.steps, stepsPerSecond, evaluations);
  if (whole === null || settings === null || stepsPerSecond === null) {
    return line(icons.info, title, words.fallbackText);
  }
  const text = fill(whole.isLowerBound ? words.fallbackPaceAtLeast : words.fallbackPace, {
    pace: formats.pace(stepsPerSecond),
    steps: formats.count(settings.steps),
    time: formats.duration(whole.ms),
  });
  return line(icons.info, title, text);
}

function finished(view: NoticeView, actions: NoticeActions): TemplateResult {
  const { words, formats, model, continueTo } = view;
  const last = model.evaluations.at(-1);
  const title =
    last === undefined
      ? words.finishedTitleUnknown
      : fill(words.finishedTitle, { accuracy: formats.percent(last.testAccuracy) });
  const text =
    last === undefined
      ? ''
      : fill(words.finishedText, { steps: formats.count(last.step), time: formats.duration(last.elapsedMs) });
  return line(
    icons.done,
    title,
    text + noteOf(view),
    html`<div class="notice-actions">
      <button type="button" class="primary" data-action="save" @click=${actions.onSave}>
        ${words.finishedSave}
      </button>
      <button type="button" data-action="continue" @click=${actions.onContinue}>
        ${fill(words.continueTo, { steps: formats.count(continueTo) })}
      </button>
    </div>`,
  );
}

/** That the run goes on at the last rates of a schedule which its steps have outgrown. */
function scheduleOf({ words, formats, model }: NoticeView): string {
  const { scheduleEnd } = model;
  return scheduleEnd === null ? '' : ` ${fill(words.scheduleEnded, { step: formats.count(scheduleEnd) })}`;
}

/** What there is to know about a run at rest, after what the notice says of it. */
function noteOf(view: NoticeView): string {
  const { strings, model } = view;
  const note = model.note === null ? '' : ` ${strings.notes[model.note]}`;
  return note + scheduleOf(view);
}

export function notice(view: NoticeView, actions: NoticeActions): TemplateResult {
  const { words, formats, model, error } = view;
  if (error !== null) return banner(view, actions);
  if (model.replay !== null) {
    const { stepsMade, stepsTotal } = model.replay;
    const title = { made: formats.count(stepsMade), total: formats.count(stepsTotal) };
    return line(icons.busy, fill(words.replayTitle, title), words.replayText);
  }
  switch (model.state) {
    case 'idle':
      return line(icons.info, words.idleTitle, words.idleText);
    case 'loading':
      return loadingSteps(view);
    case 'ready':
      return line(icons.info, words.readyTitle, words.readyText);
    case 'running':
      return running(view);
    case 'paused':
      return line(
        icons.pause,
        fill(words.pausedTitle, { step: formats.count(model.step) }),
        words.pausedText + noteOf(view),
      );
    case 'finished':
      return finished(view, actions);
    case 'failed':
      // Without a reason, which no report leaves out.
      return line(icons.alert, view.strings.states.failed, '');
    default:
      return model.state satisfies never;
  }
}

export const noticeStyles = css`
  .notice {
    display: flex;
    align-items: center;
    gap: 10px;
    min-height: 64px;
    padding: 12px 0;
  }

  .notice p {
    flex: 1;
    min-width: 0;
    color: var(--_muted);
    overflow-wrap: anywhere;
  }

  .notice strong {
    color: var(--_text);
    font-weight: 600;
  }

  .notice > .icon {
    color: var(--_muted);
  }

  .notice-actions {
    display: flex;
    flex: none;
    gap: 8px;
  }

  .is-error {
    min-height: 48px;
    margin: 8px 0;
    padding: 5px 6px 5px 16px;
    border: 1px solid color-mix(in oklab, var(--_danger) 45%, var(--_background));
    border-radius: var(--_radius);
    background: var(--_danger-sunken);
  }

  .is-error > .icon {
    color: var(--_danger);
  }

  .is-error p {
    color: var(--_text);
  }

  .stages {
    display: flex;
    flex-wrap: wrap;
    gap: 4px 24px;
  }

  .stages li {
    display: flex;
    align-items: center;
    gap: 8px;
    color: var(--_muted);
  }

  .stages .stage-current {
    color: var(--_text);
    font-weight: 600;
  }

  .stages .stage-current .icon,
  .stages .stage-done .icon {
    color: var(--_accent);
  }

  .bytes {
    min-width: 12ch;
    font-weight: 400;
  }

  @container (max-width: 799.9px) {
    .notice {
      min-height: 84px;
    }

    .is-error {
      min-height: 68px;
    }
  }

  @container (max-width: 599.9px) {
    .notice {
      flex-wrap: wrap;
      align-content: center;
      min-height: 104px;
    }

    .notice p {
      flex-basis: 70%;
    }

    .notice-actions {
      flex-basis: 100%;
      flex-wrap: wrap;
    }

    .notice-actions button {
      flex: 1 1 auto;
      padding: 0 10px;
    }

    .is-error {
      min-height: 88px;
      padding: 12px;
    }
  }
`;
