/** From bytes of the data set to tensors: the images and labels of a batch. */

import * as tf from '@tensorflow/tfjs-core';
import type { View } from '../../../recipe/recipe.js';
import { classOfRow } from '../../model/draws.js';
import { applyView, VIEW_WORDS } from '../../model/views.js';
import { NORMALISED_BYTES } from '../../data/normalise.js';
import type { Dataset, ImageSet } from '../../data/dataset.js';

/**
 * Images of a set as [indices.length, height, width, channels] float32 in [-1, 1]. The caller
 * disposes the tensor.
 */
export function imageTensor(
  { images }: ImageSet,
  imageShape: Dataset['imageShape'],
  indices: ArrayLike<number>,
): tf.Tensor4D {
  const size = imageShape[0] * imageShape[1] * imageShape[2];
  const values = new Float32Array(indices.length * size);
  for (let row = 0; row < indices.length; row++) {
    const source = indices[row]! * size;
    const target = row * size;
    for (let i = 0; i < size; i++) values[target + i] = NORMALISED_BYTES[images[source + i]!]!;
  }
  return tf.tensor4d(values, [indices.length, ...imageShape]);
}

/**
 * The same images as a view shows them. `words`: `VIEW_WORDS` of each row. The caller disposes the tensor.
 */
export function viewedImageTensor(
  { images }: ImageSet,
  imageShape: Dataset['imageShape'],
  indices: ArrayLike<number>,
  view: Exclude<View, { readonly kind: 'plain' }>,
  words: Uint32Array,
): tf.Tensor4D {
  const size = imageShape[0] * imageShape[1] * imageShape[2];
  const values = new Float32Array(indices.length * size);
  const image = new Float32Array(size);
  for (let row = 0; row < indices.length; row++) {
    const source = indices[row]! * size;
    for (let i = 0; i < size; i++) image[i] = NORMALISED_BYTES[images[source + i]!]!;
    const ownWords = words.subarray(row * VIEW_WORDS, (row + 1) * VIEW_WORDS);
    applyView(view, ownWords, image, imageShape, values.subarray(row * size, (row + 1) * size));
  }
  return tf.tensor4d(values, [indices.length, ...imageShape]);
}

/**
 * Labels of a set as [indices.length, width] float32, one 1 in each row. Kept float, since
 * transposing int32 is invalid WGSL on webgpu (tensorflow/tfjs#8638). The caller disposes the tensor.
 */
export function oneHotTensor({ labels }: ImageSet, indices: ArrayLike<number>, width: number): tf.Tensor2D {
  const values = new Float32Array(indices.length * width);
  for (let row = 0; row < indices.length; row++) values[row * width + labels[indices[row]!]!] = 1;
  return tf.tensor2d(values, [indices.length, width]);
}

/** The classes of conditional latents, as `oneHotTensor` has labels. */
export function classTensor(rows: number, classes: number, width: number): tf.Tensor2D {
  const values = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) values[row * width + classOfRow(row, classes)] = 1;
  return tf.tensor2d(values, [rows, width]);
}

/** How many rows of `logits` [rows, width] have their (first) largest value at the row's label. */
export function countLargestAt(logits: ArrayLike<number>, width: number, labels: ArrayLike<number>): number {
  let correct = 0;
  for (let row = 0; row < labels.length; row++) {
    let largest = 0;
    for (let column = 1; column < width; column++) {
      if (logits[row * width + column]! > logits[row * width + largest]!) largest = column;
    }
    if (largest === labels[row]) correct++;
  }
  return correct;
}
