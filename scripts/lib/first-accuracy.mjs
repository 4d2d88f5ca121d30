/** From which step on a run has an accuracy: those of a recipe's stages without one come first. */

import { importSource } from './source-modules.mjs';

const { buildRecipe } = await importSource('src/recipe/build-recipe.ts');
const { unmeasuredSteps } = await importSource('src/recipe/recipe.ts');

/** How long stages are is the same for images of every shape. */
const DATA = { imageShape: [28, 28, 1], classes: 10 };

/** Updates that a run which begins by these complete settings makes before the first that has an accuracy. */
export function stepsBeforeAccuracy(settings) {
  return unmeasuredSteps(buildRecipe(settings, DATA));
}
