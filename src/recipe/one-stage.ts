/** One of a recipe's stages by itself: what a benchmark measures. */

import type { Recipe, Stage } from './recipe.js';

/** Keys of a recipe's stages, each once, in order. */
export function stageKeys({ stages }: { readonly stages: readonly Pick<Stage, 'key'>[] }): readonly string[] {
  return [...new Set(stages.map(({ key }) => key))];
}

/**
 * The recipe with its first stage of this key alone, which begins like a run: fresh optimisers, schedules and ramps
 * at their first step, nothing before it. Throws where there is no such stage.
 */
export function oneStage(recipe: Recipe, key: string): Recipe {
  const stage = recipe.stages.find((one) => one.key === key);
  if (stage === undefined) {
    throw new Error(
      `The recipe "${recipe.name}" has no stage "${key}"; it has ${stageKeys(recipe).join(', ')}.`,
    );
  }
  return { ...recipe, stages: [{ ...stage, optimisers: 'fresh', before: null }] };
}
