/**
 * The passes of one phase: their inputs and dropout masks from the streams, and the recorded
 * computation from them to losses.
 */

import * as tf from '@tensorflow/tfjs-core';
import { drawPhase, dropoutStream, type PhaseDraws } from '../../model/draws.js';
import { sizeOf } from '../../model/parameters.js';
import type { Network } from '../../../recipe/layers.js';
import type { RandomStreams } from '../../random/streams.js';
import type { Pass, Phase, Recipe } from '../../../recipe/recipes.js';
import type { EngineInput } from '../engine.js';
import { imageTensor, oneHotTensor } from './batch.js';
import { runNetwork, trainingMode, type BatchStatistics } from './forward.js';
import { lossTerm } from './losses.js';

/** What the passes of one phase are fed. The tensors belong to the scope that made them. */
export interface PhaseInputs {
  readonly draws: PhaseDraws;
  /** By input kind. */
  readonly batches: { readonly [K in 'labelled' | 'unlabelled' | 'latents']?: tf.Tensor };
  /** Labels of the labelled batch, [labelled, classes + 1]. */
  readonly oneHot: tf.Tensor2D;
  /** The mask of a dropout layer in a pass, null where nothing is dropped. */
  readonly dropoutMask: (pass: Pass, layerIndex: number, shape: readonly number[]) => tf.Tensor | null;
}

/** What a phase's passes give. Plain objects, so that tfjs finds the tensors in them. */
export interface PhaseOutputs {
  /** Value of every loss term, by name. */
  readonly terms: Record<string, tf.Scalar>;
  /** The loss of every update, in order. */
  readonly losses: readonly tf.Scalar[];
  /** `<pass>/input` and `<pass>/<layer>`: the accuracy's logits, or everything where asked for. */
  readonly layers: Record<string, tf.Tensor>;
  /** In the order in which running averages move. */
  readonly statistics: readonly BatchStatistics[];
}

/** Draws and uploads what a phase of the step after `step` updates sees. */
export function makePhaseInputs(
  { recipe, settings, dataset, split }: EngineInput,
  streams: RandomStreams,
  phaseIndex: number,
  step: number,
): PhaseInputs {
  const draws = drawPhase(streams, recipe, settings, split, phaseIndex, step);
  const { train, imageShape, classes } = dataset;
  const latentSize = recipe.generator?.latentSize;
  return {
    draws,
    oneHot: oneHotTensor(train, draws.labelled, classes + 1),
    batches: {
      labelled: imageTensor(train, imageShape, draws.labelled),
      ...(draws.unlabelled.length > 0 && { unlabelled: imageTensor(train, imageShape, draws.unlabelled) }),
      ...(latentSize !== undefined && { latents: tf.tensor2d(draws.latents, [settings.batch, latentSize]) }),
    },
    dropoutMask: (pass, layerIndex, shape) => {
      if (settings.dropout === 0) return null;
      // A new array each time: the cpu and webgpu backends keep it instead of copying.
      const mask = new Float32Array(sizeOf(shape));
      const stream = dropoutStream(phaseIndex, pass, layerIndex);
      streams.dropoutMask(stream, step, mask.length, settings.dropout, mask);
      return tf.tensor(mask, [...shape]);
    },
  };
}

export function networkNamed(recipe: Recipe, name: string): Network {
  const found = recipe.networks.find(({ network }) => network.name === name);
  if (found === undefined) throw new Error(`Recipe "${recipe.name}" has no network "${name}".`);
  return found.network;
}

/** Runs the passes of a phase in training mode and its loss terms; to be recorded. */
export function runPasses(
  recipe: Recipe,
  phase: Phase,
  inputs: PhaseInputs,
  tensors: tf.NamedTensorMap,
  isObserved: boolean,
): PhaseOutputs {
  const layers: Record<string, tf.Tensor> = {};
  const lastOutputs: Record<string, tf.Tensor> = {};
  const statistics: BatchStatistics[] = [];
  for (const pass of phase.passes) {
    const network = networkNamed(recipe, pass.network);
    const input = pass.input.kind === 'pass' ? lastOutputs[pass.input.pass] : inputs.batches[pass.input.kind];
    if (input === undefined) throw new Error(`Pass "${pass.name}" has no input in recipe "${recipe.name}".`);
    const mode = trainingMode(
      network,
      (layerIndex, shape) => inputs.dropoutMask(pass, layerIndex, shape),
      (moved) => statistics.push(moved),
    );
    layers[`${pass.name}/input`] = input;
    lastOutputs[pass.name] = runNetwork(network, pass.instance, input, tensors, mode, (layer, output) => {
      layers[`${pass.name}/${layer}`] = output;
    });
  }
  const outputOf = (pass: string, layer: string): tf.Tensor2D => layers[`${pass}/${layer}`] as tf.Tensor2D;
  const terms = Object.fromEntries(
    phase.terms.map((term) => [term.name, lossTerm(term, outputOf, () => inputs.oneHot)]),
  );
  const losses = phase.updates.map((update) =>
    update.terms.map((name) => terms[name]!).reduce((sum, term) => tf.add(sum, term)),
  );
  const logits = `${recipe.accuracy.pass}/${recipe.accuracy.layer}`;
  const kept = Object.entries(layers).filter(([name]) => isObserved || name === logits);
  return { terms, losses, layers: Object.fromEntries(kept), statistics };
}
