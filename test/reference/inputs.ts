/**
 * The inputs that no seed draws, the same as inputs.py makes: the synthetic data set, the shaken
 * state, and the positions and signs by which large tensors are kept.
 */

import type { Dataset, ImageSet } from '../../src/worker/data/dataset.js';
import {
  initialTensors,
  momentNames,
  parametersOf,
  type NamedTensor,
} from '../../src/worker/model/parameters.js';
import type { Recipe } from '../../src/recipe/recipe.js';

const SIZE = 28;
const PIXELS = SIZE * SIZE;
const CLASSES = 10;
const TILE_SALT_OFFSET = 2 ** 24;

/** Chris Wellons' lowbias32: unsigned 32-bit to unsigned 32-bit, every bit of the input mixed in. */
export function hash32(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** A sequence of hashes: element `index` of the sequence `salt`. */
function hashSequence(salt: number): (index: number) => number {
  const start = hash32(salt);
  return (index) => hash32(start + index);
}

/** FNV-1a of a tensor's name (ASCII). */
export function nameSalt(name: string): number {
  let salt = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) salt = Math.imul(salt ^ name.charCodeAt(i), 0x01000193);
  return salt >>> 0;
}

function imageSet(count: number, imageSalt: number, labelSalt: number): ImageSet {
  const hash = hashSequence(imageSalt);
  const images = new Uint8Array(count * PIXELS);
  for (let i = 0; i < images.length; i++) {
    const image = Math.floor(i / PIXELS);
    const row = Math.floor((i % PIXELS) / SIZE);
    const tile = (image * 7 + (row >> 2)) * 7 + ((i % SIZE) >> 2);
    // Of each pixel and of each 4 x 4 tile; clipping makes both ends common, as they are in MNIST.
    const sum = (hash(i) >>> 24) + (hash(TILE_SALT_OFFSET + tile) >>> 24);
    images[i] = Math.max(0, Math.min(255, sum - 128));
  }
  const labelHash = hashSequence(labelSalt);
  const labels = Uint8Array.from({ length: count }, (_, i) => (i + (labelHash(i) >>> 16)) % CLASSES);
  return { count, images, labels };
}

/** 300 training and 100 test images of noise, 28 x 28 x 1, of ten classes. */
export function referenceDataset(): Dataset {
  return {
    imageShape: [SIZE, SIZE, 1],
    classes: CLASSES,
    classNames: Array.from({ length: CLASSES }, (_, label) => String(label)),
    train: imageSet(300, 1, 2),
    test: imageSet(100, 3, 4),
  };
}

/** Values [size] in [low, high), float32, one sequence for each name. */
function uniform(
  name: string,
  size: number,
  [low, high]: readonly [number, number],
): Float32Array<ArrayBuffer> {
  const hash = hashSequence(nameSalt(name));
  return Float32Array.from({ length: size }, (_, i) => low + (high - low) * ((hash(i) >>> 8) * 2 ** -24));
}

const SHAKEN_RANGES = {
  bias: [-0.1, 0.1],
  gamma: [0.75, 1.25],
  beta: [-0.2, 0.2],
  moving_mean: [-0.02, 0.02],
  moving_variance: [0.0005, 0.0015],
  m: [-0.01, 0.01],
  v: [0.00005, 0.00015],
} as const;

/**
 * A state with nothing left at 0 or 1: initial kernels, all else drawn from ranges by part. A bias
 * that the recipe leaves at zero stays there.
 */
export function shakenTensors(recipe: Recipe, seed: number): Map<string, NamedTensor> {
  const tensors = initialTensors(recipe, seed);
  const shake = (name: string, part: keyof typeof SHAKEN_RANGES): void => {
    const { shape, values } = tensors.get(name)!;
    tensors.set(name, { shape, values: uniform(name, values.length, SHAKEN_RANGES[part]) });
  };
  for (const { name, part, role } of parametersOf(recipe)) {
    if (role === 'frozen' || part === 'targets') continue;
    if (part !== 'kernel') shake(name, part);
    if (role !== 'trained') continue;
    const moments = momentNames(name);
    shake(moments.m, 'm');
    shake(moments.v, 'v');
  }
  return tensors;
}

/** `count` fixed positions in a tensor of `size` elements; some may repeat. */
export function fixedPositions(count: number, size: number): readonly number[] {
  const hash = hashSequence(0x706f73);
  // Below 2^53, so exact.
  return Array.from({ length: count }, (_, i) => Math.floor((hash(i) * size) / 2 ** 32));
}

/** `count` (up to 32) sums of all values with fixed random signs; bit k of an element's hash is its k-th. */
export function signedSums(values: ArrayLike<number>, count: number): Float64Array {
  const hash = hashSequence(0x7369676e);
  const sums = new Float64Array(count);
  for (let i = 0; i < values.length; i++) {
    const bits = hash(i);
    const value = values[i]!;
    for (let k = 0; k < count; k++) sums[k]! += (bits >>> k) & 1 ? -value : value;
  }
  return sums;
}
