/**
 * The passes of one phase: their inputs and dropout masks from the streams, and the recorded
 * computation from them to losses.
 */

import * as tf from '@tensorflow/tfjs-core';
import { sizeOf, type LayerDescription } from '../../../recipe/layers.js';
import { entryOf, type Pass, type Phase, type Recipe } from '../../../recipe/recipe.js';
import { weightAt } from '../../../recipe/schedules.js';
import { drawPhase, dropoutStream, latentSizeOf, type GroupDraw } from '../../model/draws.js';
import type { RandomStreams } from '../../random/streams.js';
import type { EngineInput } from '../engine.js';
import { imageTensor, oneHotTensor } from './batch.js';
import { inferenceMode, runNetwork, trainingMode, type BatchStatistics } from './forward.js';
import { lossTerm, weightedSum } from './losses.js';
import { withoutRecording } from './tape.js';

type DropoutLayer = Extract<LayerDescription, { kind: 'dropout' }>;

/** What the passes of one phase are fed. The tensors belong to the scope that made them. */
export interface PhaseInputs {
  readonly draws: ReadonlyMap<string, GroupDraw>;
  /** Images or latents, by group. */
  readonly batches: ReadonlyMap<string, tf.Tensor>;
  /** Labels of a group, [rows, width] float32, one 1 in each row. */
  readonly oneHot: (group: string, width: number) => tf.Tensor2D;
  /** The mask of a dropout layer in a pass. */
  readonly dropoutMask: (
    pass: Pass,
    layer: DropoutLayer,
    layerIndex: number,
    shape: readonly number[],
  ) => tf.Tensor;
}

/** What a phase's passes give. Plain objects, so that tfjs finds the tensors in them. */
export interface PhaseOutputs {
  /** Value of every loss term, by name. */
  readonly terms: Record<string, tf.Scalar>;
  /** The loss of every update, in order. */
  readonly losses: readonly tf.Scalar[];
  /** `<pass>/input` and `<pass>/<layer>`: the accuracy's logits, or everything where asked for. */
  readonly layers: Record<string, tf.Tensor>;
  /** In the order in which running statistics move. */
  readonly statistics: readonly BatchStatistics[];
}

/** Draws and uploads what a phase of the step after `step` updates sees. */
export function makePhaseInputs(
  { recipe, dataset, split }: EngineInput,
  streams: RandomStreams,
  phaseIndex: number,
  step: number,
): PhaseInputs {
  const phase = recipe.phases[phaseIndex]!;
  const draws = drawPhase(streams, recipe, split, phaseIndex, step);
  const { train, imageShape } = dataset;
  const batches = phase.groups.map((group): [string, tf.Tensor] => {
    const { indices, latents } = draws.get(group.name)!;
    const batch =
      indices === null
        ? tf.tensor2d(latents!, [group.rows, latentSizeOf(recipe, phase, group)])
        : imageTensor(train, imageShape, indices);
    return [group.name, batch];
  });
  return {
    draws,
    batches: new Map(batches),
    oneHot: (group, width) => oneHotTensor(train, draws.get(group)!.indices!, width),
    dropoutMask: (pass, { rate }, layerIndex, shape) => {
      // A new array each time: the cpu and webgpu backends keep it instead of copying.
      const mask = new Float32Array(sizeOf(shape));
      streams.dropoutMask(dropoutStream(phaseIndex, pass, layerIndex), step, mask.length, rate, mask);
      return tf.tensor(mask, [...shape]);
    },
  };
}

/** The input of a pass, in the shape that its network takes. */
function inputOf(
  pass: Pass,
  inputs: PhaseInputs,
  lastOutputs: Record<string, tf.Tensor>,
  shape: readonly number[],
): tf.Tensor {
  const input =
    pass.input.kind === 'pass' ? lastOutputs[pass.input.pass]! : inputs.batches.get(pass.input.group)!;
  return input.rank === shape.length + 1 ? input : tf.reshape(input, [input.shape[0], ...shape]);
}

/**
 * Runs the passes of a phase of the step after `step` updates and its loss terms; to be recorded. What has
 * no gradient is left out of the record.
 */
export function runPasses(
  recipe: Recipe,
  phase: Phase,
  inputs: PhaseInputs,
  tensors: tf.NamedTensorMap,
  step: number,
  isObserved: boolean,
): PhaseOutputs {
  const layers: Record<string, tf.Tensor> = {};
  const lastOutputs: Record<string, tf.Tensor> = {};
  const statistics: BatchStatistics[] = [];
  const run = (pass: Pass): tf.Tensor => {
    const { network } = entryOf(recipe, pass.network);
    const input = inputOf(pass, inputs, lastOutputs, network.inputShape);
    const training = trainingMode(
      network,
      (layer, layerIndex, shape) => inputs.dropoutMask(pass, layer, layerIndex, shape),
      (moved) => pass.parameters === 'current' && statistics.push(moved),
    );
    const mode = pass.mode === 'training' ? training : inferenceMode;
    layers[`${pass.name}/input`] = input;
    return runNetwork(network, pass, input, tensors, mode, (layer, output) => {
      layers[`${pass.name}/${layer}`] = output;
    });
  };
  for (const pass of phase.passes) {
    lastOutputs[pass.name] = pass.gradient ? run(pass) : withoutRecording(() => run(pass));
  }
  const outputOf = (pass: string, layer: string): tf.Tensor2D => layers[`${pass}/${layer}`] as tf.Tensor2D;
  const oneHotOf = (name: string, width: number): tf.Tensor2D => {
    const { input } = phase.passes.find((pass) => pass.name === name)!;
    return inputs.oneHot(input.kind === 'group' ? input.group : '', width);
  };
  const terms = Object.fromEntries(
    phase.terms.map((term) => [term.name, lossTerm(term, outputOf, oneHotOf)]),
  );
  const weights = new Map(phase.terms.map(({ name, weight }) => [name, weightAt(weight, step)]));
  const losses = phase.updates.map((update) =>
    weightedSum(
      update.terms.map((name) => terms[name]!),
      update.terms.map((name) => weights.get(name)!),
    ),
  );
  const logits = `${recipe.accuracy.pass}/${recipe.accuracy.layer}`;
  const kept = Object.entries(layers).filter(([name]) => isObserved || name === logits);
  return { terms, losses, layers: Object.fromEntries(kept), statistics };
}
