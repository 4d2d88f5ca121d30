/** What the notebook's cells compute under TensorFlow. */

import type { RecipeEntry } from '../recipe-entry.js';
import { notebookRecipe } from './notebook-family.js';

export const notebookAsRun: RecipeEntry = {
  title: 'Notebook, as run',
  summary: 'What its cells really compute: three discriminators that share only their batch norm, no dropout',
  // TensorFlow's graph leaves Keras' learning phase at false, so its dropout drops nothing.
  defaults: { dropout: 0 },
  isBaseline: false,
  hasGenerator: true,
  build: (context) =>
    notebookRecipe(context, {
      biasBeforeNorm: 'trained',
      discriminators: 3,
      updatesRunningStatistics: false,
      generatorTerms: ['fakeAsRealLoss'],
    }),
};
