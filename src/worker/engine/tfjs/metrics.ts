/** From the vector that a step hands back to the scalars of the wire. */

import { METRIC_NAMES } from '../../../protocol/reports.js';
import type { Recipe } from '../../../recipe/recipes.js';
import type { StepMetrics } from '../engine.js';
import { countLargestAt } from './batch.js';

/**
 * The metrics after `step` updates. `scalars` is the read-back `StepResult.scalars`, `labels` the
 * labels of the accuracy pass's rows, `classes` those of the data set.
 */
export function toStepMetrics(
  recipe: Recipe,
  classes: number,
  step: number,
  scalars: Float32Array,
  labels: readonly number[],
): StepMetrics {
  const values = new Float32Array(METRIC_NAMES.length).fill(NaN);
  const set = (name: (typeof METRIC_NAMES)[number], value: number): void => {
    values[METRIC_NAMES.indexOf(name)] = value;
  };
  let offset = 0;
  for (const { passes, terms, updates } of recipe.phases) {
    const named = new Map(terms.map(({ name }, i) => [name, scalars[offset + i]!]));
    offset += terms.length;
    named.forEach((value, name) => set(name, value));
    for (const update of updates) {
      const loss = update.terms.reduce((sum, name) => sum + named.get(name)!, 0);
      set(update.loss, loss);
    }
    if (passes.some(({ name }) => name === recipe.accuracy.pass)) {
      const width = classes + 1;
      const logits = scalars.subarray(offset, offset + labels.length * width);
      offset += logits.length;
      set('trainAccuracy', countLargestAt(logits, width, labels) / labels.length);
    }
  }
  return { step, values };
}
