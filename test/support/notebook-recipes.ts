/** The recipes that are the notebook's: one stage of one phase, on its own two networks. */

import type { RecipeName } from '../../src/recipe/recipes.js';

export const NOTEBOOK_RECIPES = [
  'notebook',
  'notebook-as-run',
  'notebook-feature-matching',
  'labels-only',
  'notebook-repaired',
] as const satisfies readonly RecipeName[];
