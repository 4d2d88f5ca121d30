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

/** 8 x 8 to 128 x 128 pixels, one channel or three, 2 to 100 classes. */
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
