/** Lowers a phase's loss terms to its loss operation: rows found, gradients assigned to segments. */

import { sizeOf } from '../../../../recipe/layers.js';
import { metricNames, TRAIN_ACCURACY } from '../../../../recipe/metrics.js';
import { groupOf, passNamed, tappedPasses, type StageRecipe, type Term } from '../../../../recipe/recipe.js';
import type { ProgramBuilder } from './builder.js';
import type { PhaseGraph, Stack } from './graph.js';
import type { LoweredFusion } from './lower-forward.js';
import type {
  ContrastiveOp,
  LabelledRows,
  LogitRows,
  LossOp,
  LossOpTerm,
  TensorId,
  TermWeight,
} from '../operations.js';
import { gradientSegments, totalRows, withoutSource } from './segments.js';
import type { ScalarTable } from './scalar-table.js';

/** A stack after its forward pass. */
export interface ForwardStack {
  readonly stack: Stack;
  readonly fusions: readonly LoweredFusion[];
}

export interface LossInput {
  readonly recipe: StageRecipe;
  readonly graph: PhaseGraph;
  readonly stacks: readonly ForwardStack[];
  /** The stack that the gradients flow into. */
  readonly head: ForwardStack;
  /** uint32 labels of the phase's labelled groups, and the first row of each. */
  readonly labels: { readonly tensor: TensorId; readonly rowOf: ReadonlyMap<string, number> };
  /** Drawn rows of the target store of the phase's landmark groups, and the first row of each. */
  readonly targets: { readonly tensor: TensorId; readonly rowOf: ReadonlyMap<string, number> };
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

function weightOf({ weight }: Term, { scalars }: LossInput): TermWeight {
  return typeof weight === 'number'
    ? { kind: 'constant', value: weight }
    : { kind: 'scalar', index: scalars.indexOf({ kind: 'weight', weight }) };
}

/** One threshold for each column; what is no class is never above its own, which is 1. */
function thresholdsOf(
  threshold: number | readonly number[],
  width: number,
  { recipe }: LossInput,
): readonly number[] {
  return Array.from({ length: width }, (_, column) => {
    if (column >= recipe.classes) return 1;
    return typeof threshold === 'number' ? threshold : threshold[column]!;
  });
}

function lowerTargets(
  term: Extract<Term, { kind: 'pseudoLabelCrossEntropy' }>,
  input: LossInput,
): Pick<Extract<LossOpTerm, { kind: 'pseudoLabelCrossEntropy' }>, 'teacher' | 'store' | 'classes'> {
  const { graph, targets, recipe } = input;
  const { teacher, usesStore } = term;
  const { classes } = recipe;
  const group = groupOf(graph.phase, passNamed(graph.phase, term.pass));
  const store = usesStore ? { targets: targets.tensor, targetRow: targets.rowOf.get(group.name)! } : null;
  if (teacher === null) return { teacher, store, classes };
  const { isSoft, threshold } = teacher;
  const rows = logitRows(input, teacher.pass);
  return {
    teacher: { ...rows, isSoft, thresholds: thresholdsOf(threshold, rows.width, input) },
    store,
    classes,
  };
}

/** Terms, and the statistics of the contrastive ones by index. */
function lowerTerm(
  term: Term,
  input: LossInput,
  metrics: readonly string[],
  statistics: TensorId | undefined,
): LossOpTerm {
  const { name } = term;
  const shared = { name, metric: metrics.indexOf(name), weight: weightOf(term, input) };
  switch (term.kind) {
    case 'logsumexpCrossEntropy':
      return { ...shared, ...logitRows(input, term.pass), kind: term.kind, target: term.target };
    case 'confidentShare': {
      const rows = logitRows(input, term.pass);
      const thresholds = thresholdsOf(term.threshold, rows.width, input);
      return { ...shared, ...rows, kind: term.kind, thresholds };
    }
    case 'pseudoLabelCrossEntropy':
      return { ...shared, ...logitRows(input, term.pass), kind: term.kind, ...lowerTargets(term, input) };
    case 'contrastive':
      return {
        ...shared,
        kind: term.kind,
        statistics: statistics!,
        rows: 2 * rowsOf(input, term.pass).rows,
      };
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
        distance: term.distance ?? 'squared',
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

/** Kinds of terms with a gradient at single logits. */
function actsOnLogits({ kind }: Term): boolean {
  return kind !== 'featureMatching' && kind !== 'contrastive' && kind !== 'confidentShare';
}

type ContrastiveTerm = Extract<Term, { kind: 'contrastive' }>;
type ContrastiveRows = Omit<ContrastiveOp, 'kind' | 'name' | 'stage'>;

/** Adds the statistics of the contrastive terms, all in one stage; by the term's name. */
function lowerContrastive(builder: ProgramBuilder, input: LossInput): ReadonlyMap<string, ContrastiveRows> {
  const terms = input.graph.phase.terms.filter((term) => term.kind === 'contrastive');
  const lowered = new Map<string, ContrastiveRows>();
  const operations = terms.map((term: ContrastiveTerm) => {
    const { logits, width, rows, forwardRow } = logitRows(input, term.pass);
    const against = logitRows(input, term.against);
    const fields: ContrastiveRows = {
      embeddings: logits,
      width,
      rows,
      forwardRows: [forwardRow, against.forwardRow],
      temperature: term.temperature,
      statistics: builder.tensor(`${term.name} statistics`, [2 * rows, 3], 'statistics'),
    };
    lowered.set(term.name, fields);
    return { kind: 'contrastive', name: term.name, ...fields } as const;
  });
  builder.stage(...operations);
  return lowered;
}

/** Adds the loss operation of a phase, and those that contrastive terms need beside it. */
export function lowerLoss(builder: ProgramBuilder, input: LossInput): LoweredLoss {
  const { recipe, graph, head, metrics, scalarsTensor } = input;
  const { terms, updates, passes } = graph.phase;
  const { stack, fusions } = head;
  const names = metricNames(recipe);
  const last = fusions.at(-1)!;
  const width = outputSize(last);
  const contrastive = lowerContrastive(builder, input);
  const segments = gradientSegments(stack).map((segment) => ({
    ...withoutSource(segment),
    terms: terms.flatMap((term, index) => {
      const acts = updates[segment.source.update]!.terms.includes(term.name);
      const isTapped = stack.forward[segment.forwardSegment]!.pass.name === term.pass;
      return acts && isTapped && actsOnLogits(term) ? [index] : [];
    }),
  }));
  const logitGradient = builder.tensor(`${stack.label} logit gradient`, [totalRows(segments), width]);
  const feature = lowerFeatureGradient(builder, input);
  const { accuracy } = recipe;
  const hasAccuracy = accuracy !== null && passes.some(({ name }) => name === accuracy.pass);
  // Losses have either one contrastive term, or others.
  const descended = terms.find(
    (term) => term.kind === 'contrastive' && updates.some((update) => update.terms.includes(term.name)),
  );
  builder.stage({
    kind: 'loss',
    name: graph.phaseIndex === 0 ? 'losses' : `phase ${graph.phaseIndex + 1} losses`,
    terms: terms.map((term) => lowerTerm(term, input, names, contrastive.get(term.name)?.statistics)),
    losses: updates.map(({ loss, terms: own }) => ({
      name: loss,
      metric: names.indexOf(loss),
      terms: own.map((name) => terms.findIndex((term) => term.name === name)),
    })),
    accuracy: hasAccuracy
      ? { ...labelledRows(input, accuracy.pass), metric: names.indexOf(TRAIN_ACCURACY) }
      : null,
    head: descended === undefined ? { logits: last.stored, width, segments, logitGradient } : null,
    featureGradient: feature?.operation ?? null,
    metrics,
    scalars: scalarsTensor,
    isFirst: graph.phaseIndex === 0,
    isLast: graph.phaseIndex === recipe.phases.length - 1,
  });
  if (descended !== undefined && descended.kind === 'contrastive') {
    const firstRow = (pass: string, update: number): number | undefined =>
      stack.backward.find(
        (segment) => segment.update === update && stack.forward[segment.forward]!.pass.name === pass,
      )?.firstRow;
    builder.stage({
      kind: 'contrastiveGradient',
      name: `${descended.name} gradient`,
      ...contrastive.get(descended.name)!,
      weight: weightOf(descended, input),
      scalars: scalarsTensor,
      gradientRows: updates.flatMap((_, update): [number, number][] => {
        const own = firstRow(descended.pass, update);
        const against = firstRow(descended.against, update);
        return own === undefined || against === undefined ? [] : [[own, against]];
      }),
      target: logitGradient,
    });
  }
  const sharedGradients = new Map<string, TensorId>();
  if (feature !== null) sharedGradients.set(feature.layer, feature.operation!.target);
  return { logitGradient, sharedGradients };
}
