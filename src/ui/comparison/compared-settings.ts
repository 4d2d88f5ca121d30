/** What a run is held against, and with which settings. */

import { defaultSettings, type Settings } from '../../protocol/settings.js';
import type { RecipeName } from '../../recipe/recipes.js';
import { labelsOnlyOf, withoutGanOf } from '../charts/baselines.js';

/** The recipes that a run of these settings is held against. */
export function comparedRecipes({ recipe }: Pick<Settings, 'recipe'>): readonly RecipeName[] {
  return [labelsOnlyOf(recipe), withoutGanOf(recipe)].filter((name) => name !== null);
}

/** What a recipe is in fewer steps. */
const WHOLE: Partial<Record<RecipeName, RecipeName>> = { 'few-labels-fast': 'few-labels' };

/**
 * Settings of a run of `recipe` that draws the same labelled images. Recipes that leave stages out have fewer steps: as
 * many in proportion as by default.
 */
export function comparedSettings(recipe: RecipeName, settings: Settings): Settings {
  const share =
    defaultSettings(recipe).steps / defaultSettings(WHOLE[settings.recipe] ?? settings.recipe).steps;
  return { ...settings, recipe, steps: Math.max(1, Math.round(share * settings.steps)) };
}
