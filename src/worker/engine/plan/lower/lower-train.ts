/** Lowers a recipe to the program of one train step. */

import { sizeOf } from '../../../../recipe/layers.js';
import { metricNames } from '../../../../recipe/metrics.js';
import { entryOf, groupOf, placeOf, type Recipe, type Update } from '../../../../recipe/recipe.js';
import { isLastUpdate } from '../../../../recipe/schedules.js';
import { dropoutStream, groupStream } from '../../../model/draws.js';
import { averageName } from '../../../model/parameters.js';
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
  fusions: readonly LoweredFusion[];
}

/** A phase whose rows are drawn. */
interface DrawnPhase {
  readonly graph: PhaseGraph;
  readonly stacks: readonly LoweredStack[];
  readonly labels: LossInput['labels'];
}

/** What the phases of one step share. */
interface StepContext {
  readonly builder: ProgramBuilder;
  readonly recipe: Recipe;
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

/** The parts of the draw that fill a stack's input, and the labels of its labelled groups. */
function drawInputs(
  { phase, phaseIndex }: PhaseGraph,
  stack: Stack,
  input: TensorId,
  { tensor: labels, rowOf }: LossInput['labels'],
  parts: DrawPart[],
): void {
  for (const { pass, rows, firstRow } of stack.forward) {
    if (pass.input.kind === 'pass') continue;
    const group = groupOf(phase, pass);
    const stream = groupStream(phaseIndex, phase, group);
    if (group.pool === 'latents') {
      const count = rows * sizeOf(stack.inputShape);
      parts.push({ kind: 'latents', stream, count, target: input, targetRow: firstRow });
      continue;
    }
    parts.push({ kind: 'images', source: group.pool, stream, rows, target: input, targetRow: firstRow });
    const areLabelsDrawn = parts.some(
      (part) => part.kind === 'labels' && part.target === labels && part.targetRow === rowOf.get(group.name),
    );
    if (group.pool !== 'labelled' || areLabelsDrawn) continue;
    const targetRow = rowOf.get(group.name)!;
    parts.push({ kind: 'labels', source: 'labelled', stream, rows, target: labels, targetRow });
  }
}

/** Makes room for what a phase draws and lists the parts of the draw. */
function drawPhase(
  builder: ProgramBuilder,
  recipe: Recipe,
  phaseIndex: number,
  parts: DrawPart[],
): DrawnPhase {
  const graph = buildPhaseGraph(recipe, phaseIndex);
  const labelled = graph.phase.groups.filter(({ pool }) => pool === 'labelled');
  const rowOf = new Map<string, number>();
  let rows = 0;
  for (const group of labelled) {
    rowOf.set(group.name, rows);
    rows += group.rows;
  }
  const name = phaseIndex === 0 ? 'labels' : `phase ${phaseIndex + 1} labels`;
  // A phase without labels has no use for the tensor, but its losses name one.
  const labels = { tensor: builder.tensor(name, [rows], 'draws', 'u32'), rowOf };
  const stacks = graph.stacks.map((stack): LoweredStack => {
    const input = builder.tensor(`${stack.label} input`, [totalRows(stack.forward), ...stack.inputShape]);
    drawInputs(graph, stack, input, labels, parts);
    return { stack, input, masks: drawMasks(builder, stack, phaseIndex, parts), fusions: [] };
  });
  return { graph, stacks, labels };
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
    const { stack, input, masks } = own;
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

/** The optimisers of a phase's updates, in order, with their rates among the step scalars. */
function optimisersOf({ recipe, scalars }: StepContext, { phase }: PhaseGraph): readonly OptimiserPlan[] {
  return phase.updates.map((update) => {
    const { network } = update;
    const { optimiser } = entryOf(recipe, network);
    const place = placeOf(recipe, update);
    const { beta1, beta2, epsilon } = optimiser;
    return {
      name: network,
      beta1,
      beta2,
      epsilon,
      scalar: scalars.indexOf({ kind: 'adamRate', optimiser, place }),
    };
  });
}

/** The average that moves with an update, or null. */
function averageOf({ recipe, scalars }: StepContext, update: Update): { readonly scalar: number } | null {
  const { average } = entryOf(recipe, update.network);
  if (average === null || !isLastUpdate(placeOf(recipe, update))) return null;
  return { scalar: scalars.indexOf({ kind: 'averageRate', decay: average.decay }) };
}

function lowerPhase(context: StepContext, { graph, stacks, labels }: DrawnPhase): readonly Tap[] {
  const { builder, recipe, scalars, metrics, scalarsTensor } = context;
  const optimisers = optimisersOf(context, graph);
  const averages = graph.phase.updates.map((update) => averageOf(context, update));
  lowerStacksForward(context, stacks);
  const head = headOf(graph, stacks);
  const loss = lowerLoss(builder, { recipe, graph, stacks, head, labels, scalars, metrics, scalarsTensor });
  const entries = lowerStacksBackward(context, stacks, head, loss).map(
    ({ update, ...entry }): UpdateEntry => {
      const average = averages[update]!;
      return {
        ...entry,
        optimiser: update,
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
    optimisers,
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
function mostScalars({ phases, networks }: Recipe): number {
  const weights = phases.flatMap(({ terms }) => terms.filter(({ weight }) => typeof weight !== 'number'));
  const averages = networks.filter(({ average }) => average !== null);
  return weights.length + averages.length + phases.flatMap(({ updates }) => updates).length;
}

/**
 * The train step of a recipe: what it draws, then phase by phase its networks forward, losses, backward
 * passes, updates.
 */
export function lowerTrainStep(recipe: Recipe, options: TrainOptions): Program {
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
