/**
 * The notebook's two networks in jax-js, [batch, channels, height, width]. Owns the layers and the
 * shapes of their parameters; knows no loss and no update. jax-js is fastest with strides of one, so a
 * convolution of stride 2 is written over blocks of 2 x 2 pixels that have become channels, and a
 * transposed one as the reverse.
 */

import { lax, nn, numpy as np } from '@jax-js/jax';

export const LATENT = 100;
export const CLASSES = 11;
const EPSILON = 1e-3;

export type Parameters = Record<string, np.Array>;
/** Batch statistics of a pass, by layer. */
export type Statistics = Record<string, { readonly mean: np.Array; readonly variance: np.Array }>;
/** Dropout factors of a pass, of its first and its third layer; null where nothing is dropped. */
export type Masks = { readonly mask1: np.Array; readonly mask3: np.Array } | null;

/** Kernels [outChannels, inChannels, size, size], and the dense one [features, classes]. */
const SHAPES = {
  discriminator: {
    'conv1/kernel': [32, 1, 5, 5],
    'conv1/bias': [32],
    'conv2/kernel': [64, 32, 3, 3],
    'conv2/bias': [64],
    'norm2/gamma': [64],
    'norm2/beta': [64],
    'conv3/kernel': [128, 64, 2, 2],
    'conv3/bias': [128],
    'norm3/gamma': [128],
    'norm3/beta': [128],
    'conv4/kernel': [128, 128, 2, 2],
    'conv4/bias': [128],
    'logits/kernel': [512, CLASSES],
    'logits/bias': [CLASSES],
  },
  generator: {
    'deconv1/kernel': [100, LATENT, 2, 2],
    'deconv1/bias': [100],
    'norm1/gamma': [100],
    'norm1/beta': [100],
    'deconv2/kernel': [64, 100, 3, 3],
    'deconv2/bias': [64],
    'norm2/gamma': [64],
    'norm2/beta': [64],
    'deconv3/kernel': [32, 64, 4, 4],
    'deconv3/bias': [32],
    'norm3/gamma': [32],
    'norm3/beta': [32],
    'deconv4/kernel': [1, 32, 6, 6],
    'deconv4/bias': [1],
  },
} satisfies Record<string, Record<string, readonly number[]>>;
export type NetworkName = keyof typeof SHAPES;

/** A network's parameters, in the order in which they lie in a flat vector. */
export function shapesOf(name: NetworkName): readonly (readonly [string, readonly number[]])[] {
  return Object.entries<readonly number[]>(SHAPES[name]);
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, length) => size * length, 1);
}

/** [n, c, 2h, 2w] to [n, 4c, h, w]. */
function spaceToDepth(x: np.Array): np.Array {
  const [n, c, height, width] = x.shape as [number, number, number, number];
  const blocks = x.reshape([n, c, height / 2, 2, width / 2, 2]);
  return blocks.transpose([0, 1, 3, 5, 2, 4]).reshape([n, 4 * c, height / 2, width / 2]);
}

/** [n, 4c, h, w] to [n, c, 2h, 2w]. */
function depthToSpace(x: np.Array): np.Array {
  const [n, c, height, width] = x.shape as [number, number, number, number];
  const blocks = x.reshape([n, c / 4, 2, 2, height, width]);
  return blocks.transpose([0, 1, 4, 2, 5, 3]).reshape([n, c / 4, 2 * height, 2 * width]);
}

/** A kernel with an even number of rows and columns; the added ones are zero. */
function evened(kernel: np.Array): np.Array {
  const odd = kernel.shape[2]! % 2;
  return odd === 0
    ? kernel
    : np.pad(kernel, [
        [0, 0],
        [0, 0],
        [0, 1],
        [0, 1],
      ]);
}

const perChannel = (x: np.Array): np.Array => x.reshape([1, -1, 1, 1]);

/** Stride 2; `before` and `after` are TensorFlow's "same" padding. */
function convolve(x: np.Array, kernel: np.Array, bias: np.Array, before: number, after: number): np.Array {
  const odd = kernel.shape[2]! % 2;
  const padding: [number, number] = [before, after + odd];
  const padded = np.pad(x, [[0, 0], [0, 0], padding, padding]);
  const y = lax.conv(spaceToDepth(padded), spaceToDepth(evened(kernel)), [1, 1], 'VALID');
  return y.add(perChannel(bias));
}

/** Stride 2, "valid", to [batch, outChannels, size, size]. */
function convolveTransposed(x: np.Array, kernel: np.Array, bias: np.Array, size: number): np.Array {
  const phases = spaceToDepth(evened(kernel).transpose([1, 0, 2, 3])); // [in, 4 out, k, k]
  const taps = phases.shape[2]!;
  const flipped = np.flip(phases.transpose([1, 0, 2, 3]), [2, 3]);
  const around: [number, number] = [taps - 1, taps - 1];
  const y = depthToSpace(lax.conv(x, flipped, [1, 1], [around, around]));
  const cropped = y.shape[2] === size ? y : y.slice([], [], [0, size], [0, size]);
  return cropped.add(perChannel(bias));
}

/** Batch norm by `given` statistics, or by the batch's own, which are put into `seen`. */
function normalise(x: np.Array, p: Parameters, name: string, seen: Statistics, given?: Statistics): np.Array {
  const known = given?.[name];
  const mean = known?.mean ?? x.ref.mean([0, 2, 3]);
  const centred = x.sub(perChannel(mean.ref));
  const variance = known?.variance ?? np.square(centred.ref).mean([0, 2, 3]);
  seen[name] = { mean, variance: variance.ref };
  const scale = p[`${name}/gamma`]!.div(np.sqrt(variance.add(EPSILON)));
  return centred.mul(perChannel(scale)).add(perChannel(p[`${name}/beta`]!));
}

const drop = (x: np.Array, mask: np.Array | undefined): np.Array => (mask === undefined ? x : x.mul(mask));
const leaky = (x: np.Array): np.Array => nn.leakyRelu(x, 0.2);

/** Images [batch, 1, 28, 28] in [-1, 1] from latents [batch, 100]; takes its arguments over. */
export function generate(p: Parameters, latents: np.Array): [np.Array, Statistics] {
  const seen: Statistics = {};
  const layer = (name: string): [np.Array, np.Array] => [p[`${name}/kernel`]!, p[`${name}/bias`]!];
  const [kernel, bias] = layer('deconv1');
  // One pixel becomes 2 x 2: a product with the whole kernel.
  const wide = np.matmul(latents, kernel.transpose([1, 0, 2, 3]).reshape([LATENT, 400]));
  let x = wide.reshape([-1, 100, 2, 2]).add(perChannel(bias)); // [B, 100, 2, 2]
  x = nn.relu(normalise(x, p, 'norm1', seen));
  x = nn.relu(normalise(convolveTransposed(x, ...layer('deconv2'), 5), p, 'norm2', seen)); // [B, 64, 5, 5]
  x = nn.relu(normalise(convolveTransposed(x, ...layer('deconv3'), 12), p, 'norm3', seen)); // [B, 32, 12, 12]
  return [np.tanh(convolveTransposed(x, ...layer('deconv4'), 28)), seen]; // [B, 1, 28, 28]
}

/** Logits [batch, 11] and the batch's statistics; takes its arguments over. */
export function discriminate(
  p: Parameters,
  images: np.Array,
  masks: Masks,
  running?: Statistics,
): [np.Array, Statistics] {
  const seen: Statistics = {};
  const layer = (name: string): [np.Array, np.Array] => [p[`${name}/kernel`]!, p[`${name}/bias`]!];
  let x = leaky(drop(convolve(images, ...layer('conv1'), 1, 2), masks?.mask1)); // [B, 32, 14, 14]
  x = leaky(normalise(convolve(x, ...layer('conv2'), 0, 1), p, 'norm2', seen, running)); // [B, 64, 7, 7]
  x = leaky(normalise(convolve(x, ...layer('conv3'), 0, 1), p, 'norm3', seen, running)); // [B, 128, 4, 4]
  x = leaky(convolve(drop(x, masks?.mask3), ...layer('conv4'), 0, 0)); // [B, 128, 2, 2]
  const features = x.transpose([0, 2, 3, 1]).reshape([-1, 512]);
  return [np.matmul(features, p['logits/kernel']!).add(p['logits/bias']!), seen];
}
