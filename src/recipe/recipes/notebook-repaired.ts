/**
 * The notebook's two networks with its faults mended, each by itself: what `repairs` names is on.
 *
 * - `statistics`: a whole batch of labelled images a step, so that the batch statistics of their pass are of as many
 *   rows as the others' (32 instead of 3 at batch 32).
 * - `logsumexp`: real or fake by the logsumexp of the class logits instead of one more logit, so that unlabelled and
 *   generated images reach those (Salimans et al. 2016, section 5).
 * - `feature-matching`: in the generator's loss, beside the notebook's own.
 * - `beta1`: Adam's is 0.5 unless it is given.
 * - `average`: the discriminator is evaluated by the average of its parameters.
 * - `kernels`: those of the generator divide by their stride, so that no pixel is written more often than its neighbour.
 */

import type { RecipeEntry } from '../recipe-entry.js';
import { readRepairs } from '../repairs.js';
import { notebookRecipe } from './notebook-family.js';

/** Of an average over about a thousand steps. */
const AVERAGE_DECAY = 0.999;

export const notebookRepaired: RecipeEntry = {
  title: 'Notebook, repaired',
  summary: "The notebook's own two networks with its faults mended one by one, each a switch",
  defaults: { repairs: 'all' },
  isBaseline: false,
  hasGenerator: true,
  repairDefaults: {
    statistics: {},
    logsumexp: {},
    'feature-matching': {},
    beta1: { discriminatorBeta1: 0.5, generatorBeta1: 0.5 },
    average: {},
    kernels: {},
  },
  build: (context) => {
    const repairs = readRepairs(context.settings.repairs) ?? [];
    return notebookRecipe(context, {
      biasBeforeNorm: 'zero',
      discriminators: 1,
      updatesRunningStatistics: true,
      generatorTerms: repairs.includes('feature-matching')
        ? ['featureMatchingLoss', 'fakeAsRealLoss']
        : ['fakeAsRealLoss'],
      hasWholeLabelledBatch: repairs.includes('statistics'),
      hasFakeLogit: !repairs.includes('logsumexp'),
      averageDecay: repairs.includes('average') ? AVERAGE_DECAY : null,
      hasEvenKernels: repairs.includes('kernels'),
    });
  },
};
