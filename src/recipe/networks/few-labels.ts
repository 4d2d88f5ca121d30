/** The networks of the recipes for few labels as data, for images of any size. */

import type { LayerDescription, Network } from '../layers.js';
import type { DataShape } from '../recipe.js';

export interface FewLabelsNetworkOptions {
  readonly data: DataShape;
  /** Dropout rate while training. */
  readonly dropout: number;
  /** Hidden channels, from those of the recipe; tests have them divided. */
  readonly channels: (count: number) => number;
}

/** Random elements of the generator's input, which a code of the class stands before. */
const NOISE_SIZE = 100;
/** Length of what a contrastive term compares. */
const PROJECTION_SIZE = 64;
const FEATURES = 256;
const GROUPS = 8;
/** Deviation of the noise on images in [-1, 1]. */
const NOISE = 0.1;
/** Convolutions halve the image until no side is longer. */
const LAST_SIDE = 4;

const CONVOLUTION = { kind: 'conv2d', stride: 2, padding: 'same', bias: 'zero', start: 'he' } as const;
const LEAKY = { kind: 'leakyRelu', alpha: 0.1 } as const;

/** The largest number of groups, at most `GROUPS`, that divides the channels. */
function groupsOf(channels: number): number {
  let groups = Math.min(GROUPS, channels);
  while (channels % groups !== 0) groups--;
  return groups;
}

/**
 * An image [height, width, channels] in [-1, 1] to `features` [256] and logits [classes]: convolutions with group norm,
 * so that no row depends on its batch. For 28 x 28: [B, 14, 14, 32], [B, 7, 7, 64], [B, 4, 4, 128].
 */
export function fewLabelsDiscriminator(
  { data, dropout: rate, channels }: FewLabelsNetworkOptions,
  name = 'discriminator',
): Network {
  const layers: LayerDescription[] = [{ kind: 'gaussianNoise', name: 'noise', deviation: NOISE }];
  let side = Math.max(data.imageShape[0], data.imageShape[1]);
  for (let index = 1; index <= 2 || side > LAST_SIDE; index++) {
    const filters = channels(Math.min(128, 32 * 2 ** (index - 1)));
    const size = index === 1 ? 5 : 3;
    layers.push(
      { ...CONVOLUTION, name: `conv${index}`, filters, kernelSize: [size, size] },
      { kind: 'groupNorm', name: `norm${index}`, groups: groupsOf(filters), epsilon: 1e-5 },
      { ...LEAKY, name: `leaky${index}` },
    );
    side = Math.ceil(side / 2);
  }
  return {
    name,
    inputShape: data.imageShape,
    layers: [
      ...layers,
      { kind: 'dropout', name: 'dropout', rate },
      { kind: 'flatten', name: 'flatten' },
      { kind: 'dense', name: 'hidden', units: channels(FEATURES), bias: 'trained', start: 'he' },
      { ...LEAKY, name: 'features' },
      { kind: 'dropout', name: 'droppedFeatures', rate },
      { kind: 'dense', name: 'logits', units: data.classes, bias: 'trained' },
    ],
  };
}

/** Features to what a contrastive term compares, [64]. */
export function projection({ channels }: FewLabelsNetworkOptions): Network {
  return {
    name: 'projection',
    inputShape: [channels(FEATURES)],
    layers: [{ kind: 'dense', name: 'embedding', units: channels(PROJECTION_SIZE), bias: 'trained' }],
  };
}

/** Elements of the generator's input. */
export function latentSizeOf({ classes }: DataShape): number {
  return classes + NOISE_SIZE;
}

/** How a transposed convolution makes an image from one about half as large. */
interface Doubling {
  readonly from: readonly [number, number];
  readonly kernelSize: readonly [number, number];
  readonly padding: 'same' | 'valid';
}

/** Even sides are doubled with padding; others made without, by kernels of 4 or 5. null: there is too little to halve. */
function doublingTo([height, width]: readonly [number, number]): Doubling | null {
  if (Math.min(height, width) < 4) return null;
  if (height % 2 === 0 && width % 2 === 0) {
    return { from: [height / 2, width / 2], kernelSize: [4, 4], padding: 'same' };
  }
  const half = (size: number): number => Math.floor((size - 2) / 2);
  const [y, x] = [half(height), half(width)];
  return { from: [y, x], kernelSize: [height - 2 * y + 2, width - 2 * x + 2], padding: 'valid' };
}

/** At most two, the one that makes the image last. */
function doublingsTo(size: readonly [number, number]): readonly Doubling[] {
  const last = doublingTo(size)!;
  const before = doublingTo(last.from);
  return before === null ? [last] : [before, last];
}

/**
 * Latents, a one-hot code of the class and 100 values uniform in [-1, 1), to an image [height, width, channels] in [-1, 1]: a dense layer, normalised over
 * each of its values, and one or two doublings. For 28 x 28: [B, 7, 7, 64], [B, 14, 14, 32], [B, 28, 28, 1].
 */
export function fewLabelsGenerator({ data, channels }: FewLabelsNetworkOptions): Network {
  const [height, width, imageChannels] = data.imageShape;
  const doublings = doublingsTo([height, width]);
  const [first] = doublings;
  const wide = channels(64);
  const norm = { kind: 'batchNorm', momentum: 0.99, epsilon: 1e-3 } as const;
  const layers: LayerDescription[] = [
    { kind: 'dense', name: 'dense', units: first!.from[0] * first!.from[1] * wide, bias: 'zero' },
    { ...norm, name: 'norm1' },
    { kind: 'relu', name: 'relu1' },
    { kind: 'reshape', name: 'reshape', shape: [...first!.from, wide] },
  ];
  doublings.forEach(({ kernelSize, padding }, index) => {
    const isLast = index === doublings.length - 1;
    const number = index + 2;
    layers.push({
      kind: 'conv2dTranspose',
      name: `deconv${number}`,
      filters: isLast ? imageChannels : channels(32),
      kernelSize,
      stride: 2,
      padding,
      bias: isLast ? 'trained' : 'zero',
    });
    if (isLast) layers.push({ kind: 'tanh', name: 'tanh' });
    else layers.push({ ...norm, name: `norm${number}` }, { kind: 'relu', name: `relu${number}` });
  });
  return { name: 'generator', inputShape: [latentSizeOf(data)], layers };
}
