/**
 * One Adam update as a kernel of our own, so that a backend may fuse it. Adam is TensorFlow 1's:
 *
 *   m' = beta1 m + (1 - beta1) g,  v' = beta2 v + (1 - beta2) g^2
 *   p' = p - rate m' / (sqrt(v') + epsilon),  rate = lr sqrt(1 - beta2^t) / (1 - beta1^t)
 *
 * Source: Kingma and Ba, "Adam" (2015), the last paragraph of section 2; tf.train.AdamOptimizer.
 */

import * as tf from '@tensorflow/tfjs-core';

export const ADAM = 'SganAdam';

export interface AdamTensors {
  readonly parameter: tf.Tensor;
  /** First and second moment, of the parameter's shape. */
  readonly m: tf.Tensor;
  readonly v: tf.Tensor;
}

/** The numbers of one update: the step's rate with the bias corrections in it, and the optimiser's own. */
export interface AdamAttributes {
  readonly rate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

/** The parameter and its moments after an update, as new tensors that the caller disposes. */
export function adamUpdate(
  { parameter, m, v }: AdamTensors,
  gradient: tf.Tensor,
  { rate, beta1, beta2, epsilon }: AdamAttributes,
): AdamTensors {
  const inputs = { parameter, gradient, m, v };
  const updated = tf.engine().runKernel<tf.Tensor[]>(ADAM, inputs, { rate, beta1, beta2, epsilon });
  return { parameter: updated[0]!, m: updated[1]!, v: updated[2]! };
}

function composed({ inputs, attrs }: Parameters<tf.KernelFunc>[0]): tf.TensorInfo[] {
  const { parameter, gradient, m, v } = inputs as unknown as Record<
    'parameter' | 'gradient' | 'm' | 'v',
    tf.Tensor
  >;
  const { rate, beta1, beta2, epsilon } = attrs as unknown as AdamAttributes;
  return tf.tidy(() => {
    const newM = tf.add(tf.mul(m, beta1), tf.mul(gradient, 1 - beta1));
    const newV = tf.add(tf.mul(v, beta2), tf.mul(tf.square(gradient), 1 - beta2));
    const step = tf.div(tf.mul(newM, rate), tf.add(tf.sqrt(newV), epsilon));
    return [tf.sub(parameter, step), newM, newV];
  });
}

/** Registers the update in plain tfjs operations for a backend. */
export function registerComposedAdam(backendName: string): void {
  tf.registerKernel({ kernelName: ADAM, backendName, kernelFunc: composed });
}
