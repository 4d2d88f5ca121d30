/** The loss terms of the recipes for few labels as someone would write them with tfjs. */

import * as tf from '@tensorflow/tfjs-core';
import type { Term } from '../../recipe/recipe.js';

/** Where a term finds what it is computed from. */
export interface PlainTermInputs {
  /** A pass's layer output, [rows, ...]. */
  readonly outputOf: (pass: string, layer: string) => tf.Tensor;
  /** The labels of a pass, [rows] int32. */
  readonly labelsOf: (pass: string) => tf.Tensor1D;
  /** What the target store has for a pass's rows, [rows, classes]. */
  readonly targetsOf: (pass: string) => tf.Tensor2D;
}

type PseudoLabelTerm = Extract<Term, { kind: 'pseudoLabelCrossEntropy' }>;

/** Added to an embedding's similarity to itself, which takes no part. */
const MASKED = -1e9;

function oneHot(labels: tf.Tensor1D, classes: number): tf.Tensor2D {
  return tf.cast(tf.oneHot(labels, classes), 'float32') as tf.Tensor2D;
}

/** Each view has to find its other, the row as many rows further on, among all of the batch. */
function contrastive(first: tf.Tensor2D, second: tf.Tensor2D, temperature: number): tf.Scalar {
  const [rows] = first.shape;
  const both = tf.concat2d([first, second], 0);
  const length = tf.sqrt(tf.sum(tf.square(both), 1, true));
  const embedded = tf.div<tf.Tensor2D>(both, length);
  const similar = tf.div(tf.matMul(embedded, embedded, false, true), temperature);
  const others = tf.add(similar, tf.mul(tf.eye(2 * rows), MASKED));
  const partners = Int32Array.from({ length: 2 * rows }, (_, row) => (row + rows) % (2 * rows));
  return tf.losses.softmaxCrossEntropy(oneHot(tf.tensor1d(partners, 'int32'), 2 * rows), others);
}

/** Targets [rows, classes], and 1 for the rows that have one, else 0. */
function pseudoLabels(
  { pass, layer, teacher, usesStore }: PseudoLabelTerm,
  { outputOf, targetsOf }: PlainTermInputs,
  classes: number,
): readonly [targets: tf.Tensor2D, weights: tf.Tensor1D] {
  const stored = usesStore ? targetsOf(pass) : null;
  const isStored = stored && tf.cast<tf.Tensor1D>(tf.greater<tf.Tensor1D>(tf.sum(stored, 1), 0), 'float32');
  if (teacher === null) return [stored!, isStored!];
  const probabilities = tf.softmax(outputOf(teacher.pass, layer) as tf.Tensor2D);
  const guessed = tf.argMax<tf.Tensor1D>(probabilities, 1);
  const threshold =
    typeof teacher.threshold === 'number'
      ? teacher.threshold
      : tf.gather(tf.tensor1d([...teacher.threshold]), guessed);
  const isSure = tf.cast<tf.Tensor1D>(
    tf.greater<tf.Tensor1D>(tf.max(probabilities, 1), threshold),
    'float32',
  );
  const taught = teacher.isSoft ? probabilities : oneHot(guessed, classes);
  if (stored === null || isStored === null) return [taught, isSure];
  const isTaught = tf.sub(1, isStored);
  return [tf.add(stored, tf.mul(taught, tf.expandDims(isTaught, 1))), tf.maximum(isStored, isSure)];
}

/** The value of a term without its weight. Throws where the yardsticks do not know its kind. */
export function plainTerm(term: Term, inputs: PlainTermInputs): tf.Scalar {
  const { outputOf, labelsOf } = inputs;
  const logits = outputOf(term.pass, term.layer) as tf.Tensor2D;
  switch (term.kind) {
    case 'softmaxCrossEntropy':
      return tf.losses.softmaxCrossEntropy(oneHot(labelsOf(term.pass), logits.shape[1]), logits);
    case 'pseudoLabelCrossEntropy': {
      const [targets, weights] = pseudoLabels(term, inputs, logits.shape[1]);
      return tf.mean(tf.losses.softmaxCrossEntropy(targets, logits, weights, 0, tf.Reduction.NONE));
    }
    case 'logsumexpCrossEntropy': {
      const isReal = tf.logSumExp(logits, 1);
      return tf.mean(tf.softplus(term.target === 1 ? tf.neg(isReal) : isReal));
    }
    case 'featureMatching': {
      const difference = tf.sub(tf.mean(logits, 0), tf.mean(outputOf(term.against, term.layer), 0));
      return tf.mean(term.distance === 'absolute' ? tf.abs(difference) : tf.square(difference));
    }
    case 'contrastive': {
      const second = outputOf(term.against, term.layer) as tf.Tensor2D;
      return contrastive(logits, second, term.temperature);
    }
    default:
      throw new Error(`The yardstick knows no term of the kind ${term.kind}, as "${term.name}" is.`);
  }
}
