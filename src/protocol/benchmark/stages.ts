/** Which of a recipe's stages a benchmark can measure, before any data are there. */

import { stageKeys } from '../../recipe/one-stage.js';
import { RECIPES, type RecipeName } from '../../recipe/recipes.js';
import { completeSettings } from '../check-settings.js';

/** Keys of a recipe's stages, each once, in order: at its defaults, which decide how many there are. */
export function stagesOf(recipe: RecipeName): readonly string[] {
  const settings = completeSettings({ recipe });
  return stageKeys(
    RECIPES[recipe].build({
      settings,
      // Stages do not depend on the data.
      data: { imageShape: [28, 28, 1], classes: 10 },
      scheduleSteps: settings.steps,
      share: (share) => Math.floor(share * settings.batch),
      channels: (count) => count,
    }),
  );
}

/** The stage that is meant: `stage`, or the last where that is null. */
export function stageMeant(recipe: RecipeName, stage: string | null): string {
  return stage ?? stagesOf(recipe).at(-1)!;
}

/** As `stageMeant`; null where the recipe has a single one, which needs no name. */
export function stageTold(recipe: RecipeName, stage: string | null): string | null {
  return stagesOf(recipe).length === 1 ? null : stageMeant(recipe, stage);
}
