/** A network as tfjs operations: walks its layers, in training or in inference. Draws nothing. */

import * as tf from '@tensorflow/tfjs-core';
import {
  isNorm,
  layersUntil,
  outputShape,
  type BatchNormLayer,
  type GaussianNoiseLayer,
  type LayerDescription,
  type Network,
} from '../../../recipe/layers.js';
import type { ParameterSet } from '../../../recipe/recipe.js';
import { nameInSet, parameterName, type ParameterDescription } from '../../model/parameters.js';
import { batchNorm } from './kernels/batch-norm.js';
import { groupNorm } from './kernels/group-norm.js';

type Part = ParameterDescription['part'];
type DropoutLayer = Extract<LayerDescription, { kind: 'dropout' }>;

/** Which of a network's tensors a pass reads, and how far it goes. */
export interface Use {
  readonly instance: number;
  readonly parameters: ParameterSet;
  /** The last layer that is computed; left out: the whole network. */
  readonly until?: string;
}

/** How a pass treats the layers that differ between training and inference. */
export interface PassMode {
  batchNorm(layer: BatchNormLayer, input: tf.Tensor, tensorOf: (part: Part) => tf.Tensor): tf.Tensor;
  /** null leaves the input as it is. */
  dropoutMask(layer: DropoutLayer, layerIndex: number, shape: readonly number[]): tf.Tensor | null;
  /** Of deviation 1. null leaves the input as it is. */
  noise(layer: GaussianNoiseLayer, layerIndex: number, shape: readonly number[]): tf.Tensor | null;
}

/** What a pass draws while training. */
export type Draws = Pick<PassMode, 'dropoutMask' | 'noise'>;

/** A batch norm's batch statistics in one pass, for the running statistics. */
export interface BatchStatistics {
  /** Name of the tensors to move, without the part: `<network>/<layer>`. */
  readonly owner: string;
  readonly momentum: number;
  /** Values that each channel's statistics were taken over. */
  readonly count: number;
  readonly mean: tf.Tensor1D;
  /** Biased. */
  readonly variance: tf.Tensor1D;
}

/** Normalises with the batch's own statistics, which go to `onStatistics`. */
export function trainingMode(
  network: Network,
  draws: Draws,
  onStatistics: (statistics: BatchStatistics) => unknown,
): PassMode {
  return {
    ...draws,
    batchNorm: (layer, input, tensorOf) => {
      const [gamma, beta] = [tensorOf('gamma'), tensorOf('beta')] as [tf.Tensor1D, tf.Tensor1D];
      const { output, mean, variance } = batchNorm(input, gamma, beta, layer.epsilon);
      const owner = `${network.name}/${layer.name}`;
      const count = input.size / gamma.size;
      onStatistics({ owner, momentum: layer.momentum, count, mean, variance });
      return output;
    },
  };
}

/** Normalises with the running statistics; drops and adds nothing. */
export const inferenceMode: PassMode = {
  dropoutMask: () => null,
  noise: () => null,
  batchNorm: (layer, input, tensorOf) => {
    const scale = tf.mul(tensorOf('gamma'), tf.rsqrt(tf.add(tensorOf('moving_variance'), layer.epsilon)));
    const shift = tf.sub(tensorOf('beta'), tf.mul(tensorOf('moving_mean'), scale));
    return tf.add(tf.mul(input, scale), shift);
  },
};

/**
 * Runs `input` [rows, ...] float32 through an instance of a network and gives every layer's output to
 * `onOutput`. Parameters come from `tensors` by name. Returns the last output; tidying is the
 * caller's.
 */
export function runNetwork(
  network: Network,
  { instance, parameters, until }: Use,
  input: tf.Tensor,
  tensors: tf.NamedTensorMap,
  mode: PassMode,
  onOutput: (layer: string, output: tf.Tensor) => void,
): tf.Tensor {
  let value = input;
  layersUntil(network, until).forEach((layer, layerIndex) => {
    // Instances share their norms, which therefore bear the first one's name.
    const owner = isNorm(layer) ? 0 : instance;
    const tensorOf = (part: Part): tf.Tensor =>
      tensors[nameInSet(parameterName(network.name, owner, layer.name, part), parameters)]!;
    value = applyLayer(layer, layerIndex, value, tensorOf, mode);
    onOutput(layer.name, value);
  });
  return value;
}

function applyLayer(
  layer: LayerDescription,
  layerIndex: number,
  input: tf.Tensor,
  tensorOf: (part: Part) => tf.Tensor,
  mode: PassMode,
): tf.Tensor {
  const rows = input.shape[0];
  // A bias that stays at zero is not worth a pass over the activations.
  const withBias = (output: tf.Tensor, bias: 'trained' | 'zero'): tf.Tensor =>
    bias === 'zero' ? output : tf.add(output, tensorOf('bias'));
  switch (layer.kind) {
    case 'conv2d': {
      const kernel = tensorOf('kernel') as tf.Tensor4D;
      return withBias(tf.conv2d(input as tf.Tensor4D, kernel, layer.stride, layer.padding), layer.bias);
    }
    case 'conv2dTranspose': {
      const kernel = tensorOf('kernel') as tf.Tensor4D;
      const [height, width, channels] = outputShape(layer, input.shape.slice(1)) as [number, number, number];
      const shape: [number, number, number, number] = [rows, height, width, channels];
      const { stride, padding } = layer;
      return withBias(tf.conv2dTranspose(input as tf.Tensor4D, kernel, shape, stride, padding), layer.bias);
    }
    case 'dense':
      return withBias(tf.matMul(input, tensorOf('kernel')), layer.bias);
    case 'batchNorm':
      return mode.batchNorm(layer, input, tensorOf);
    case 'groupNorm': {
      const [gamma, beta] = [tensorOf('gamma'), tensorOf('beta')] as [tf.Tensor1D, tf.Tensor1D];
      return groupNorm(input, gamma, beta, layer.groups, layer.epsilon);
    }
    case 'gaussianNoise': {
      const noise = layer.deviation === 0 ? null : mode.noise(layer, layerIndex, input.shape);
      return noise === null ? input : tf.add(input, tf.mul(noise, layer.deviation));
    }
    case 'dropout': {
      const mask = layer.rate === 0 ? null : mode.dropoutMask(layer, layerIndex, input.shape);
      return mask === null ? input : tf.mul(input, mask);
    }
    case 'leakyRelu':
      return tf.leakyRelu(input, layer.alpha);
    case 'relu':
      return tf.relu(input);
    case 'tanh':
      return tf.tanh(input);
    case 'flatten':
      return tf.reshape(input, [rows, -1]);
    case 'reshape':
      return tf.reshape(input, [rows, ...layer.shape]);
    default:
      return layer satisfies never;
  }
}
