/** Cross-entropies of logits as differentiable tfjs expressions, [rows], none of which overflows or cancels. */

import * as tf from '@tensorflow/tfjs-core';

/**
 * -target x + log(1 + e^x) for every element, in the form that neither overflows nor cancels:
 * max(x, 0) - target x + log(1 + e^-|x|). Its gradient, sigmoid(x) - target, is written out since
 * differentiating max and |x| term by term is wrong at exactly zero.
 */
export function sigmoidCrossEntropy(logits: tf.Tensor, target: 0 | 1): tf.Tensor {
  const operation = tf.customGrad((x, save) => {
    (save as tf.GradSaveFunc)([x as tf.Tensor]);
    const input = x as tf.Tensor;
    const tail = tf.log1p(tf.exp(tf.neg(tf.abs(input))));
    const value = tf.add(tf.sub(tf.relu(input), tf.mul(input, target)), tail);
    return {
      value,
      gradFunc: (dy, [saved]) => tf.mul(dy, tf.sub(tf.sigmoid(saved!), target)),
    };
  });
  return operation(logits);
}

/**
 * The largest value of every row, [rows, 1], as a constant: what is shifted by it, and back, has the same gradient
 * whatever it is.
 */
export function largestOf(values: tf.Tensor2D): tf.Tensor2D {
  const operation = tf.customGrad((x) => ({
    value: tf.max(x as tf.Tensor, 1, true),
    gradFunc: () => tf.zeros(values.shape),
  }));
  return operation(values) as tf.Tensor2D;
}

/** log of the sum of e^x over every row, [rows]. */
export function logSumExp(values: tf.Tensor2D): tf.Tensor1D {
  const largest = largestOf(values);
  const logSum = tf.log(tf.sum(tf.exp(tf.sub(values, largest)), 1));
  return tf.add(logSum, tf.reshape(largest, [-1]));
}

/** -log softmax(logits)[label] of every row, [rows]. `oneHot` has the shape of `logits`. */
export function softmaxCrossEntropy(logits: tf.Tensor2D, oneHot: tf.Tensor2D): tf.Tensor1D {
  const shifted = tf.sub(logits, largestOf(logits));
  const logSum = tf.log(tf.sum(tf.exp(shifted), 1));
  return tf.sub(logSum, tf.sum(tf.mul(shifted, oneHot), 1));
}

/**
 * -sum over columns of target log softmax(logits) of every row, [rows]. `targets` has the shape of `logits`, is
 * constant, and need not sum to 1.
 */
export function targetCrossEntropy(logits: tf.Tensor2D, targets: tf.Tensor2D): tf.Tensor1D {
  const shifted = tf.sub(logits, largestOf(logits));
  const logSum = tf.log(tf.sum(tf.exp(shifted), 1));
  return tf.sub(tf.mul(logSum, tf.sum(targets, 1)), tf.sum(tf.mul(shifted, targets), 1));
}
