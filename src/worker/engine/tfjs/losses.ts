/** The loss terms of a recipe as differentiable tfjs expressions. */

import * as tf from '@tensorflow/tfjs-core';
import type { Term } from '../../../recipe/recipe.js';
import { contrastiveLoss } from './contrastive.js';
import { logSumExp, sigmoidCrossEntropy, softmaxCrossEntropy, targetCrossEntropy } from './cross-entropy.js';
import { judge, padTo, storedOr, teachersTargets } from './pseudo-labels.js';
import { withoutRecording } from './tape.js';

/**
 * |x| whose gradient at exactly zero is zero, where tfjs' own is -1.
 */
function absolute(values: tf.Tensor): tf.Tensor {
  const operation = tf.customGrad((x, save) => {
    (save as tf.GradSaveFunc)([x as tf.Tensor]);
    return {
      value: tf.abs(x as tf.Tensor),
      gradFunc: (dy, [saved]) => tf.mul(dy, tf.sign(saved!)),
    };
  });
  return operation(values);
}

/** Where a term finds what it is computed from. */
export interface TermInputs {
  /** Of the data. */
  readonly classes: number;
  /** A pass's layer output, [rows, ...]. */
  outputOf(pass: string, layer: string): tf.Tensor;
  /** The labels of a pass, [rows, width] float32, one 1 in each row. */
  oneHotOf(pass: string, width: number): tf.Tensor2D;
  /** What the target store has for a pass's rows, [rows, classes]. */
  storedOf(pass: string): tf.Tensor2D;
}

type PseudoLabelTerm = Extract<Term, { kind: 'pseudoLabelCrossEntropy' }>;

/** [rows, width], constant. */
function pseudoLabels(
  { pass, layer, teacher, usesStore }: PseudoLabelTerm,
  inputs: TermInputs,
  width: number,
): tf.Tensor2D {
  const { classes } = inputs;
  return withoutRecording(() => {
    const taught =
      teacher === null
        ? null
        : teachersTargets(
            inputs.outputOf(teacher.pass, layer) as tf.Tensor2D,
            teacher.threshold,
            classes,
            teacher.isSoft,
          );
    if (usesStore) return storedOr(padTo(width, inputs.storedOf(pass)), taught);
    if (taught === null) throw new Error('A pseudo-label term has neither a teacher nor a store.');
    return taught;
  });
}

/** The value of a term without its weight, a scalar. */
export function lossTerm(term: Term, inputs: TermInputs): tf.Scalar {
  const logitsOf = (pass: string): tf.Tensor2D => inputs.outputOf(pass, term.layer) as tf.Tensor2D;
  const meanOf = (pass: string): tf.Tensor => {
    const output = inputs.outputOf(pass, term.layer);
    return tf.mean(tf.reshape(output, [output.shape[0], -1]), 0);
  };
  switch (term.kind) {
    case 'softmaxCrossEntropy': {
      const logits = logitsOf(term.pass);
      return tf.mean(softmaxCrossEntropy(logits, inputs.oneHotOf(term.pass, logits.shape[1])));
    }
    case 'sigmoidCrossEntropy': {
      const column = tf.slice(logitsOf(term.pass), [0, term.column], [-1, 1]);
      return tf.mean(sigmoidCrossEntropy(column, term.target));
    }
    case 'logsumexpCrossEntropy':
      return tf.mean(sigmoidCrossEntropy(logSumExp(logitsOf(term.pass)), term.target));
    case 'featureMatching': {
      const difference = tf.sub(meanOf(term.pass), meanOf(term.against));
      return tf.mean(term.distance === 'absolute' ? absolute(difference) : tf.square(difference));
    }
    case 'pseudoLabelCrossEntropy': {
      const logits = logitsOf(term.pass);
      return tf.mean(targetCrossEntropy(logits, pseudoLabels(term, inputs, logits.shape[1])));
    }
    case 'confidentShare':
      return withoutRecording(() =>
        tf.mean(judge(logitsOf(term.pass), term.threshold, inputs.classes).isConfident),
      );
    case 'contrastive':
      return contrastiveLoss(logitsOf(term.pass), logitsOf(term.against), term.temperature);
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
