/** The scalars of a step, by name: what a recipe's accuracy, updates and terms are called. */

import type { Recipe, Step } from './recipe.js';

/** Share of the accuracy pass's rows that is classified as labelled. */
export const TRAIN_ACCURACY = 'trainAccuracy';

/** Names of the losses of a recipe's updates, in order. */
export function lossNames({ phases }: Step): readonly string[] {
  return phases.flatMap(({ updates }) => updates.map(({ loss }) => loss));
}

/** Names of all scalars of a step in the order of its metrics: the accuracy, losses, terms. */
export function metricNames(step: Step): readonly string[] {
  const terms = step.phases.flatMap((phase) => phase.terms.map(({ name }) => name));
  return [TRAIN_ACCURACY, ...lossNames(step), ...terms];
}

/** Whether anything of a step depends on how long the run is to be. */
export function hasSchedule({ networks }: Recipe): boolean {
  return networks.some(({ optimiser }) => optimiser.schedule.cosine !== null);
}
