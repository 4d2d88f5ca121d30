/** The notebook with the generator loss that it has commented out. */

import type { RecipeEntry } from '../recipe-entry.js';
import { notebookRecipe } from './notebook-family.js';

export const notebookFeatureMatching: RecipeEntry = {
  title: 'Notebook with feature matching',
  summary: 'The notebook with its commented-out generator loss, feature matching, added',
  defaults: {},
  isBaseline: false,
  hasGenerator: true,
  build: (context) =>
    notebookRecipe(context, {
      biasBeforeNorm: 'zero',
      discriminators: 1,
      updatesRunningStatistics: true,
      generatorTerms: ['featureMatchingLoss', 'fakeAsRealLoss'],
    }),
};
