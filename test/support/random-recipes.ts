/**
 * Recipes made at random within what a recipe may be, with a data set of their shape: what engines are
 * held together on that no shipped recipe has. A number gives the same recipe everywhere.
 */

import { resolveSettings } from '../../src/protocol/check-settings.js';
import { buildFromEntry } from '../../src/recipe/build-recipe.js';
import type { LayerDescription, Network } from '../../src/recipe/layers.js';
import { layerShapes, sizeOf } from '../../src/recipe/layers.js';
import { notebookGenerator, LATENT_SIZE } from '../../src/recipe/networks/notebook.js';
import {
  onlyStage,
  type DataShape,
  type NetworkEntry,
  type Optimiser,
  type Pass,
  type Phase,
  type Recipe,
  type RowGroup,
  type Stage,
  type Term,
  type View,
} from '../../src/recipe/recipe.js';
import type { Dataset, ImageSet } from '../../src/worker/data/dataset.js';
import type { EngineInput } from '../../src/worker/engine/engine.js';

/** Mulberry32: small, and good enough to choose with. */
class Choices {
  #state: number;

  constructor(seed: number) {
    this.#state = Math.imul(seed + 1, 0x9e3779b9);
  }

  /** In [0, 1). */
  share(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  whole(least: number, most: number): number {
    return least + Math.floor(this.share() * (most - least + 1));
  }

  of<T>(values: readonly T[]): T {
    return values[this.whole(0, values.length - 1)]!;
  }

  is(probability: number): boolean {
    return this.share() < probability;
  }
}

function randomData(choices: Choices): DataShape {
  return {
    imageShape: [choices.whole(8, 15), choices.whole(8, 15), choices.of([1, 1, 3])],
    classes: choices.whole(2, 6),
  };
}

function pointwise(choices: Choices, index: number, isLast: boolean): LayerDescription[] {
  const activation: LayerDescription = choices.is(0.7)
    ? { kind: 'leakyRelu', name: `leaky${index}`, alpha: choices.of([0.1, 0.2]) }
    : { kind: 'relu', name: `relu${index}` };
  const dropout: LayerDescription = {
    kind: 'dropout',
    name: `dropout${index}`,
    rate: choices.of([0, 0.25, 0.5]),
  };
  const layers: LayerDescription[] = [];
  // Two linear layers in a row would have biases that a later norm takes away.
  if (!isLast || choices.is(0.7)) layers.push(activation);
  if (choices.is(0.4)) layers.splice(choices.is(0.5) ? 0 : layers.length, 0, dropout);
  return layers;
}

/** A batch norm, or a group norm of groups of several channels: one of a single channel would take its bias away. */
function randomNorm(extra: Choices, index: number, filters: number): LayerDescription {
  const name = `norm${index}`;
  if (!extra.is(0.5)) return { kind: 'batchNorm', name, momentum: 0.9, epsilon: 1e-3 };
  const groups = [3, 2].find((count) => filters % count === 0 && filters / count > 1) ?? 1;
  return { kind: 'groupNorm', name, groups: extra.is(0.7) ? groups : 1, epsilon: extra.of([1e-3, 1e-5]) };
}

/** Convolutions with norms, activations and dropout at random; features, perhaps hidden ones; logits. */
function randomDiscriminator(choices: Choices, extra: Choices, { imageShape, classes }: DataShape): Network {
  const layers: LayerDescription[] = [];
  if (extra.is(0.5))
    layers.push({ kind: 'gaussianNoise', name: 'noise', deviation: extra.of([0, 0.1, 0.3]) });
  const count = choices.whole(1, 3);
  for (let index = 1; index <= count; index++) {
    // Features are tapped, so nothing normalises the last of them.
    const hasNorm = index < count && choices.is(0.5);
    const filters = choices.whole(2, 7);
    layers.push({
      kind: 'conv2d',
      name: `conv${index}`,
      filters,
      kernelSize: [choices.whole(1, 4), choices.whole(1, 4)],
      stride: choices.whole(1, 2),
      padding: choices.of(['same', 'same', 'valid']),
      bias: hasNorm && choices.is(0.6) ? 'zero' : 'trained',
      start: extra.of(['glorot', 'he']),
    });
    if (hasNorm) layers.push(randomNorm(extra, index, filters));
    layers.push(...pointwise(choices, index, index === count));
  }
  layers.push({ kind: 'flatten', name: 'features' });
  const units = classes + choices.whole(0, 2);
  layers.push({ kind: 'dense', name: 'logits', units, bias: 'trained' });
  const network = { name: 'discriminator', inputShape: imageShape, layers };
  const sizes = layerShapes(network).map(({ output }) => Math.min(...output));
  // A kernel that is larger than what is left of the image: other choices.
  return Math.min(...sizes) >= 1 ? network : randomDiscriminator(choices, extra, { imageShape, classes });
}

function randomOptimiser(choices: Choices): Optimiser {
  return {
    kind: 'adam',
    lr: choices.of([1e-3, 3e-3]),
    beta1: choices.of([0.5, 0.9]),
    beta2: choices.of([0.99, 0.999]),
    // Large, so that a gradient of about zero moves nothing: else engines would part at the next phase.
    epsilon: choices.of([1e-3, 1e-2]),
    schedule: {
      warmUpSteps: choices.of([0, 0, 3]),
      cosine: choices.is(0.5) ? { steps: choices.whole(2, 9), finalShare: choices.of([0, 0.1]) } : null,
    },
  };
}

function randomWeight(choices: Choices): Term['weight'] {
  if (choices.is(0.4)) return 1;
  if (choices.is(0.5)) return choices.of([0.25, 0.5, 3]);
  return {
    from: choices.of([0, 1]),
    to: choices.of([0.5, 2]),
    firstStep: choices.whole(0, 2),
    steps: choices.whole(1, 4),
  };
}

/** As images are, or warped by whatever a warp can be made of. */
function randomView(extra: Choices): View {
  if (extra.is(0.5)) return { kind: 'plain' };
  const perhaps = (amount: number): number => (extra.is(0.6) ? amount : 0);
  return {
    kind: 'warp',
    rotation: perhaps(0.3),
    scale: perhaps(0.2),
    shift: perhaps(1.5),
    shear: perhaps(0.2),
    aspect: perhaps(0.15),
    displacement: perhaps(1),
    cutOut: extra.is(0.4) ? extra.whole(1, 5) : 0,
    stroke: extra.is(0.4) ? { probability: 0.6 } : null,
    brightness: perhaps(0.2),
    contrast: perhaps(0.2),
    outside: extra.of(['background', 'edge']),
  };
}

/** Builds one phase: labelled passes, perhaps unlabelled, generated and averaged ones. */
class PhaseBuilder {
  readonly #choices: Choices;
  readonly #extra: Choices;
  readonly #index: number;
  readonly groups: RowGroup[] = [];
  readonly passes: Pass[] = [];
  readonly terms: Term[] = [];

  constructor(choices: Choices, extra: Choices, index: number) {
    this.#choices = choices;
    this.#extra = extra;
    this.#index = index;
  }

  group(name: string, pool: RowGroup['pool'], rows: number, indicesOf: string | null = null): string {
    const view: View = pool === 'latents' ? { kind: 'plain' } : randomView(this.#extra);
    this.groups.push({ name, pool, rows, indicesOf, view });
    return name;
  }

  pass(name: string, input: Pass['input'], overrides: Partial<Pass> = {}): string {
    const own = `${name}${this.#index}`;
    this.passes.push({
      name: own,
      network: 'discriminator',
      instance: 0,
      input,
      stream: this.passes.length,
      gradient: true,
      mode: 'training',
      parameters: 'current',
      ...overrides,
    });
    return own;
  }

  term(name: string, term: Record<string, unknown>): string {
    const own = `${name}${this.#index}`;
    this.terms.push({ name: own, weight: randomWeight(this.#choices), layer: 'logits', ...term } as Term);
    return own;
  }
}

interface PhaseOptions {
  readonly index: number;
  readonly hasGenerator: boolean;
  readonly instances: number;
  readonly hasAverage: boolean;
  readonly width: number;
  readonly classes: number;
  readonly isConditional: boolean;
  readonly hasLandmarks: boolean;
}

function randomPhase(choices: Choices, extra: Choices, options: PhaseOptions): Phase {
  const { index, hasGenerator, instances, hasAverage, width, isConditional } = options;
  const phase = new PhaseBuilder(choices, extra, index);
  const own = (): { instance: number } => ({ instance: choices.whole(0, instances - 1) });
  const rows = choices.whole(2, 6);
  phase.group('labelled', 'labelled', rows);
  // Every instance has to be trained.
  const labelled = phase.pass('labelled', { kind: 'group', group: 'labelled' });
  const trained = [phase.term('supervised', { kind: 'softmaxCrossEntropy', pass: labelled })];
  if (instances > 1 || choices.is(0.5)) {
    // The same images once more, or others; each pass has the labels of its own group.
    const isSame = choices.is(0.5);
    phase.group('again', 'labelled', isSame ? rows : choices.whole(1, 5), isSame ? 'labelled' : null);
    const again = phase.pass('again', { kind: 'group', group: 'again' }, { instance: instances - 1 });
    trained.push(phase.term('again', { kind: 'softmaxCrossEntropy', pass: again }));
  }
  phase.group('unlabelled', 'unlabelled', choices.whole(2, 7));
  const real = phase.pass(
    'real',
    { kind: 'group', group: 'unlabelled' },
    { ...own(), gradient: choices.is(0.7) },
  );
  const column = choices.whole(0, width - 1);
  // Of one logit, or of the logsumexp of all.
  const judged = (): Record<string, unknown> =>
    extra.is(0.5) ? { kind: 'logsumexpCrossEntropy' } : { kind: 'sigmoidCrossEntropy', column };
  const sigmoid = phase.term('real', { ...judged(), pass: real, target: choices.of([0, 1]) });
  if (phase.passes.at(-1)!.gradient) trained.push(sigmoid);
  if (hasAverage && choices.is(0.8)) {
    const mode = choices.of(['training', 'inference'] as const);
    const teacher = phase.pass(
      'teacher',
      { kind: 'group', group: 'labelled' },
      { gradient: false, mode, parameters: 'average' },
    );
    phase.term('teacher', { kind: 'softmaxCrossEntropy', pass: teacher });
    trained.push(...pseudoLabels(extra, phase, options));
  } else if (choices.is(0.5)) {
    const looked = phase.pass(
      'looked',
      { kind: 'group', group: 'unlabelled' },
      { gradient: false, mode: 'inference' },
    );
    phase.term('looked', { ...judged(), pass: looked, target: 0 });
  }
  const updates = [{ loss: `discriminatorLoss${index}`, terms: trained, networks: ['discriminator'] }];
  if (hasGenerator) {
    phase.group('latents', 'latents', choices.whole(2, 6));
    if (isConditional) phase.groups.push({ ...phase.groups.pop()!, isConditional });
    const made = phase.pass('generated', { kind: 'group', group: 'latents' }, { network: 'generator' });
    const fake = phase.pass('fake', { kind: 'pass', pass: made }, own());
    const found = phase.term('fake', { ...judged(), pass: fake, target: 1 });
    const fooled = phase.term('fooled', { ...judged(), pass: fake, target: 0 });
    const matched = phase.term('matching', {
      kind: 'featureMatching',
      pass: fake,
      against: real,
      layer: 'features',
      distance: extra.of(['squared', 'absolute']),
    });
    trained.push(found);
    const terms = choices.of([[fooled], [matched], [matched, fooled]]);
    if (isConditional && extra.is(0.8)) {
      terms.push(phase.term('asked', { kind: 'softmaxCrossEntropy', pass: fake }));
    }
    updates.push({ loss: `generatorLoss${index}`, terms, networks: ['generator'] });
  }
  const { groups, passes, terms } = phase;
  return { groups, passes, terms, updates };
}

/** Names of terms that learn from the averaged network, on other views of its images. */
function pseudoLabels(
  extra: Choices,
  phase: PhaseBuilder,
  { classes, hasLandmarks }: PhaseOptions,
): string[] {
  if (!extra.is(0.7)) return [];
  const rows = extra.whole(2, 6);
  const usesStore = hasLandmarks && extra.is(0.6);
  phase.group('strong', usesStore ? 'landmarks' : 'unlabelled', rows);
  phase.group('weak', usesStore ? 'landmarks' : 'unlabelled', rows, 'strong');
  const strong = phase.pass('strong', { kind: 'group', group: 'strong' });
  const weak = phase.pass(
    'weak',
    { kind: 'group', group: 'weak' },
    { gradient: false, mode: 'inference', parameters: 'average' },
  );
  // Networks that have learned nothing are hardly sure of anything.
  const threshold = extra.is(0.5)
    ? extra.of([0, 0.3])
    : Array.from({ length: classes }, () => extra.of([0, 0.25, 1]));
  phase.term('confident', { kind: 'confidentShare', pass: weak, threshold });
  const others = extra.is(0.3)
    ? { pass: strong, threshold, isSoft: false }
    : { pass: weak, threshold, isSoft: extra.is(0.5) };
  const teacher = usesStore && extra.is(0.3) ? null : others;
  return [phase.term('pseudo', { kind: 'pseudoLabelCrossEntropy', pass: strong, teacher, usesStore })];
}

/** The size of what the contrastive stage compares. */
const EMBEDDING = 5;

/** A stage before the others: two views of images by way of the features to a projection. */
function lookStage(extra: Choices, others: Stage): Stage {
  const phase = new PhaseBuilder(extra, extra, 0);
  const rows = extra.whole(2, 7);
  phase.group('first', 'unlabelled', rows);
  phase.group('second', 'unlabelled', rows, 'first');
  const embed = (group: string): string => {
    const features = phase.pass(group, { kind: 'group', group }, { until: 'features' });
    return phase.pass(`${group}Embedding`, { kind: 'pass', pass: features }, { network: 'projection' });
  };
  const contrastive = phase.term('contrastive', {
    kind: 'contrastive',
    pass: embed('first'),
    against: embed('second'),
    layer: 'embedding',
    temperature: extra.of([0.2, 0.5]),
  });
  const { groups, passes, terms } = phase;
  const updates = [{ loss: 'lookLoss', terms: [contrastive], networks: ['discriminator', 'projection'] }];
  return {
    ...others,
    key: 'look',
    phases: [{ groups, passes, terms, updates }],
    accuracy: null,
    // Ends within the steps that engines are held together on.
    steps: extra.whole(1, 2),
  };
}

/** Whether another network can read the features: no dropout lies between the last convolution and them. */
function endsBare({ layers }: Network): boolean {
  const last = layers.findLastIndex(({ kind }) => kind === 'conv2d');
  return layers.slice(last).every((layer) => layer.kind !== 'dropout' || layer.rate === 0);
}

/** Elements of a row of the features. */
function featureSize(network: Network): number {
  return sizeOf(layerShapes(network).find(({ layer }) => layer.name === 'features')!.output);
}

function randomSet(choices: Choices, count: number, { imageShape, classes }: DataShape): ImageSet {
  const size = imageShape[0] * imageShape[1] * imageShape[2];
  return {
    count,
    images: Uint8Array.from({ length: count * size }, () => choices.whole(0, 255)),
    labels: Uint8Array.from({ length: count }, (_, index) => index % classes),
  };
}

/** A data set of a shape, at random. */
export function randomDataset(shape: DataShape, seed: number, counts = { train: 60, test: 25 }): Dataset {
  const choices = new Choices(seed);
  return {
    ...shape,
    classNames: Array.from({ length: shape.classes }, (_, index) => `class ${index}`),
    train: randomSet(choices, counts.train, shape),
    test: randomSet(choices, counts.test, shape),
  };
}

/** Everything an engine is made from, for recipe number `seed`. */
export function randomInput(seed: number): EngineInput {
  const choices = new Choices(seed);
  // What came later chooses for itself, so that a number's first choices stay.
  const extra = new Choices(seed + 100_000);
  const data = randomData(choices);
  const discriminator = randomDiscriminator(choices, extra, data);
  const last = discriminator.layers.at(-1)!;
  const width = last.kind === 'dense' ? last.units : 0;
  const hasGenerator = choices.is(0.7);
  const instances = choices.of([1, 1, 2]);
  const average = choices.is(0.6) ? { decay: choices.of([0.5, 0.9]) } : null;
  const networks: NetworkEntry[] = [
    { network: discriminator, instances, optimiser: randomOptimiser(choices), average },
  ];
  if (hasGenerator) {
    const network = notebookGenerator({
      data,
      biasBeforeNorm: choices.of(['zero', 'trained']),
      dropout: 0,
      channels: (count) => Math.ceil(count / 20),
    });
    networks.push({
      network,
      instances: 1,
      optimiser: randomOptimiser(choices),
      average: choices.is(0.3) ? { decay: 0.8 } : null,
    });
  }
  const hasLandmarks = extra.is(0.5);
  const isConditional = extra.is(0.6);
  const phaseCount = choices.whole(1, 3);
  const phases = Array.from({ length: phaseCount }, (_, index) =>
    randomPhase(choices, extra, {
      index,
      // The first phase has every network, so that each is trained somewhere.
      hasGenerator: hasGenerator && (index === 0 || choices.is(0.5)),
      instances,
      hasAverage: average !== null,
      width,
      classes: data.classes,
      isConditional,
      hasLandmarks,
    }),
  );
  const stages = [
    ...onlyStage(20, {
      phases,
      accuracy: { pass: `labelled${choices.whole(0, phaseCount - 1)}`, layer: 'logits' },
    }),
  ];
  if (instances === 1 && endsBare(discriminator) && extra.is(0.6)) {
    const bias = extra.of(['trained', 'zero'] as const);
    const layers = [{ kind: 'dense', name: 'embedding', units: EMBEDDING, bias }] as const;
    const network = { name: 'projection', inputShape: [featureSize(discriminator)], layers };
    networks.push({ network, instances: 1, optimiser: randomOptimiser(extra), average: null });
    stages.unshift(lookStage(extra, stages[0]!));
  }
  const generatorEntry = networks.find(({ network }) => network.name === 'generator');
  const built: Omit<Recipe, 'name' | 'classes'> = {
    networks,
    stages,
    updatesRunningStatistics: choices.is(0.8),
    landmarks: hasLandmarks ? { count: extra.of([15, 40, 100]), layer: 'features' } : null,
    classifier: {
      network: 'discriminator',
      layer: 'logits',
      parameters: average === null ? 'current' : choices.of(['current', 'average']),
    },
    generator:
      generatorEntry === undefined
        ? null
        : {
            network: 'generator',
            latentSize: LATENT_SIZE,
            isConditional,
            parameters: generatorEntry.average === null ? 'current' : 'average',
          },
  };
  const settings = resolveSettings({ seed: 1000 + seed, steps: 20 });
  const recipe = buildFromEntry(`random ${seed}`, { build: () => built }, settings, data);
  const dataset = randomDataset(data, seed);
  const split = {
    labelled: Uint32Array.from({ length: 20 }, (_, index) => index),
    unlabelled: Uint32Array.from({ length: 40 }, (_, index) => 20 + index),
  };
  return { recipe, settings, dataset, split };
}
