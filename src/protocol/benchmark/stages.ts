/** Which of a recipe's stages a benchmark can measure, before any data are there. */

import { stageKeys } from '../../recipe/one-stage.js';
import type { Stage } from '../../recipe/recipe.js';
import { RECIPES, type RecipeName } from '../../recipe/recipes.js';
import { completeSettings } from '../check-settings.js';

/** A recipe's stages at its defaults, which decide how many there are. */
function stagesAtDefaults(recipe: RecipeName): readonly Stage[] {
  const settings = completeSettings({ recipe });
  return RECIPES[recipe].build({
    settings,
    // Stages do not depend on the data.
    data: { imageShape: [28, 28, 1], classes: 10 },
    scheduleSteps: settings.steps,
    share: (share) => Math.floor(share * settings.batch),
    channels: (count) => count,
  }).stages;
}

/** Keys of a recipe's stages, each once, in order. */
export function stagesOf(recipe: RecipeName): readonly string[] {
  return stageKeys({ stages: stagesAtDefaults(recipe) });
}

/** The stage that is meant: `stage`, or where that is null the longest of those that learn from labels. */
export function stageMeant(recipe: RecipeName, stage: string | null): string {
  if (stage !== null) return stage;
  const labelled = stagesAtDefaults(recipe).filter(({ accuracy }) => accuracy !== null);
  return labelled.reduce((longest, other) => (other.steps > longest.steps ? other : longest)).key;
}

/** As `stageMeant`; null where the recipe has a single one, which needs no name. */
export function stageTold(recipe: RecipeName, stage: string | null): string | null {
  return stagesOf(recipe).length === 1 ? null : stageMeant(recipe, stage);
}
