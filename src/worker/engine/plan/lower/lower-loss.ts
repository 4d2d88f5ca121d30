/** Lowers a phase's loss terms to its loss operation: rows found, gradients assigned to segments. */

import { sizeOf } from '../../../../recipe/layers.js';
import { metricNames } from '../../../../recipe/metrics.js';
import { groupOf, passNamed, tappedPasses, type Recipe, type Term } from '../../../../recipe/recipe.js';
import type { ProgramBuilder } from './builder.js';
import type { PhaseGraph, Stack } from './graph.js';
import type { LoweredFusion } from './lower-forward.js';
import type { LabelledRows, LogitRows, LossOp, LossOpTerm, TensorId } from '../operations.js';
import { gradientSegments, totalRows, withoutSource } from './segments.js';
import type { ScalarTable } from './scalar-table.js';

/** A stack after its forward pass. */
export interface ForwardStack {
  readonly stack: Stack;
  readonly fusions: readonly LoweredFusion[];
}

export interface LossInput {
  readonly recipe: Recipe;
  readonly graph: PhaseGraph;
  readonly stacks: readonly ForwardStack[];
  /** The stack that the gradients flow into. */
  readonly head: ForwardStack;
  /** uint32 labels of the phase's labelled groups, and the first row of each. */
  readonly labels: { readonly tensor: TensorId; readonly rowOf: ReadonlyMap<string, number> };
  readonly scalars: ScalarTable;
  /** [metrics] and [step scalars], which all phases share. */
  readonly metrics: TensorId;
  readonly scalarsTensor: TensorId;
}

export interface LoweredLoss {
  readonly logitGradient: TensorId;
  readonly sharedGradients: ReadonlyMap<string, TensorId>;
}

/** The stack in whose gradient segments a phase's losses begin. */
export function headOf<T extends ForwardStack>({ phase }: PhaseGraph, stacks: readonly T[]): T {
  const tapped = new Set(
    phase.updates.flatMap(({ terms }) =>
      phase.terms.filter(({ name }) => terms.includes(name)).flatMap(tappedPasses),
    ),
  );
  return stacks.find(
    ({ stack }) => stack.backward.length > 0 && stack.forward.some(({ pass }) => tapped.has(pass.name)),
  )!;
}

/** The rows of a pass, and the fusion groups of its stack. */
function rowsOf(
  { stacks }: LossInput,
  pass: string,
): { readonly forwardRow: number; readonly rows: number; readonly fusions: readonly LoweredFusion[] } {
  for (const { stack, fusions } of stacks) {
    const segment = stack.forward.find((candidate) => candidate.pass.name === pass);
    if (segment !== undefined) return { forwardRow: segment.firstRow, rows: segment.rows, fusions };
  }
  throw new Error(`The phase has no pass "${pass}".`);
}

/** The fusion group whose stored tensor is the value of a layer that a term may tap. */
function storedFusion(fusions: readonly LoweredFusion[], layer: string): LoweredFusion {
  return fusions.find(({ fusion }) => fusion.outputLayers.includes(layer))!;
}

function outputSize({ fusion }: LoweredFusion): number {
  return sizeOf(fusion.linear.output);
}

function logitRows(input: LossInput, pass: string): LogitRows {
  const { forwardRow, rows, fusions } = rowsOf(input, pass);
  const last = fusions.at(-1)!;
  return { logits: last.stored, width: outputSize(last), forwardRow, rows };
}

function labelledRows(input: LossInput, pass: string): LabelledRows {
  const { labels, graph } = input;
  const group = groupOf(graph.phase, passNamed(graph.phase, pass));
  return { ...logitRows(input, pass), labels: labels.tensor, labelRow: labels.rowOf.get(group.name)! };
}

function lowerTerm(term: Term, input: LossInput, metrics: readonly string[]): LossOpTerm {
  const { name, weight } = term;
  const shared = {
    name,
    metric: metrics.indexOf(name),
    weight:
      typeof weight === 'number'
        ? ({ kind: 'constant', value: weight } as const)
        : ({ kind: 'scalar', index: input.scalars.indexOf({ kind: 'weight', weight }) } as const),
  };
  switch (term.kind) {
    case 'softmaxCrossEntropy':
      return { ...shared, ...labelledRows(input, term.pass), kind: term.kind };
    case 'sigmoidCrossEntropy': {
      const { kind, column, target } = term;
      return { ...shared, ...logitRows(input, term.pass), kind, column, target };
    }
    case 'featureMatching': {
      const own = rowsOf(input, term.pass);
      const other = rowsOf(input, term.against);
      const tapped = storedFusion(own.fusions, term.layer);
      return {
        ...shared,
        kind: term.kind,
        features: tapped.view.tensor,
        size: outputSize(tapped),
        forwardRow: own.forwardRow,
        rows: own.rows,
        against: storedFusion(other.fusions, term.layer).view.tensor,
        againstRow: other.forwardRow,
        againstRows: other.rows,
      };
    }
    default:
      return term satisfies never;
  }
}

function lowerFeatureGradient(
  builder: ProgramBuilder,
  { graph, head }: LossInput,
): { readonly operation: LossOp['featureGradient']; readonly layer: string } | null {
  const { terms, updates } = graph.phase;
  const { stack, fusions } = head;
  const entries: { gradientSegment: number; term: number; sign: 1 | -1 }[] = [];
  let layer: string | null = null;
  stack.backward.forEach(({ forward, update }, gradientSegment) => {
    const { name } = stack.forward[forward]!.pass;
    terms.forEach((term, index) => {
      if (term.kind !== 'featureMatching' || !updates[update]!.terms.includes(term.name)) return;
      if (term.pass !== name && term.against !== name) return;
      layer = term.layer;
      entries.push({ gradientSegment, term: index, sign: term.pass === name ? 1 : -1 });
    });
  });
  if (layer === null) return null;
  const size = outputSize(storedFusion(fusions, layer));
  const target = builder.tensor(`${stack.label}/${layer as string} shared gradient`, [
    stack.backward.length,
    size,
  ]);
  return { layer, operation: { target, size, entries } };
}

/** Adds the loss operation of a phase. */
export function lowerLoss(builder: ProgramBuilder, input: LossInput): LoweredLoss {
  const { recipe, graph, head, metrics, scalarsTensor } = input;
  const { terms, updates, passes } = graph.phase;
  const { stack, fusions } = head;
  const names = metricNames(recipe);
  const last = fusions.at(-1)!;
  const width = outputSize(last);
  const segments = gradientSegments(stack).map((segment) => ({
    ...withoutSource(segment),
    terms: terms.flatMap((term, index) => {
      const acts = updates[segment.source.update]!.terms.includes(term.name);
      const isTapped = stack.forward[segment.forwardSegment]!.pass.name === term.pass;
      return acts && isTapped && term.kind !== 'featureMatching' ? [index] : [];
    }),
  }));
  const logitGradient = builder.tensor(`${stack.label} logit gradient`, [totalRows(segments), width]);
  const feature = lowerFeatureGradient(builder, input);
  const hasAccuracy = passes.some(({ name }) => name === recipe.accuracy.pass);
  builder.stage({
    kind: 'loss',
    name: graph.phaseIndex === 0 ? 'losses' : `phase ${graph.phaseIndex + 1} losses`,
    terms: terms.map((term) => lowerTerm(term, input, names)),
    losses: updates.map(({ loss, terms: own }) => ({
      name: loss,
      metric: names.indexOf(loss),
      terms: own.map((name) => terms.findIndex((term) => term.name === name)),
    })),
    accuracy: hasAccuracy ? { ...labelledRows(input, recipe.accuracy.pass), metric: 0 } : null,
    logits: last.stored,
    width,
    segments,
    logitGradient,
    featureGradient: feature?.operation ?? null,
    metrics,
    scalars: scalarsTensor,
    isFirst: graph.phaseIndex === 0,
    isLast: graph.phaseIndex === recipe.phases.length - 1,
  });
  const sharedGradients = new Map<string, TensorId>();
  if (feature !== null) sharedGradients.set(feature.layer, feature.operation!.target);
  return { logitGradient, sharedGradients };
}
