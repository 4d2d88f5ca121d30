/** What the notebook's recipes share: the rows and passes of its one phase, its optimisers. */

import { notebookDiscriminator, notebookGenerator, LATENT_SIZE } from '../networks/notebook.js';
import type { BiasMode } from '../layers.js';
import {
  onlyStage,
  type Optimiser,
  type Pass,
  type Phase,
  type Recipe,
  type RowGroup,
  type Term,
} from '../recipe.js';
import type { RecipeContext } from '../recipe-entry.js';
import { CONSTANT } from '../schedules.js';

/** TensorFlow 1's default. */
const ADAM_EPSILON = 1e-8;

const PLAIN = {
  instance: 0,
  gradient: true,
  mode: 'training',
  parameters: 'current',
} as const;

export const LABELLED: Pass = {
  ...PLAIN,
  name: 'labelled',
  network: 'discriminator',
  input: { kind: 'group', group: 'labelled' },
  stream: 0,
};

export const SUPERVISED: Term = {
  kind: 'softmaxCrossEntropy',
  name: 'supervisedLoss',
  pass: 'labelled',
  layer: 'logits',
  weight: 1,
};

/** The batch as the notebook divides it: int(0.1 b) labelled, int(0.9 b) unlabelled, b latents. */
export function notebookGroups({
  share,
}: RecipeContext): Record<'labelled' | 'unlabelled' | 'latents', RowGroup> {
  const own = { indicesOf: null, view: { kind: 'plain' } } as const;
  return {
    labelled: { ...own, name: 'labelled', pool: 'labelled', rows: share(0.1) },
    unlabelled: { ...own, name: 'unlabelled', pool: 'unlabelled', rows: share(0.9) },
    latents: { ...own, name: 'latents', pool: 'latents', rows: share(1) },
  };
}

export function discriminatorOptimiser({ settings }: RecipeContext): Optimiser {
  const { discriminatorLr: lr, discriminatorBeta1: beta1, discriminatorBeta2: beta2 } = settings;
  return { kind: 'adam', lr, beta1, beta2, epsilon: ADAM_EPSILON, schedule: CONSTANT };
}

export function generatorOptimiser({ settings }: RecipeContext): Optimiser {
  const { generatorLr: lr, generatorBeta1: beta1, generatorBeta2: beta2 } = settings;
  return { kind: 'adam', lr, beta1, beta2, epsilon: ADAM_EPSILON, schedule: CONSTANT };
}

export interface NotebookVariant {
  readonly biasBeforeNorm: BiasMode;
  /** Discriminators: one for all passes, or one each for labelled, unlabelled and generated images. */
  readonly discriminators: 1 | 3;
  readonly updatesRunningStatistics: boolean;
  readonly generatorTerms: readonly string[];
  /** As many labelled rows as generated ones, instead of a tenth of them. */
  readonly hasWholeLabelledBatch?: boolean;
  /** Whether a logit beside the classes' tells fake from real, which else their logsumexp does. It has one unless told. */
  readonly hasFakeLogit?: boolean;
  /** Of the average of the discriminator that is evaluated; null: it is evaluated as it is. */
  readonly averageDecay?: number | null;
  /** See `NotebookNetworkOptions`. */
  readonly hasEvenKernels?: boolean;
}

/** How images are judged real: by the logit "fake", which says 0, or by the logsumexp of the classes, which says 1. */
function judgeOf(hasFakeLogit: boolean, classes: number) {
  const shared = { layer: 'logits', weight: 1 } as const;
  if (!hasFakeLogit)
    return {
      asReal: { ...shared, kind: 'logsumexpCrossEntropy', target: 1 },
      asFake: { ...shared, kind: 'logsumexpCrossEntropy', target: 0 },
    } as const;
  const sigmoid = { ...shared, kind: 'sigmoidCrossEntropy', column: classes } as const;
  return { asReal: { ...sigmoid, target: 0 }, asFake: { ...sigmoid, target: 1 } } as const;
}

/** The notebook's single phase. */
function notebookPhase(context: RecipeContext, variant: NotebookVariant): Phase {
  const { discriminators, generatorTerms, hasWholeLabelledBatch = false, hasFakeLogit = true } = variant;
  const { labelled: few, unlabelled, latents } = notebookGroups(context);
  const labelled = hasWholeLabelledBatch ? { ...few, rows: latents.rows } : few;
  const [second, third] = discriminators === 3 ? [1, 2] : [0, 0];
  const { asReal, asFake } = judgeOf(hasFakeLogit, context.data.classes);
  const discriminator = { ...PLAIN, network: 'discriminator' } as const;
  return {
    groups: [labelled, unlabelled, latents],
    passes: [
      LABELLED,
      {
        ...discriminator,
        name: 'unlabelled',
        instance: second,
        input: { kind: 'group', group: 'unlabelled' },
        stream: 1,
      },
      {
        ...PLAIN,
        name: 'generated',
        network: 'generator',
        input: { kind: 'group', group: 'latents' },
        stream: 3,
      },
      {
        ...discriminator,
        name: 'fake',
        instance: third,
        input: { kind: 'pass', pass: 'generated' },
        stream: 2,
      },
    ],
    terms: [
      { ...asReal, name: 'realUnlabelledLoss', pass: 'unlabelled' },
      { ...asFake, name: 'fakeLoss', pass: 'fake' },
      SUPERVISED,
      { ...asReal, name: 'fakeAsRealLoss', pass: 'fake' },
      {
        kind: 'featureMatching',
        name: 'featureMatchingLoss',
        pass: 'fake',
        against: 'unlabelled',
        layer: 'features',
        weight: 1,
      },
    ],
    updates: [
      {
        loss: 'discriminatorLoss',
        terms: ['realUnlabelledLoss', 'fakeLoss', 'supervisedLoss'],
        networks: ['discriminator'],
      },
      { loss: 'generatorLoss', terms: generatorTerms, networks: ['generator'] },
    ],
  };
}

/** The notebook's two networks on its one phase. */
export function notebookRecipe(
  context: RecipeContext,
  variant: NotebookVariant,
): Omit<Recipe, 'name' | 'classes'> {
  const { data, settings, channels } = context;
  const { biasBeforeNorm, discriminators, updatesRunningStatistics, averageDecay = null } = variant;
  const { hasFakeLogit = true, hasEvenKernels = false } = variant;
  const options = {
    data,
    biasBeforeNorm,
    dropout: settings.dropout,
    channels,
    hasFakeLogit,
    hasEvenKernels,
  };
  return {
    networks: [
      {
        network: notebookDiscriminator(options),
        instances: discriminators,
        optimiser: discriminatorOptimiser(context),
        average: averageDecay === null ? null : { decay: averageDecay },
      },
      {
        network: notebookGenerator(options),
        instances: 1,
        optimiser: generatorOptimiser(context),
        average: null,
      },
    ],
    stages: onlyStage(context.scheduleSteps, {
      phases: [notebookPhase(context, variant)],
      accuracy: { pass: 'labelled', layer: 'logits' },
    }),
    updatesRunningStatistics,
    classifier: {
      network: 'discriminator',
      layer: 'logits',
      parameters: averageDecay === null ? 'current' : 'average',
    },
    generator: { network: 'generator', latentSize: LATENT_SIZE, parameters: 'current' },
    landmarks: null,
  };
}
