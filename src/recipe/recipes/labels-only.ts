/** The baseline of the others: the notebook's discriminator on the same labelled draws, and no GAN. */

import { onlyStage } from '../recipe.js';
import type { RecipeEntry } from '../recipe-entry.js';
import { notebookDiscriminator } from '../networks/notebook.js';
import { discriminatorOptimiser, LABELLED, notebookGroups, SUPERVISED } from './notebook-family.js';

export const labelsOnly: RecipeEntry = {
  title: 'Labels only',
  summary: 'The same discriminator on the same labelled images, no GAN: the baseline',
  defaults: {},
  isBaseline: true,
  hasGenerator: false,
  build: (context) => {
    const { data, settings, channels } = context;
    return {
      networks: [
        {
          network: notebookDiscriminator({
            data,
            biasBeforeNorm: 'zero',
            dropout: settings.dropout,
            channels,
          }),
          instances: 1,
          optimiser: discriminatorOptimiser(context),
          average: null,
        },
      ],
      stages: onlyStage(context.scheduleSteps, {
        phases: [
          {
            groups: [notebookGroups(context).labelled],
            passes: [LABELLED],
            terms: [SUPERVISED],
            updates: [{ loss: 'discriminatorLoss', terms: ['supervisedLoss'], networks: ['discriminator'] }],
          },
        ],
        accuracy: { pass: 'labelled', layer: 'logits' },
      }),
      updatesRunningStatistics: true,
      classifier: { network: 'discriminator', layer: 'logits', parameters: 'current' },
      generator: null,
      landmarks: null,
    };
  },
};
