/** The recipe for few labels without its first two stages. */

import type { RecipeEntry } from '../recipe-entry.js';
import { FEW_LABELS_DEFAULTS, WHOLE, fewLabelsRecipe } from './few-labels-family.js';

export const fewLabelsNoLook: RecipeEntry = {
  title: 'Few labels, no look',
  summary: 'The same without looking at images first and spreading labels',
  defaults: { ...FEW_LABELS_DEFAULTS, steps: 3000 },
  isBaseline: false,
  hasGenerator: true,
  build: (context) => fewLabelsRecipe(context, { ...WHOLE, hasLook: false }),
};
