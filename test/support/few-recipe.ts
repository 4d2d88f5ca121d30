/**
 * A small recipe with every part that learning from few labels needs: four stages (look, spread, spread again, learn),
 * views with each of their parts, noise, group norm, passes that end early, all terms, two phases, averages, and
 * a generator that begins with a dense layer. What engines are held together on, and to the reference data.
 */

import { resolveSettings } from '../../src/protocol/check-settings.js';
import type { Network } from '../../src/recipe/layers.js';
import type {
  DataShape,
  NetworkEntry,
  Optimiser,
  Pass,
  Phase,
  Recipe,
  RowGroup,
  Stage,
  View,
  WarpView,
} from '../../src/recipe/recipe.js';
import type { EngineInput, EngineState } from '../../src/worker/engine/engine.js';
import {
  initialTensors,
  parametersOf,
  TARGET_STORE,
  type NamedTensor,
} from '../../src/worker/model/parameters.js';
import { randomDataset } from './random-recipes.js';

/** A view that is drawn and does nothing. */
export const VIEW_OF_NOTHING: WarpView = {
  kind: 'warp',
  rotation: 0,
  scale: 0,
  shift: 0,
  shear: 0,
  aspect: 0,
  displacement: 0,
  cutOut: 0,
  stroke: null,
  brightness: 0,
  contrast: 0,
  outside: 'background',
};

/** Views that have, one with another, every part, and each of them not everywhere. */
export const FEW_VIEWS = {
  nothing: VIEW_OF_NOTHING,
  weak: { ...VIEW_OF_NOTHING, rotation: 0.1, scale: 0.05, shift: 1.5, shear: 0.05 },
  strong: {
    ...VIEW_OF_NOTHING,
    rotation: 0.25,
    scale: 0.15,
    shift: 2,
    shear: 0.2,
    aspect: 0.1,
    displacement: 0.7,
    stroke: { probability: 0.15 },
  },
  look: {
    ...VIEW_OF_NOTHING,
    rotation: 0.3,
    scale: 0.2,
    shift: 2,
    shear: 0.25,
    aspect: 0.15,
    displacement: 0.7,
    cutOut: 3,
    stroke: { probability: 0.5 },
  },
  photograph: {
    ...VIEW_OF_NOTHING,
    rotation: 0.3,
    shift: 3,
    displacement: 1,
    cutOut: 4,
    stroke: { probability: 1 },
    brightness: 0.2,
    contrast: 0.3,
    outside: 'edge',
  },
} as const satisfies Record<string, WarpView>;

const FEATURES = 8;
const EMBEDDING = 5;
const LATENTS = 6;
const LABELLED = 6;
const UNLABELLED = 20;

/** Upright and grey, level and in colour. Sides are multiples of 4, which the generator's strides make of them. */
export const FEW_SHAPES: readonly DataShape[] = [
  { imageShape: [12, 8, 1], classes: 3 },
  { imageShape: [8, 12, 3], classes: 4 },
];

function discriminator({ imageShape, classes }: DataShape): Network {
  const convolution = { kind: 'conv2d', stride: 2, padding: 'same', bias: 'trained', start: 'he' } as const;
  const leaky = { kind: 'leakyRelu', alpha: 0.1 } as const;
  const norm = { kind: 'groupNorm', epsilon: 1e-5 } as const;
  return {
    name: 'discriminator',
    inputShape: imageShape,
    layers: [
      { kind: 'gaussianNoise', name: 'noise', deviation: 0.1 },
      { ...convolution, name: 'conv1', filters: 4, kernelSize: [5, 5] },
      { ...norm, name: 'norm1', groups: 2 },
      { ...leaky, name: 'leaky1' },
      { ...convolution, name: 'conv2', filters: 6, kernelSize: [3, 3] },
      { ...norm, name: 'norm2', groups: 3 },
      { ...leaky, name: 'leaky2' },
      { kind: 'flatten', name: 'flatten' },
      { kind: 'dropout', name: 'dropout1', rate: 0.3 },
      { kind: 'dense', name: 'dense', units: FEATURES, bias: 'trained', start: 'he' },
      { ...leaky, name: 'features' },
      { kind: 'dropout', name: 'dropout2', rate: 0.3 },
      { kind: 'dense', name: 'logits', units: classes, bias: 'trained' },
    ],
  };
}

const PROJECTION: Network = {
  name: 'projection',
  inputShape: [FEATURES],
  layers: [{ kind: 'dense', name: 'embedding', units: EMBEDDING, bias: 'trained' }],
};

function generator({ imageShape: [height, width, channels] }: DataShape): Network {
  const transposed = { kind: 'conv2dTranspose', kernelSize: [4, 4], stride: 2, padding: 'same' } as const;
  const norm = { kind: 'batchNorm', momentum: 0.9, epsilon: 1e-3 } as const;
  const start = [height / 4, width / 4, 4] as const;
  return {
    name: 'generator',
    inputShape: [LATENTS],
    layers: [
      { kind: 'dense', name: 'dense', units: start[0] * start[1] * start[2], bias: 'zero', start: 'he' },
      // Over the batch, each of the values by itself.
      { ...norm, name: 'norm1' },
      { kind: 'relu', name: 'relu1' },
      { kind: 'reshape', name: 'reshape', shape: start },
      { ...transposed, name: 'deconv2', filters: 3, bias: 'zero' },
      { ...norm, name: 'norm2' },
      { kind: 'relu', name: 'relu2' },
      { ...transposed, name: 'deconv3', filters: channels, bias: 'trained' },
      { kind: 'tanh', name: 'tanh' },
    ],
  };
}

function adam(lr: number, beta1: number, steps: number): Optimiser {
  // A large epsilon: a gradient of about zero moves nothing, so engines stay together.
  const schedule = { warmUpSteps: 2, cosine: { steps, finalShare: 0 } };
  return { kind: 'adam', lr, beta1, beta2: 0.999, epsilon: 1e-3, schedule };
}

function group(
  name: string,
  pool: RowGroup['pool'],
  rows: number,
  view: View = { kind: 'plain' },
  indicesOf: string | null = null,
): RowGroup {
  return { name, pool, rows, view, indicesOf };
}

function pass(name: string, stream: number, input: Pass['input'], overrides: Partial<Pass> = {}): Pass {
  const usual = { network: 'discriminator', instance: 0, gradient: true } as const;
  return { ...usual, mode: 'training', parameters: 'current', name, stream, input, ...overrides };
}

const ofGroup = (name: string): Pass['input'] => ({ kind: 'group', group: name });
const ofPass = (name: string): Pass['input'] => ({ kind: 'pass', pass: name });
const WITHOUT_GRADIENT = { gradient: false } as const;
const TEACHER = { gradient: false, mode: 'inference', parameters: 'average' } as const;
const GENERATED = { network: 'generator' } as const;

/** Two views of unlabelled images, embedded; each has to find its other. */
function lookPhases(): readonly Phase[] {
  return [
    {
      groups: [
        group('first', 'unlabelled', 6, FEW_VIEWS.look),
        group('second', 'unlabelled', 6, FEW_VIEWS.photograph, 'first'),
      ],
      passes: [
        pass('first', 0, ofGroup('first'), { until: 'features' }),
        pass('second', 1, ofGroup('second'), { until: 'features' }),
        pass('firstEmbedding', 2, ofPass('first'), { network: 'projection' }),
        pass('secondEmbedding', 3, ofPass('second'), { network: 'projection' }),
      ],
      terms: [
        {
          kind: 'contrastive',
          name: 'contrastiveTerm',
          pass: 'firstEmbedding',
          against: 'secondEmbedding',
          layer: 'embedding',
          temperature: 0.2,
          weight: 0.5,
        },
      ],
      updates: [
        {
          loss: 'lookLoss',
          terms: ['contrastiveTerm'],
          networks: ['discriminator', 'projection'],
        },
      ],
    },
  ];
}

/** Latents and images of their own: the generator follows the features of the discriminator's update. */
function generatorPhase(): Phase {
  return {
    groups: [group('latents', 'latents', 5), group('real', 'unlabelled', 4)],
    passes: [
      pass('drawn', 0, ofGroup('latents'), GENERATED),
      pass('matched', 1, ofPass('drawn')),
      pass('model', 2, ofGroup('real'), WITHOUT_GRADIENT),
    ],
    terms: [
      {
        kind: 'featureMatching',
        name: 'featureMatching',
        pass: 'matched',
        against: 'model',
        layer: 'dropout2',
        distance: 'absolute',
        weight: 1,
      },
    ],
    updates: [{ loss: 'generatorLoss', terms: ['featureMatching'], networks: ['generator'] }],
  };
}

interface Teaching {
  readonly pool: 'landmarks' | 'unlabelled';
  /** How the pupil sees the images, and how the teacher does. */
  readonly views: readonly [View, View];
  readonly threshold: number | readonly number[];
  readonly isSoft: boolean;
}

/** Labelled images, pseudo-labels of the averaged network or the store, real and generated images. */
function discriminatorPhase({ pool, views, threshold, isSoft }: Teaching): Phase {
  const LOGITS = { layer: 'logits', weight: 1 } as const;
  return {
    groups: [
      group('labelled', 'labelled', 4, FEW_VIEWS.weak),
      group('pupil', pool, 7, views[0]),
      group('teacher', pool, 7, views[1], 'pupil'),
      group('real', 'unlabelled', 5),
      group('latents', 'latents', 4),
    ],
    passes: [
      pass('labelled', 0, ofGroup('labelled')),
      pass('pupil', 1, ofGroup('pupil')),
      pass('teacher', 2, ofGroup('teacher'), TEACHER),
      pass('real', 3, ofGroup('real')),
      pass('generated', 4, ofGroup('latents'), { ...GENERATED, ...WITHOUT_GRADIENT }),
      pass('fake', 5, ofPass('generated')),
    ],
    terms: [
      { ...LOGITS, kind: 'softmaxCrossEntropy', name: 'supervised', pass: 'labelled' },
      {
        ...LOGITS,
        kind: 'pseudoLabelCrossEntropy',
        name: 'pseudoLabels',
        pass: 'pupil',
        teacher: { pass: 'teacher', threshold, isSoft },
        usesStore: pool === 'landmarks',
        weight: { from: 0.5, to: 1.5, firstStep: 1, steps: 2 },
      },
      { ...LOGITS, kind: 'confidentShare', name: 'confidentShare', pass: 'teacher', threshold },
      { ...LOGITS, kind: 'logsumexpCrossEntropy', name: 'realTerm', pass: 'real', target: 1, weight: 0.5 },
      { ...LOGITS, kind: 'logsumexpCrossEntropy', name: 'fakeTerm', pass: 'fake', target: 0, weight: 0.5 },
    ],
    updates: [
      {
        loss: 'discriminatorLoss',
        terms: ['supervised', 'pseudoLabels', 'realTerm', 'fakeTerm'],
        networks: ['discriminator'],
      },
    ],
  };
}

/** Steps of each stage. The last goes on past them. */
export const FEW_STEPS = { look: 3, spread: 2, spreadAgain: 2, learn: 3 } as const;
/** Updates done when a stage begins, in order. */
export const FEW_FIRST_STEPS = [0, 3, 5, 7] as const;

/** The recipe for data of a shape, whose sides are multiples of 4. */
export function fewRecipe(data: DataShape): Recipe {
  const average = { decay: 0.9 } as const;
  const networks: readonly NetworkEntry[] = [
    { network: discriminator(data), instances: 1, optimiser: adam(2e-3, 0.9, 7), average },
    { network: PROJECTION, instances: 1, optimiser: adam(2e-3, 0.9, FEW_STEPS.look), average: null },
    { network: generator(data), instances: 1, optimiser: adam(2e-3, 0.5, 7), average },
  ];
  // Passed by some rows and not by others at the states of `fewState`.
  const thresholds = Array.from(
    { length: data.classes },
    (_, label) => 0.28 + 0.7 / data.classes - 0.03 * label,
  );
  const spreadPhases = [
    discriminatorPhase({
      pool: 'landmarks',
      views: [FEW_VIEWS.strong, FEW_VIEWS.nothing],
      threshold: thresholds,
      isSoft: false,
    }),
    generatorPhase(),
  ];
  const learnPhases = [
    discriminatorPhase({
      pool: 'unlabelled',
      views: [FEW_VIEWS.photograph, FEW_VIEWS.weak],
      threshold: 0.25 + 0.6 / data.classes,
      isSoft: true,
    }),
    generatorPhase(),
  ];
  const accuracy = { pass: 'labelled', layer: 'logits' };
  const usual = { accuracy, optimiserOf: {}, optimisers: 'continued', before: null } as const;
  const stages: readonly Stage[] = [
    {
      ...usual,
      key: 'look',
      phases: lookPhases(),
      accuracy: null,
      steps: FEW_STEPS.look,
      optimisers: 'fresh',
      optimiserOf: { discriminator: adam(4e-3, 0.8, FEW_STEPS.look) },
    },
    {
      ...usual,
      key: 'learn',
      phases: spreadPhases,
      steps: FEW_STEPS.spread,
      optimisers: 'fresh',
      before: { kind: 'spread', parameters: 'current' },
    },
    {
      ...usual,
      key: 'learn',
      phases: spreadPhases,
      steps: FEW_STEPS.spreadAgain,
      before: { kind: 'spread', parameters: 'average' },
    },
    { ...usual, key: 'learn', phases: learnPhases, steps: FEW_STEPS.learn },
  ];
  return {
    name: 'few',
    classes: data.classes,
    networks,
    stages,
    updatesRunningStatistics: true,
    classifier: { network: 'discriminator', layer: 'logits', parameters: 'average' },
    generator: { network: 'generator', latentSize: LATENTS, parameters: 'average' },
    landmarks: { count: 14, layer: 'features' },
  };
}

/** What engines of the recipe are made from. Every landmark is an image of the split. */
export function fewInput(data: DataShape = FEW_SHAPES[0]!, seed = 31): EngineInput {
  const settings = resolveSettings({ seed, steps: 10 });
  return {
    recipe: fewRecipe(data),
    settings,
    dataset: randomDataset(data, 4, { train: 40, test: 10 }),
    split: {
      // Not in the order of the data, so that an index taken for another shows.
      labelled: Uint32Array.from({ length: LABELLED }, (_, index) => (7 * index + 3) % 40),
      unlabelled: Uint32Array.from({ length: UNLABELLED }, (_, index) => (7 * (index + LABELLED) + 3) % 40),
    },
  };
}

/** The same where every image is labelled, and there are fewer than the recipe keeps targets for. */
export function allLabelledInput(): EngineInput {
  const input = fewInput();
  const { recipe, dataset, split } = input;
  const all = Uint32Array.from([...split.labelled, ...split.unlabelled]);
  return {
    ...input,
    recipe: { ...recipe, landmarks: { ...recipe.landmarks!, count: dataset.train.count + 20 } },
    split: { labelled: all, unlabelled: all },
  };
}

/** [landmarks, classes] as spreading might leave them: in turns nothing, one class, some of each. */
export function fewTargets({ landmarks, classes }: Recipe): NamedTensor {
  const { count } = landmarks!;
  const values = new Float32Array(count * classes);
  for (let row = 0; row < count; row++) {
    const likeliest = (row * 5 + 1) % classes;
    if (row % 3 === 1) values[row * classes + likeliest] = 1;
    if (row % 3 !== 2) continue;
    // Eighths, which float32 has.
    for (let label = 0; label < classes; label++) values[row * classes + label] = 1 / 8;
    values[row * classes + likeliest] = 1 - (classes - 1) / 8;
  }
  return { shape: [count, classes], values };
}

/** A hash of a name and an index in [-1, 1). */
function shaken(name: string, index: number): number {
  let mixed = Math.imul(index + 1, 0x9e3779b1);
  for (let i = 0; i < name.length; i++) mixed = Math.imul(mixed ^ name.charCodeAt(i), 0x01000193);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 31 - 1;
}

/**
 * A state at the first step of a stage with nothing at 0 or 1: initial kernels, biases and norms drawn about their
 * starts, averages beside their parameters, moments where optimisers are continued, targets in the store.
 */
export function fewState({ recipe, settings }: EngineInput, stage: number): EngineState {
  const tensors = initialTensors(recipe, settings.seed);
  const isFresh = recipe.stages[stage]!.optimisers === 'fresh';
  const frozen = new Set(parametersOf(recipe).flatMap(({ name, role }) => (role === 'frozen' ? [name] : [])));
  const move = (name: string, by: (index: number) => number): void => {
    tensors.get(name)!.values.forEach((value, index, values) => (values[index] = value + by(index)));
  };
  for (const name of tensors.keys()) {
    if (frozen.has(name)) continue;
    if (name.startsWith('adam/m/')) {
      if (!isFresh) move(name, (index) => 0.01 * shaken(name, index));
    } else if (name.startsWith('adam/v/')) {
      if (!isFresh) move(name, (index) => 1e-4 * (1.5 + shaken(name, index)));
    } else if (name.startsWith('average/')) {
      const current = tensors.get(name.slice('average/'.length))!.values;
      tensors.get(name)!.values.forEach((_, index, values) => {
        values[index] = current[index]! + (isFresh ? 0 : 0.02 * shaken(name, index));
      });
    } else move(name, (index) => 0.1 * shaken(name, index));
  }
  if (tensors.has(TARGET_STORE)) tensors.set(TARGET_STORE, fewTargets(recipe));
  return { step: FEW_FIRST_STEPS[stage]!, tensors };
}
