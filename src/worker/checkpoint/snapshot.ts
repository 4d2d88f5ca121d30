/** A run between two steps, as it is kept, saved and exported. */

import type { Evaluation } from '../../protocol/reports.js';
import type { Settings } from '../../protocol/settings.js';
import type { EngineInfo, EngineState } from '../engine/engine.js';
import type { Dataset, Split } from '../data/dataset.js';
import { TrainerError } from '../../protocol/errors.js';
import { formatNumber } from '../../protocol/wording.js';
import type { Recipe } from '../../recipe/recipe.js';
import type { LandmarkMaps } from './landmark-maps.js';

/**
 * What a run knows beside its tensors. Travels in checkpoints, so that a resumed run reports what an
 * unbroken one would.
 */
export interface RunProgress {
  /** Updates done. */
  readonly step: number;
  /** Steps of the recipe's first stages, which have no accuracy. */
  readonly unmeasuredSteps: number;
  /** The step that was evaluated last, 0 for none. */
  readonly evaluatedStep: number;
  /** What evaluations found, in order of their steps: `MOST_EVALUATIONS` at most, of files of older builds none. */
  readonly evaluations: readonly Evaluation[];
  /** Sum and number of the training accuracies since then: of the measured steps. */
  readonly accuracySum: number;
  readonly accuracyCount: number;
  /** Scalars of step `step` by name; empty at step 0. */
  readonly lastValues: Readonly<Record<string, number>>;
  /** Time spent training and evaluating, pauses left out. */
  readonly elapsedMs: number;
}

/** More than a chart can show; a file stays small beside its tensors. */
export const MOST_EVALUATIONS = 1000;

/** Of a run that begins. */
export const NO_PROGRESS: Omit<RunProgress, 'unmeasuredSteps'> = Object.freeze({
  step: 0,
  evaluatedStep: 0,
  evaluations: [],
  accuracySum: 0,
  accuracyCount: 0,
  lastValues: {},
  elapsedMs: 0,
});

/** Everything needed to go on from here on any engine. */
export interface RunSnapshot {
  readonly settings: Settings;
  /** Updates that the recipe's schedules are stretched over: the run's steps when it was made. */
  readonly scheduleSteps: number;
  readonly recipe: Recipe;
  readonly dataset: Dataset;
  readonly split: Split;
  /** What made it; only the same engine goes on with the same bits. */
  readonly engine: EngineInfo;
  readonly state: EngineState;
  readonly progress: RunProgress;
  readonly maps: LandmarkMaps;
}

/** What to do about a value that is not finite. `resumedStep`: the checkpoint's that the run went on from, or 0. */
export function nonFiniteAdvice(resumedStep: number): string {
  if (resumedStep === 0) return 'Lower the learning rates; the last good state can be saved.';
  // Its settings are the checkpoint's, so that there are no learning rates to lower.
  return (
    `The run went on from a checkpoint of step ${formatNumber(resumedStep)}, whose values may be wrong: ` +
    'load an earlier file, or begin anew.'
  );
}

/** A sum, since a function called for each of millions of values takes far longer. */
function areFinite(values: Float32Array): boolean {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! - values[i]!;
  return sum === 0;
}

/**
 * Throws `NonFiniteLoss` where a value is not finite, so that only a good state is kept. `resumedStep`: see
 * `nonFiniteAdvice`.
 */
export function checkFinite({ step, tensors }: EngineState, resumedStep: number): void {
  for (const [name, { values }] of tensors) {
    if (areFinite(values)) continue;
    const wrong = values.findIndex((value) => !Number.isFinite(value));
    throw new TrainerError(
      'NonFiniteLoss',
      `${name} holds ${values[wrong]} after step ${step}. ${nonFiniteAdvice(resumedStep)}`,
    );
  }
}
