/**
 * One step of a recipe: passes, gradients, running averages and updates, phase by phase. Computes new
 * tensors and leaves the old ones alone; which are kept is the engine's business.
 */

import * as tf from '@tensorflow/tfjs-core';
import { momentNames, parametersOf } from '../../model/parameters.js';
import type { RandomStreams } from '../../random.js';
import type { Recipe, Update } from '../../recipes.js';
import type { EngineInput } from '../engine.js';
import type { BatchStatistics } from './forward.js';
import { adamUpdate, type AdamSettings } from './kernels/adam.js';
import { makePhaseInputs, runPasses, type PhaseOutputs } from './passes.js';
import { recordForward } from './tape.js';

export interface StepResult {
  /** The new value of every tensor that the step changes; the caller disposes them. */
  readonly updated: tf.NamedTensorMap;
  /**
   * One vector to read back: the terms of every phase in order, with the accuracy pass's logits
   * [labelled, classes + 1] after those of its phase. The caller disposes it.
   */
  readonly scalars: tf.Tensor1D;
  /** Labels of the accuracy pass's rows. */
  readonly labels: readonly number[];
  /** Empty unless asked for; under the names of `Engine.inspectStep`. The caller disposes them. */
  readonly observed: tf.NamedTensorMap;
}

/** Names of what an update changes: every trained parameter of all instances of its network. */
function trainedNames(recipe: Recipe, update: Update): readonly string[] {
  return parametersOf(recipe)
    .filter(({ network, role }) => network === update.network && role === 'trained')
    .map(({ name }) => name);
}

/** Adam counts its updates by the step, so a network may be updated once in a step. */
function checkUpdates({ name, phases }: Recipe): void {
  const networks = phases.flatMap(({ updates }) => updates.map(({ network }) => network));
  const twice = networks.find((network, index) => networks.indexOf(network) !== index);
  if (twice !== undefined) {
    throw new Error(`Recipe "${name}" updates "${twice}" twice in a step; Adam's step count allows once.`);
  }
}

/** The running averages after a phase's passes, in their order. */
function moveAverages(statistics: readonly BatchStatistics[], tensors: tf.NamedTensorMap): tf.NamedTensorMap {
  const moved: tf.NamedTensorMap = {};
  const move = (name: string, value: tf.Tensor, momentum: number): void => {
    const old = moved[name] ?? tensors[name]!;
    moved[name] = tf.add(old, tf.mul(tf.sub(value, old), 1 - momentum));
  };
  for (const { owner, momentum, count, mean, variance } of statistics) {
    move(`${owner}/moving_mean`, mean, momentum);
    // TensorFlow keeps the unbiased variance, and the biased one where there is a single value.
    const unbiased = tf.mul(variance, count / Math.max(1, count - 1));
    move(`${owner}/moving_variance`, unbiased, momentum);
  }
  return moved;
}

/** Computes steps of one run. Holds no tensors. */
export class StepComputer {
  readonly #input: EngineInput;
  readonly #streams: RandomStreams;
  readonly #trained: ReadonlyMap<Update, readonly string[]>;

  constructor(input: EngineInput, streams: RandomStreams) {
    const { recipe } = input;
    checkUpdates(recipe);
    this.#input = input;
    this.#streams = streams;
    const updates = recipe.phases.flatMap((phase) => phase.updates);
    this.#trained = new Map(updates.map((update) => [update, trainedNames(recipe, update)]));
  }

  /** The step after `step` updates, from `tensors`, which stay as they are. */
  compute(tensors: tf.NamedTensorMap, step: number, isObserved = false): StepResult {
    let labels: readonly number[] = [];
    const result = tf.tidy(() => {
      const updated: tf.NamedTensorMap = {};
      const observed: tf.NamedTensorMap = {};
      const scalars: tf.Tensor1D[] = [];
      this.#input.recipe.phases.forEach((phase, phaseIndex) => {
        const current = { ...tensors, ...updated };
        const inputs = makePhaseInputs(this.#input, this.#streams, phaseIndex, step);
        const { recipe, dataset } = this.#input;
        const recording = recordForward(() => runPasses(recipe, phase, inputs, current, isObserved));
        const outputs = recording.result;
        try {
          // Every gradient is taken before anything is updated.
          const gradients = phase.updates.map((update, i) => {
            const sources = this.#trained.get(update)!.map((name) => current[name]!);
            return recording.gradients(outputs.losses[i]!, sources);
          });
          phase.updates.forEach((update, i) => {
            this.#trained.get(update)!.forEach((name, j) => {
              const gradient = gradients[i]![j]!;
              observed[`gradient/${name}`] = gradient;
              Object.assign(updated, this.#adam(update, name, gradient, current, step));
            });
          });
        } finally {
          recording.dispose();
        }
        if (recipe.updatesRunningStatistics) {
          const moved = moveAverages(outputs.statistics, current);
          Object.assign(updated, moved);
          for (const [name, value] of Object.entries(moved)) observed[`updated/${name}`] = value;
        }
        Object.assign(observed, outputs.layers, outputs.terms);
        phase.updates.forEach(({ loss }, i) => (observed[loss] = outputs.losses[i]!));
        scalars.push(...this.#scalars(outputs, phase.terms.map(({ name }) => name)));
        if (phase.passes.some(({ name }) => name === recipe.accuracy.pass)) {
          labels = Array.from(inputs.draws.labelled, (index) => dataset.train.labels[index]!);
        }
      });
      return { updated, scalars: tf.concat1d(scalars), observed: isObserved ? observed : {} };
    });
    return { ...result, labels };
  }

  #adam(
    update: Update,
    name: string,
    gradient: tf.Tensor,
    tensors: tf.NamedTensorMap,
    step: number,
  ): tf.NamedTensorMap {
    const moments = momentNames(name);
    const { settings } = this.#input;
    const adam: AdamSettings =
      update.optimiser === 'discriminator'
        ? { lr: settings.discriminatorLr, beta1: settings.discriminatorBeta1, beta2: settings.discriminatorBeta2 }
        : { lr: settings.generatorLr, beta1: settings.generatorBeta1, beta2: settings.generatorBeta2 };
    const old = { parameter: tensors[name]!, m: tensors[moments.m]!, v: tensors[moments.v]! };
    const { parameter, m, v } = adamUpdate(old, gradient, adam, step + 1);
    return { [name]: parameter, [moments.m]: m, [moments.v]: v };
  }

  #scalars({ terms, layers }: PhaseOutputs, names: readonly string[]): tf.Tensor1D[] {
    const { pass, layer } = this.#input.recipe.accuracy;
    const values = tf.stack(names.map((name) => terms[name]!)) as tf.Tensor1D;
    const logits = layers[`${pass}/${layer}`];
    return logits === undefined ? [values] : [values, tf.reshape(logits, [-1])];
  }
}
