/** From the vector that a step hands back to the metrics of the wire. */

import { metricNames, TRAIN_ACCURACY } from '../../../recipe/metrics.js';
import type { Step } from '../../../recipe/recipe.js';
import { weightAt } from '../../../recipe/schedules.js';
import type { StepMetrics } from '../engine.js';
import { countLargestAt } from './batch.js';

/**
 * The metrics after `step` updates, by the phases of their stage. `origin`: what the weights' ramps count from.
 * `scalars` is the read-back `StepResult.scalars`, `labels` the labels of the accuracy pass's rows.
 */
export function toStepMetrics(
  stage: Step,
  step: number,
  origin: number,
  scalars: Float32Array,
  labels: readonly number[],
): StepMetrics {
  const found = new Map<string, number>();
  let offset = 0;
  for (const { terms, updates } of stage.phases) {
    const weights = new Map(terms.map(({ name, weight }) => [name, weightAt(weight, step - 1 - origin)]));
    for (const { name } of terms) found.set(name, scalars[offset++]!);
    for (const update of updates) {
      const loss = update.terms.reduce((sum, name) => sum + weights.get(name)! * found.get(name)!, 0);
      found.set(update.loss, loss);
    }
  }
  if (stage.accuracy !== null) {
    const logits = scalars.subarray(offset);
    const width = logits.length / labels.length;
    found.set(TRAIN_ACCURACY, countLargestAt(logits, width, labels) / labels.length);
  }
  return { step, values: Float32Array.from(metricNames(stage), (name) => found.get(name)!) };
}
