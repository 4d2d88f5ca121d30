/** The recipe for few labels without its generator. */

import type { RecipeEntry } from '../recipe-entry.js';
import { FEW_LABELS_DEFAULTS, WHOLE, fewLabelsRecipe } from './few-labels-family.js';

export const fewLabelsNoGan: RecipeEntry = {
  title: 'Few labels, no GAN',
  summary: 'The same without generator: what the GAN buys',
  defaults: FEW_LABELS_DEFAULTS,
  isBaseline: false,
  hasGenerator: false,
  build: (context) => fewLabelsRecipe(context, { ...WHOLE, hasGan: false }),
};
