/** The loss terms of a recipe as differentiable tfjs expressions. */

import * as tf from '@tensorflow/tfjs-core';
import type { Term } from '../../../recipe/recipe.js';

/**
 * -target x + log(1 + e^x) for every element, in the form that neither overflows nor cancels:
 * max(x, 0) - target x + log(1 + e^-|x|). Its gradient, sigmoid(x) - target, is written out since
 * differentiating max and |x| term by term is wrong at exactly zero.
 */
function sigmoidCrossEntropy(logits: tf.Tensor, target: 0 | 1): tf.Tensor {
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

/** -log softmax(logits)[label] of every row, [rows]. `oneHot` has the shape of `logits`. */
function softmaxCrossEntropy(logits: tf.Tensor2D, oneHot: tf.Tensor2D): tf.Tensor1D {
  // The largest logit is a constant here: the loss does not change when all logits of a row move.
  const largest = tf.customGrad((x) => ({
    value: tf.max(x as tf.Tensor, 1, true),
    gradFunc: () => tf.zeros(logits.shape),
  }))(logits);
  const shifted = tf.sub(logits, largest);
  const logSum = tf.log(tf.sum(tf.exp(shifted), 1));
  return tf.sub(logSum, tf.sum(tf.mul(shifted, oneHot), 1));
}

/**
 * The value of a term without its weight, a scalar. `outputOf` gives a pass's layer output
 * [rows, length]; `oneHotOf` the labels of a pass as float32 of its logits' shape.
 */
export function lossTerm(
  term: Term,
  outputOf: (pass: string, layer: string) => tf.Tensor2D,
  oneHotOf: (pass: string, width: number) => tf.Tensor2D,
): tf.Scalar {
  switch (term.kind) {
    case 'softmaxCrossEntropy': {
      const logits = outputOf(term.pass, term.layer);
      return tf.mean(softmaxCrossEntropy(logits, oneHotOf(term.pass, logits.shape[1])));
    }
    case 'sigmoidCrossEntropy': {
      const column = tf.slice(outputOf(term.pass, term.layer), [0, term.column], [-1, 1]);
      return tf.mean(sigmoidCrossEntropy(column, term.target));
    }
    case 'featureMatching': {
      const [mean, against] = [term.pass, term.against].map((pass) => {
        const output = outputOf(pass, term.layer);
        return tf.mean(tf.reshape(output, [output.shape[0], -1]), 0);
      });
      return tf.mean(tf.square(tf.sub(mean!, against!)));
    }
    default:
      return term satisfies never;
  }
}

/** A loss: the weighted sum of terms, a scalar. A weight of 1 costs nothing. */
export function weightedSum(terms: readonly tf.Scalar[], weights: readonly number[]): tf.Scalar {
  const weighted = terms.map((term, index): tf.Scalar =>
    weights[index] === 1 ? term : tf.mul(term, weights[index]!),
  );
  return weighted.reduce((sum, term): tf.Scalar => tf.add(sum, term));
}
