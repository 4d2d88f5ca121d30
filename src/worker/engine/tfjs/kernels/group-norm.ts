/**
 * Group norm as two kernels of our own, forward and backward, with a gradient registered between them: one tape
 * node. Here in plain tfjs operations; `wasm-kernels/` has its own for the wasm backend. The same in training and
 * inference.
 *
 * By row and group, over all positions and the group's channels:
 *   m = mean(x), v = mean((x - m)^2), s = 1 / sqrt(v + epsilon), x' = (x - m) s
 *   y = gamma x' + beta, by channel
 *   dbeta = sum(dy), dgamma = sum(dy x'), over rows and positions
 *   dx = s (gamma dy - mean(gamma dy) - x' mean(gamma dy x'))
 *
 * Source: Wu and He, "Group Normalization" (2018), section 3.
 */

import * as tf from '@tensorflow/tfjs-core';

export const GROUP_NORM = 'SganGroupNorm';
export const GROUP_NORM_GRADIENT = 'SganGroupNormGradient';

/** Positions and the channels of a group, of [rows, positions, groups, channels of a group]. */
const OF_A_GROUP = [1, 3];

/**
 * Normalises each row of `x` [rows, ..., channels] float32 by groups of adjacent channels, then scales by `gamma` and
 * shifts by `beta`, both [channels]. `groups` divides the channels.
 */
export function groupNorm(
  x: tf.Tensor,
  gamma: tf.Tensor1D,
  beta: tf.Tensor1D,
  groups: number,
  epsilon: number,
): tf.Tensor {
  const inputs = { x, gamma, beta } as unknown as tf.NamedTensorMap;
  return tf.engine().runKernel<tf.Tensor[]>(GROUP_NORM, inputs, { groups, epsilon })[0]!;
}

/** [rows, positions, groups, channels of a group]; a vector of channels as one row and position. */
function byGroup(x: tf.Tensor, rows: number, channels: number, groups: number): tf.Tensor4D {
  return tf.reshape(x, [rows, -1, groups, channels / groups]);
}

/** x' and 1 / sqrt(variance + epsilon), the latter [rows, 1, groups, 1]. */
function normalise(x: tf.Tensor4D, epsilon: number): { normalised: tf.Tensor; inverseDeviation: tf.Tensor } {
  const centred = tf.sub(x, tf.mean(x, OF_A_GROUP, true));
  const variance = tf.mean(tf.square(centred), OF_A_GROUP, true);
  const inverseDeviation = tf.rsqrt(tf.add(variance, epsilon));
  return { normalised: tf.mul(centred, inverseDeviation), inverseDeviation };
}

function forward({ inputs, attrs }: Parameters<tf.KernelFunc>[0]): tf.TensorInfo[] {
  const { x, gamma, beta } = inputs as { x: tf.Tensor; gamma: tf.Tensor1D; beta: tf.Tensor1D };
  const { groups, epsilon } = attrs as { groups: number; epsilon: number };
  return tf.tidy(() => {
    const values = byGroup(x, x.shape[0], gamma.size, groups);
    const { normalised } = normalise(values, epsilon);
    const byChannel = tf.reshape(normalised, [-1, gamma.size]);
    return [tf.reshape(tf.add(tf.mul(byChannel, gamma), beta), x.shape)];
  });
}

function backward({ inputs, attrs }: Parameters<tf.KernelFunc>[0]): tf.TensorInfo[] {
  const { dy, x, gamma } = inputs as unknown as Record<'dy' | 'x' | 'gamma', tf.Tensor>;
  const { groups, epsilon } = attrs as { groups: number; epsilon: number };
  return tf.tidy(() => {
    const rows = x.shape[0];
    const values = byGroup(x, rows, gamma.size, groups);
    const { normalised, inverseDeviation } = normalise(values, epsilon);
    const outputGradient = tf.reshape(dy, [-1, gamma.size]);
    const betaGradient = tf.sum(outputGradient, 0);
    const gammaGradient = tf.sum(tf.mul(outputGradient, tf.reshape(normalised, [-1, gamma.size])), 0);
    const scaled = byGroup(tf.mul(outputGradient, gamma), rows, gamma.size, groups);
    const mean = tf.mean(scaled, OF_A_GROUP, true);
    const slope = tf.mean(tf.mul(scaled, normalised), OF_A_GROUP, true);
    const inputGradient = tf.mul(tf.sub(tf.sub(scaled, mean), tf.mul(normalised, slope)), inverseDeviation);
    return [tf.reshape(inputGradient, x.shape), gammaGradient, betaGradient];
  });
}

/** Registers both kernels in plain tfjs operations for a backend. */
export function registerComposedGroupNorm(backendName: string): void {
  tf.registerKernel({ kernelName: GROUP_NORM, backendName, kernelFunc: forward });
  tf.registerKernel({ kernelName: GROUP_NORM_GRADIENT, backendName, kernelFunc: backward });
}

tf.registerGradient({
  kernelName: GROUP_NORM,
  inputsToSave: ['x', 'gamma'],
  gradFunc: (dys, [x, gamma], attrs) => {
    // One output, whose gradient tfjs gives bare, not in a list.
    const dy = Array.isArray(dys) ? dys[0]! : dys;
    const inputs = { dy, x: x!, gamma: gamma! };
    const [dx, dgamma, dbeta] = tf.engine().runKernel<tf.Tensor[]>(GROUP_NORM_GRADIENT, inputs, attrs);
    return { x: () => dx!, gamma: () => dgamma!, beta: () => dbeta! };
  },
});
