/** The train programs of a recipe: one for all stages that compute alike. */

import { inStage, stageAt, type Recipe, type StageRecipe } from '../../../recipe/recipe.js';
import { planTrainStep, type PlannedProgram } from '../plan/plan.js';
import type { TrainOptions } from '../plan/lower/train-options.js';
import { stepScalar } from '../plan/step-scalars.js';

/** What one step of a stage is. */
export interface TrainStage {
  readonly recipe: StageRecipe;
  readonly planned: PlannedProgram;
}

/** The train step of each stage, in order; stages that have the same one share the object. */
export function planTrainStages(recipe: Recipe, options: TrainOptions): readonly TrainStage[] {
  const planned: TrainStage[] = [];
  recipe.stages.forEach(({ phases, accuracy, optimiserOf }, index) => {
    const key = JSON.stringify([accuracy, optimiserOf]);
    const same = recipe.stages.findIndex(
      (other) => other.phases === phases && JSON.stringify([other.accuracy, other.optimiserOf]) === key,
    );
    const own = inStage(recipe, index);
    planned.push(same < index ? planned[same]! : { recipe: own, planned: planTrainStep(own, options) });
  });
  return planned;
}

/** The step scalars of a program after `step` updates, in float64: they count from where the stage's optimisers begin. */
export function stageScalars(recipe: Recipe, { planned }: TrainStage, step: number): readonly number[] {
  const { origin } = stageAt(recipe, step);
  return planned.program.stepScalars.map((scalar) => stepScalar(scalar, step - origin));
}
