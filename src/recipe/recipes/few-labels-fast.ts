/** The recipe for few labels where 98 % is wanted soon: fewer steps, narrower networks, fewer landmarks. */

import type { RecipeEntry } from '../recipe-entry.js';
import { FEW_LABELS_DEFAULTS, WHOLE, fewLabelsRecipe } from './few-labels-family.js';
import { fewLabels } from './few-labels.js';

export const fewLabelsFast: RecipeEntry = {
  ...fewLabels,
  title: 'Few labels, fast',
  summary: 'The same in fewer steps, with narrower networks',
  defaults: { ...FEW_LABELS_DEFAULTS, steps: 2200, evalEvery: 100 },
  build: (context) => fewLabelsRecipe(context, { ...WHOLE, width: 0.75, landmarks: 10_000 }),
};
