/** What the notebook sets out to do. */

import type { RecipeEntry } from '../recipe-entry.js';
import { notebookRecipe } from './notebook-family.js';

export const notebook: RecipeEntry = {
  title: 'Notebook',
  summary:
    'What the notebook sets out to do: one discriminator sees labelled, unlabelled and generated images',
  defaults: {},
  isBaseline: false,
  hasGenerator: true,
  build: (context) =>
    notebookRecipe(context, {
      biasBeforeNorm: 'zero',
      discriminators: 1,
      updatesRunningStatistics: true,
      generatorTerms: ['fakeAsRealLoss'],
    }),
};
