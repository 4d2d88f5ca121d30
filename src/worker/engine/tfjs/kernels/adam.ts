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
export const ADAM_EPSILON = 1e-8;

export interface AdamSettings {
  readonly lr: number;
  readonly beta1: number;
  readonly beta2: number;
}

/** Learning rate of update t (the first is 1) with the bias correction in it, in float64. */
export function adamRate({ lr, beta1, beta2 }: AdamSettings, t: number): number {
  return (lr * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t);
}

export interface AdamTensors {
  readonly parameter: tf.Tensor;
  /** First and second moment, of the parameter's shape. */
  readonly m: tf.Tensor;
  readonly v: tf.Tensor;
}

/** The parameter and its moments after update `t`, as new tensors that the caller disposes. */
export function adamUpdate(
  { parameter, m, v }: AdamTensors,
  gradient: tf.Tensor,
  settings: AdamSettings,
  t: number,
): AdamTensors {
  const attributes = { rate: adamRate(settings, t), beta1: settings.beta1, beta2: settings.beta2 };
  const inputs = { parameter, gradient, m, v };
  const updated = tf.engine().runKernel<tf.Tensor[]>(ADAM, inputs, attributes);
  return { parameter: updated[0]!, m: updated[1]!, v: updated[2]! };
}

function composed({ inputs, attrs }: Parameters<tf.KernelFunc>[0]): tf.TensorInfo[] {
  const { parameter, gradient, m, v } = inputs as unknown as Record<
    'parameter' | 'gradient' | 'm' | 'v',
    tf.Tensor
  >;
  const { rate, beta1, beta2 } = attrs as { rate: number; beta1: number; beta2: number };
  return tf.tidy(() => {
    const newM = tf.add(tf.mul(m, beta1), tf.mul(gradient, 1 - beta1));
    const newV = tf.add(tf.mul(v, beta2), tf.mul(tf.square(gradient), 1 - beta2));
    const step = tf.div(tf.mul(newM, rate), tf.add(tf.sqrt(newV), ADAM_EPSILON));
    return [tf.sub(parameter, step), newM, newV];
  });
}

/** Registers the update in plain tfjs operations for a backend. */
export function registerComposedAdam(backendName: string): void {
  tf.registerKernel({ kernelName: ADAM, backendName, kernelFunc: composed });
}
