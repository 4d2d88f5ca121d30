/**
 * One step of a recipe: passes, gradients, running statistics and updates, phase by phase. Computes new
 * tensors and leaves the old ones alone; which are kept is the engine's business.
 */

import * as tf from '@tensorflow/tfjs-core';
import { entryOf, placeOf, type Phase, type Recipe, type Update } from '../../../recipe/recipe.js';
import {
  adamRate,
  averageRate,
  isLastUpdate,
  updateNumber,
  type UpdatePlace,
} from '../../../recipe/schedules.js';
import { averageName, momentNames, parametersOf } from '../../model/parameters.js';
import type { RandomStreams } from '../../random/streams.js';
import { gradientName, type EngineInput } from '../engine.js';
import type { BatchStatistics } from './forward.js';
import { adamUpdate } from './kernels/adam.js';
import { makePhaseInputs, runPasses, type PhaseInputs } from './passes.js';
import { recordForward } from './tape.js';

export interface StepResult {
  /** The new value of every tensor that the step changes; the caller disposes them. */
  readonly updated: tf.NamedTensorMap;
  /**
   * One vector to read back: the terms of every phase in order, then the accuracy pass's logits
   * [labelled, width]. The caller disposes it.
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
  readonly terms: tf.Tensor1D;
  /** The accuracy pass's logits in one row; null where another phase has them. */
  readonly logits: tf.Tensor1D | null;
}

/** What an update changes, and where it stands among those of its network. */
interface UpdateWork {
  /** Every trained parameter of all instances of its network. */
  readonly names: readonly string[];
  readonly place: UpdatePlace;
  /** Whether averages of the network move after it. */
  readonly movesAverage: boolean;
}

function workOf(recipe: Recipe, update: Update): UpdateWork {
  const { network } = update;
  const place = placeOf(recipe, update);
  return {
    names: parametersOf(recipe)
      .filter((parameter) => parameter.network === network && parameter.role === 'trained')
      .map(({ name }) => name),
    place,
    movesAverage: entryOf(recipe, network).average !== null && isLastUpdate(place),
  };
}

/** The running statistics after a phase's passes, in their order. */
function moveRunningStatistics(
  statistics: readonly BatchStatistics[],
  tensors: tf.NamedTensorMap,
): tf.NamedTensorMap {
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
  readonly #work: ReadonlyMap<Update, UpdateWork>;

  constructor(input: EngineInput, streams: RandomStreams) {
    const { recipe } = input;
    this.#input = input;
    this.#streams = streams;
    const updates = recipe.phases.flatMap((phase) => phase.updates);
    this.#work = new Map(updates.map((update) => [update, workOf(recipe, update)]));
  }

  /** The step after `step` updates, from `tensors`, which stay as they are. */
  compute(tensors: tf.NamedTensorMap, step: number, isObserved = false): StepResult {
    const { recipe, dataset } = this.#input;
    let labels: readonly number[] = [];
    const result = tf.tidy(() => {
      const updated: tf.NamedTensorMap = {};
      const observed: tf.NamedTensorMap = {};
      const terms: tf.Tensor1D[] = [];
      let logits: tf.Tensor1D | null = null;
      recipe.phases.forEach((phase, phaseIndex) => {
        const inputs = makePhaseInputs(this.#input, this.#streams, phaseIndex, step);
        const present = { ...tensors, ...updated };
        const computed = this.#computePhase(phase, phaseIndex, inputs, present, step, isObserved);
        Object.assign(updated, computed.updated);
        Object.assign(observed, computed.observed);
        terms.push(computed.terms);
        logits ??= computed.logits;
        const { input } = phase.passes.find(({ name }) => name === recipe.accuracy.pass) ?? {};
        if (input?.kind !== 'group') return;
        const { indices } = inputs.draws.get(input.group)!;
        labels = Array.from(indices!, (index) => dataset.train.labels[index]!);
      });
      return {
        updated,
        scalars: tf.concat1d([...terms, logits!]),
        observed: isObserved ? observed : {},
      };
    });
    return { ...result, labels };
  }

  /** One phase, from `tensors`; its tensors belong to the scope of the caller. */
  #computePhase(
    phase: Phase,
    phaseIndex: number,
    inputs: PhaseInputs,
    tensors: tf.NamedTensorMap,
    step: number,
    isObserved: boolean,
  ): ComputedPhase {
    const { recipe } = this.#input;
    const recording = recordForward(() => runPasses(recipe, phase, inputs, tensors, step, isObserved));
    const { terms, losses, layers, statistics } = recording.result;
    const observed: tf.NamedTensorMap = { ...layers, ...terms };
    const updated: tf.NamedTensorMap = {};
    try {
      // Every gradient is taken before anything is updated.
      const gradients = phase.updates.map((update, i) => {
        const sources = this.#work.get(update)!.names.map((name) => tensors[name]!);
        return recording.gradients(losses[i]!, sources);
      });
      phase.updates.forEach((update, i) => {
        observed[update.loss] = losses[i]!;
        this.#work.get(update)!.names.forEach((name, j) => {
          const gradient = gradients[i]![j]!;
          observed[gradientName(phaseIndex, name)] = gradient;
          Object.assign(updated, this.#descend(update, name, gradient, tensors, step));
        });
      });
    } finally {
      recording.dispose();
    }
    if (recipe.updatesRunningStatistics) {
      for (const [name, value] of Object.entries(moveRunningStatistics(statistics, tensors))) {
        updated[name] = value;
        observed[`updated/${name}`] = value;
      }
    }
    const logits = layers[`${recipe.accuracy.pass}/${recipe.accuracy.layer}`];
    return {
      updated,
      observed,
      terms: tf.stack(phase.terms.map(({ name }) => terms[name]!)) as tf.Tensor1D,
      logits: logits === undefined ? null : tf.reshape(logits, [-1]),
    };
  }

  /** A parameter, its moments and its average after the update, by name. */
  #descend(
    update: Update,
    name: string,
    gradient: tf.Tensor,
    tensors: tf.NamedTensorMap,
    step: number,
  ): tf.NamedTensorMap {
    const { optimiser, average: kept } = entryOf(this.#input.recipe, update.network);
    const { place, movesAverage } = this.#work.get(update)!;
    const moments = momentNames(name);
    const old = { parameter: tensors[name]!, m: tensors[moments.m]!, v: tensors[moments.v]! };
    const rate = adamRate(optimiser, step, updateNumber(place, step));
    const { parameter, m, v } = adamUpdate(old, gradient, { ...optimiser, rate });
    const changed = { [name]: parameter, [moments.m]: m, [moments.v]: v };
    if (!movesAverage) return changed;
    const average = tensors[averageName(name)]!;
    const share = averageRate(kept!.decay, step + 1);
    return { ...changed, [averageName(name)]: tf.add(average, tf.mul(tf.sub(parameter, average), share)) };
  }
}
