/**
 * Networks as tfjs LayersModels, for use outside the trainer: inference only, so dropout and noise are left out.
 * Also their files, as `tf.loadLayersModel` reads them.
 */

import * as tf from '@tensorflow/tfjs-core';
import { layers, sequential, type LayersModel } from '@tensorflow/tfjs-layers';
import type { ExportedFile } from '../../../protocol/trainer-api.js';
import { startBackend } from './backends/start-backend.js';
import type { ParameterSet, Recipe } from '../../../recipe/recipe.js';
import {
  layerShapes,
  sizeOf,
  type GroupNormLayer,
  type LayerDescription,
  type Network,
} from '../../../recipe/layers.js';
import {
  nameInSet,
  parameterName,
  type NamedTensors,
  type ParameterDescription,
} from '../../model/parameters.js';

type Layer = InstanceType<typeof layers.Layer>;

/** A Keras layer, and its weights: parts in the order in which tfjs-layers keeps them, with its own shape where it differs. */
interface LayerWithWeights {
  readonly layer: Layer;
  readonly weights: readonly {
    readonly part: ParameterDescription['part'];
    readonly shape?: readonly number[];
  }[];
}

/** The input shape, where the layer is the first. */
interface Position {
  readonly inputShape?: number[];
}

const of = (layer: Layer, ...parts: ParameterDescription['part'][]): LayerWithWeights => ({
  layer,
  weights: parts.map((part) => ({ part })),
});

/**
 * Group norm of Keras layers that tfjs-layers has, for it has no `GroupNormalization`: the values of a group in
 * a row of their own, layer norm without scale and offset, and back; then a 1 x 1 convolution of each channel by
 * itself, whose kernel is gamma and whose bias is beta.
 */
function toGroupNorm(
  { name, groups, epsilon }: GroupNormLayer,
  shape: readonly number[],
  position: Position,
): readonly LayerWithWeights[] {
  const channels = shape.at(-1)!;
  const positions = sizeOf(shape) / channels;
  const ofGroup = channels / groups;
  const plain = [
    layers.reshape({ name: `${name}_split`, targetShape: [positions, groups, ofGroup], ...position }),
    layers.permute({ name: `${name}_by_group`, dims: [2, 1, 3] }),
    layers.reshape({ name: `${name}_groups`, targetShape: [groups, positions * ofGroup] }),
    layers.layerNormalization({ name: `${name}_normalise`, epsilon, center: false, scale: false }),
    layers.reshape({ name: `${name}_ungroup`, targetShape: [groups, positions, ofGroup] }),
    layers.permute({ name: `${name}_by_position`, dims: [2, 1, 3] }),
    layers.reshape({ name: `${name}_join`, targetShape: [positions, 1, channels] }),
  ];
  const scale = layers.depthwiseConv2d({ name: `${name}_scale`, kernelSize: 1 });
  const gamma = { part: 'gamma', shape: [1, 1, channels, 1] } as const;
  return [
    ...plain.map((layer) => of(layer)),
    { layer: scale, weights: [gamma, { part: 'beta' }] },
    // The name that other layers of the network go by.
    of(layers.reshape({ name, targetShape: [...shape] })),
  ];
}

/** The Keras layers of a layer that takes `shape`; none for what inference leaves out. */
function toLayers(
  layer: LayerDescription,
  shape: readonly number[],
  position: Position,
): readonly LayerWithWeights[] {
  const common = { name: layer.name, ...position };
  switch (layer.kind) {
    case 'conv2d':
    case 'conv2dTranspose': {
      const { filters, padding } = layer;
      const options = {
        ...common,
        filters,
        kernelSize: [...layer.kernelSize],
        strides: layer.stride,
        padding,
      };
      const made = layer.kind === 'conv2d' ? layers.conv2d(options) : layers.conv2dTranspose(options);
      return [of(made, 'kernel', 'bias')];
    }
    case 'dense':
      return [of(layers.dense({ ...common, units: layer.units }), 'kernel', 'bias')];
    case 'batchNorm': {
      const { momentum, epsilon } = layer;
      const made = layers.batchNormalization({ ...common, momentum, epsilon });
      return [of(made, 'gamma', 'beta', 'moving_mean', 'moving_variance')];
    }
    case 'groupNorm':
      return toGroupNorm(layer, shape, position);
    case 'leakyRelu':
      return [of(layers.leakyReLU({ ...common, alpha: layer.alpha }))];
    case 'relu':
    case 'tanh':
      return [of(layers.activation({ ...common, activation: layer.kind }))];
    case 'flatten':
      return [of(layers.flatten(common))];
    case 'reshape':
      return [of(layers.reshape({ ...common, targetShape: [...layer.shape] }))];
    case 'dropout':
    case 'gaussianNoise':
      return [];
    default:
      return layer satisfies never;
  }
}

/**
 * The first instance of a network, as current or averaged, with the values of `tensors`, on the active tfjs backend: takes
 * [rows, ...inputShape] float32 and gives the last layer's output with running statistics. The caller
 * disposes it.
 */
export function buildLayersModel(
  network: Network,
  tensors: NamedTensors,
  parameters: ParameterSet = 'current',
): LayersModel {
  const model = sequential({ name: network.name });
  for (const { layer: description, input } of layerShapes(network)) {
    const isFirst = model.layers.length === 0;
    const made = toLayers(description, input, isFirst ? { inputShape: [...network.inputShape] } : {});
    for (const { layer, weights } of made) {
      model.add(layer);
      const values = weights.map(({ part, shape }) => {
        const name = parameterName(network.name, 0, description.name, part);
        // What is not trained has no average.
        const tensor = (tensors.get(nameInSet(name, parameters)) ?? tensors.get(name))!;
        return tf.tensor(tensor.values, [...(shape ?? tensor.shape)]);
      });
      layer.setWeights(values);
      tf.dispose(values);
    }
  }
  return model;
}

/** The two files of a model: `<name>/model.json` and `<name>/weights.bin`. */
async function toFiles(model: LayersModel): Promise<ExportedFile[]> {
  let files: ExportedFile[] = [];
  await model.save(
    tf.io.withSaveHandler((artifacts) => {
      const { modelTopology, format, generatedBy, convertedBy } = artifacts;
      const { weightSpecs: weights = [], weightData = new ArrayBuffer(0) } = artifacts;
      const weightsManifest = [{ paths: ['weights.bin'], weights }];
      const json = JSON.stringify({ format, generatedBy, convertedBy, modelTopology, weightsManifest });
      files = [
        { path: `${model.name}/model.json`, bytes: new Uint8Array(new TextEncoder().encode(json)) },
        {
          path: `${model.name}/weights.bin`,
          bytes: new Uint8Array(tf.io.CompositeArrayBuffer.join(weightData)),
        },
      ];
      return Promise.resolve({ modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) });
    }),
  );
  return files;
}

/**
 * Files of a LayersModel for every network of a recipe (the first instance where there are several),
 * with the values of `tensors`. Made on the cpu backend, so that an engine's device is left alone.
 */
export async function exportLayersModels(recipe: Recipe, tensors: NamedTensors): Promise<ExportedFile[]> {
  const backend = await startBackend('cpu');
  try {
    const files: ExportedFile[] = [];
    for (const { network } of recipe.networks) {
      backend.activate();
      const used = [recipe.classifier, recipe.generator].find((use) => use?.network === network.name);
      const model = buildLayersModel(network, tensors, used?.parameters);
      try {
        files.push(...(await toFiles(model)));
      } finally {
        model.dispose();
      }
    }
    return files;
  } finally {
    backend.dispose();
  }
}
