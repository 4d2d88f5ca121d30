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
  /** What lies outside the images, as their borders tell; the background unless given. */
  readonly outside?: 'background' | 'edge';
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
  /** What is mended of the notebook, as `repairs.ts` writes it; `none` for recipes without repairs. */
  readonly repairs: string;
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

/** How the images of a group are shown to a network. */
export type View = PlainView | WarpView;

/** As they lie in the data set, in [-1, 1]. */
export interface PlainView {
  readonly kind: 'plain';
}

/**
 * Each row warped by random numbers of its own: an affine map and a smooth displacement, sampled bilinearly,
 * then a cut-out, a stroke, brightness and contrast. Numbers are the most either way, drawn uniformly; 0
 * leaves a part out. `worker/model/views.ts` says exactly what each does, and in which order.
 */
export interface WarpView {
  readonly kind: 'warp';
  /** Radians, at most 1. */
  readonly rotation: number;
  /** Share of the size. */
  readonly scale: number;
  /** Pixels, along each direction. */
  readonly shift: number;
  /** Pixels along x for each pixel along y. */
  readonly shear: number;
  /** Share by which the width grows where the height shrinks. */
  readonly aspect: number;
  /** Standard deviation, in pixels, of the displacement at the knots of a 5 x 5 grid over the image. */
  readonly displacement: number;
  /** Side of a square of background, in pixels. */
  readonly cutOut: number;
  readonly stroke: {
    readonly probability: number;
  } | null;
  /** Added, in units of [-1, 1]. */
  readonly brightness: number;
  /** Share by which values are multiplied. */
  readonly contrast: number;
  /** What lies outside the image: the background (-1), or its nearest pixel. */
  readonly outside: 'background' | 'edge';
}

/**
 * Rows that a phase draws, with replacement, from one pool. A labelled group brings its labels along, as conditional
 * latents do, one of landmarks the rows of the target store.
 */
export interface RowGroup {
  readonly name: string;
  /**
   * `latents` are uniform in [-1, 1), as many a row as the network takes that reads them. `landmarks`: the
   * first images of the run's split, for which targets are kept (`Recipe.landmarks`).
   */
  readonly pool: 'labelled' | 'unlabelled' | 'landmarks' | 'latents';
  readonly rows: number;
  /** Name of a group of the same pool and rows, whose indices it takes: other views of its images. null: its own. */
  readonly indicesOf: string | null;
  readonly view: View;
  /**
   * Of latents only: the first elements of a row, as many as there are classes, are a one-hot code, row r's of class
   * r mod classes, which is the row's label. A generator that reads them is conditioned on the class.
   */
  readonly isConditional?: boolean;
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
  /** The last layer that is computed; left out: the whole network. Its output is the pass's. */
  readonly until?: string;
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
      /** Mean of -log softmax(logits)[label] over the rows; the pass reads a group with labels (`hasLabels`). */
      readonly kind: 'softmaxCrossEntropy';
    }
  | {
      /** Mean of the sigmoid cross-entropy of one logit column against a constant target. */
      readonly kind: 'sigmoidCrossEntropy';
      readonly column: number;
      readonly target: 0 | 1;
    }
  | {
      /** Mean of the sigmoid cross-entropy of the logsumexp of a row's logits (real: 1, fake: 0). */
      readonly kind: 'logsumexpCrossEntropy';
      readonly target: 0 | 1;
    }
  | {
      /** Mean over features of the squared, or absolute, difference of two passes' batch means. */
      readonly kind: 'featureMatching';
      readonly against: string;
      /** `squared` unless given. */
      readonly distance?: 'squared' | 'absolute';
    }
  | {
      /**
       * Mean over all rows of -sum over classes of target log softmax(logits). A row's target is that of the
       * store, where it reads `landmarks`, `usesStore` is set and the store has one for the image (a sum above 0);
       * else the teacher's, where its largest probability exceeds the threshold of that class; else nothing.
       */
      readonly kind: 'pseudoLabelCrossEntropy';
      /** null: only the store's targets. */
      readonly teacher: {
        /** Without gradient, on as many rows; or the pass itself, whose likeliest classes are then constants. */
        readonly pass: string;
        /** One for all classes, or one for each. */
        readonly threshold: number | readonly number[];
        /** Its probabilities, or 1 at the most probable class; the latter where a pass teaches itself. */
        readonly isSoft: boolean;
      } | null;
      readonly usesStore: boolean;
    }
  | {
      /** Share of rows whose largest probability exceeds a threshold. A metric: no gradient, in no loss. */
      readonly kind: 'confidentShare';
      readonly threshold: number | readonly number[];
    }
  | {
      /**
       * InfoNCE over the rows of two passes (of one network, as many each): the mean over all of them of
       * -log softmax(cosine similarities to all others / temperature) at the same row of the other pass.
       */
      readonly kind: 'contrastive';
      readonly against: string;
      readonly temperature: number;
    }
);

/** A loss, the weighted sum of the terms named, and the networks all of whose instances descend it. */
export interface Update {
  /** Name of its metric. */
  readonly loss: string;
  readonly terms: readonly string[];
  readonly networks: readonly string[];
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
  /** The pass, over a labelled group, whose logits against its labels give `trainAccuracy`; null: there is none. */
  readonly accuracy: { readonly pass: string; readonly layer: string } | null;
}

/**
 * Steps of one kind. Stages follow each other on the same parameters. Evaluations are made in those that have an
 * `accuracy`.
 */
export interface Stage extends Step {
  /** A word for page and record, as `look`. Stages of one name are shown as one. */
  readonly key: string;
  /** Updates, at least 1. The last stage goes on past them. */
  readonly steps: number;
  /**
   * `fresh`: moments begin at zero, averages at the parameters, schedules and ramps at their first step.
   * `continued`: all of them go on from the stage before.
   */
  readonly optimisers: 'fresh' | 'continued';
  /** Where a network is trained otherwise than its entry says. */
  readonly optimiserOf: Readonly<Record<string, Optimiser>>;
  /**
   * What the worker does before the first step: `spread` takes the landmarks' features at these parameters,
   * spreads the labels over their nearest neighbours, and writes what it trusts into the target store.
   */
  readonly before: { readonly kind: 'spread'; readonly parameters: ParameterSet } | null;
}

export interface Recipe {
  readonly name: string;
  /** Of the data that it was built for. */
  readonly classes: number;
  readonly networks: readonly NetworkEntry[];
  /** At least one. */
  readonly stages: readonly Stage[];
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
    /** Its latents begin with a one-hot code of the class that is asked for (`RowGroup.isConditional`). */
    readonly isConditional?: boolean;
    readonly parameters: ParameterSet;
  } | null;
  /**
   * Images for which targets are kept: the first of the labelled images followed by the unlabelled, this many at
   * most; and the layer of the classifier's network that tells which images are alike. null: no target store.
   */
  readonly landmarks: { readonly count: number; readonly layer: string } | null;
}

/** A recipe in one of its stages: what a program of one step is made from. */
export interface StageRecipe extends Recipe, Step {}

/** The recipe in a stage, whose optimisers are the networks'. */
export function inStage(recipe: Recipe, index: number): StageRecipe {
  const stage = recipe.stages[index];
  if (stage === undefined) throw new Error(`The recipe "${recipe.name}" has no stage ${index}.`);
  const { phases, accuracy, optimiserOf } = stage;
  const networks = recipe.networks.map((entry) => ({
    ...entry,
    optimiser: optimiserOf[entry.network.name] ?? entry.optimiser,
  }));
  return { ...recipe, networks, phases, accuracy };
}

/** Where a step stands among the stages. */
export interface StagePlace {
  /** Index of the stage. */
  readonly stage: number;
  /** Updates done before its first step. */
  readonly first: number;
  /** Updates done when it ends; Infinity for the last. */
  readonly end: number;
  /** Updates done before the stage that its optimisers go back to: what schedules count from. */
  readonly origin: number;
}

/** The stage of the step after `step` updates. */
export function stageAt({ stages }: Pick<Recipe, 'stages'>, step: number): StagePlace {
  let first = 0;
  let origin = 0;
  for (const [stage, { steps, optimisers }] of stages.entries()) {
    if (optimisers === 'fresh') origin = first;
    const end = stage === stages.length - 1 ? Infinity : first + steps;
    if (step < end) return { stage, first, end, origin };
    first = end;
  }
  throw new Error('A recipe has at least one stage.');
}

/** Updates done before the first step that has an accuracy: the stages without one come first. */
export function unmeasuredSteps({ stages }: Pick<Recipe, 'stages'>): number {
  const first = stages.findIndex(({ accuracy }) => accuracy !== null);
  return stages.slice(0, first).reduce((sum, { steps }) => sum + steps, 0);
}

/** The stage of a recipe that has a single one: its optimisers as the networks have them, as many steps as the run. */
export function onlyStage(scheduleSteps: number, step: Step): readonly Stage[] {
  return [
    { ...step, key: 'train', steps: scheduleSteps, optimisers: 'fresh', optimiserOf: {}, before: null },
  ];
}

/** A network's entry by name; throws where the recipe has none. */
export function entryOf(
  { name, networks }: Pick<Recipe, 'name' | 'networks'>,
  network: string,
): NetworkEntry {
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

/** Whether the rows of a group have labels. */
export function hasLabels({ pool, isConditional = false }: RowGroup): boolean {
  return pool === 'labelled' || isConditional;
}

/** The updates of a network in a step, in order. */
export function updatesOf({ phases }: Step, network: string): readonly Update[] {
  return phases.flatMap(({ updates }) => updates.filter(({ networks }) => networks.includes(network)));
}

/** Where an update stands among those of a network in a step. */
export function placeOf(step: Step, update: Update, network: string): UpdatePlace {
  const own = updatesOf(step, network);
  return { index: own.indexOf(update), perStep: own.length };
}

/** Names of the passes whose values a term's gradient comes to. */
export function tappedPasses(term: Term): readonly string[] {
  switch (term.kind) {
    case 'featureMatching':
    case 'contrastive':
      return [term.pass, term.against];
    default:
      return [term.pass];
  }
}
