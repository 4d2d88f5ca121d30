/**
 * Batch norm over one segment as two kernels of our own, forward and backward, with a gradient
 * registered between them: one tape node instead of a dozen, and the batch's statistics at hand for
 * the running statistics. Here in plain tfjs operations; `wasm-kernels/` has its own for the wasm
 * backend.
 *
 *   m = mean(x), v = mean((x - m)^2) over all but the channels, s = 1 / sqrt(v + epsilon)
 *   y = gamma (x - m) s + beta
 *   dbeta = sum(dy), dgamma = sum(dy (x - m) s)
 *   dx = gamma s (dy - dbeta / n - (x - m) s dgamma / n)
 *
 * Source: Ioffe and Szegedy, "Batch Normalization" (2015), section 3.
 */

import * as tf from '@tensorflow/tfjs-core';

export const BATCH_NORM = 'SganBatchNorm';
export const BATCH_NORM_GRADIENT = 'SganBatchNormGradient';

export interface Normalised {
  /** The shape of the input. */
  readonly output: tf.Tensor;
  /** [channels] */
  readonly mean: tf.Tensor1D;
  /** [channels], biased: divided by the number of values. */
  readonly variance: tf.Tensor1D;
}

/**
 * Normalises `x` [..., channels] float32 with its own statistics, then scales by `gamma` and shifts
 * by `beta`, both [channels]. Gradients reach x, gamma and beta through the output only.
 */
export function batchNorm(x: tf.Tensor, gamma: tf.Tensor1D, beta: tf.Tensor1D, epsilon: number): Normalised {
  const inputs = { x, gamma, beta } as unknown as tf.NamedTensorMap;
  const outputs = tf.engine().runKernel<tf.Tensor[]>(BATCH_NORM, inputs, { epsilon });
  const [output, mean, variance] = outputs as [tf.Tensor, tf.Tensor1D, tf.Tensor1D];
  return { output, mean, variance };
}

function composedForward({ inputs, attrs }: Parameters<tf.KernelFunc>[0]): tf.TensorInfo[] {
  const { x, gamma, beta } = inputs as { x: tf.Tensor; gamma: tf.Tensor1D; beta: tf.Tensor1D };
  return tf.tidy(() => {
    const rows = tf.reshape(x, [-1, gamma.size]);
    const mean = tf.mean<tf.Tensor1D>(rows, 0);
    const centred = tf.sub(rows, mean);
    const variance = tf.mean<tf.Tensor1D>(tf.square(centred), 0);
    const scale = tf.mul(gamma, tf.rsqrt(tf.add(variance, attrs!['epsilon'] as number)));
    const output = tf.reshape(tf.add(tf.mul(centred, scale), beta), x.shape);
    return [output, mean, variance];
  });
}

function composedBackward({ inputs, attrs }: Parameters<tf.KernelFunc>[0]): tf.TensorInfo[] {
  type Name = 'dy' | 'x' | 'gamma' | 'mean' | 'variance';
  const { dy, x, gamma, mean, variance } = inputs as unknown as Record<Name, tf.Tensor>;
  return tf.tidy(() => {
    const rows = tf.reshape(x, [-1, gamma.size]);
    const outputGradient = tf.reshape(dy, [-1, gamma.size]);
    const count = rows.shape[0];
    const inverseDeviation = tf.rsqrt(tf.add(variance, attrs!['epsilon'] as number));
    const normalised = tf.mul(tf.sub(rows, mean), inverseDeviation);
    const betaGradient = tf.sum(outputGradient, 0);
    const gammaGradient = tf.sum(tf.mul(outputGradient, normalised), 0);
    const fromStatistics = tf.add(
      tf.div(betaGradient, count),
      tf.mul(normalised, tf.div(gammaGradient, count)),
    );
    const inputGradient = tf.mul(tf.sub(outputGradient, fromStatistics), tf.mul(gamma, inverseDeviation));
    return [tf.reshape(inputGradient, x.shape), gammaGradient, betaGradient];
  });
}

/** Registers both kernels in plain tfjs operations for a backend. */
export function registerComposedBatchNorm(backendName: string): void {
  tf.registerKernel({ kernelName: BATCH_NORM, backendName, kernelFunc: composedForward });
  tf.registerKernel({ kernelName: BATCH_NORM_GRADIENT, backendName, kernelFunc: composedBackward });
}

tf.registerGradient({
  kernelName: BATCH_NORM,
  inputsToSave: ['x', 'gamma'],
  outputsToSave: [false, true, true],
  gradFunc: (dys, [x, gamma, mean, variance], attrs) => {
    const inputs = { dy: (dys as tf.Tensor[])[0]!, x: x!, gamma: gamma!, mean: mean!, variance: variance! };
    const [dx, dgamma, dbeta] = tf.engine().runKernel<tf.Tensor[]>(BATCH_NORM_GRADIENT, inputs, attrs);
    return { x: () => dx!, gamma: () => dgamma!, beta: () => dbeta! };
  },
});
