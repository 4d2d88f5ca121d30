/** A network of a recipe as someone would write it with tfjs, layer by layer in plain operations. */

import * as tf from '@tensorflow/tfjs-core';
import { layersUntil, outputShape, type LayerDescription, type Network } from '../../recipe/layers.js';
import type { ParameterDescription } from '../model/parameters.js';

type LayerOf<Kind extends LayerDescription['kind']> = Extract<LayerDescription, { kind: Kind }>;

/** What the layers do that are there only while training. */
export interface LayerDraws {
  dropped(x: tf.Tensor, layer: LayerOf<'dropout'>): tf.Tensor;
  /** Of deviation 1. */
  noise(shape: readonly number[], layer: LayerOf<'gaussianNoise'>): tf.Tensor;
}

/** By tfjs' own random numbers. */
export const ownLayerDraws: LayerDraws = {
  dropped: (x, { rate }) => tf.dropout(x, rate),
  noise: (shape) => tf.randomNormal([...shape]),
};

type TensorOf = (layer: string, part: ParameterDescription['part']) => tf.Tensor;

export interface NetworkRun {
  /** The last layer that is computed; left out: the whole network. */
  readonly until?: string | undefined;
  readonly tensorOf: TensorOf;
  /** null in inference. */
  readonly draws: LayerDraws | null;
  /** Moves the running statistics of a batch norm. */
  readonly onStatistics: (layer: LayerOf<'batchNorm'>, mean: tf.Tensor, variance: tf.Tensor) => void;
}

/** Gives the output of every layer for an input [rows, ...]. Tidying is the caller's. */
export function runNetwork(network: Network, input: tf.Tensor, run: NetworkRun): Map<string, tf.Tensor> {
  const outputs = new Map<string, tf.Tensor>();
  let x = input;
  for (const layer of layersUntil(network, run.until)) {
    x = applyLayer(layer, x, run);
    outputs.set(layer.name, x);
  }
  return outputs;
}

function applyLayer(layer: LayerDescription, x: tf.Tensor, run: NetworkRun): tf.Tensor {
  const own = (part: ParameterDescription['part']): tf.Tensor => run.tensorOf(layer.name, part);
  const withBias = (y: tf.Tensor, bias: 'trained' | 'zero'): tf.Tensor =>
    bias === 'zero' ? y : tf.add(y, own('bias'));
  switch (layer.kind) {
    case 'conv2d': {
      const { stride, padding, bias } = layer;
      return withBias(tf.conv2d(x as tf.Tensor4D, own('kernel') as tf.Tensor4D, stride, padding), bias);
    }
    case 'conv2dTranspose': {
      const { stride, padding, bias } = layer;
      const shape = [x.shape[0], ...outputShape(layer, x.shape.slice(1))] as [number, number, number, number];
      const filter = own('kernel') as tf.Tensor4D;
      return withBias(tf.conv2dTranspose(x as tf.Tensor4D, filter, shape, stride, padding), bias);
    }
    case 'dense':
      return withBias(tf.matMul(x, own('kernel')), layer.bias);
    case 'groupNorm':
      return groupNorm(x, own('gamma'), own('beta'), layer);
    case 'batchNorm':
      return batchNorm(x, layer, own, run);
    case 'gaussianNoise':
      return run.draws === null ? x : tf.add(x, tf.mul(run.draws.noise(x.shape, layer), layer.deviation));
    case 'dropout':
      return run.draws === null || layer.rate === 0 ? x : run.draws.dropped(x, layer);
    case 'leakyRelu':
      return tf.leakyRelu(x, layer.alpha);
    case 'relu':
      return tf.relu(x);
    case 'tanh':
      return tf.tanh(x);
    case 'flatten':
      return tf.reshape(x, [x.shape[0], -1]);
    case 'reshape':
      return tf.reshape(x, [x.shape[0], ...layer.shape]);
    default:
      return layer satisfies never;
  }
}

/** Over all positions and the channels of a group of each row. */
function groupNorm(
  x: tf.Tensor,
  gamma: tf.Tensor,
  beta: tf.Tensor,
  { groups, epsilon }: LayerOf<'groupNorm'>,
): tf.Tensor {
  const byGroup = tf.reshape(x, [x.shape[0], -1, groups, gamma.size / groups]);
  const { mean, variance } = tf.moments(byGroup, [1, 3], true);
  const normalised = tf.div(tf.sub(byGroup, mean), tf.sqrt(tf.add(variance, epsilon)));
  return tf.add(tf.mul(tf.reshape(normalised, x.shape), gamma), beta);
}

function batchNorm(
  x: tf.Tensor,
  layer: LayerOf<'batchNorm'>,
  own: (part: ParameterDescription['part']) => tf.Tensor,
  { draws, onStatistics }: NetworkRun,
): tf.Tensor {
  const [gamma, beta] = [own('gamma') as tf.Tensor1D, own('beta') as tf.Tensor1D];
  if (draws === null) {
    const [mean, variance] = [own('moving_mean') as tf.Tensor1D, own('moving_variance') as tf.Tensor1D];
    return tf.batchNorm(x as tf.Tensor4D, mean, variance, beta, gamma, layer.epsilon);
  }
  const allButChannels = x.shape.slice(0, -1).map((_, axis) => axis);
  const { mean, variance } = tf.moments(x, allButChannels);
  onStatistics(layer, mean, variance);
  const normalised = tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, layer.epsilon)));
  return tf.add(tf.mul(normalised, gamma), beta);
}
