/** The recipes by name, in the order in which they are offered: the one list. */

import type { RecipeEntry } from './recipe-entry.js';
import { fewLabels } from './recipes/few-labels.js';
import { fewLabelsFast } from './recipes/few-labels-fast.js';
import { fewLabelsNoGan } from './recipes/few-labels-no-gan.js';
import { fewLabelsNoLook } from './recipes/few-labels-no-look.js';
import { labelsOnly } from './recipes/labels-only.js';
import { labelsOnlyAugmented } from './recipes/labels-only-augmented.js';
import { notebook } from './recipes/notebook.js';
import { notebookAsRun } from './recipes/notebook-as-run.js';
import { notebookFeatureMatching } from './recipes/notebook-feature-matching.js';
import { notebookRepaired } from './recipes/notebook-repaired.js';

const LIST = {
  'few-labels': fewLabels,
  'few-labels-fast': fewLabelsFast,
  'few-labels-no-gan': fewLabelsNoGan,
  'few-labels-no-look': fewLabelsNoLook,
  'labels-only-augmented': labelsOnlyAugmented,
  notebook,
  'notebook-as-run': notebookAsRun,
  'notebook-feature-matching': notebookFeatureMatching,
  'notebook-repaired': notebookRepaired,
  'labels-only': labelsOnly,
} as const satisfies Record<string, RecipeEntry>;

export type RecipeName = keyof typeof LIST;
export const RECIPES: Readonly<Record<RecipeName, RecipeEntry>> = LIST;
export const RECIPE_NAMES = Object.keys(LIST) as RecipeName[];
