/** Lowers a phase's loss terms to the one loss operation: rows found, gradients assigned to segments. */

import { METRIC_NAMES } from '../../../../protocol/reports.js';
import type { LossTerm, Recipe } from '../../../../recipe/recipes.js';
import type { ProgramBuilder } from './builder.js';
import type { ForwardSegment, PhaseGraph, Stack } from './graph.js';
import type { LoweredBlock } from './lower-forward.js';
import type { LossOp, LossOpTerm, OptimiserPlan, TensorId } from '../operations.js';
import { gradientSegments, totalRows, withoutSource } from './segments.js';
import { sizeOf } from '../../../model/parameters.js';

export interface LossInput {
  readonly recipe: Recipe;
  readonly graph: PhaseGraph;
  /** The stack whose passes the terms tap, and its blocks. */
  readonly stack: Stack;
  readonly blocks: readonly LoweredBlock[];
  /** uint32 labels of the labelled rows. */
  readonly labels: TensorId;
  readonly optimisers: readonly OptimiserPlan[];
  readonly scalars: TensorId;
}

export interface LoweredLoss {
  readonly logitGradient: TensorId;
  readonly sharedGradients: ReadonlyMap<string, TensorId>;
  readonly metrics: TensorId;
}

function segmentOf(stack: Stack, pass: string): ForwardSegment {
  const segment = stack.forward.find((candidate) => candidate.pass.name === pass);
  if (segment === undefined)
    throw new Error(`A loss taps the pass "${pass}", which is not one of "${stack.network}".`);
  return segment;
}

/** The stack that all loss terms tap. */
export function tappedStack({ phase, stacks }: PhaseGraph): Stack {
  const passes = new Set(phase.terms.map(({ pass }) => pass));
  const tapped = stacks.filter((stack) => stack.forward.some(({ pass }) => passes.has(pass.name)));
  if (tapped.length !== 1)
    throw new Error(`Loss terms tap ${tapped.length} networks; a plan takes those of one.`);
  return tapped[0]!;
}

/** The block whose stored tensor is a layer's value. */
function storedBlock(blocks: readonly LoweredBlock[], layer: string): LoweredBlock {
  const found = blocks.find(({ block }) => block.outputLayers.includes(layer));
  if (found === undefined || found.view.chain.length > 0) {
    throw new Error(`A loss taps layer "${layer}", whose value no operation stores.`);
  }
  return found;
}

function blockSize({ block }: LoweredBlock): number {
  return sizeOf(block.linear.output);
}

function lowerTerm(term: LossTerm, { stack, blocks }: LossInput): LossOpTerm {
  const { firstRow: forwardRow, rows } = segmentOf(stack, term.pass);
  const shared = { name: term.name, forwardRow, rows };
  const tapped = storedBlock(blocks, term.layer);
  if (term.kind === 'featureMatching') {
    const against = segmentOf(stack, term.against);
    return {
      ...shared,
      kind: term.kind,
      features: tapped.view.tensor,
      size: blockSize(tapped),
      againstRow: against.firstRow,
      againstRows: against.rows,
    };
  }
  if (tapped !== blocks.at(-1))
    throw new Error(`${term.name} taps "${term.layer}", which is not the network's last.`);
  return term.kind === 'sigmoidCrossEntropy'
    ? { ...shared, kind: term.kind, column: term.column, target: term.target }
    : { ...shared, kind: term.kind };
}

function lowerFeatureGradient(
  builder: ProgramBuilder,
  { graph, stack, blocks }: LossInput,
): { readonly operation: LossOp['featureGradient']; readonly layer: string } | null {
  const { terms, updates } = graph.phase;
  const entries: { gradientSegment: number; term: number; sign: 1 | -1 }[] = [];
  const layers = new Set<string>();
  stack.backward.forEach(({ forward, update }, gradientSegment) => {
    const { name } = stack.forward[forward]!.pass;
    terms.forEach((term, index) => {
      if (term.kind !== 'featureMatching' || !updates[update]!.terms.includes(term.name)) return;
      if (term.pass !== name && term.against !== name) return;
      layers.add(term.layer);
      entries.push({ gradientSegment, term: index, sign: term.pass === name ? 1 : -1 });
    });
  });
  const [layer] = layers;
  if (layers.size > 1) throw new Error(`Layers ${[...layers].join(', ')} are matched; a plan takes one.`);
  if (layer === undefined) return null;
  const size = blockSize(storedBlock(blocks, layer));
  const target = builder.tensor(`${stack.network}/${layer} shared gradient`, [stack.backward.length, size]);
  return { layer, operation: { target, size, entries } };
}

/** Adds the loss operation. */
export function lowerLoss(builder: ProgramBuilder, input: LossInput): LoweredLoss {
  const { recipe, graph, stack, blocks, labels, optimisers, scalars } = input;
  const { terms, updates } = graph.phase;
  const last = blocks.at(-1)!;
  const width = blockSize(last);
  if (last.view.chain.length > 0 || last.block.stored.some(({ kind }) => kind !== 'bias')) {
    throw new Error(`The last layer of "${stack.network}" has to be linear for its logits to be taken.`);
  }
  const segments = gradientSegments(stack).map((segment) => ({
    ...withoutSource(segment),
    terms: terms.flatMap((term, index) => {
      const acts = updates[segment.source.update]!.terms.includes(term.name);
      const isTapped = stack.forward[segment.forwardSegment]!.pass.name === term.pass;
      return acts && isTapped && term.kind !== 'featureMatching' ? [index] : [];
    }),
  }));
  const logitGradient = builder.tensor(`${stack.network} logit gradient`, [totalRows(segments), width]);
  const feature = lowerFeatureGradient(builder, input);
  const metrics = builder.tensor('metrics', [METRIC_NAMES.length], 'results');
  const { firstRow: forwardRow, rows } = segmentOf(stack, recipe.accuracy.pass);
  builder.stage({
    kind: 'loss',
    name: 'losses',
    logits: last.stored,
    width,
    labels,
    terms: terms.map((term) => lowerTerm(term, input)),
    losses: updates.map(({ loss, terms: names }) => ({
      name: loss,
      terms: names.map((name) => terms.findIndex((term) => term.name === name)),
    })),
    accuracy: { forwardRow, rows },
    segments,
    logitGradient,
    featureGradient: feature?.operation ?? null,
    metrics,
    optimisers,
    scalars,
  });
  const sharedGradients = new Map<string, TensorId>();
  if (feature !== null) sharedGradients.set(feature.layer, feature.operation!.target);
  return { logitGradient, sharedGradients, metrics };
}
