/**
 * Networks as tfjs LayersModels, for use outside the trainer: inference only, so dropout is left out.
 * Also their files, as `tf.loadLayersModel` reads them.
 */

import * as tf from '@tensorflow/tfjs-core';
import { layers, sequential, type LayersModel } from '@tensorflow/tfjs-layers';
import type { ExportedFile } from '../../../protocol/trainer-api.js';
import { startBackend } from './backends/start-backend.js';
import type { ParameterSet, Recipe } from '../../../recipe/recipe.js';
import type { LayerDescription, Network } from '../../../recipe/layers.js';
import {
  nameInSet,
  parameterName,
  type NamedTensors,
  type ParameterDescription,
} from '../../model/parameters.js';

type Layer = InstanceType<typeof layers.Layer>;

/** Weights in the order in which tfjs-layers keeps them. */
function partsOf({ kind }: LayerDescription): readonly ParameterDescription['part'][] {
  if (kind === 'batchNorm') return ['gamma', 'beta', 'moving_mean', 'moving_variance'];
  return kind === 'conv2d' || kind === 'conv2dTranspose' || kind === 'dense' ? ['kernel', 'bias'] : [];
}

/** `position` has the input shape where the layer is the first; null for what inference leaves out. */
function toLayer(layer: LayerDescription, position: { readonly inputShape?: number[] }): Layer | null {
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
      return layer.kind === 'conv2d' ? layers.conv2d(options) : layers.conv2dTranspose(options);
    }
    case 'dense':
      return layers.dense({ ...common, units: layer.units });
    case 'batchNorm':
      return layers.batchNormalization({ ...common, momentum: layer.momentum, epsilon: layer.epsilon });
    case 'leakyRelu':
      return layers.leakyReLU({ ...common, alpha: layer.alpha });
    case 'relu':
    case 'tanh':
      return layers.activation({ ...common, activation: layer.kind });
    case 'flatten':
      return layers.flatten(common);
    case 'reshape':
      return layers.reshape({ ...common, targetShape: [...layer.shape] });
    case 'dropout':
      return null;
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
  for (const description of network.layers) {
    const isFirst = model.layers.length === 0;
    const layer = toLayer(description, isFirst ? { inputShape: [...network.inputShape] } : {});
    if (layer === null) continue;
    model.add(layer);
    const weights = partsOf(description).map((part) => {
      const name = parameterName(network.name, 0, description.name, part);
      // What is not trained has no average.
      const { shape, values } = (tensors.get(nameInSet(name, parameters)) ?? tensors.get(name))!;
      return tf.tensor(values, [...shape]);
    });
    layer.setWeights(weights);
    tf.dispose(weights);
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
