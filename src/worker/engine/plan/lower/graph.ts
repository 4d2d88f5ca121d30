/**
 * A recipe's phase as a graph of primitives: networks become sequences of primitives over stacked
 * passes, and every (pass, loss) pair whose gradient some update needs becomes a segment of the
 * backward pass. Knows shapes and rows; nothing of fusion or memory. What a recipe has been checked for
 * when it was built (`recipe/check-recipe.ts`) is not checked again.
 */

import {
  layerShapes,
  layersUntil,
  type BatchNormLayer,
  type GroupNormLayer,
  type Network,
} from '../../../../recipe/layers.js';
import {
  entryOf,
  groupOf,
  passNamed,
  tappedPasses,
  type ParameterSet,
  type Pass,
  type Phase,
  type StageRecipe,
  type Update,
} from '../../../../recipe/recipe.js';
import { linearShape, type LinearShape } from '../geometry.js';
import type { Activation } from '../operations.js';

interface PrimitiveFields {
  readonly layer: string;
  /** Index of the layer in its network, which its streams are numbered by. */
  readonly layerIndex: number;
  /** Without rows. */
  readonly output: readonly number[];
}

/** One step of a network. */
export type Primitive =
  | (PrimitiveFields & { readonly kind: 'linear'; readonly shape: LinearShape })
  | (PrimitiveFields & { readonly kind: 'bias' })
  | (PrimitiveFields & { readonly kind: 'norm'; readonly description: BatchNormLayer | GroupNormLayer })
  | (PrimitiveFields & { readonly kind: 'noise'; readonly deviation: number })
  | (PrimitiveFields & { readonly kind: 'activation'; readonly activation: Activation })
  | (PrimitiveFields & { readonly kind: 'mask'; readonly rate: number })
  | (PrimitiveFields & { readonly kind: 'view' });

/** A pass of the stack: its rows follow those of the pass before. */
export interface ForwardSegment {
  readonly pass: Pass;
  readonly rows: number;
  readonly firstRow: number;
}

/** A pass's rows once more, carrying the gradient of one update's loss. */
export interface BackwardSegment {
  /** Index into the stack's forward segments. */
  readonly forward: number;
  /** Index into the phase's updates. */
  readonly update: number;
  readonly rows: number;
  readonly firstRow: number;
  /** Whether the update trains this stack's parameters; otherwise the gradient only passes through. */
  readonly trains: boolean;
  /** Whether the stack's input needs the gradient, because another network made it. */
  readonly needsInput: boolean;
}

/** All passes of one network in one phase that are computed alike. */
export interface Stack {
  /** For people: the network, with what tells the stack from others of it. */
  readonly label: string;
  readonly network: string;
  readonly mode: Pass['mode'];
  readonly parameters: ParameterSet;
  /** The last layer that is computed; undefined: all are. */
  readonly until: string | undefined;
  readonly instances: number;
  readonly inputShape: readonly number[];
  readonly primitives: readonly Primitive[];
  readonly forward: readonly ForwardSegment[];
  readonly backward: readonly BackwardSegment[];
}

export interface PhaseGraph {
  readonly phase: Phase;
  readonly phaseIndex: number;
  /** In an order in which a stack follows those that make its input. */
  readonly stacks: readonly Stack[];
}

/**
 * The primitives of a network up to a layer, in order. A bias that stays at zero is none, nor is a dropout or noise
 * of nothing.
 */
export function primitivesOf(network: Network, until?: string): readonly Primitive[] {
  const layers = layersUntil(network, until);
  return layerShapes({ ...network, layers }).flatMap(({ layer, input, output }, layerIndex): Primitive[] => {
    const fields = { layer: layer.name, layerIndex, output };
    const linear = linearShape(layer, input);
    switch (layer.kind) {
      case 'conv2d':
      case 'conv2dTranspose':
      case 'dense': {
        const primitives: Primitive[] = [{ ...fields, kind: 'linear', shape: linear! }];
        if (layer.bias === 'trained') primitives.push({ ...fields, kind: 'bias' });
        return primitives;
      }
      case 'gaussianNoise':
        return layer.deviation === 0
          ? [{ ...fields, kind: 'view' }]
          : [{ ...fields, kind: 'noise', deviation: layer.deviation }];
      case 'batchNorm':
      case 'groupNorm':
        return [{ ...fields, kind: 'norm', description: layer }];
      case 'leakyRelu':
        return [{ ...fields, kind: 'activation', activation: { name: 'leakyRelu', alpha: layer.alpha } }];
      case 'relu':
      case 'tanh':
        return [{ ...fields, kind: 'activation', activation: { name: layer.kind } }];
      case 'dropout':
        return layer.rate === 0
          ? [{ ...fields, kind: 'view' }]
          : [{ ...fields, kind: 'mask', rate: layer.rate }];
      case 'flatten':
      case 'reshape':
        return [{ ...fields, kind: 'view' }];
      default:
        return layer satisfies never;
    }
  });
}

/** The pass leads down to a network that the update trains. */
function leadsToTrained(phase: Phase, update: Update, pass: Pass): boolean {
  return pass.gradient && (update.networks.includes(pass.network) || leadsBelow(phase, update, pass));
}

function leadsBelow(phase: Phase, update: Update, { input }: Pass): boolean {
  return input.kind === 'pass' && leadsToTrained(phase, update, passNamed(phase, input.pass));
}

/** The loss taps the pass, or a pass that is made from it. */
function isReached(phase: Phase, update: Update, pass: Pass): boolean {
  const isTapped = phase.terms.some(
    (term) => update.terms.includes(term.name) && tappedPasses(term).includes(pass.name),
  );
  const isRead = (other: Pass): boolean => other.input.kind === 'pass' && other.input.pass === pass.name;
  return (
    isTapped ||
    phase.passes.some((other) => other.gradient && isRead(other) && isReached(phase, update, other))
  );
}

/** What tells the stacks of one network apart. */
function variantOf({ network, mode, parameters, until = '' }: Pass): string {
  return [network, mode, parameters, until].join(' ');
}

function labelOf({ network, mode, parameters, until }: Pass, phaseIndex: number): string {
  const words = [
    parameters === 'average' ? 'average' : '',
    mode === 'inference' ? 'inference' : '',
    until === undefined ? '' : `to ${until}`,
  ];
  const variant = words.filter((word) => word !== '').join(', ');
  const phase = phaseIndex === 0 ? '' : `phase ${phaseIndex + 1} `;
  return `${phase}${network}${variant === '' ? '' : ` (${variant})`}`;
}

function makeStack(recipe: StageRecipe, phase: Phase, phaseIndex: number, variant: string): Stack {
  const passes = phase.passes.filter((pass) => variantOf(pass) === variant);
  const { network, mode, parameters, until } = passes[0]!;
  const entry = entryOf(recipe, network);
  const forward: ForwardSegment[] = [];
  let firstRow = 0;
  for (const pass of passes) {
    const { rows } = groupOf(phase, pass);
    forward.push({ pass, rows, firstRow });
    firstRow += rows;
  }
  const backward: BackwardSegment[] = [];
  firstRow = 0;
  phase.updates.forEach((update, index) => {
    forward.forEach(({ pass, rows }, segment) => {
      if (!isReached(phase, update, pass) || !leadsToTrained(phase, update, pass)) return;
      const trains = update.networks.includes(network);
      const needsInput = leadsBelow(phase, update, pass);
      backward.push({ forward: segment, update: index, rows, firstRow, trains, needsInput });
      firstRow += rows;
    });
  });
  return {
    label: labelOf(passes[0]!, phaseIndex),
    network,
    mode,
    parameters,
    until,
    instances: entry.instances,
    inputShape: entry.network.inputShape,
    primitives: primitivesOf(entry.network, until),
    forward,
    backward,
  };
}

/** Variants of networks in an order in which one that makes another's input comes first. */
function orderedVariants(phase: Phase): readonly string[] {
  const ordered: string[] = [];
  const visit = (variant: string): void => {
    if (ordered.includes(variant)) return;
    for (const { input } of phase.passes.filter((pass) => variantOf(pass) === variant)) {
      if (input.kind === 'pass') visit(variantOf(passNamed(phase, input.pass)));
    }
    ordered.push(variant);
  };
  for (const pass of phase.passes) visit(variantOf(pass));
  return ordered;
}

/** The graph of one phase of a recipe. */
export function buildPhaseGraph(recipe: StageRecipe, phaseIndex: number): PhaseGraph {
  const phase = recipe.phases[phaseIndex]!;
  const stacks = orderedVariants(phase).map((variant) => makeStack(recipe, phase, phaseIndex, variant));
  return { phase, phaseIndex, stacks };
}
