/** What the trainer is for: a few labels and many images without any. */

import type { RecipeEntry } from '../recipe-entry.js';
import { FEW_LABELS_DEFAULTS, WHOLE, fewLabelsRecipe } from './few-labels-family.js';

export const fewLabels: RecipeEntry = {
  title: 'Few labels',
  summary:
    'Learns what images have in common, spreads a few labels over them, then teaches itself, with a GAN beside it',
  defaults: FEW_LABELS_DEFAULTS,
  isBaseline: false,
  hasGenerator: true,
  build: (context) => fewLabelsRecipe(context, WHOLE),
};
