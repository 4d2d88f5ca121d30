/** What is given to a network for the features of landmarks, and how many of them there are. */

import { layersUntil, outputShapeOf, sizeOf } from '../../recipe/layers.js';
import { entryOf, type Recipe } from '../../recipe/recipe.js';
import type { Dataset } from '../data/dataset.js';
import { NORMALISED_BYTES } from '../data/normalise.js';

/** Floats of a landmark's features; of a recipe that has landmarks. */
export function featureSize(recipe: Recipe): number {
  const { network } = entryOf(recipe, recipe.classifier.network);
  const layers = layersUntil(network, recipe.landmarks!.layer);
  return sizeOf(outputShapeOf({ ...network, layers }));
}

/** Training images [indices, height, width, channels] in [-1, 1]. */
export function imagesOf(
  { imageShape, train }: Pick<Dataset, 'imageShape' | 'train'>,
  indices: Uint32Array,
): Float32Array<ArrayBuffer> {
  const size = sizeOf(imageShape);
  const images = new Float32Array(indices.length * size);
  indices.forEach((index, row) => {
    for (let i = 0; i < size; i++) {
      images[row * size + i] = NORMALISED_BYTES[train.images[index * size + i]!]!;
    }
  });
  return images;
}
