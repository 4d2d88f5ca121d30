/** A phase of the plain yardstick of the recipes for few labels: its passes, and the losses over them. Updates nothing. */

import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../../recipe/layers.js';
import {
  entryOf,
  groupOf,
  passNamed,
  type Pass,
  type Phase,
  type RowGroup,
  type StageRecipe,
  type Update,
} from '../../recipe/recipe.js';
import { weightAt } from '../../recipe/schedules.js';
import { nameInSet, parameterName } from '../model/parameters.js';
import type { PlainDraws } from './plain-draws.js';
import { runNetwork } from './plain-network.js';
import { plainTerm } from './plain-terms.js';
import { showImages } from './plain-views.js';

export type Variables = ReadonlyMap<string, tf.Variable>;

/** The rows of a pass in the outputs of all passes that were computed with it, by layer. */
export interface PassOutputs {
  readonly layers: ReadonlyMap<string, tf.Tensor>;
  readonly first: number;
  readonly rows: number;
}

/** What a layer gives for a pass, [rows, ...]. */
export function outputOf({ layers, first, rows }: PassOutputs, layer: string): tf.Tensor {
  const all = layers.get(layer)!;
  return all.shape[0] === rows ? all : tf.slice(all, [first], [rows]);
}

/** Whether nothing that the phase trains has a part in what a pass gives. */
function isConstant(phase: Phase, pass: Pass): boolean {
  if (!pass.gradient) return true;
  if (phase.updates.some(({ networks }) => networks.includes(pass.network))) return false;
  return pass.input.kind === 'group' || isConstant(phase, passNamed(phase, pass.input.pass));
}

/** Passes of a network that are computed alike go through it together, unless a norm over the batch tells them apart. */
function stacksOf(stage: StageRecipe, phase: Phase): readonly (readonly Pass[])[] {
  const stacks = new Map<string, Pass[]>();
  for (const pass of phase.passes) {
    const { layers } = entryOf(stage, pass.network).network;
    const isAlone = pass.mode === 'training' && layers.some(({ kind }) => kind === 'batchNorm');
    const { network, mode, parameters, until = '' } = pass;
    const key = [network, mode, parameters, until, isConstant(phase, pass), isAlone && pass.name].join('/');
    stacks.set(key, [...(stacks.get(key) ?? []), pass]);
  }
  return [...stacks.values()];
}

/** One phase of one step. Its tensors belong to the scope that it is made in. */
export class PlainPhase {
  readonly #stage: StageRecipe;
  readonly #phase: Phase;
  readonly #draws: PlainDraws;
  readonly #variables: Variables;
  readonly #stacks: readonly (readonly Pass[])[];
  readonly #constants: ReadonlyMap<string, PassOutputs>;

  constructor(stage: StageRecipe, phase: Phase, draws: PlainDraws, variables: Variables) {
    this.#stage = stage;
    this.#phase = phase;
    this.#draws = draws;
    this.#variables = variables;
    this.#stacks = stacksOf(stage, phase);
    // Not inside of what is differentiated, where tfjs would keep all of it for the way back.
    this.#constants = this.#compute(true, new Map());
  }

  /** The loss of an update after `scheduled` updates, to be differentiated. `onPasses` sees what it is made from. */
  lossOf(
    update: Update,
    scheduled: number,
    onPasses: (passes: ReadonlyMap<string, PassOutputs>) => void,
  ): tf.Scalar {
    const phase = this.#phase;
    const passes = this.#compute(false, this.#constants);
    onPasses(passes);
    const groupBy = (pass: string): RowGroup => groupOf(phase, passNamed(phase, pass));
    const inputs = {
      outputOf: (pass: string, layer: string) => outputOf(passes.get(pass)!, layer),
      labelsOf: (pass: string) => this.#draws.labels(groupBy(pass)),
      targetsOf: (pass: string) => this.#draws.targets(groupBy(pass)),
    };
    const terms = phase.terms.filter(({ name }) => update.terms.includes(name));
    return tf.addN(
      terms.map((term) => tf.mul<tf.Scalar>(plainTerm(term, inputs), weightAt(term.weight, scheduled))),
    );
  }

  /** What the passes give that are, or are not, constants, beside those that are known. */
  #compute(
    wantsConstants: boolean,
    known: ReadonlyMap<string, PassOutputs>,
  ): ReadonlyMap<string, PassOutputs> {
    const phase = this.#phase;
    const outputs = new Map(known);
    const compute = (pass: Pass): PassOutputs => {
      if (!outputs.has(pass.name)) computeStack(this.#stacks.find((stack) => stack.includes(pass))!);
      return outputs.get(pass.name)!;
    };
    const computeStack = (stack: readonly Pass[]): void => {
      const inputs = stack.map((pass) => {
        if (pass.input.kind === 'group') return this.#inputOf(pass);
        const from = passNamed(phase, pass.input.pass);
        return outputOf(compute(from), this.#lastLayerOf(from));
      });
      const layers = this.#run(stack, inputs.length === 1 ? inputs[0]! : tf.concat(inputs));
      let first = 0;
      for (const pass of stack) {
        const { rows } = groupOf(phase, pass);
        outputs.set(pass.name, { layers, first, rows });
        first += rows;
      }
    };
    for (const stack of this.#stacks) {
      if (isConstant(phase, stack[0]!) === wantsConstants && !outputs.has(stack[0]!.name))
        computeStack(stack);
    }
    return outputs;
  }

  #lastLayerOf({ network, until }: Pass): string {
    return until ?? entryOf(this.#stage, network).network.layers.at(-1)!.name;
  }

  /** Latents, or images as the group's view shows them. */
  #inputOf(pass: Pass): tf.Tensor {
    const group = groupOf(this.#phase, pass);
    if (group.pool === 'latents') {
      return this.#draws.latents(group, sizeOf(entryOf(this.#stage, pass.network).network.inputShape));
    }
    const images = this.#draws.images(group);
    return group.view.kind === 'plain' ? images : showImages(group.view, images, this.#draws.viewOf(group));
  }

  #run(stack: readonly Pass[], input: tf.Tensor): ReadonlyMap<string, tf.Tensor> {
    const { network: name, mode, parameters, until } = stack[0]!;
    const named = (layer: string, part: string): tf.Variable =>
      this.#variables.get(nameInSet(parameterName(name, 0, layer, part), parameters))!;
    return runNetwork(entryOf(this.#stage, name).network, input, {
      until,
      tensorOf: named,
      draws: mode === 'training' ? this.#draws.layersOf(stack) : null,
      onStatistics: ({ name: layer, momentum }, mean, variance) => {
        if (!this.#stage.updatesRunningStatistics || parameters === 'average') return;
        for (const [part, value] of [
          ['moving_mean', mean],
          ['moving_variance', variance],
        ] as const) {
          const moving = named(layer, part);
          moving.assign(tf.add(tf.mul(moving, momentum), tf.mul(value, 1 - momentum)));
        }
      },
    });
  }
}
