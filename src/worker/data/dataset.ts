/** What a data set is: images, labels, and which of them are labelled. */

import type { DataShape } from '../../recipe/recipe.js';

/** Images as they lie in the IDX files, and their labels. */
export interface ImageSet {
  readonly count: number;
  /** [count, height, width, channels] bytes, 0 (background) to 255. */
  readonly images: Uint8Array<ArrayBuffer>;
  /** [count] bytes, 0 to classes - 1. */
  readonly labels: Uint8Array<ArrayBuffer>;
}

/** What a data set may be; every range has both its ends. */
export const DATA_LIMITS = {
  /** Of an image, each way. */
  pixels: { min: 8, max: 128 },
  /** By number. */
  channels: { 1: 'grey', 3: 'red, green, blue' } as Readonly<Record<number, string>>,
  classes: { min: 2, max: 100 },
  /** Images of each set. More than the most fit no tab. */
  train: { min: 20, max: 1_000_000 },
  test: { min: 1, max: 1_000_000 },
} as const;

/** Within `DATA_LIMITS`. */
export interface Dataset extends DataShape {
  /** [classes] */
  readonly classNames: readonly string[];
  readonly train: ImageSet;
  readonly test: ImageSet;
}

/** Which training images are labelled; indices into the training set, in the order draws refer to. */
export interface Split {
  readonly labelled: Uint32Array<ArrayBuffer>;
  /** The rest, or all of them where everything is labelled. */
  readonly unlabelled: Uint32Array<ArrayBuffer>;
}

/** Images of both pools, each counted once: the first so many of `labelled` and then `unlabelled` are all different. */
export function pooledCount({ labelled, unlabelled }: Split): number {
  const isShared = labelled.length > 0 && labelled[0] === unlabelled[0];
  return isShared ? labelled.length : labelled.length + unlabelled.length;
}
