/**
 * The passes of one phase: their inputs and dropout masks from the streams, and the recorded
 * computation from them to losses.
 */

import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../../../recipe/layers.js';
import {
  entryOf,
  groupOf,
  passNamed,
  type Pass,
  type Phase,
  type Recipe,
  type RowGroup,
  type StageRecipe,
} from '../../../recipe/recipe.js';
import { weightAt } from '../../../recipe/schedules.js';
import { drawPhase, dropoutStream, latentSizeOf, noiseStream, type GroupDraw } from '../../model/draws.js';
import { TARGET_STORE } from '../../model/parameters.js';
import type { RandomStreams } from '../../random/streams.js';
import type { EngineInput } from '../engine.js';
import { classTensor, imageTensor, oneHotTensor, viewedImageTensor } from './batch.js';
import { inferenceMode, runNetwork, trainingMode, type BatchStatistics, type Draws } from './forward.js';
import { lossTerm, weightedSum, type TermInputs } from './losses.js';
import { withoutRecording } from './tape.js';

/** What the passes of one phase are fed. The tensors belong to the scope that made them. */
export interface PhaseInputs {
  readonly draws: ReadonlyMap<string, GroupDraw>;
  /** Of the data. */
  readonly classes: number;
  /** Images or latents, by group. */
  readonly batches: ReadonlyMap<string, tf.Tensor>;
  /** Labels of a group, [rows, width] float32, one 1 in each row. */
  readonly oneHot: (group: string, width: number) => tf.Tensor2D;
  /** What the target store has for a group of landmarks, [rows, classes]. */
  readonly stored: (group: string) => tf.Tensor2D;
  /** The dropout masks and the noise of a pass. */
  readonly drawsOf: (pass: Pass) => Draws;
}

/** What a phase's passes give. Plain objects, so that tfjs finds the tensors in them. */
export interface PhaseOutputs {
  /** Value of every loss term, by name. */
  readonly terms: Record<string, tf.Scalar>;
  /** The loss of every update, in order. */
  readonly losses: readonly tf.Scalar[];
  /** `<pass>/input` and `<pass>/<layer>`, those that were asked for. */
  readonly layers: Record<string, tf.Tensor>;
  /** In the order in which running statistics move. */
  readonly statistics: readonly BatchStatistics[];
}

/** What a group's pool, draw and view give: images or latents. */
function batchOf(
  recipe: StageRecipe,
  phase: Phase,
  group: RowGroup,
  { indices, viewWords, latents }: GroupDraw,
  { train, imageShape }: EngineInput['dataset'],
): tf.Tensor {
  if (indices === null) return tf.tensor2d(latents!, [group.rows, latentSizeOf(recipe, phase, group)]);
  const { view } = group;
  return view.kind === 'plain'
    ? imageTensor(train, imageShape, indices)
    : viewedImageTensor(train, imageShape, indices, view, viewWords!);
}

/** Draws and uploads what a phase of the step after `step` updates sees; the target store is one of `tensors`. */
export function makePhaseInputs(
  recipe: StageRecipe,
  { dataset, split }: EngineInput,
  streams: RandomStreams,
  tensors: tf.NamedTensorMap,
  phaseIndex: number,
  step: number,
): PhaseInputs {
  const phase = recipe.phases[phaseIndex]!;
  const draws = drawPhase(streams, recipe, split, phaseIndex, step);
  const batches = phase.groups.map((group): [string, tf.Tensor] => [
    group.name,
    batchOf(recipe, phase, group, draws.get(group.name)!, dataset),
  ]);
  return {
    draws,
    classes: dataset.classes,
    batches: new Map(batches),
    oneHot: (group, width) => {
      const { indices, latents } = draws.get(group)!;
      return latents === null
        ? oneHotTensor(dataset.train, indices!, width)
        : classTensor(phase.groups.find(({ name }) => name === group)!.rows, dataset.classes, width);
    },
    stored: (group) => {
      const landmarks = Int32Array.from(draws.get(group)!.landmarks!);
      return tf.gather(tensors[TARGET_STORE] as tf.Tensor2D, tf.tensor1d(landmarks, 'int32'));
    },
    // A new array each time: the cpu and webgpu backends keep it instead of copying.
    drawsOf: (pass) => ({
      dropoutMask: ({ rate }, layerIndex, shape) => {
        const mask = new Float32Array(sizeOf(shape));
        streams.dropoutMask(dropoutStream(phaseIndex, pass, layerIndex), step, mask.length, rate, mask);
        return tf.tensor(mask, [...shape]);
      },
      noise: (_, layerIndex, shape) => {
        const noise = new Float32Array(sizeOf(shape));
        streams.normals(noiseStream(phaseIndex, pass, layerIndex), step, noise.length, noise);
        return tf.tensor(noise, [...shape]);
      },
    }),
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
 * Runs the passes of a phase and its loss terms, `scheduled` updates after their ramps began; to be recorded. What
 * has no gradient is left out of the record.
 */
export function runPasses(
  recipe: Pick<Recipe, 'name' | 'networks'>,
  phase: Phase,
  inputs: PhaseInputs,
  tensors: tf.NamedTensorMap,
  scheduled: number,
  isKept: (layer: string) => boolean,
): PhaseOutputs {
  const layers: Record<string, tf.Tensor> = {};
  const lastOutputs: Record<string, tf.Tensor> = {};
  const statistics: BatchStatistics[] = [];
  const run = (pass: Pass): tf.Tensor => {
    const { network } = entryOf(recipe, pass.network);
    const input = inputOf(pass, inputs, lastOutputs, network.inputShape);
    const training = trainingMode(
      network,
      inputs.drawsOf(pass),
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
  const groupNameOf = (pass: string): string => groupOf(phase, passNamed(phase, pass)).name;
  const termInputs: TermInputs = {
    classes: inputs.classes,
    outputOf: (pass, layer) => layers[`${pass}/${layer}`]!,
    oneHotOf: (pass, width) => inputs.oneHot(groupNameOf(pass), width),
    storedOf: (pass) => inputs.stored(groupNameOf(pass)),
  };
  const terms = Object.fromEntries(phase.terms.map((term) => [term.name, lossTerm(term, termInputs)]));
  const weights = new Map(phase.terms.map(({ name, weight }) => [name, weightAt(weight, scheduled)]));
  const losses = phase.updates.map((update) =>
    weightedSum(
      update.terms.map((name) => terms[name]!),
      update.terms.map((name) => weights.get(name)!),
    ),
  );
  const kept = Object.entries(layers).filter(([name]) => isKept(name));
  return { terms, losses, layers: Object.fromEntries(kept), statistics };
}
