/**
 * What a recipe is: networks, the rows a step draws, passes over them, loss terms, updates. Frozen data:
 * every engine and the plan are built from this and from nothing else, and no engine knows a recipe by
 * name. `recipes/` has one file for each; `build-recipe.ts` builds and checks them.
 */

import type { Network } from './layers.js';
import type { AdamRates, Ramp, UpdatePlace } from './schedules.js';

/** What of the data a recipe's shapes depend on. */
export interface DataShape {
  /** [height, width, channels] */
  readonly imageShape: readonly [number, number, number];
  readonly classes: number;
}

/** The settings that a recipe is built from; a person's settings have more (`protocol/settings.ts`). */
export interface RecipeSettings {
  /** Rows are given in numbers, or in shares of this. */
  readonly batch: number;
  readonly discriminatorLr: number;
  readonly discriminatorBeta1: number;
  readonly discriminatorBeta2: number;
  readonly generatorLr: number;
  readonly generatorBeta1: number;
  readonly generatorBeta2: number;
  /** Dropout rate while training. */
  readonly dropout: number;
}

/** `average`: the exponential average of a network's trained parameters; running statistics are its own. */
export type ParameterSet = 'current' | 'average';

/** Adam as TensorFlow 1 has it, its rate multiplied by a schedule. */
export interface Optimiser extends AdamRates {
  readonly kind: 'adam';
  /** Beside the root, not under it. */
  readonly epsilon: number;
}

/** A network, how it is trained, and what is kept of it beside its parameters. */
export interface NetworkEntry {
  readonly network: Network;
  /** Copies with their own convolutions and dense layers; batch norm is shared between them. */
  readonly instances: number;
  readonly optimiser: Optimiser;
  /**
   * Exponential average of the trained parameters, bias-corrected, moved after the network's last update
   * of a step: average += (1 - decay) / (1 - decay^t) (parameter - average). null where none is kept.
   */
  readonly average: { readonly decay: number } | null;
}

/** How the images of a group are shown to a network. `plain`: as they lie in the data set, in [-1, 1]. */
export interface View {
  readonly kind: 'plain';
}

/** Rows that a phase draws, with replacement, from one pool. A labelled group brings its labels along. */
export interface RowGroup {
  readonly name: string;
  /** `latents` are uniform in [-1, 1), as many a row as the network takes that reads them. */
  readonly pool: 'labelled' | 'unlabelled' | 'latents';
  readonly rows: number;
  /** Name of a group of the same pool and rows, whose indices it takes; null: it draws its own. */
  readonly indicesOf: string | null;
  readonly view: View;
}

/** One run of a network over one segment of rows, with its own batch statistics. */
export interface Pass {
  readonly name: string;
  readonly network: string;
  /** Which of the network's instances. */
  readonly instance: number;
  /** Rows drawn, or the output of an earlier pass of the phase. */
  readonly input:
    { readonly kind: 'group'; readonly group: string } | { readonly kind: 'pass'; readonly pass: string };
  /** Tells this pass's dropout masks from those of other passes of the phase. */
  readonly stream: number;
  /** Whether losses are differentiated through it. */
  readonly gradient: boolean;
  /**
   * `training`: batch statistics, which running statistics follow, and dropout. `inference`: running
   * statistics, no dropout; without gradient only.
   */
  readonly mode: 'training' | 'inference';
  /** `average` without gradient only; it moves no running statistics. */
  readonly parameters: ParameterSet;
}

/** A loss term: the metric of its name, and with its weight a part of the losses that list it. */
export type Term = {
  readonly name: string;
  readonly pass: string;
  /** The layer that is tapped. */
  readonly layer: string;
  /** Factor in every loss that lists it; the metric is without it. */
  readonly weight: number | Ramp;
} & (
  | {
      /** Mean of -log softmax(logits)[label] over the rows; the pass reads a labelled group. */
      readonly kind: 'softmaxCrossEntropy';
    }
  | {
      /** Mean of the sigmoid cross-entropy of one logit column against a constant target. */
      readonly kind: 'sigmoidCrossEntropy';
      readonly column: number;
      readonly target: 0 | 1;
    }
  | {
      /** Mean over features of the squared difference of two passes' batch means. */
      readonly kind: 'featureMatching';
      readonly against: string;
    }
);

/** A loss, the weighted sum of the terms named, and the network all of whose instances descend it. */
export interface Update {
  /** Name of its metric. */
  readonly loss: string;
  readonly terms: readonly string[];
  readonly network: string;
}

/**
 * Rows drawn, passes in order (running statistics move in that order), terms, updates. Every gradient
 * of a phase is taken at the same parameters, then all its updates are applied.
 */
export interface Phase {
  readonly groups: readonly RowGroup[];
  readonly passes: readonly Pass[];
  readonly terms: readonly Term[];
  readonly updates: readonly Update[];
}

/** What one step does: its phases in order, each at the parameters that the one before has left. */
export interface Step {
  readonly phases: readonly Phase[];
  /** The pass, over a labelled group, whose logits against its labels give `trainAccuracy`. */
  readonly accuracy: { readonly pass: string; readonly layer: string };
}

export interface Recipe extends Step {
  readonly name: string;
  readonly networks: readonly NetworkEntry[];
  /** Whether training moves the running statistics that evaluation normalises with. */
  readonly updatesRunningStatistics: boolean;
  /** Evaluation: argmax of this layer of instance 0 of this network. */
  readonly classifier: {
    readonly network: string;
    readonly layer: string;
    readonly parameters: ParameterSet;
  };
  /** null where the recipe has none. Its input has `latentSize` elements. */
  readonly generator: {
    readonly network: string;
    readonly latentSize: number;
    readonly parameters: ParameterSet;
  } | null;
}

/** A network's entry by name; throws where the recipe has none. */
export function entryOf({ name, networks }: Recipe, network: string): NetworkEntry {
  const found = networks.find((entry) => entry.network.name === network);
  if (found === undefined) throw new Error(`The recipe "${name}" has no network "${network}".`);
  return found;
}

/** A pass of a phase by name; throws where it has none. */
export function passNamed({ passes }: Phase, name: string): Pass {
  const found = passes.find((pass) => pass.name === name);
  if (found === undefined) throw new Error(`The phase has no pass "${name}".`);
  return found;
}

/** The group that a pass reads, by way of the passes that make its input; its rows are the pass's. */
export function groupOf(phase: Phase, pass: Pass): RowGroup {
  if (pass.input.kind === 'pass') return groupOf(phase, passNamed(phase, pass.input.pass));
  const { group: name } = pass.input;
  const found = phase.groups.find((group) => group.name === name);
  if (found === undefined) throw new Error(`The phase has no group "${name}".`);
  return found;
}

/** Where an update stands among those of its network in a step. */
export function placeOf({ phases }: Recipe, update: Update): UpdatePlace {
  const own = phases.flatMap(({ updates }) => updates.filter(({ network }) => network === update.network));
  return { index: own.indexOf(update), perStep: own.length };
}

/** Names of the passes that a term taps. */
export function tappedPasses(term: Term): readonly string[] {
  return term.kind === 'featureMatching' ? [term.pass, term.against] : [term.pass];
}
