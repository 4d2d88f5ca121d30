/** What a teacher's logits say of its rows: how sure it is, and of what. Constants: nothing here has a gradient. */

import * as tf from '@tensorflow/tfjs-core';

/** More than any probability. */
const NEVER = 2;

/** A teacher's rows, [rows, width] each but for the flags. */
interface Judgement {
  readonly probabilities: tf.Tensor2D;
  /** 1 at the first of the largest logits. */
  readonly likeliest: tf.Tensor2D;
  /** [rows, 1] float32: 1 where the largest probability exceeds the threshold of its class, else 0. */
  readonly isConfident: tf.Tensor2D;
}

/**
 * `threshold`: one for all `classes`, or one for each; a column past them is never surer than its threshold.
 */
export function judge(
  logits: tf.Tensor2D,
  threshold: number | readonly number[],
  classes: number,
): Judgement {
  const width = logits.shape[1];
  const largest = tf.max(logits, 1, true);
  const powers = tf.exp(tf.sub(logits, largest));
  const sum = tf.sum(powers, 1, true);
  const isLargest = tf.cast(tf.equal(logits, largest), 'float32');
  const isFirst = tf.equal(tf.cumsum(isLargest, 1, true), 0);
  const likeliest = tf.mul<tf.Tensor2D>(isLargest, tf.cast(isFirst, 'float32'));
  const thresholds = Array.from({ length: width }, (_, label) => {
    if (label >= classes) return NEVER;
    return typeof threshold === 'number' ? threshold : threshold[label]!;
  });
  const own = tf.sum<tf.Tensor2D>(tf.mul(likeliest, tf.tensor1d(thresholds)), 1, true);
  // The largest power is e^0.
  const isConfident = tf.cast<tf.Tensor2D>(tf.greater<tf.Tensor2D>(tf.reciprocal(sum), own), 'float32');
  return { probabilities: tf.div<tf.Tensor2D>(powers, sum), likeliest, isConfident };
}

/** [rows, classes] filled up with columns of 0. */
export function padTo(width: number, targets: tf.Tensor2D): tf.Tensor2D {
  const missing = width - targets.shape[1];
  return missing === 0
    ? targets
    : tf.pad(targets, [
        [0, 0],
        [0, missing],
      ]);
}

/**
 * A teacher's targets [rows, width]: its probabilities, or 1 at the likeliest class; 0 where it is not sure, and past the
 * classes.
 */
export function teachersTargets(
  logits: tf.Tensor2D,
  threshold: number | readonly number[],
  classes: number,
  isSoft: boolean,
): tf.Tensor2D {
  const { probabilities, likeliest, isConfident } = judge(logits, threshold, classes);
  const targets = tf.mul<tf.Tensor2D>(isSoft ? probabilities : likeliest, isConfident);
  return padTo(logits.shape[1], tf.slice(targets, [0, 0], [-1, classes]));
}

/** A stored target where the store has one (a sum above 0), else the other. All [rows, width]. */
export function storedOr(stored: tf.Tensor2D, other: tf.Tensor2D | null): tf.Tensor2D {
  if (other === null) return stored;
  const isStored = tf.cast(tf.greater(tf.sum(stored, 1, true), 0), 'float32');
  return tf.add(tf.mul(stored, isStored), tf.mul(other, tf.sub(1, isStored)));
}
