/** The baseline of the recipes for few labels. */

import type { RecipeEntry } from '../recipe-entry.js';
import { FEW_LABELS_DEFAULTS, WHOLE, fewLabelsRecipe } from './few-labels-family.js';

export const labelsOnlyAugmented: RecipeEntry = {
  title: 'Labels only, warped',
  summary: 'The same network and warps on the labelled images alone: the baseline',
  defaults: { ...FEW_LABELS_DEFAULTS, steps: 3000 },
  isBaseline: true,
  hasGenerator: false,
  build: (context) =>
    fewLabelsRecipe(context, { ...WHOLE, hasLook: false, hasGan: false, isLabelsOnly: true }),
};
