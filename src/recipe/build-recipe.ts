/** Builds a recipe from its entry, checked and frozen. */

import { checkRecipe } from './check-recipe.js';
import type { DataShape, Recipe, RecipeSettings } from './recipe.js';
import type { RecipeEntry } from './recipe-entry.js';
import { RECIPES, type RecipeName } from './recipes.js';

export interface BuildOptions {
  /** Updates that schedules are stretched over; the settings' steps unless given. */
  readonly scheduleSteps?: number | undefined;
  /** Every number of hidden channels is divided by it: small networks for tests. */
  readonly channelDivisor?: number;
}

function freezeDeep<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(freezeDeep);
  }
  return value;
}

/** A recipe of an entry; `name` is what errors call it. Throws `RecipeError`. */
export function buildFromEntry(
  name: string,
  entry: Pick<RecipeEntry, 'build'>,
  settings: RecipeSettings & { readonly steps: number },
  data: DataShape,
  { scheduleSteps = settings.steps, channelDivisor = 1 }: BuildOptions = {},
): Recipe {
  const built = entry.build({
    settings,
    data,
    scheduleSteps,
    share: (share) => Math.floor(share * settings.batch),
    channels: (count) => Math.ceil(count / channelDivisor),
  });
  const recipe: Recipe = { name, classes: data.classes, ...built };
  checkRecipe(recipe, data);
  return freezeDeep(recipe);
}

/** The recipe of these settings for data of a shape. Throws `RecipeError` where it cannot be computed. */
export function buildRecipe(
  settings: RecipeSettings & { readonly recipe: RecipeName; readonly steps: number },
  data: DataShape,
  options: BuildOptions = {},
): Recipe {
  return buildFromEntry(settings.recipe, RECIPES[settings.recipe], settings, data, options);
}
