/** Whether the store of spread labels in a checkpoint is one that a run can have. */

import { formatNumber } from '../../protocol/wording.js';
import type { Recipe } from '../../recipe/recipe.js';
import type { Dataset, Split } from '../data/dataset.js';
import { landmarksOf } from '../model/draws.js';
import { TARGET_STORE, type NamedTensor } from '../model/parameters.js';

/** Steps before which a recipe spreads labels. */
export function spreadStepsOf({ stages }: Recipe): readonly number[] {
  const steps: number[] = [];
  let first = 0;
  for (const { before, steps: own } of stages) {
    if (before !== null) steps.push(first);
    first += own;
  }
  return steps;
}

/**
 * Throws an `Error` where a row is neither zeros nor one 1 among zeros, where a labelled landmark has another class than
 * its label's, or where anything stands before labels were spread first. `step`: of the checkpoint.
 */
export function checkTargets(
  { values }: NamedTensor,
  step: number,
  recipe: Recipe,
  dataset: Dataset,
  split: Split,
): void {
  const refuse = (element: number, why: string): never => {
    throw new Error(
      `its tensor "${TARGET_STORE}" holds ${values[element]} at element ${formatNumber(element)}; ${why}`,
    );
  };
  const { classes } = recipe;
  const landmarks = landmarksOf(recipe, split);
  const [firstSpread = Infinity] = spreadStepsOf(recipe);
  let last = -1;
  for (const [element, value] of values.entries()) {
    if (value === 0) continue;
    if (value !== 1) refuse(element, 'a target is 0 or 1');
    if (step < firstSpread) refuse(element, `before step ${formatNumber(firstSpread)} no labels are spread`);
    const row = Math.floor(element / classes);
    if (row === last) refuse(element, 'a landmark has one target at most');
    if (row >= landmarks.length) refuse(element, 'there are fewer landmarks');
    if (row < split.labelled.length && element % classes !== dataset.train.labels[landmarks[row]!]) {
      refuse(element, 'that image is labelled otherwise');
    }
    last = row;
  }
}
