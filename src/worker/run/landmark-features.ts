/** The features of landmarks, as the engine gives them. */

import { layersUntil, outputShapeOf, sizeOf } from '../../recipe/layers.js';
import { entryOf, type ParameterSet, type Recipe } from '../../recipe/recipe.js';
import type { Dataset } from '../data/dataset.js';
import { NORMALISED_BYTES } from '../data/normalise.js';
import type { EngineInput } from '../engine/engine.js';
import type { ReadFeatures } from '../spread/unit-rows.js';
import type { EngineCalls } from './engine-calls.js';

/** Floats of a landmark's features; of a recipe that has landmarks. */
export function featureSize(recipe: Recipe): number {
  const { network } = entryOf(recipe, recipe.classifier.network);
  const layers = layersUntil(network, recipe.landmarks!.layer);
  return sizeOf(outputShapeOf({ ...network, layers }));
}

/** Reads the features of `landmarks`, indices into the training set, by their places among them. */
export function featureReader(
  { dataset, calls }: Pick<EngineInput, 'dataset'> & { readonly calls: EngineCalls },
  landmarks: Uint32Array,
  parameters: ParameterSet,
): ReadFeatures {
  return (first, count) => {
    const images = trainingImages(dataset, landmarks.subarray(first, first + count));
    return calls.call((engine) => engine.features(images, count, parameters));
  };
}

/** Training images [indices, height, width, channels] in [-1, 1]. */
export function trainingImages(
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
