/** The scalars of a step, by name: what a recipe's accuracy, updates and terms are called. */

import type { Recipe, Step } from './recipe.js';

/** Share of the accuracy pass's rows that is classified as labelled. */
export const TRAIN_ACCURACY = 'trainAccuracy';

/** Names of all scalars of a step in the order of its metrics: the accuracy where it has one, losses, terms. */
export function metricNames({ accuracy, phases }: Step): readonly string[] {
  const losses = phases.flatMap(({ updates }) => updates.map(({ loss }) => loss));
  const terms = phases.flatMap((phase) => phase.terms.map(({ name }) => name));
  return [...(accuracy === null ? [] : [TRAIN_ACCURACY]), ...losses, ...terms];
}

/** Names of the scalars of all stages of a recipe, each once: the accuracy, losses, terms. */
export function allMetricNames({ stages }: Pick<Recipe, 'stages'>): readonly string[] {
  const names = stages.map((stage) => metricNames(stage));
  const losses = allLossNames({ stages });
  const all = [...new Set([TRAIN_ACCURACY, ...losses, ...names.flat()])];
  return all.filter((name) => names.some((own) => own.includes(name)));
}

/** Names of the losses of all updates of a recipe, each once, in order. */
export function allLossNames({ stages }: Pick<Recipe, 'stages'>): readonly string[] {
  const updates = stages.flatMap(({ phases }) => phases.flatMap((phase) => phase.updates));
  return [...new Set(updates.map(({ loss }) => loss))];
}

/** Whether anything of a run depends on how long it is to be: a schedule, or where a stage ends. */
export function hasSchedule({ networks, stages }: Recipe): boolean {
  const optimisers = [
    ...networks.map(({ optimiser }) => optimiser),
    ...stages.flatMap(({ optimiserOf }) => Object.values(optimiserOf)),
  ];
  return stages.length > 1 || optimisers.some(({ schedule }) => schedule.cosine !== null);
}
