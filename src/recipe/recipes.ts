/**
 * Named recipes as frozen data: which networks, which passes over them, which losses, which updates.
 * Every engine and the fused plan are built from this and from nothing else; no engine knows a
 * recipe by name.
 */

import type { Network } from './layers.js';
import { LATENT_SIZE, notebookDiscriminator, notebookGenerator } from './networks/notebook.js';

export const RECIPE_NAMES = [
  'notebook',
  'notebook-as-run',
  'notebook-feature-matching',
  'labels-only',
] as const;

export type RecipeName = (typeof RECIPE_NAMES)[number];

/** One run of a network over one segment of the batch, with its own batch statistics. */
export interface Pass {
  readonly name: string;
  readonly network: string;
  /** Which of the network's instances. */
  readonly instance: number;
  readonly input:
    | { readonly kind: 'labelled' | 'unlabelled' | 'latents' }
    | { readonly kind: 'pass'; readonly pass: string };
  /** Tells this pass's dropout masks from those of other passes; the same pass has it in every recipe. */
  readonly stream: number;
}

/** A loss term; its value is `METRIC_NAMES`' entry of the same name. Means are over the pass's rows. */
export type LossTerm =
  | {
      /** Mean of -log softmax(logits)[label]; the "fake" class is one of the classes. */
      readonly kind: 'softmaxCrossEntropy';
      readonly name: 'supervisedLoss';
      readonly pass: string;
      readonly layer: string;
    }
  | {
      /** Mean of the sigmoid cross-entropy of one logit column against a constant target. */
      readonly kind: 'sigmoidCrossEntropy';
      readonly name: 'realUnlabelledLoss' | 'fakeLoss' | 'fakeAsRealLoss';
      readonly pass: string;
      readonly layer: string;
      readonly column: number;
      readonly target: 0 | 1;
    }
  | {
      /** Mean over features of the squared difference of two passes' batch means. */
      readonly kind: 'featureMatching';
      readonly name: 'featureMatchingLoss';
      readonly pass: string;
      readonly against: string;
      readonly layer: string;
    };

/** A loss: the sum of the terms named, and the network that descends it. */
export interface Update {
  readonly loss: 'discriminatorLoss' | 'generatorLoss';
  readonly terms: readonly LossTerm['name'][];
  /** All instances of this network, with the settings of this optimiser. */
  readonly network: string;
  readonly optimiser: 'discriminator' | 'generator';
}

/**
 * Passes run in order; running statistics move in that order. Every gradient of a phase is taken
 * at the same parameters, then all its updates are applied.
 */
export interface Phase {
  readonly passes: readonly Pass[];
  readonly terms: readonly LossTerm[];
  readonly updates: readonly Update[];
}

export interface Recipe {
  readonly name: RecipeName;
  readonly networks: readonly {
    readonly network: Network;
    /** Copies with their own convolutions and dense layers; batch norm is shared between them. */
    readonly instances: number;
  }[];
  readonly phases: readonly Phase[];
  /** Whether training moves the running statistics that evaluation normalises with. */
  readonly updatesRunningStatistics: boolean;
  /** The pass whose logits against its labels give `trainAccuracy`. */
  readonly accuracy: { readonly pass: string; readonly layer: string };
  /** Evaluation: argmax of this layer of instance 0 of this network. */
  readonly classifier: { readonly network: string; readonly layer: string };
  /** null where the recipe has none. */
  readonly generator: { readonly network: string; readonly latentSize: number } | null;
}

/** What of the data a recipe's shapes depend on. */
export interface DataShape {
  /** [height, width, channels] */
  readonly imageShape: readonly [number, number, number];
  readonly classes: number;
}

/** Rows of each kind in a batch of b, as the notebook counts them. */
export function batchRows(batch: number): {
  readonly labelled: number;
  readonly unlabelled: number;
  readonly latents: number;
} {
  return { labelled: Math.floor(0.1 * batch), unlabelled: Math.floor(0.9 * batch), latents: batch };
}

const labelledPass: Pass = {
  name: 'labelled',
  network: 'discriminator',
  instance: 0,
  input: { kind: 'labelled' },
  stream: 0,
};
const unlabelledPass: Pass = {
  name: 'unlabelled',
  network: 'discriminator',
  instance: 0,
  input: { kind: 'unlabelled' },
  stream: 1,
};
const generatedPass: Pass = {
  name: 'generated',
  network: 'generator',
  instance: 0,
  input: { kind: 'latents' },
  stream: 3,
};
const fakePass: Pass = {
  name: 'fake',
  network: 'discriminator',
  instance: 0,
  input: { kind: 'pass', pass: 'generated' },
  stream: 2,
};

const supervised: LossTerm = {
  kind: 'softmaxCrossEntropy',
  name: 'supervisedLoss',
  pass: 'labelled',
  layer: 'logits',
};

/**
 * The notebook's single phase. `instanceOf` gives the discriminator instance of each of its passes.
 */
function notebookPhase(
  fakeClass: number,
  generatorTerms: readonly LossTerm['name'][],
  instanceOf: { readonly unlabelled: number; readonly fake: number },
): Phase {
  const sigmoid = { kind: 'sigmoidCrossEntropy', layer: 'logits', column: fakeClass } as const;
  return {
    passes: [
      labelledPass,
      { ...unlabelledPass, instance: instanceOf.unlabelled },
      generatedPass,
      { ...fakePass, instance: instanceOf.fake },
    ],
    terms: [
      { ...sigmoid, name: 'realUnlabelledLoss', pass: 'unlabelled', target: 0 },
      { ...sigmoid, name: 'fakeLoss', pass: 'fake', target: 1 },
      supervised,
      { ...sigmoid, name: 'fakeAsRealLoss', pass: 'fake', target: 0 },
      {
        kind: 'featureMatching',
        name: 'featureMatchingLoss',
        pass: 'fake',
        against: 'unlabelled',
        layer: 'features',
      },
    ],
    updates: [
      {
        loss: 'discriminatorLoss',
        terms: ['realUnlabelledLoss', 'fakeLoss', 'supervisedLoss'],
        network: 'discriminator',
        optimiser: 'discriminator',
      },
      { loss: 'generatorLoss', terms: generatorTerms, network: 'generator', optimiser: 'generator' },
    ],
  };
}

const labelsOnlyPhase: Phase = {
  passes: [labelledPass],
  terms: [supervised],
  updates: [
    {
      loss: 'discriminatorLoss',
      terms: ['supervisedLoss'],
      network: 'discriminator',
      optimiser: 'discriminator',
    },
  ],
};

function freezeDeep<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(freezeDeep);
  }
  return value;
}

/**
 * The recipe of a name for data of a shape. `channelDivisor` makes small networks for tests.
 */
export function buildRecipe(
  name: RecipeName,
  { imageShape, classes }: DataShape,
  channelDivisor = 1,
): Recipe {
  const asRun = name === 'notebook-as-run';
  const options = {
    imageShape,
    classes,
    channelDivisor,
    biasBeforeNorm: asRun ? 'trained' : 'zero',
  } as const;
  const discriminator = notebookDiscriminator(options);
  const generator = notebookGenerator(options);
  const shared = {
    name,
    updatesRunningStatistics: !asRun,
    accuracy: { pass: 'labelled', layer: 'logits' },
    classifier: { network: 'discriminator', layer: 'logits' },
  };
  if (name === 'labels-only') {
    return freezeDeep<Recipe>({
      ...shared,
      networks: [{ network: discriminator, instances: 1 }],
      phases: [labelsOnlyPhase],
      generator: null,
    });
  }
  const generatorTerms: readonly LossTerm['name'][] =
    name === 'notebook-feature-matching' ? ['featureMatchingLoss', 'fakeAsRealLoss'] : ['fakeAsRealLoss'];
  return freezeDeep<Recipe>({
    ...shared,
    // The discriminator comes first in every recipe, so that its streams are the same in all of them.
    networks: [
      { network: discriminator, instances: asRun ? 3 : 1 },
      { network: generator, instances: 1 },
    ],
    phases: [
      notebookPhase(classes, generatorTerms, asRun ? { unlabelled: 1, fake: 2 } : { unlabelled: 0, fake: 0 }),
    ],
    generator: { network: 'generator', latentSize: LATENT_SIZE },
  });
}
