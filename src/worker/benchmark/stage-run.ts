/** How long the stage that is measured is in a run: what its whole time is computed from. */

import { isEvaluationDue } from '../../protocol/evaluation-schedule.js';
import type { Settings } from '../../protocol/settings.js';
import { unmeasuredSteps, type Recipe } from '../../recipe/recipe.js';

/** Steps and evaluations of all of a recipe's stages of this key, in a run of these settings. */
export function stageRun(
  recipe: Recipe,
  key: string,
  { steps, evalEvery }: Pick<Settings, 'steps' | 'evalEvery'>,
): { readonly steps: number; readonly evaluations: number } {
  const schedule = { steps, evalEvery, unmeasuredSteps: unmeasuredSteps(recipe) };
  const run = { steps: 0, evaluations: 0 };
  let first = 0;
  for (const [index, stage] of recipe.stages.entries()) {
    // The last goes on to the end.
    const end = index === recipe.stages.length - 1 ? steps : first + stage.steps;
    if (stage.key === key) {
      run.steps += end - first;
      for (let step = first + 1; step <= end; step++) if (isEvaluationDue(step, schedule)) run.evaluations++;
    }
    first = end;
  }
  return run;
}
