/**
 * The notebook's generator and discriminator as data, for images of any size. Tests divide the
 * channels to stay small.
 */

import type { BiasMode, LayerDescription, Network } from '../layers.js';
import type { DataShape } from '../recipe.js';

export interface NotebookNetworkOptions {
  readonly data: DataShape;
  /** Bias of a convolution that a batch norm follows. */
  readonly biasBeforeNorm: BiasMode;
  /** Dropout rate while training. */
  readonly dropout: number;
  /** Hidden channels, from those of the notebook. */
  readonly channels: (count: number) => number;
  /** Whether the discriminator has a logit for "fake" beside those of the classes; it has unless told. */
  readonly hasFakeLogit?: boolean;
  /**
   * Whether the generator's kernels divide by their stride, which is 2. Images of an odd size keep one that does not:
   * what makes them from a whole number of pixels.
   */
  readonly hasEvenKernels?: boolean;
}

/** Length of the generator's input. */
export const LATENT_SIZE = 100;

const NORM = { kind: 'batchNorm', momentum: 0.99, epsilon: 1e-3 } as const;

/** Hidden channels of the generator, from the image backwards; the last stands for all before it. */
const GENERATOR_CHANNELS = [32, 64, 100];

/** Fewer pixels come from the latents at once. */
const LEAST_HALVED = 6;

/**
 * Sizes along one direction from the image backwards: transposed convolutions of stride 2 without padding
 * make 2 s + k - 2 of s, here with kernels of 4 (even sizes) and 5. 28 is the notebook's own.
 */
function sizesTo(size: number): readonly number[] {
  if (size === 28) return [28, 12, 5, 2];
  const sizes = [size];
  while (sizes.at(-1)! >= LEAST_HALVED) sizes.push(Math.floor((sizes.at(-1)! - 2) / 2));
  return sizes;
}

/** The same with even kernels, of 4 or 6 (and 2 at last): such make even sizes, of which all but the image's own are. */
function evenSizesTo(size: number): readonly number[] {
  const sizes = [size];
  for (;;) {
    const last = sizes.at(-1)!;
    const kernel = last % 2 === 0 ? 4 : 5;
    const [wide, narrow] = [(last - kernel + 2) / 2, (last - kernel) / 2];
    const next = wide % 2 === 0 ? wide : narrow;
    if (next >= 2) sizes.push(next);
    else return last === 4 ? [...sizes, 2] : sizes;
  }
}

/** Latents [100] uniform in [-1, 1) to an image [height, width, channels] in [-1, 1]. */
export function notebookGenerator(options: NotebookNetworkOptions): Network {
  const { data, biasBeforeNorm: bias, channels, hasEvenKernels = false } = options;
  const [height, width, imageChannels] = data.imageShape;
  const sizes = hasEvenKernels ? evenSizesTo : sizesTo;
  const [ys, xs] = [sizes(height), sizes(width)];
  const doublings = Math.min(ys.length, xs.length) - 1;
  const transpose = { kind: 'conv2dTranspose', padding: 'valid' } as const;
  const layers: LayerDescription[] = [{ kind: 'reshape', name: 'reshape', shape: [1, 1, LATENT_SIZE] }];
  // For 28 x 28: [B, 2, 2, 100], [B, 5, 5, 64] (with even kernels [B, 4, 4, 64]), [B, 12, 12, 32], [B, 28, 28, 1].
  for (let left = doublings; left >= 0; left--) {
    const index = doublings - left + 1;
    const [y, x] = [ys[left]!, xs[left]!];
    const isFirst = left === doublings;
    const shape = isFirst
      ? ({ kernelSize: [y, x], stride: 1 } as const)
      : ({ kernelSize: [y - 2 * ys[left + 1]! + 2, x - 2 * xs[left + 1]! + 2], stride: 2 } as const);
    if (left === 0) {
      layers.push({
        ...transpose,
        ...shape,
        name: `deconv${index}`,
        filters: imageChannels,
        bias: 'trained',
      });
      continue;
    }
    const filters = channels(GENERATOR_CHANNELS[Math.min(left, GENERATOR_CHANNELS.length) - 1]!);
    layers.push({ ...transpose, ...shape, name: `deconv${index}`, filters, bias });
    layers.push({ ...NORM, name: `norm${index}` }, { kind: 'relu', name: `relu${index}` });
  }
  return {
    name: 'generator',
    inputShape: [LATENT_SIZE],
    layers: [...layers, { kind: 'tanh', name: 'tanh' }],
  };
}

/** An image [height, width, channels] in [-1, 1] to `classes` + 1 logits, of which the last means "fake". */
export function notebookDiscriminator(options: NotebookNetworkOptions): Network {
  const { data, biasBeforeNorm: bias, dropout: rate, channels, hasFakeLogit = true } = options;
  const convolution = { kind: 'conv2d', stride: 2, padding: 'same' } as const;
  const leaky = { kind: 'leakyRelu', alpha: 0.2 } as const;
  return {
    name: 'discriminator',
    inputShape: data.imageShape,
    // For 28 x 28: [B, 14, 14, 32], [B, 7, 7, 64], [B, 4, 4, 128], [B, 2, 2, 128], [B, 512].
    layers: [
      { ...convolution, name: 'conv1', filters: channels(32), kernelSize: [5, 5], bias: 'trained' },
      { kind: 'dropout', name: 'dropout1', rate },
      { ...leaky, name: 'leaky1' },
      { ...convolution, name: 'conv2', filters: channels(64), kernelSize: [3, 3], bias },
      { ...NORM, name: 'norm2' },
      { ...leaky, name: 'leaky2' },
      { ...convolution, name: 'conv3', filters: channels(128), kernelSize: [2, 2], bias },
      { ...NORM, name: 'norm3' },
      { ...leaky, name: 'leaky3' },
      { kind: 'dropout', name: 'dropout3', rate },
      { ...convolution, name: 'conv4', filters: channels(128), kernelSize: [2, 2], bias: 'trained' },
      { ...leaky, name: 'leaky4' },
      { kind: 'flatten', name: 'features' },
      { kind: 'dense', name: 'logits', units: data.classes + (hasFakeLogit ? 1 : 0), bias: 'trained' },
    ],
  };
}
