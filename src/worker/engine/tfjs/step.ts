/**
 * One step of a recipe: passes, gradients, running averages and updates, phase by phase. Computes new
 * tensors and leaves the old ones alone; which are kept is the engine's business.
 */

import * as tf from '@tensorflow/tfjs-core';
import type { Settings } from '../../../protocol/settings.js';
import { momentNames, parametersOf } from '../../model/parameters.js';
import type { RandomStreams } from '../../random/streams.js';
import type { Phase, Recipe, Update } from '../../../recipe/recipes.js';
import type { EngineInput } from '../engine.js';
import type { BatchStatistics } from './forward.js';
import { adamUpdate, type AdamSettings } from './kernels/adam.js';
import { makePhaseInputs, runPasses, type PhaseInputs } from './passes.js';
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

interface ComputedPhase {
  readonly updated: tf.NamedTensorMap;
  readonly observed: tf.NamedTensorMap;
  readonly scalars: readonly tf.Tensor1D[];
}

function adamSettings(settings: Settings, optimiser: Update['optimiser']): AdamSettings {
  const { discriminatorLr, discriminatorBeta1, discriminatorBeta2 } = settings;
  const { generatorLr, generatorBeta1, generatorBeta2 } = settings;
  return optimiser === 'discriminator'
    ? { lr: discriminatorLr, beta1: discriminatorBeta1, beta2: discriminatorBeta2 }
    : { lr: generatorLr, beta1: generatorBeta1, beta2: generatorBeta2 };
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
    const { recipe, dataset } = this.#input;
    let labels: readonly number[] = [];
    const result = tf.tidy(() => {
      const updated: tf.NamedTensorMap = {};
      const observed: tf.NamedTensorMap = {};
      const scalars: tf.Tensor1D[] = [];
      recipe.phases.forEach((phase, phaseIndex) => {
        const inputs = makePhaseInputs(this.#input, this.#streams, phaseIndex, step);
        const computed = this.#computePhase(phase, inputs, { ...tensors, ...updated }, step, isObserved);
        Object.assign(updated, computed.updated);
        Object.assign(observed, computed.observed);
        scalars.push(...computed.scalars);
        if (phase.passes.some(({ name }) => name === recipe.accuracy.pass)) {
          labels = Array.from(inputs.draws.labelled, (index) => dataset.train.labels[index]!);
        }
      });
      return { updated, scalars: tf.concat1d(scalars), observed: isObserved ? observed : {} };
    });
    return { ...result, labels };
  }

  /** One phase, from `tensors`; its tensors belong to the scope of the caller. */
  #computePhase(
    phase: Phase,
    inputs: PhaseInputs,
    tensors: tf.NamedTensorMap,
    step: number,
    isObserved: boolean,
  ): ComputedPhase {
    const { recipe } = this.#input;
    const recording = recordForward(() => runPasses(recipe, phase, inputs, tensors, isObserved));
    const { terms, losses, layers, statistics } = recording.result;
    const observed: tf.NamedTensorMap = { ...layers, ...terms };
    const updated: tf.NamedTensorMap = {};
    try {
      // Every gradient is taken before anything is updated.
      const gradients = phase.updates.map((update, i) => {
        const sources = this.#trainedNames(update).map((name) => tensors[name]!);
        return recording.gradients(losses[i]!, sources);
      });
      phase.updates.forEach((update, i) => {
        observed[update.loss] = losses[i]!;
        this.#trainedNames(update).forEach((name, j) => {
          const gradient = gradients[i]![j]!;
          observed[`gradient/${name}`] = gradient;
          Object.assign(updated, this.#descend(update, name, gradient, tensors, step));
        });
      });
    } finally {
      recording.dispose();
    }
    if (recipe.updatesRunningStatistics) {
      for (const [name, value] of Object.entries(moveAverages(statistics, tensors))) {
        updated[name] = value;
        observed[`updated/${name}`] = value;
      }
    }
    const scalars = [tf.stack(phase.terms.map(({ name }) => terms[name]!)) as tf.Tensor1D];
    const logits = layers[`${recipe.accuracy.pass}/${recipe.accuracy.layer}`];
    if (logits !== undefined) scalars.push(tf.reshape(logits, [-1]));
    return { updated, observed, scalars };
  }

  #trainedNames(update: Update): readonly string[] {
    return this.#trained.get(update)!;
  }

  /** A parameter and its moments after the update, by name. */
  #descend(
    update: Update,
    name: string,
    gradient: tf.Tensor,
    tensors: tf.NamedTensorMap,
    step: number,
  ): tf.NamedTensorMap {
    const moments = momentNames(name);
    const old = { parameter: tensors[name]!, m: tensors[moments.m]!, v: tensors[moments.v]! };
    const settings = adamSettings(this.#input.settings, update.optimiser);
    const { parameter, m, v } = adamUpdate(old, gradient, settings, step + 1);
    return { [name]: parameter, [moments.m]: m, [moments.v]: v };
  }
}
