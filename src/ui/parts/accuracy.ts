/** The figure that counts, very large: test accuracy, its change, and the labels-only run beside it. */

import { css, html, type TemplateResult } from 'lit';
import type { EvaluationReport } from '../../protocol/reports.js';
import { baselineAt } from '../charts/baselines.js';
import type { RunModel } from '../element/run-model.js';
import { fill } from '../words/strings.js';
import type { Speech } from '../words/words.js';

export interface AccuracyView extends Speech {
  readonly model: RunModel;
  readonly baseline: readonly EvaluationReport[];
  readonly isBaselineItself: boolean;
}

/** A run that was loaded has no evaluation of its own yet, at whatever step it is. */
function timingOfNone({ words, formats, model }: AccuracyView): string {
  if (model.step === 0) return words.accuracyNone;
  const next = model.nextEvaluation;
  if (next === null) return words.accuracyNoneLeft;
  return fill(words.accuracyNoneSince, { step: formats.count(next) });
}

function timing(view: AccuracyView): string {
  const { words, formats, model } = view;
  const last = model.evaluations.at(-1);
  if (model.isEvaluating) return words.accuracyEvaluating;
  if (last === undefined) return timingOfNone(view);
  const at = fill(words.accuracyAt, { step: formats.count(last.step) });
  const next = model.nextEvaluation;
  return next === null ? at : `${at}, ${fill(words.accuracyNext, { step: formats.count(next) })}`;
}

function change({ words, formats, model }: AccuracyView): string {
  const [before, last] = model.evaluations.slice(-2);
  if (before === undefined || last === undefined) return '\u00a0';
  return fill(words.accuracyChange, {
    change: formats.points(last.testAccuracy - before.testAccuracy),
    step: formats.count(before.step),
  });
}

function baselineFigure(view: AccuracyView): TemplateResult {
  const { words, formats, model, baseline, isBaselineItself } = view;
  const known = baselineAt(baseline, model.evaluations.at(-1)?.step ?? Infinity);
  if (known === null) {
    return html`<p class="baseline-none muted">
      ${isBaselineItself ? words.baselineOwn : words.baselineNone}
    </p>`;
  }
  return html`<p class="baseline-figure number">${formats.percent(known.testAccuracy)}</p>
    <p class="muted number">${fill(words.baselineAt, { step: formats.count(known.step) })}</p>`;
}

export function accuracy(view: AccuracyView): TemplateResult {
  const { words, formats, model } = view;
  const last = model.evaluations.at(-1);
  const [figure, sign] = last === undefined ? [words.unknown, ''] : formats.percentParts(last.testAccuracy);
  return html`<section class="accuracy" part="accuracy" aria-label=${words.accuracy}>
    <div class="heading">
      <h2>${words.accuracy}</h2>
      <span class="muted number">${timing(view)}</span>
    </div>
    <div class="accuracy-figures">
      <div>
        <p class="figure number ${last === undefined ? 'is-unknown' : ''}">
          ${figure}<span class="sign">${sign}</span>
        </p>
        <p class="muted number">${change(view)}</p>
      </div>
      <div class="baseline">
        <h3 class="muted">${words.baseline}</h3>
        ${baselineFigure(view)}
      </div>
    </div>
  </section>`;
}

export const accuracyStyles = css`
  .accuracy-figures {
    display: flex;
    flex-wrap: wrap;
    align-items: flex-end;
    justify-content: space-between;
    gap: 8px 24px;
    min-height: 100px;
  }

  .figure {
    font-size: clamp(56px, 7cqi, 80px);
    line-height: 1;
    font-weight: 650;
    letter-spacing: -0.035em;
    margin-bottom: 6px;
    margin-inline-start: -0.04em;
    min-width: 5.2ch;
    white-space: nowrap;
  }

  .is-unknown {
    color: var(--_line);
    font-weight: 300;
  }

  .sign {
    font-size: 0.5em;
    font-weight: 500;
    letter-spacing: 0;
    color: var(--_muted);
    margin-inline-start: 0.08em;
  }

  .baseline {
    min-width: 128px;
    max-width: 176px;
  }

  .baseline-figure {
    font-size: 24px;
    line-height: 32px;
    font-weight: 600;
    letter-spacing: -0.01em;
  }

  .baseline-none {
    min-height: 52px;
  }

  @container (min-width: 600px) and (max-width: 899.9px) {
    .accuracy-figures {
      flex-direction: column;
      align-items: flex-start;
      gap: 24px;
    }
  }

  .accuracy-figures .muted:not(h3) {
    font-size: 13px;
  }
`;
