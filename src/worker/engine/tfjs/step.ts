/**
 * One step of a stage of a recipe: passes, gradients, running statistics and updates, phase by phase. Computes new
 * tensors and leaves the old ones alone; which are kept is the engine's business.
 */

import * as tf from '@tensorflow/tfjs-core';
import {
  entryOf,
  placeOf,
  type NetworkEntry,
  type Phase,
  type StageRecipe,
  type Update,
} from '../../../recipe/recipe.js';
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
   * [labelled, width] where the stage has one. The caller disposes it.
   */
  readonly scalars: tf.Tensor1D;
  /** Labels of the accuracy pass's rows; none where the stage has no accuracy. */
  readonly labels: readonly number[];
  /** Empty unless asked for; under the names of `Engine.inspectStep`. The caller disposes them. */
  readonly observed: tf.NamedTensorMap;
}

interface ComputedPhase {
  readonly updated: tf.NamedTensorMap;
  readonly observed: tf.NamedTensorMap;
  readonly terms: tf.Tensor1D;
  /** The accuracy pass's logits in one row; null where another phase, or none, has them. */
  readonly logits: tf.Tensor1D | null;
}

/** What an update changes of a network, and where it stands among those of the network. */
interface UpdateWork {
  readonly entry: NetworkEntry;
  /** Every trained parameter of all the network's instances. */
  readonly names: readonly string[];
  readonly place: UpdatePlace;
  /** Whether the network's averages move after it. */
  readonly movesAverage: boolean;
}

function workOf(recipe: StageRecipe, update: Update, network: string): UpdateWork {
  const entry = entryOf(recipe, network);
  const place = placeOf(recipe, update, network);
  return {
    entry,
    names: parametersOf(recipe)
      .filter((parameter) => parameter.network === network && parameter.role === 'trained')
      .map(({ name }) => name),
    place,
    movesAverage: entry.average !== null && isLastUpdate(place),
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

/**
 * A parameter, its moments and its average after an update, by name. `scheduled`: updates that schedules and
 * averages have counted.
 */
function descend(
  { entry, place, movesAverage }: UpdateWork,
  name: string,
  gradient: tf.Tensor,
  tensors: tf.NamedTensorMap,
  scheduled: number,
): tf.NamedTensorMap {
  const { optimiser, average: kept } = entry;
  const moments = momentNames(name);
  const old = { parameter: tensors[name]!, m: tensors[moments.m]!, v: tensors[moments.v]! };
  const rate = adamRate(optimiser, scheduled, updateNumber(place, scheduled));
  const { parameter, m, v } = adamUpdate(old, gradient, { ...optimiser, rate });
  const changed = { [name]: parameter, [moments.m]: m, [moments.v]: v };
  if (!movesAverage) return changed;
  const average = tensors[averageName(name)]!;
  const share = averageRate(kept!.decay, scheduled + 1);
  return { ...changed, [averageName(name)]: tf.add(average, tf.mul(tf.sub(parameter, average), share)) };
}

/** When a step is: updates done before it in all, and those that its schedules count. */
export interface StepTime {
  readonly step: number;
  readonly scheduled: number;
}

/** Computes steps of one stage of a run. Holds no tensors. */
export class StepComputer {
  readonly #recipe: StageRecipe;
  readonly #input: EngineInput;
  readonly #streams: RandomStreams;
  readonly #work: ReadonlyMap<Update, readonly UpdateWork[]>;

  constructor(recipe: StageRecipe, input: EngineInput, streams: RandomStreams) {
    this.#recipe = recipe;
    this.#input = input;
    this.#streams = streams;
    const updates = recipe.phases.flatMap((phase) => phase.updates);
    this.#work = new Map(
      updates.map((update) => [update, update.networks.map((network) => workOf(recipe, update, network))]),
    );
  }

  /** The step of a time, from `tensors`, which stay as they are. */
  compute(tensors: tf.NamedTensorMap, time: StepTime, isObserved = false): StepResult {
    const { dataset } = this.#input;
    const recipe = this.#recipe;
    const { accuracy } = recipe;
    let labels: readonly number[] = [];
    const result = tf.tidy(() => {
      const updated: tf.NamedTensorMap = {};
      const observed: tf.NamedTensorMap = {};
      const terms: tf.Tensor1D[] = [];
      let logits: tf.Tensor1D | null = null;
      recipe.phases.forEach((phase, phaseIndex) => {
        const present = { ...tensors, ...updated };
        const inputs = makePhaseInputs(recipe, this.#input, this.#streams, present, phaseIndex, time.step);
        const computed = this.#computePhase(phase, phaseIndex, inputs, present, time, isObserved);
        Object.assign(updated, computed.updated);
        Object.assign(observed, computed.observed);
        terms.push(computed.terms);
        logits ??= computed.logits;
        const { input } = phase.passes.find(({ name }) => name === accuracy?.pass) ?? {};
        if (input?.kind !== 'group') return;
        const { indices } = inputs.draws.get(input.group)!;
        labels = Array.from(indices!, (index) => dataset.train.labels[index]!);
      });
      return {
        updated,
        scalars: tf.concat1d(logits === null ? terms : [...terms, logits]),
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
    time: StepTime,
    isObserved: boolean,
  ): ComputedPhase {
    const recipe = this.#recipe;
    const { accuracy } = recipe;
    const accuracyLayer = accuracy === null ? null : `${accuracy.pass}/${accuracy.layer}`;
    const isKept = (layer: string): boolean => isObserved || layer === accuracyLayer;
    const recording = recordForward(() => runPasses(recipe, phase, inputs, tensors, time.scheduled, isKept));
    const { terms, losses, layers, statistics } = recording.result;
    const observed: tf.NamedTensorMap = { ...layers, ...terms };
    const updated: tf.NamedTensorMap = {};
    try {
      // Every gradient is taken before anything is updated.
      const gradients = phase.updates.map((update, i) => {
        const names = this.#work.get(update)!.flatMap((work) => work.names);
        const sources = names.map((name) => tensors[name]!);
        const found = recording.gradients(losses[i]!, sources);
        return new Map(names.map((name, j) => [name, found[j]!]));
      });
      phase.updates.forEach((update, i) => {
        observed[update.loss] = losses[i]!;
        for (const work of this.#work.get(update)!) {
          for (const name of work.names) {
            const gradient = gradients[i]!.get(name)!;
            observed[gradientName(phaseIndex, name)] = gradient;
            Object.assign(updated, descend(work, name, gradient, tensors, time.scheduled));
          }
        }
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
    const logits = accuracyLayer === null ? undefined : layers[accuracyLayer];
    return {
      updated,
      observed,
      terms: tf.stack(phase.terms.map(({ name }) => terms[name]!)) as tf.Tensor1D,
      logits: logits === undefined ? null : tf.reshape(logits, [-1]),
    };
  }
}
