/**
 * A recipe's phase as a graph of primitives: networks become chains of primitives over stacked
 * passes, and every (pass, loss) pair whose gradient some update needs becomes a segment of the
 * backward pass. Knows shapes and rows; nothing of fusion or memory.
 */

import type { Settings } from '../../../../protocol/settings.js';
import { layerShapes, type BatchNormLayer } from '../../../../recipe/layers.js';
import { instanceName } from '../../../model/parameters.js';
import { batchRows, type Pass, type Phase, type Recipe } from '../../../../recipe/recipes.js';
import { linearShape, type LinearShape } from '../geometry.js';
import type { Activation } from '../operations.js';

interface PrimitiveFields {
  readonly layer: string;
  /** Index of the layer in its network, which its streams are numbered by. */
  readonly layerIndex: number;
  /** Without rows. */
  readonly output: readonly number[];
}

/** One step of a network; its backward rule stands in `gradients.ts`. */
export type Primitive =
  | (PrimitiveFields & { readonly kind: 'linear'; readonly shape: LinearShape })
  | (PrimitiveFields & { readonly kind: 'bias' })
  | (PrimitiveFields & { readonly kind: 'norm'; readonly description: BatchNormLayer })
  | (PrimitiveFields & { readonly kind: 'activation'; readonly activation: Activation })
  | (PrimitiveFields & { readonly kind: 'mask' })
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

/** All passes of one network in one phase. */
export interface Stack {
  readonly network: string;
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

/** The primitives of a network, in order. A bias that stays at zero is none. */
export function primitivesOf(network: Recipe['networks'][number]['network']): readonly Primitive[] {
  return layerShapes(network).flatMap(({ layer, input, output }, layerIndex): Primitive[] => {
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
      case 'batchNorm':
        return [{ ...fields, kind: 'norm', description: layer }];
      case 'leakyRelu':
        return [{ ...fields, kind: 'activation', activation: { name: 'leakyRelu', alpha: layer.alpha } }];
      case 'relu':
      case 'tanh':
        return [{ ...fields, kind: 'activation', activation: { name: layer.kind } }];
      case 'dropout':
        return [{ ...fields, kind: 'mask' }];
      case 'flatten':
      case 'reshape':
        return [{ ...fields, kind: 'view' }];
      default:
        return layer satisfies never;
    }
  });
}

/** Name of a parameter of a layer; batch norms' are shared by all instances. */
export function parameterName(network: string, instance: number, layer: string, part: string): string {
  return `${instanceName(network, instance)}/${layer}/${part}`;
}

function rowsOf(pass: Pass, passes: readonly Pass[], batch: number): number {
  const rows = batchRows(batch);
  switch (pass.input.kind) {
    case 'labelled':
      return rows.labelled;
    case 'unlabelled':
      return rows.unlabelled;
    case 'latents':
      return rows.latents;
    case 'pass':
      return rowsOf(passNamed(passes, pass.input.pass), passes, batch);
    default:
      return pass.input satisfies never;
  }
}

function passNamed(passes: readonly Pass[], name: string): Pass {
  const pass = passes.find((candidate) => candidate.name === name);
  if (pass === undefined) throw new Error(`The recipe has no pass "${name}".`);
  return pass;
}

/** Which gradients flow: needs(update, pass), and whether a pass leads down to the trained network. */
class GradientFlow {
  readonly #phase: Phase;

  constructor(phase: Phase) {
    this.#phase = phase;
  }

  /** Whether the gradient of this update's loss has to be carried through this pass. */
  needs(update: number, pass: Pass): boolean {
    return this.#reaches(update, pass) && this.#leadsToTrained(update, pass);
  }

  leadsBelow(update: number, pass: Pass): boolean {
    const { input } = pass;
    return input.kind === 'pass' && this.#leadsToTrained(update, passNamed(this.#phase.passes, input.pass));
  }

  #leadsToTrained(update: number, pass: Pass): boolean {
    return pass.network === this.#phase.updates[update]!.network || this.leadsBelow(update, pass);
  }

  /** The loss taps the pass, or a pass that is made from it. */
  #reaches(update: number, pass: Pass): boolean {
    const { terms } = this.#phase.updates[update]!;
    const isTapped = this.#phase.terms.some(
      (term) =>
        terms.includes(term.name) &&
        (term.pass === pass.name || (term.kind === 'featureMatching' && term.against === pass.name)),
    );
    return (
      isTapped ||
      this.#phase.passes.some(
        ({ input }, consumer) =>
          input.kind === 'pass' &&
          input.pass === pass.name &&
          this.#reaches(update, this.#phase.passes[consumer]!),
      )
    );
  }
}

function makeStack(recipe: Recipe, phase: Phase, network: string, batch: number): Stack {
  const entry = recipe.networks.find((candidate) => candidate.network.name === network);
  if (entry === undefined) throw new Error(`The recipe has no network "${network}".`);
  const forward: ForwardSegment[] = [];
  let firstRow = 0;
  for (const pass of phase.passes.filter((candidate) => candidate.network === network)) {
    const rows = rowsOf(pass, phase.passes, batch);
    forward.push({ pass, rows, firstRow });
    firstRow += rows;
  }
  const flow = new GradientFlow(phase);
  const backward: BackwardSegment[] = [];
  firstRow = 0;
  phase.updates.forEach((_, update) => {
    forward.forEach(({ pass, rows }, index) => {
      if (!flow.needs(update, pass)) return;
      const trains = phase.updates[update]!.network === network;
      const needsInput = flow.leadsBelow(update, pass);
      backward.push({ forward: index, update, rows, firstRow, trains, needsInput });
      firstRow += rows;
    });
  });
  const { inputShape } = entry.network;
  return {
    network,
    instances: entry.instances,
    inputShape,
    primitives: primitivesOf(entry.network),
    forward,
    backward,
  };
}

/** Networks in an order in which one that makes another's input comes first. */
function orderedNetworks(phase: Phase): readonly string[] {
  const ordered: string[] = [];
  const visit = (network: string): void => {
    if (ordered.includes(network)) return;
    for (const { input } of phase.passes.filter((pass) => pass.network === network)) {
      if (input.kind !== 'pass') continue;
      const maker = passNamed(phase.passes, input.pass).network;
      if (maker === network) throw new Error(`The network "${network}" feeds itself, which no plan can do.`);
      visit(maker);
    }
    ordered.push(network);
  };
  for (const { network } of phase.passes) visit(network);
  return ordered;
}

/** The graph of one phase of a recipe at the settings' batch size. */
export function buildPhaseGraph(recipe: Recipe, settings: Settings, phaseIndex: number): PhaseGraph {
  const phase = recipe.phases[phaseIndex];
  if (phase === undefined) throw new Error(`The recipe has no phase ${phaseIndex}.`);
  const stacks = orderedNetworks(phase).map((network) => makeStack(recipe, phase, network, settings.batch));
  return { phase, phaseIndex, stacks };
}
