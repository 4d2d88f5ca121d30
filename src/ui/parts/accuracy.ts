/** The figure that counts, very large: test accuracy, its change, and the runs that it is held against. */

import { css, html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import type { EvaluationReport } from '../../protocol/reports.js';
import type { Settings } from '../../protocol/settings.js';
import { baselineAt, labelsOnlyOf, withoutGanOf } from '../charts/baselines.js';
import type { ComparisonState } from '../comparison/comparison.js';
import type { MeasuredReference } from '../comparison/measured-reference.js';
import type { RunModel } from '../element/run-model.js';
import { fill } from '../words/strings.js';
import type { Speech } from '../words/words.js';

export interface AccuracyView extends Speech {
  readonly model: RunModel;
  /** Of the run, or of the one to come. */
  readonly recipe: Settings['recipe'];
  readonly baseline: readonly EvaluationReport[];
  readonly withoutGan: readonly EvaluationReport[];
  /** Whether these two are trained beside the run, and what has become of it. */
  readonly isCompared: boolean;
  readonly comparisonOf: (recipe: Settings['recipe']) => ComparisonState | null;
  /** Which of them trains at this moment. */
  readonly turnOf: Settings['recipe'] | null;
  /** What was measured of a recipe before, where that is of the like. */
  readonly referenceOf: (recipe: Settings['recipe']) => MeasuredReference | null;
  readonly onCompare: (isCompared: boolean) => void;
  /** The step that a run is evaluated at first; null where it ends before. */
  readonly firstEvaluation: number | null;
}

/** A run that was loaded has no evaluation of its own yet, at whatever step it is. */
function timingOfNone({ words, formats, model, firstEvaluation }: AccuracyView): string {
  if (firstEvaluation === null) return words.accuracyNever;
  if (model.step === 0) return fill(words.accuracyNone, { step: formats.count(firstEvaluation) });
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

/** What of another run is held against this one: at its step, or before. */
function comparedAt({ model }: AccuracyView, known: readonly EvaluationReport[]): EvaluationReport | null {
  return baselineAt(known, model.evaluations.at(-1)?.step ?? Infinity);
}

/** Why there is no figure. */
function noneBeside(
  { strings, words, model, isCompared, comparisonOf }: AccuracyView,
  recipe: Settings['recipe'] | null,
): string {
  if (recipe === null) return words.baselineOwn;
  // Before a run it is only wanted.
  const isToCome = isCompared && model.settings === null;
  const state = comparisonOf(recipe) ?? (isToCome ? 'training' : null);
  if (state === null) return fill(words.baselineNone, { recipe: strings.recipes[recipe].name });
  return { training: words.comparisonSoon, tooSlow: words.comparisonTooSlow, failed: words.comparisonFailed }[
    state
  ];
}

/** Stands in for a run that is not trained here, and says so. */
function referenceFigure({ words, formats }: AccuracyView, reference: MeasuredReference): TemplateResult {
  const { mean, draws, steps } = reference;
  const values = { draws: formats.count(draws), steps: formats.count(steps) };
  return html`<p class="baseline-figure is-reference number">${formats.percent(mean)}</p>
    <p class="muted number" title=${fill(words.referenceTitle, values)}>${fill(words.reference, values)}</p>`;
}

/** A run beside this one; `recipe` is what to run where none is known, null where this is the one itself. */
function comparison(
  view: AccuracyView,
  title: string,
  known: readonly EvaluationReport[],
  recipe: Settings['recipe'] | null,
): TemplateResult {
  const { words, formats, referenceOf, turnOf } = view;
  const at = comparedAt(view, known);
  // The run rests meanwhile, which is not to look like a fault.
  const isItsTurn = recipe !== null && recipe === turnOf;
  const reference = at === null && recipe !== null && !isItsTurn ? referenceOf(recipe) : null;
  const figure =
    at !== null
      ? html`<p class="baseline-figure number">${formats.percent(at.testAccuracy)}</p>
          <p class="muted number">
            ${isItsTurn ? words.comparisonNow : fill(words.baselineAt, { step: formats.count(at.step) })}
          </p>`
      : reference !== null
        ? referenceFigure(view, reference)
        : html`<p class="baseline-none muted">
            ${isItsTurn ? words.comparisonNow : noneBeside(view, recipe)}
          </p>`;
  return html`<div class="baseline">
    <h3 class="muted">${title}</h3>
    ${figure}
  </div>`;
}

/** What this run has over the others, where they were trained with the same labels. */
function gain(view: AccuracyView): string {
  const { words, formats, model, baseline, withoutGan } = view;
  const last = model.evaluations.at(-1);
  const [labelsOnly, noGan] = [comparedAt(view, baseline), comparedAt(view, withoutGan)];
  if (last === undefined || labelsOnly === null) return '';
  const over = (other: EvaluationReport): string => formats.points(last.testAccuracy - other.testAccuracy);
  const unlabelled = fill(words.gainOfUnlabelled, { change: over(labelsOnly) });
  if (noGan === null) return `${unlabelled}.`;
  return `${unlabelled}, ${fill(words.gainOfGan, { change: over(noGan) })}.`;
}

function compareSwitch(view: AccuracyView): TemplateResult {
  const { words, isCompared, onCompare } = view;
  const changed = (event: Event): void => onCompare((event.currentTarget as HTMLInputElement).checked);
  return html`<div class="compare">
    <label class="check" title=${words.compareHint}>
      <input id="compare" type="checkbox" .checked=${live(isCompared)} @change=${changed} />
      <span>${words.compare}</span>
    </label>
    <p class="gain muted number">${gain(view)}</p>
  </div>`;
}

export function accuracy(view: AccuracyView): TemplateResult {
  const { words, formats, model, recipe, baseline, withoutGan } = view;
  const gan = withoutGanOf(recipe);
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
      <div class="baselines ${gan === null ? '' : 'are-two'}">
        ${comparison(view, words.baseline, baseline, labelsOnlyOf(recipe))}
        ${gan === null ? nothing : comparison(view, words.withoutGan, withoutGan, gan)}
      </div>
    </div>
    ${labelsOnlyOf(recipe) === null ? nothing : compareSwitch(view)}
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

  /* Two of them: smaller, one above the other, as high with a figure as without. */
  .baselines.are-two {
    display: grid;
    gap: 8px 16px;
  }

  .are-two .baseline {
    display: flex;
    flex-wrap: wrap;
    align-items: baseline;
    gap: 0 8px;
    width: 168px;
    min-height: 60px;
  }

  .are-two .baseline > h3,
  .are-two .baseline-none {
    flex-basis: 100%;
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

  /* Of another time and place. */
  .is-reference {
    font-weight: 400;
    font-style: italic;
  }

  .compare {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    justify-content: space-between;
    gap: 0 16px;
    min-height: 40px;
    margin-top: 4px;
    font-size: 13px;
  }

  .compare .check {
    margin: 0;
  }

  .gain {
    min-height: 20px;
  }

  .are-two .baseline-figure {
    font-size: 20px;
    line-height: 28px;
  }

  .are-two .baseline-none {
    min-height: 40px;
  }

  @container (max-width: 599.9px) {
    .baselines.are-two {
      grid-template-columns: 1fr 1fr;
    }

    .are-two .baseline {
      width: auto;
    }
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
