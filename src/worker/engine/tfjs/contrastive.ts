/**
 * InfoNCE in a batch: each of two views has to find its other among all of the batch.
 *
 * Source: Chen et al., "A Simple Framework for Contrastive Learning" (2020), equation 1.
 */

import * as tf from '@tensorflow/tfjs-core';
import { logSumExp } from './cross-entropy.js';

/** An embedding that is shorter is divided by this. */
const LEAST_NORM = 1e-12;
/** Added to a row's similarity to itself: e to it is 0, and it takes no part in a largest value. */
const MASKED = -1e9;

/**
 * Rows of length 1: e / max(|e|, 1e-12). The gradient, (d - z (z . d)) / max(|e|, 1e-12), is written out since that of
 * a root has no value at 0.
 */
function normalised(embeddings: tf.Tensor2D): tf.Tensor2D {
  const operation = tf.customGrad((e, save) => {
    const norm = tf.sqrt(tf.sum(tf.square(e as tf.Tensor), 1, true));
    const inverse = tf.reciprocal(tf.maximum(norm, LEAST_NORM));
    const value = tf.mul(e as tf.Tensor, inverse);
    (save as tf.GradSaveFunc)([value, inverse]);
    return {
      value,
      gradFunc: (dy, [z, scale]) => {
        const along = tf.mul(z!, tf.sum(tf.mul(z!, dy), 1, true));
        return tf.mul(tf.sub(dy, along), scale!);
      },
    };
  });
  return operation(embeddings) as tf.Tensor2D;
}

/**
 * Mean over the rows of both views [rows, width], of which row i of one and of the other are a pair, of
 * -log softmax(cosine similarities to all others / temperature) at the pair.
 */
export function contrastiveLoss(first: tf.Tensor2D, second: tf.Tensor2D, temperature: number): tf.Scalar {
  const rows = first.shape[0];
  const z = normalised(tf.concat2d([first, second], 0));
  const pairs = tf.concat2d([tf.slice(z, [rows, 0], [rows, -1]), tf.slice(z, [0, 0], [rows, -1])], 0);
  const toPair = tf.div(tf.sum(tf.mul(z, pairs), 1), temperature);
  const similarities = tf.div(tf.matMul(z, z, false, true), temperature);
  const others = tf.add<tf.Tensor2D>(similarities, tf.mul(tf.eye(2 * rows), MASKED));
  return tf.mean(tf.sub(logSumExp(others), toPair));
}
