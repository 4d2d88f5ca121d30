/**
 * The recipes for few labels: what they share, and what each leaves out. In stages:
 *
 * 1. `look`, without labels: two warped views of an image have to find each other among those of a batch.
 * 2. `spread`: the worker spreads the labels over images with like features; the discriminator learns from those
 *    that it trusts, beside the labelled images and the GAN. Once more in the middle, from better features.
 * 3. `learn`: confident pseudo-labels of the averaged network on weakly warped views, for strongly warped ones.
 * 4. `draw`: the same without GAN, and beside it the generator is asked for classes and has to pass for real with a critic
 *    of its own: the discriminator gains from images between the classes, and loses by good ones (docs/few-labels.md).
 */

import {
  fewLabelsDiscriminator,
  fewLabelsGenerator,
  latentSizeOf,
  projection,
} from '../networks/few-labels.js';
import type {
  NetworkEntry,
  Optimiser,
  Pass,
  Phase,
  Recipe,
  RowGroup,
  Stage,
  Term,
  WarpView,
} from '../recipe.js';
import type { RecipeContext } from '../recipe-entry.js';

export interface FewLabelsParts {
  readonly hasLook: boolean;
  readonly hasGan: boolean;
  /** Only the labelled images, warped; then the other two are left out as well. */
  readonly isLabelsOnly: boolean;
  /** Share of the channels of hidden layers. */
  readonly width: number;
  /** Images that labels are spread over; neighbours are searched among all pairs of them. */
  readonly landmarks: number;
}

/** Every part, in full. */
export const WHOLE: FewLabelsParts = {
  hasLook: true,
  hasGan: true,
  isLabelsOnly: false,
  width: 1,
  landmarks: 30_000,
};

const ADAM_EPSILON = 1e-8;
const AVERAGE_DECAY = 0.995;
const CONFIDENCE = 0.95;
const TEMPERATURE = 0.2;
/** In the generator's loss, beside feature matching. */
const ADVERSARIAL_WEIGHT = 0.3;
const CLASS_WEIGHT = 0.3;

/** Shares of the run's steps; what is left is for `learn`. */
const LOOK_SHARE = 0.4;
const SPREAD_SHARE = 0.04;
const DRAW_SHARE = 0.15;

/** Updates until the full rate. */
const LOOK_WARM_UP = 30;
const LEARN_WARM_UP = 20;

const FEATURE_MATCHING: Term = {
  kind: 'featureMatching',
  name: 'featureMatchingLoss',
  pass: 'judged',
  against: 'matched',
  layer: 'droppedFeatures',
  distance: 'absolute',
  weight: 1,
};

const DISCRIMINATOR = {
  network: 'discriminator',
  instance: 0,
  gradient: true,
  mode: 'training',
  parameters: 'current',
} as const;

/** Views in pixels of an image of 28, for images of other sizes. */
function viewsOf({ data }: RecipeContext): Record<'weak' | 'strong' | 'stroked' | 'look', WarpView> {
  const pixels = Math.min(data.imageShape[0], data.imageShape[1]) / 28;
  const outside = data.outside ?? 'background';
  // Photographs differ in light; drawings on an even background do not.
  const tone = outside === 'edge' ? 0.2 : 0;
  const base = { kind: 'warp', cutOut: 0, stroke: null, brightness: tone, contrast: tone, outside } as const;
  const strong: WarpView = {
    ...base,
    rotation: 0.25,
    scale: 0.15,
    shift: 2 * pixels,
    shear: 0.2,
    aspect: 0.1,
    displacement: 1.5 * pixels,
  };
  const hasStrokes = outside === 'background';
  return {
    weak: {
      ...base,
      rotation: 0.1,
      scale: 0.05,
      shift: 1.5 * pixels,
      shear: 0.05,
      aspect: 0,
      displacement: 0,
      brightness: tone / 2,
      contrast: tone / 2,
    },
    strong,
    stroked: { ...strong, stroke: hasStrokes ? { probability: 0.15 } : null },
    look: {
      ...strong,
      rotation: 0.3,
      scale: 0.2,
      shear: 0.25,
      aspect: 0.15,
      cutOut: Math.round(8 * pixels),
      stroke: hasStrokes ? { probability: 0.5 } : null,
    },
  };
}

function images(name: string, pool: RowGroup['pool'], rows: number, view: RowGroup['view']): RowGroup {
  return { name, pool, rows, indicesOf: null, view };
}

function passOf(name: string, input: Pass['input'], stream: number, more: Partial<Pass> = {}): Pass {
  return { ...DISCRIMINATOR, name, input, stream, ...more };
}

function pass(name: string, group: string, stream: number, more: Partial<Pass> = {}): Pass {
  return passOf(name, { kind: 'group', group }, stream, more);
}

/** Two views of the same images, by way of the features to the projection. */
function lookPhase(context: RecipeContext): Phase {
  const { look } = viewsOf(context);
  const first = images('first', 'unlabelled', context.share(1), look);
  const project = (name: string, of: string, stream: number): Pass =>
    passOf(name, { kind: 'pass', pass: of }, stream, { network: 'projection' });
  return {
    groups: [first, { ...first, name: 'second', indicesOf: 'first' }],
    passes: [
      pass('first', 'first', 0, { until: 'features' }),
      pass('second', 'second', 1, { until: 'features' }),
      project('firstEmbedding', 'first', 2),
      project('secondEmbedding', 'second', 3),
    ],
    terms: [
      {
        kind: 'contrastive',
        name: 'contrastiveLoss',
        pass: 'firstEmbedding',
        against: 'secondEmbedding',
        layer: 'embedding',
        temperature: TEMPERATURE,
        weight: 1,
      },
    ],
    updates: [{ loss: 'lookLoss', terms: ['contrastiveLoss'], networks: ['discriminator', 'projection'] }],
  };
}

/** The discriminator's phase; `usesStore`: images are landmarks, whose spread labels go first. */
function discriminatorPhase(context: RecipeContext, parts: FewLabelsParts, usesStore: boolean): Phase {
  const { share } = context;
  const views = viewsOf(context);
  const { hasGan, isLabelsOnly } = parts;
  const terms: Term[] = [
    { kind: 'softmaxCrossEntropy', name: 'supervisedLoss', pass: 'labelled', layer: 'logits', weight: 1 },
  ];
  if (isLabelsOnly) {
    return {
      groups: [images('labelled', 'labelled', share(0.25), views.strong)],
      passes: [pass('labelled', 'labelled', 0)],
      terms,
      updates: [{ loss: 'discriminatorLoss', terms: ['supervisedLoss'], networks: ['discriminator'] }],
    };
  }
  const pool = usesStore ? 'landmarks' : 'unlabelled';
  const strong = images('strong', pool, share(1), usesStore ? views.stroked : views.strong);
  const groups = [
    images('labelled', 'labelled', share(0.25), views.weak),
    strong,
    { ...strong, name: 'weak', view: views.weak, indicesOf: 'strong' },
  ];
  const passes = [
    pass('labelled', 'labelled', 0),
    pass('strong', 'strong', 1),
    pass('weak', 'weak', 2, { gradient: false, mode: 'inference', parameters: 'average' }),
  ];
  terms.push(
    {
      kind: 'pseudoLabelCrossEntropy',
      name: 'pseudoLabelLoss',
      pass: 'strong',
      layer: 'logits',
      weight: 1,
      teacher: { pass: 'weak', threshold: CONFIDENCE, isSoft: false },
      usesStore,
    },
    {
      kind: 'confidentShare',
      name: 'confidentShare',
      pass: 'weak',
      layer: 'logits',
      weight: 1,
      threshold: CONFIDENCE,
    },
  );
  const losses = ['supervisedLoss', 'pseudoLabelLoss'];
  if (hasGan) {
    groups.push(images('real', 'unlabelled', share(0.5), { kind: 'plain' }), latents(context));
    passes.push(
      pass('real', 'real', 3),
      generated(4),
      passOf('fake', { kind: 'pass', pass: 'generated' }, 5),
    );
    terms.push(...realAndFake());
    losses.push('realLoss', 'fakeLoss');
  }
  const updates = [{ loss: 'discriminatorLoss', terms: losses, networks: ['discriminator'] }];
  return { groups, passes, terms, updates };
}

/** Real and generated images told apart by the logsumexp of their logits. */
function realAndFake(): readonly Term[] {
  const judged = { kind: 'logsumexpCrossEntropy', layer: 'logits', weight: 0.5 } as const;
  return [
    { ...judged, name: 'realLoss', pass: 'real', target: 1 },
    { ...judged, name: 'fakeLoss', pass: 'fake', target: 0 },
  ];
}

/** Rows of generated images, half a batch: of all classes in turn, so at least one of each. */
function fakesOf({ share, data }: RecipeContext): number {
  return Math.max(share(0.5), data.classes);
}

function latents(context: RecipeContext): RowGroup {
  return { ...images('latents', 'latents', fakesOf(context), { kind: 'plain' }), isConditional: true };
}

function generated(stream: number, name = 'generated'): Pass {
  return pass(name, 'latents', stream, { network: 'generator' });
}

/** The generator's phase: the batch means of features of fresh fakes come to those of fresh images. */
function generatorPhase(context: RecipeContext): Phase {
  return {
    ...fakesAndImages(context, 'discriminator'),
    terms: [FEATURE_MATCHING],
    updates: [{ loss: 'generatorLoss', terms: ['featureMatchingLoss'], networks: ['generator'] }],
  };
}

/** Fresh fakes and fresh images, as a network judges both. */
function fakesAndImages(context: RecipeContext, network: string): Pick<Phase, 'groups' | 'passes'> {
  return {
    groups: [images('matched', 'unlabelled', fakesOf(context), { kind: 'plain' }), latents(context)],
    passes: [
      generated(0, 'made'),
      passOf('judged', { kind: 'pass', pass: 'made' }, 1, { network }),
      pass('matched', 'matched', 2, { network, gradient: false }),
    ],
  };
}

/** A critic, which nothing is read by, learns what images are real and of what class the discriminator takes them for. */
function criticPhase(context: RecipeContext): Phase {
  const network = 'critic';
  return {
    groups: [images('real', 'unlabelled', context.share(0.5), { kind: 'plain' }), latents(context)],
    passes: [
      pass('real', 'real', 0, { network }),
      pass('named', 'real', 1, { gradient: false, mode: 'inference', parameters: 'average' }),
      generated(2),
      passOf('fake', { kind: 'pass', pass: 'generated' }, 3, { network }),
    ],
    terms: [
      ...realAndFake(),
      {
        kind: 'pseudoLabelCrossEntropy',
        name: 'namedLoss',
        pass: 'real',
        layer: 'logits',
        weight: 1,
        teacher: { pass: 'named', threshold: CONFIDENCE, isSoft: false },
        usesStore: false,
      },
    ],
    updates: [{ loss: 'criticLoss', terms: ['realLoss', 'fakeLoss', 'namedLoss'], networks: [network] }],
  };
}

/** As the generator's phase, with the critic; each fake has also to pass for real, and to be of the class asked for. */
function drawPhase(context: RecipeContext): Phase {
  const judged = { pass: 'judged', layer: 'logits' } as const;
  const terms: readonly Term[] = [
    FEATURE_MATCHING,
    {
      ...judged,
      kind: 'logsumexpCrossEntropy',
      name: 'adversarialLoss',
      target: 1,
      weight: ADVERSARIAL_WEIGHT,
    },
    { ...judged, kind: 'softmaxCrossEntropy', name: 'classLoss', weight: CLASS_WEIGHT },
  ];
  return {
    ...fakesAndImages(context, 'critic'),
    terms,
    updates: [{ loss: 'generatorLoss', terms: terms.map(({ name }) => name), networks: ['generator'] }],
  };
}

function stagesOf(context: RecipeContext, parts: FewLabelsParts): readonly Stage[] {
  const { scheduleSteps } = context;
  const { hasLook, hasGan } = parts;
  const steps = (share: number): number => Math.max(1, Math.floor(share * scheduleSteps));
  const lookSteps = hasLook ? steps(LOOK_SHARE) : 0;
  const spreadSteps = hasLook ? steps(SPREAD_SHARE) : 0;
  const drawSteps = hasGan ? steps(DRAW_SHARE) : 0;
  // All stages but the first take one cosine.
  const learning = Math.max(1, scheduleSteps - lookSteps);
  const accuracy = { pass: 'labelled', layer: 'logits' };
  const phasesOf = (usesStore: boolean): readonly Phase[] => [
    discriminatorPhase(context, parts, usesStore),
    ...(hasGan ? [generatorPhase(context)] : []),
  ];
  const learn: Stage = {
    key: 'learn',
    phases: phasesOf(false),
    accuracy,
    steps: Math.max(1, learning - 2 * spreadSteps - drawSteps),
    optimisers: hasLook ? 'continued' : 'fresh',
    optimiserOf: {
      discriminator: discriminatorOptimiser(context, LEARN_WARM_UP, learning),
      ...(hasGan && { generator: generatorOptimiser(context, learning) }),
    },
    before: null,
  };
  const last = hasGan ? [learn, drawStage(context, parts, learn, learning, drawSteps)] : [learn];
  if (!hasLook) return last;
  const look = discriminatorOptimiser(context, LOOK_WARM_UP, lookSteps);
  const spread: Stage = {
    ...learn,
    key: 'spread',
    phases: phasesOf(true),
    steps: spreadSteps,
    optimisers: 'fresh',
    before: { kind: 'spread', parameters: 'current' },
  };
  return [
    {
      key: 'look',
      phases: [lookPhase(context)],
      accuracy: null,
      steps: lookSteps,
      optimisers: 'fresh',
      optimiserOf: { discriminator: look, projection: look },
      before: null,
    },
    spread,
    { ...spread, optimisers: 'continued', before: { kind: 'spread', parameters: 'average' } },
    ...last,
  ];
}

/** Generator and critic begin anew; the discriminator's rate goes on about where the cosine has come to. */
function drawStage(
  context: RecipeContext,
  parts: FewLabelsParts,
  learn: Stage,
  learning: number,
  steps: number,
): Stage {
  const discriminator = discriminatorOptimiser(context, 0, steps);
  const left = (1 + Math.cos(Math.PI * (1 - Math.min(1, steps / learning)))) / 2;
  const generator = generatorOptimiser(context, steps);
  return {
    ...learn,
    key: 'draw',
    phases: [
      discriminatorPhase(context, { ...parts, hasGan: false }, false),
      criticPhase(context),
      drawPhase(context),
    ],
    steps,
    optimisers: 'fresh',
    optimiserOf: {
      discriminator: { ...discriminator, lr: left * discriminator.lr },
      critic: generator,
      generator,
    },
  };
}

function discriminatorOptimiser({ settings }: RecipeContext, warmUpSteps: number, steps: number): Optimiser {
  const { discriminatorLr: lr, discriminatorBeta1: beta1, discriminatorBeta2: beta2 } = settings;
  const schedule = { warmUpSteps, cosine: { steps, finalShare: 0 } };
  return { kind: 'adam', lr, beta1, beta2, epsilon: ADAM_EPSILON, schedule };
}

function generatorOptimiser({ settings }: RecipeContext, steps: number): Optimiser {
  const { generatorLr: lr, generatorBeta1: beta1, generatorBeta2: beta2 } = settings;
  const schedule = { warmUpSteps: LEARN_WARM_UP, cosine: { steps, finalShare: 0 } };
  return { kind: 'adam', lr, beta1, beta2, epsilon: ADAM_EPSILON, schedule };
}

/** A recipe of the family. */
export function fewLabelsRecipe(
  context: RecipeContext,
  parts: FewLabelsParts,
): Omit<Recipe, 'name' | 'classes'> {
  const { data, settings, channels, scheduleSteps } = context;
  const { hasLook, hasGan, width, landmarks } = parts;
  const options = {
    data,
    dropout: settings.dropout,
    channels: (count: number): number => channels(width * count),
  };
  const optimiser = discriminatorOptimiser(context, LEARN_WARM_UP, scheduleSteps);
  const shared = { instances: 1, optimiser, average: null } as const;
  const average = { ...shared, average: { decay: AVERAGE_DECAY } } as const;
  const networks: NetworkEntry[] = [{ ...average, network: fewLabelsDiscriminator(options) }];
  if (hasLook) networks.push({ ...shared, network: projection(options) });
  if (hasGan) {
    const own = generatorOptimiser(context, scheduleSteps);
    networks.push(
      { ...average, network: fewLabelsGenerator(options), optimiser: own },
      { ...shared, network: fewLabelsDiscriminator(options, 'critic'), optimiser: own },
    );
  }
  return {
    networks,
    stages: stagesOf(context, parts),
    updatesRunningStatistics: true,
    classifier: { network: 'discriminator', layer: 'logits', parameters: 'average' },
    generator: hasGan
      ? { network: 'generator', latentSize: latentSizeOf(data), isConditional: true, parameters: 'average' }
      : null,
    landmarks: hasLook ? { count: landmarks, layer: 'features' } : null,
  };
}

/** Settings that all of the family begin with. */
export const FEW_LABELS_DEFAULTS = {
  steps: 5000,
  labels: 100,
  balanced: true,
  batch: 128,
  evalEvery: 200,
  discriminatorLr: 2e-3,
  generatorLr: 2e-3,
  generatorBeta1: 0.5,
  dropout: 0.3,
} as const;
