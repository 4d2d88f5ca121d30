/** Lowers a recipe to the program of one train step. */

import { sizeOf } from '../../../../recipe/layers.js';
import { metricNames } from '../../../../recipe/metrics.js';
import {
  entryOf,
  groupOf,
  hasLabels,
  passNamed,
  placeOf,
  type RowGroup,
  type StageRecipe,
  type Update,
} from '../../../../recipe/recipe.js';
import { isLastUpdate } from '../../../../recipe/schedules.js';
import { dropoutStream, groupStream, noiseStream, viewStream } from '../../../model/draws.js';
import { averageName, TARGET_STORE } from '../../../model/parameters.js';
import { cutIntoFusionGroups } from './fusion-groups.js';
import { ProgramBuilder } from './builder.js';
import { buildPhaseGraph, type PhaseGraph, type Stack } from './graph.js';
import { lowerBackward, type BackwardInput, type PendingUpdate } from './lower-backward.js';
import { lowerForward, lowerStatistics, type LoweredFusion, type MaskBits } from './lower-forward.js';
import { headOf, lowerLoss, type LossInput } from './lower-loss.js';
import type {
  DrawPart,
  OptimiserPlan,
  OpSegment,
  Program,
  Tap,
  TensorId,
  UpdateEntry,
} from '../operations.js';
import { ScalarTable } from './scalar-table.js';
import { forwardSegments, gradientSegments, totalRows, withoutSource } from './segments.js';
import type { TrainOptions } from './train-options.js';

interface LoweredStack {
  readonly stack: Stack;
  readonly input: TensorId;
  readonly masks: ReadonlyMap<string, MaskBits>;
  readonly noises: ReadonlyMap<string, TensorId>;
  fusions: readonly LoweredFusion[];
}

/** A phase whose rows are drawn. */
interface DrawnPhase {
  readonly graph: PhaseGraph;
  readonly stacks: readonly LoweredStack[];
  readonly labels: LossInput['labels'];
  readonly targets: LossInput['targets'];
}

/** What the phases of one step share. */
interface StepContext {
  readonly builder: ProgramBuilder;
  readonly recipe: StageRecipe;
  readonly options: TrainOptions;
  readonly scalars: ScalarTable;
  readonly metrics: TensorId;
  readonly scalarsTensor: TensorId;
}

/** Bits of every dropout layer of a stack, and the parts of the draw that fill them. */
function drawMasks(
  builder: ProgramBuilder,
  stack: Stack,
  phaseIndex: number,
  parts: DrawPart[],
): ReadonlyMap<string, MaskBits> {
  const masks = new Map<string, MaskBits>();
  if (stack.mode === 'inference') return masks;
  for (const primitive of stack.primitives) {
    if (primitive.kind !== 'mask') continue;
    const { layer, layerIndex, output, rate } = primitive;
    const offsets: number[] = [];
    let words = 0;
    for (const { rows } of stack.forward) {
      offsets.push(words);
      words += Math.ceil((rows * sizeOf(output)) / 32);
    }
    const bits = builder.tensor(`${stack.label}/${layer} bits`, [words], 'draws', 'u32');
    stack.forward.forEach(({ pass, rows }, segment) => {
      parts.push({
        kind: 'mask',
        stream: dropoutStream(phaseIndex, pass, layerIndex),
        count: rows * sizeOf(output),
        threshold: Math.round(rate * 65536),
        target: bits,
        offset: offsets[segment]!,
      });
    });
    masks.set(layer, { bits, offsets });
  }
  return masks;
}

/** Normal values of the noise of a stack, and the parts of the draw that fill them. */
function drawNoises(
  builder: ProgramBuilder,
  stack: Stack,
  phaseIndex: number,
  parts: DrawPart[],
): ReadonlyMap<string, TensorId> {
  const noises = new Map<string, TensorId>();
  if (stack.mode === 'inference') return noises;
  for (const primitive of stack.primitives) {
    if (primitive.kind !== 'noise') continue;
    const { layer, layerIndex, output } = primitive;
    const target = builder.tensor(`${stack.label}/${layer} values`, [totalRows(stack.forward), ...output]);
    for (const { pass, rows, firstRow } of stack.forward) {
      const stream = noiseStream(phaseIndex, pass, layerIndex);
      parts.push({ kind: 'noise', stream, count: rows * sizeOf(output), target, targetRow: firstRow });
    }
    noises.set(layer, target);
  }
  return noises;
}

/** What the groups of a phase bring along beside their rows, and where it goes. */
interface DrawnBeside {
  readonly labels: LossInput['labels'];
  readonly targets: LossInput['targets'];
  /** Groups whose labels or targets are drawn. */
  readonly drawn: Set<RowGroup>;
}

/** The parts of the draw that fill a stack's input, and the labels and targets of its groups. */
function drawInputs(
  recipe: StageRecipe,
  { phase, phaseIndex }: PhaseGraph,
  stack: Stack,
  input: TensorId,
  { labels, targets, drawn }: DrawnBeside,
  parts: DrawPart[],
): void {
  const { classes } = recipe;
  const bound = recipe.landmarks?.count ?? 0;
  for (const { pass, rows, firstRow } of stack.forward) {
    if (pass.input.kind === 'pass') continue;
    const group = groupOf(phase, pass);
    const { pool, view } = group;
    const stream = groupStream(phaseIndex, phase, group);
    if (pool === 'latents') {
      parts.push({
        kind: 'latents',
        stream,
        rows,
        size: sizeOf(stack.inputShape),
        classes: group.isConditional === true ? classes : 0,
        target: input,
        targetRow: firstRow,
      });
      const classRow = labels.rowOf.get(group.name);
      if (classRow === undefined || drawn.has(group)) continue;
      drawn.add(group);
      parts.push({ kind: 'classes', classes, rows, target: labels.tensor, targetRow: classRow });
      continue;
    }
    parts.push({
      kind: 'images',
      source: pool,
      stream,
      bound: pool === 'landmarks' ? bound : 0,
      view: view.kind === 'plain' ? null : { view, stream: viewStream(phaseIndex, phase, group) },
      rows,
      target: input,
      targetRow: firstRow,
    });
    if (drawn.has(group)) continue;
    drawn.add(group);
    if (pool === 'labelled') {
      const targetRow = labels.rowOf.get(group.name)!;
      parts.push({ kind: 'labels', source: 'labelled', stream, rows, target: labels.tensor, targetRow });
    }
    const targetRow = targets.rowOf.get(group.name);
    if (targetRow === undefined) continue;
    parts.push({
      kind: 'targets',
      stream,
      bound,
      store: TARGET_STORE,
      classes,
      rows,
      target: targets.tensor,
      targetRow,
    });
  }
}

/** First rows of some groups in a tensor that holds those of all, and how many they are together. */
function rowsOfGroups(groups: readonly RowGroup[]): {
  readonly rowOf: ReadonlyMap<string, number>;
  readonly rows: number;
} {
  const rowOf = new Map<string, number>();
  let rows = 0;
  for (const group of groups) {
    rowOf.set(group.name, rows);
    rows += group.rows;
  }
  return { rowOf, rows };
}

/** Makes room for what a phase draws and lists the parts of the draw. */
function drawPhase(
  builder: ProgramBuilder,
  recipe: StageRecipe,
  phaseIndex: number,
  parts: DrawPart[],
): DrawnPhase {
  const graph = buildPhaseGraph(recipe, phaseIndex);
  const { groups, passes, terms } = graph.phase;
  const title = (what: string): string => (phaseIndex === 0 ? what : `phase ${phaseIndex + 1} ${what}`);
  const isTold = (group: RowGroup): boolean =>
    terms.some(
      (term) =>
        term.kind === 'softmaxCrossEntropy' &&
        groupOf(graph.phase, passNamed(graph.phase, term.pass)) === group,
    );
  const labelled = rowsOfGroups(
    groups.filter((group) => group.pool === 'labelled' || (hasLabels(group) && isTold(group))),
  );
  const usesStore = (group: RowGroup): boolean =>
    terms.some(
      (term) =>
        term.kind === 'pseudoLabelCrossEntropy' &&
        term.usesStore &&
        passes.some((pass) => pass.name === term.pass && groupOf(graph.phase, pass) === group),
    );
  const targeted = rowsOfGroups(groups.filter(usesStore));
  // A phase without labels has no use for the tensor, but its losses name one.
  const labels = { tensor: builder.tensor(title('labels'), [labelled.rows], 'draws', 'u32'), ...labelled };
  const targets = {
    tensor:
      targeted.rows === 0 ? labels.tensor : builder.tensor(title('targets'), [targeted.rows, recipe.classes]),
    ...targeted,
  };
  const drawn = new Set<RowGroup>();
  const stacks = graph.stacks.map((stack): LoweredStack => {
    const input = builder.tensor(`${stack.label} input`, [totalRows(stack.forward), ...stack.inputShape]);
    drawInputs(recipe, graph, stack, input, { labels, targets, drawn }, parts);
    const masks = drawMasks(builder, stack, phaseIndex, parts);
    return { stack, input, masks, noises: drawNoises(builder, stack, phaseIndex, parts), fusions: [] };
  });
  return { graph, stacks, labels, targets };
}

/** Where the passes of a stack are read as the input of another; null where nobody reads them. */
function readerOf(
  stack: Stack,
  all: readonly LoweredStack[],
): { readonly tensor: TensorId; readonly segments: readonly OpSegment[] } | null {
  const segments = forwardSegments(stack);
  for (const { stack: reader, input } of all) {
    const rowOf = (pass: string): number | undefined =>
      reader.forward.find((other) => other.pass.input.kind === 'pass' && other.pass.input.pass === pass)
        ?.firstRow;
    const rows = stack.forward.map(({ pass }) => rowOf(pass.name));
    if (rows.every((row) => row === undefined)) continue;
    return {
      tensor: input,
      segments: segments.map((segment, index) => ({ ...segment, targetRow: rows[index]! })),
    };
  }
  return null;
}

function lowerStacksForward({ builder, recipe, options }: StepContext, all: readonly LoweredStack[]): void {
  // Passes of inference see the running statistics that the phase began with.
  const statistics = new Map(
    all
      .filter(({ stack }) => stack.mode === 'inference')
      .map((own) => [own, lowerStatistics(builder, own.stack, cutIntoFusionGroups(own.stack.primitives))]),
  );
  for (const own of all) {
    const { stack, input, masks, noises } = own;
    const segments = forwardSegments(stack);
    const output = readerOf(stack, all);
    const made = statistics.get(own);
    own.fusions = lowerForward(builder, {
      ...stack,
      fusions: cutIntoFusionGroups(stack.primitives),
      input,
      rows: totalRows(segments),
      segments,
      training:
        stack.mode === 'inference'
          ? null
          : {
              masks,
              noises,
              updatesRunning: recipe.updatesRunningStatistics && stack.parameters === 'current',
              storesNormalised: options.storesNormalised,
            },
      ...(made !== undefined && { statistics: made }),
      ...(output !== null && { output }),
    });
  }
}

/** Where the gradient at a stack's input goes: to the stack that made those rows. */
function findBelow(
  builder: ProgramBuilder,
  { stack }: LoweredStack,
  all: readonly LoweredStack[],
): { readonly below: NonNullable<BackwardInput['below']>; readonly maker: LoweredStack } | null {
  const passing = gradientSegments(stack).filter(({ source }) => source.needsInput);
  if (passing.length === 0) return null;
  const makerOf = (pass: string): LoweredStack =>
    all.find((other) => other.stack.forward.some((segment) => segment.pass.name === pass))!;
  const madeBy = (forward: number): string => {
    const { input } = stack.forward[forward]!.pass;
    return input.kind === 'pass' ? input.pass : '';
  };
  const maker = makerOf(madeBy(passing[0]!.source.forward));
  const segments = passing.map((segment): OpSegment => {
    const pass = madeBy(segment.source.forward);
    const target = maker.stack.backward.find(
      ({ forward, update }) =>
        maker.stack.forward[forward]!.pass.name === pass && update === segment.source.update,
    )!;
    return { ...withoutSource(segment), targetRow: target.firstRow };
  });
  const fusion = maker.fusions.at(-1)!;
  const { stack: made } = maker;
  const target = builder.tensor(`${made.label}/${fusion.fusion.linear.layer} gradient`, [
    totalRows(made.backward),
    ...fusion.fusion.linear.output,
  ]);
  return { maker, below: { fusion, context: { masks: maker.masks }, target, segments } };
}

/** Adds the backward pass from the losses down through every network; collects what is to be updated. */
function lowerStacksBackward(
  { builder, options }: StepContext,
  all: readonly LoweredStack[],
  head: LoweredStack,
  loss: ReturnType<typeof lowerLoss>,
): readonly PendingUpdate[] {
  const updates: PendingUpdate[] = [];
  let next: LoweredStack | null = head;
  let outputGradient = loss.logitGradient;
  while (next !== null) {
    const found = findBelow(builder, next, all);
    const { stack, fusions, masks } = next;
    updates.push(
      ...lowerBackward(builder, {
        stack,
        fusions,
        context: { masks },
        outputGradient,
        sharedGradients: next === head ? loss.sharedGradients : new Map(),
        below: found?.below ?? null,
        options,
      }),
    );
    if (found !== null) outputGradient = found.below.target;
    next = found?.maker ?? null;
  }
  return updates;
}

/** An update of a phase by one of its networks. */
interface NetworkUpdate {
  /** Index of the update in its phase. */
  readonly update: number;
  readonly network: string;
  readonly optimiser: OptimiserPlan;
  /** The rate of the average that moves with it, or null. */
  readonly average: { readonly scalar: number } | null;
}

/** Every update of a phase by every network that it trains, with their rates among the step scalars. */
function networkUpdates({ recipe, scalars }: StepContext, { phase }: PhaseGraph): readonly NetworkUpdate[] {
  const one = (update: Update, index: number, network: string): NetworkUpdate => {
    const { optimiser, average } = entryOf(recipe, network);
    const place = placeOf(recipe, update, network);
    const { beta1, beta2, epsilon } = optimiser;
    const scalar = scalars.indexOf({ kind: 'adamRate', optimiser, place });
    return {
      update: index,
      network,
      optimiser: { name: network, beta1, beta2, epsilon, scalar },
      average:
        average === null || !isLastUpdate(place)
          ? null
          : { scalar: scalars.indexOf({ kind: 'averageRate', decay: average.decay }) },
    };
  };
  return phase.updates.flatMap((update, index) => update.networks.map((name) => one(update, index, name)));
}

function lowerPhase(context: StepContext, { graph, stacks, labels, targets }: DrawnPhase): readonly Tap[] {
  const { builder, recipe, scalars, metrics, scalarsTensor } = context;
  const updates = networkUpdates(context, graph);
  lowerStacksForward(context, stacks);
  const head = headOf(graph, stacks);
  const loss = lowerLoss(builder, {
    recipe,
    graph,
    stacks,
    head,
    labels,
    targets,
    scalars,
    metrics,
    scalarsTensor,
  });
  const entries = lowerStacksBackward(context, stacks, head, loss).map(
    ({ update, network, ...entry }): UpdateEntry => {
      const optimiser = updates.findIndex((own) => own.update === update && own.network === network);
      const { average } = updates[optimiser]!;
      return {
        ...entry,
        optimiser,
        average: average === null ? null : { ...average, parameter: averageName(entry.parameter) },
      };
    },
  );
  const name = graph.phaseIndex === 0 ? 'Adam' : `phase ${graph.phaseIndex + 1} Adam`;
  builder.stage({
    kind: 'update',
    name,
    phase: graph.phaseIndex,
    entries,
    optimisers: updates.map(({ optimiser }) => optimiser),
    scalars: scalarsTensor,
  });
  return stacks.flatMap((stack) => tapsOf(stack));
}

/** Every pass's input, and the value of every layer that is stored as it is. */
function tapsOf({ stack, input, fusions }: LoweredStack): readonly Tap[] {
  return stack.forward.flatMap(({ pass, rows, firstRow }, segment) => {
    const stored = fusions.filter(({ view }) => view.prologue.length === 0);
    const taps: Tap[] = [
      { name: `${pass.name}/input`, tensor: input, firstRow, rows, shape: stack.inputShape },
    ];
    for (const { fusion, view, storedRows } of stored) {
      for (const layer of fusion.outputLayers) {
        const shape = stack.primitives.find((primitive) => primitive.layer === layer)!.output;
        const name = `${pass.name}/${layer}`;
        const first = storedRows?.[segment] ?? firstRow;
        taps.push({ name, tensor: view.tensor, firstRow: first, rows, shape });
      }
    }
    return taps;
  });
}

/** Scalars of a program are known once it is lowered; the tensor is made before, for the most there can be. */
function mostScalars({ phases, networks }: StageRecipe): number {
  const weights = phases.flatMap(({ terms }) => terms.filter(({ weight }) => typeof weight !== 'number'));
  const averages = networks.filter(({ average }) => average !== null);
  return (
    weights.length +
    averages.length +
    phases.flatMap(({ updates }) => updates.flatMap((update) => update.networks)).length
  );
}

/**
 * The train step of a recipe: what it draws, then phase by phase its networks forward, losses, backward
 * passes, updates.
 */
export function lowerTrainStep(recipe: StageRecipe, options: TrainOptions): Program {
  const builder = new ProgramBuilder();
  const parts: DrawPart[] = [];
  const phases = recipe.phases.map((_, index) => drawPhase(builder, recipe, index, parts));
  builder.stage({ kind: 'draw', name: 'draw', parts });
  const context: StepContext = {
    builder,
    recipe,
    options,
    scalars: new ScalarTable(),
    metrics: builder.tensor('metrics', [metricNames(recipe).length], 'results'),
    scalarsTensor: builder.tensor('step scalars', [mostScalars(recipe)], 'results'),
  };
  const taps = phases.flatMap((phase) => lowerPhase(context, phase));
  return builder.build('trainStep', [], [context.metrics], taps, context.scalars.scalars);
}
