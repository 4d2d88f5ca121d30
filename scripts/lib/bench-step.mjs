/** The stage that is measured, and the step that the Python yardsticks copy: what the recipe says of it, for MNIST. */

import { importSource } from './source-modules.mjs';

const { buildRecipe } = await importSource('src/recipe/build-recipe.ts');
const { oneStage } = await importSource('src/recipe/one-stage.ts');
const { inStage } = await importSource('src/recipe/recipe.ts');
const { completeSettings } = await importSource('src/protocol/check-settings.ts');

const { stageMeant, stageTold: stageOf } = await importSource('src/protocol/benchmark/stages.ts');

export { stageOf };

/** Whether a recipe has several stages. */
export const isStaged = (recipe) => stageOf(recipe, null) !== null;

/** Networks, with the optimisers that they have in the stage, and the stage, as plain data; null is the longest that learns from labels. */
export function describeStep(recipe, given) {
  const stage = stageMeant(recipe, given);
  const settings = completeSettings({ recipe });
  const alone = oneStage(buildRecipe(settings, { imageShape: [28, 28, 1], classes: 10 }), stage);
  return { networks: inStage(alone, 0).networks, stage: alone.stages[0] };
}
