/** Data without a picture, for what depends on the data's shape alone. */

import type { Dataset, ImageSet } from '../../src/worker/data/dataset.js';

const CLASSES = 10;
const SIDE = 28;

function blankImages(count: number): ImageSet {
  const labels = Uint8Array.from({ length: count }, (_, index) => index % CLASSES);
  return { count, images: new Uint8Array(count * SIDE * SIDE), labels };
}

/** Of MNIST's shape: kernels depend on the data's shape, never on an image. */
export function blankDataset(): Dataset {
  return {
    imageShape: [SIDE, SIDE, 1],
    classes: CLASSES,
    classNames: Array.from({ length: CLASSES }, (_, index) => String(index)),
    train: blankImages(60_000),
    test: blankImages(10_000),
  };
}
