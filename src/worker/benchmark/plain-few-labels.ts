/**
 * The step of a stage of the recipes for few labels as someone would write it with tfjs: plain operations,
 * `tf.variableGrads`, `tf.train.adam`, tfjs' own random numbers. Layers, rows, amounts and rates are the recipe's. A
 * yardstick for the benchmark, on whichever backend is given: not tuned, and not to be.
 */

import * as tf from '@tensorflow/tfjs-core';
import { entryOf, inStage, placeOf, type Phase, type StageRecipe } from '../../recipe/recipe.js';
import { averageRate, isLastUpdate, scheduleFactor } from '../../recipe/schedules.js';
import { gradientName, type EngineInput } from '../engine/engine.js';
import { imageTensor } from '../engine/tfjs/batch.js';
import type { TfjsBackend } from '../engine/tfjs/index.js';
import {
  averageName,
  nameInSet,
  parameterName,
  parametersOf,
  TARGET_STORE,
  type NamedTensors,
  type ParameterDescription,
} from '../model/parameters.js';
import type { BenchEngine } from './bench-engine.js';
import { countCorrect, makeSteps, readTensors, startPlainBackend } from './plain-backend.js';
import { givenDraws, ownDraws, type PlainDraws } from './plain-draws.js';
import { runNetwork } from './plain-network.js';
import { outputOf, PlainPhase, type Variables } from './plain-phase.js';
import type { NamedArray } from './step-inputs.js';

/** The parameters that a stage meets; biases that stay at zero are left out. */
function parametersIn(stage: StageRecipe): readonly ParameterDescription[] {
  const networks = new Set(stage.phases.flatMap(({ passes }) => passes.map(({ network }) => network)));
  networks.add(stage.classifier.network);
  const hasStore = stage.phases.some(({ groups }) => groups.some(({ pool }) => pool === 'landmarks'));
  return parametersOf(stage).filter(({ name, network, role }) =>
    name === TARGET_STORE ? hasStore : networks.has(network) && role !== 'frozen',
  );
}

/** Parameters at their starts, and averages, which begin as copies. */
function makeVariables(parameters: readonly ParameterDescription[]): Variables {
  const variables = new Map<string, tf.Variable>();
  tf.tidy(() => {
    for (const { name, shape, initial, role, isAveraged } of parameters) {
      const value =
        initial.kind === 'constant'
          ? tf.fill([...shape], initial.value)
          : tf.randomUniform([...shape], -initial.limit, initial.limit);
      variables.set(name, tf.variable(value, role === 'trained'));
      if (isAveraged) variables.set(averageName(name), tf.variable(value, false));
    }
  });
  return variables;
}

/** Adam for each network that the stage trains. */
function makeOptimisers(stage: StageRecipe): ReadonlyMap<string, tf.AdamOptimizer> {
  const trained = new Set(stage.phases.flatMap(({ updates }) => updates.flatMap(({ networks }) => networks)));
  return new Map(
    [...trained].map((network) => {
      const { lr, beta1, beta2, epsilon } = entryOf(stage, network).optimiser;
      return [network, tf.train.adam(lr, beta1, beta2, epsilon)];
    }),
  );
}

/** What a step tells, by the names of `Engine.inspectStep`; called within the step, whose tensors are its own. */
type Observe = (name: string, value: tf.Tensor) => void;

/** Parameters, optimisers and averages of a stage, and its steps. Every call on the backend that it was made on. */
class PlainStage {
  readonly #stage: StageRecipe;
  readonly #parameters: readonly ParameterDescription[];
  readonly variables: Variables;
  #optimisers: ReadonlyMap<string, tf.AdamOptimizer>;
  #stepsDone = 0;

  constructor(stage: StageRecipe) {
    this.#stage = stage;
    this.#parameters = parametersIn(stage);
    this.variables = makeVariables(this.#parameters);
    this.#optimisers = makeOptimisers(stage);
  }

  /** Begins anew at the values that `read` gives by name. */
  restart(read: (name: string) => tf.Tensor): void {
    for (const [name, variable] of this.variables) variable.assign(read(name));
    for (const optimiser of this.#optimisers.values()) optimiser.dispose();
    this.#optimisers = makeOptimisers(this.#stage);
    this.#stepsDone = 0;
  }

  /** Makes a step; gives the losses, [updates]. Tidying is the caller's. */
  step(drawsOf: (phase: Phase, index: number) => PlainDraws, observe: Observe | null): tf.Tensor1D {
    const losses = this.#stage.phases.flatMap((phase, index) =>
      this.#makeUpdates(phase, index, drawsOf(phase, index), observe),
    );
    this.#stepsDone++;
    return tf.stack(losses) as tf.Tensor1D;
  }

  #namesOf(network: string): readonly string[] {
    return this.#parameters
      .filter((parameter) => parameter.network === network && parameter.role === 'trained')
      .map(({ name }) => name);
  }

  /** All gradients of a phase are taken before anything is updated. */
  #makeUpdates(
    phase: Phase,
    phaseIndex: number,
    draws: PlainDraws,
    observe: Observe | null,
  ): readonly tf.Scalar[] {
    const stage = this.#stage;
    const { layer: logits } = stage.classifier;
    const computed = new PlainPhase(stage, phase, draws, this.variables);
    const found = phase.updates.map((update) => {
      const names = update.networks.flatMap((network) => this.#namesOf(network));
      const loss = (): tf.Scalar =>
        computed.lossOf(update, this.#stepsDone, (passes) => {
          if (observe === null) return;
          for (const [pass, outputs] of passes)
            if (outputs.layers.has(logits)) observe(`${pass}/${logits}`, outputOf(outputs, logits));
        });
      const { value, grads } = tf.variableGrads(
        loss,
        names.map((name) => this.variables.get(name)!),
      );
      observe?.(update.loss, value);
      for (const name of names) {
        const variable = this.variables.get(name)!;
        // A loss has no gradient at what it does not reach.
        observe?.(gradientName(phaseIndex, name), grads[variable.name] ?? tf.zerosLike(variable));
      }
      return { value, grads };
    });
    phase.updates.forEach((update, index) => {
      for (const network of update.networks) {
        this.#descend(network, found[index]!.grads);
        if (isLastUpdate(placeOf(stage, update, network))) this.#moveAverages(network);
      }
    });
    return found.map(({ value }) => value);
  }

  #descend(network: string, gradients: tf.NamedTensorMap): void {
    const optimiser = this.#optimisers.get(network)!;
    const { lr, schedule } = entryOf(this.#stage, network).optimiser;
    // tfjs has no schedules; this is how its users make one.
    optimiser['learningRate'] = lr * scheduleFactor(schedule, this.#stepsDone);
    const own = this.#namesOf(network)
      .map((name) => this.variables.get(name)!.name)
      .filter((name) => gradients[name] !== undefined)
      .map((name) => ({ name, tensor: gradients[name]! }));
    optimiser.applyGradients(own);
  }

  #moveAverages(network: string): void {
    const { average } = entryOf(this.#stage, network);
    if (average === null) return;
    const rate = averageRate(average.decay, this.#stepsDone + 1);
    for (const name of this.#namesOf(network)) {
      const moved = this.variables.get(averageName(name))!;
      moved.assign(tf.add(moved, tf.mul(tf.sub(this.variables.get(name)!, moved), rate)));
    }
  }

  /** The classes of images [rows, height, width, channels], [rows] int32. Tidying is the caller's. */
  classify(images: tf.Tensor4D): tf.Tensor1D {
    const { network, layer, parameters } = this.#stage.classifier;
    const outputs = runNetwork(entryOf(this.#stage, network).network, images, {
      tensorOf: (of, part) => this.variables.get(nameInSet(parameterName(network, 0, of, part), parameters))!,
      draws: null,
      onStatistics: () => undefined,
    });
    return tf.argMax(outputs.get(layer)!, 1);
  }

  /** What is kept from step to step, Adam's two moments of each parameter among them. */
  get keptVariables(): readonly tf.Variable[] {
    const trained = [...this.variables.values()].filter(({ trainable }) => trainable);
    return [...this.variables.values(), ...trained, ...trained];
  }

  dispose(): void {
    for (const variable of this.variables.values()) variable.dispose();
    for (const optimiser of this.#optimisers.values()) optimiser.dispose();
  }
}

/**
 * Makes the yardstick of the recipe's first stage on a backend of tfjs. Rejects with `EngineUnavailable` where the
 * platform lacks what that needs.
 */
export async function createPlainFewLabels(backend: TfjsBackend, input: EngineInput): Promise<BenchEngine> {
  const plain = await startPlainBackend(backend);
  const { recipe, dataset } = input;
  const { test, imageShape } = dataset;
  const stage = new PlainStage(inStage(recipe, 0));
  const own = (phase: Phase): PlainDraws =>
    ownDraws(input, phase, (stage.variables.get(TARGET_STORE) ?? null) as tf.Variable<tf.Rank.R2> | null);
  /** The same computation as a step's, on parameters and draws that are given. */
  const inspect = async (arrays: readonly NamedArray[]): Promise<NamedTensors> => {
    plain.choose();
    const byName = new Map(arrays.map((array) => [array.name, array]));
    const found = new Map<string, tf.Tensor>();
    tf.tidy(() => {
      stage.restart((name) => {
        const array = byName.get(name);
        if (array === undefined) throw new Error(`The step's inputs have no "${name}".`);
        return tf.tensor(array.values, [...array.shape]);
      });
      stage.step(
        (_, index) => givenDraws(byName, index),
        (name, value) => found.set(name, tf.keep(tf.clone(value))),
      );
    });
    return readTensors(found, plain);
  };

  return {
    name: `tfjs-${backend}`,
    steps: (count) => makeSteps(plain, count, () => tf.tidy(() => stage.step(own, null))),
    evaluate: (count) =>
      countCorrect(plain, count, test.labels, (rows) => stage.classify(imageTensor(test, imageShape, rows))),
    inspect: async (inputs) => (inputs === null ? new Map() : inspect(inputs)),
    memoryBytes: () => plain.memoryBytes(stage.keptVariables),
    dispose: () => {
      stage.dispose();
      plain.dispose();
    },
  };
}
