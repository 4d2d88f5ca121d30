/** Lowers a recipe to the program of one train step. */

import type { Settings } from '../../../../protocol/settings.js';
import { dropoutStream, labelledStream, latentStream, unlabelledStream } from '../../../model/draws.js';
import { sizeOf } from '../../../model/parameters.js';
import type { Recipe } from '../../../../recipe/recipes.js';
import { cutIntoBlocks } from './blocks.js';
import { ProgramBuilder } from './builder.js';
import { buildPhaseGraph, type PhaseGraph, type Stack } from './graph.js';
import { lowerBackward, type BackwardInput, type PendingUpdate } from './lower-backward.js';
import { lowerForward, type LoweredBlock, type MaskBits } from './lower-forward.js';
import { lowerLoss, tappedStack } from './lower-loss.js';
import type { DrawPart, OptimiserPlan, OpSegment, Program, Tap, TensorId } from '../operations.js';
import { forwardSegments, gradientSegments, totalRows, withoutSource } from './segments.js';
import type { TrainOptions } from './train-options.js';

/** TensorFlow 1's default, outside the root. */
const ADAM_EPSILON = 1e-8;

interface LoweredStack {
  readonly stack: Stack;
  readonly input: TensorId;
  readonly masks: ReadonlyMap<string, MaskBits>;
  blocks: readonly LoweredBlock[];
}

/** Stacks in which a pass's rows are made by another pass, and where. */
function consumersOf(
  stack: Stack,
  lowered: readonly LoweredStack[],
): readonly { consumer: LoweredStack; segment: number; from: number }[] {
  return lowered.flatMap((consumer) =>
    consumer.stack.forward.flatMap(({ pass: { input } }, segment) => {
      if (input.kind !== 'pass') return [];
      const from = stack.forward.findIndex(({ pass }) => pass.name === input.pass);
      return from === -1 ? [] : [{ consumer, segment, from }];
    }),
  );
}

function optimisersOf(settings: Settings, graph: PhaseGraph): readonly OptimiserPlan[] {
  return graph.phase.updates.map(({ optimiser: name }) => ({
    name,
    learningRate: name === 'discriminator' ? settings.discriminatorLr : settings.generatorLr,
    beta1: name === 'discriminator' ? settings.discriminatorBeta1 : settings.generatorBeta1,
    beta2: name === 'discriminator' ? settings.discriminatorBeta2 : settings.generatorBeta2,
    epsilon: ADAM_EPSILON,
  }));
}

/** Bits of every dropout layer of a stack, and the parts of the draw that fill them. */
function drawMasks(
  builder: ProgramBuilder,
  stack: Stack,
  phase: number,
  rate: number,
  parts: DrawPart[],
): ReadonlyMap<string, MaskBits> {
  const masks = new Map<string, MaskBits>();
  if (rate === 0) return masks;
  for (const { kind, layer, layerIndex, output } of stack.primitives) {
    if (kind !== 'mask') continue;
    const offsets: number[] = [];
    let words = 0;
    for (const { rows } of stack.forward) {
      offsets.push(words);
      words += Math.ceil((rows * sizeOf(output)) / 32);
    }
    const bits = builder.tensor(`${stack.network}/${layer} bits`, [words], 'draws', 'u32');
    stack.forward.forEach(({ pass, rows }, segment) => {
      const stream = dropoutStream(phase, pass, layerIndex);
      const threshold = Math.round(rate * 65536);
      parts.push({
        kind: 'mask',
        stream,
        count: rows * sizeOf(output),
        threshold,
        target: bits,
        offset: offsets[segment]!,
      });
    });
    masks.set(layer, { bits, offsets });
  }
  return masks;
}

function drawInputs(stack: Stack, input: TensorId, labels: TensorId, phase: number, parts: DrawPart[]): void {
  for (const { pass, rows, firstRow } of stack.forward) {
    const { kind } = pass.input;
    if (kind === 'labelled' || kind === 'unlabelled') {
      const stream = kind === 'labelled' ? labelledStream(phase) : unlabelledStream(phase);
      parts.push({ kind: 'images', source: kind, stream, rows, target: input, targetRow: firstRow });
      if (kind === 'labelled') parts.push({ kind: 'labels', source: kind, stream, rows, target: labels });
    } else if (kind === 'latents') {
      parts.push({
        kind: 'latents',
        stream: latentStream(phase),
        count: rows * sizeOf(stack.inputShape),
        target: input,
      });
    }
  }
}

function lowerStackForward(
  builder: ProgramBuilder,
  own: LoweredStack,
  all: readonly LoweredStack[],
  recipe: Recipe,
  settings: Settings,
  { storesNormalised }: TrainOptions,
): void {
  const { stack, input, masks } = own;
  const segments = forwardSegments(stack);
  const consumers = consumersOf(stack, all);
  if (consumers.length > 1)
    throw new Error(`The output of "${stack.network}" is used twice, which no plan can do.`);
  const [consumed] = consumers;
  const output =
    consumed === undefined
      ? undefined
      : {
          tensor: consumed.consumer.input,
          segments: [
            {
              ...segments[consumed.from]!,
              targetRow: consumed.consumer.stack.forward[consumed.segment]!.firstRow,
            },
          ],
        };
  own.blocks = lowerForward(builder, {
    network: stack.network,
    instances: stack.instances,
    blocks: cutIntoBlocks(stack.primitives),
    input,
    rows: totalRows(segments),
    segments,
    settings,
    training: { masks, updatesRunning: recipe.updatesRunningStatistics, storesNormalised },
    output,
  });
}

/** Where the gradient at a stack's input goes: to the stack that made those rows. */
function findBelow(
  builder: ProgramBuilder,
  { stack }: LoweredStack,
  all: readonly LoweredStack[],
  settings: Settings,
): { readonly below: BackwardInput['below']; readonly maker: LoweredStack } | null {
  const passing = gradientSegments(stack).filter(({ source }) => source.needsInput);
  if (passing.length === 0) return null;
  const segments: OpSegment[] = [];
  let maker: LoweredStack | null = null;
  for (const segment of passing) {
    const { input } = stack.forward[segment.source.forward]!.pass;
    if (input.kind !== 'pass') continue;
    const found = all.find((other) => other.stack.forward.some(({ pass }) => pass.name === input.pass))!;
    if (maker !== null && maker !== found) throw new Error(`"${stack.network}" has inputs of two networks.`);
    maker = found;
    const target = found.stack.backward.find(
      ({ forward, update }) =>
        found.stack.forward[forward]!.pass.name === input.pass && update === segment.source.update,
    )!;
    segments.push({ ...withoutSource(segment), targetRow: target.firstRow });
  }
  const block = maker!.blocks.at(-1)!;
  if (block.block.norm !== null || block.block.stored.some(({ kind }) => kind === 'mask')) {
    throw new Error(`"${maker!.stack.network}" ends in a norm or dropout, which no plan can differentiate.`);
  }
  const { stack: made } = maker!;
  const target = builder.tensor(`${made.network}/${block.block.linear.layer} gradient`, [
    totalRows(made.backward),
    ...block.block.linear.output,
  ]);
  return { maker: maker!, below: { block, context: { masks: maker!.masks, settings }, target, segments } };
}

/** Every pass's input, and the value of every layer that is stored as it is. */
function tapsOf({ stack, input, blocks }: LoweredStack): readonly Tap[] {
  return stack.forward.flatMap(({ pass, rows, firstRow }) => {
    const stored = blocks.filter(({ view }) => view.chain.length === 0);
    const taps: Tap[] = [
      { name: `${pass.name}/input`, tensor: input, firstRow, rows, shape: stack.inputShape },
    ];
    for (const {
      block,
      view: { tensor },
      storedRows,
    } of stored) {
      for (const layer of block.outputLayers) {
        const shape = stack.primitives.find((primitive) => primitive.layer === layer)!.output;
        taps.push({ name: `${pass.name}/${layer}`, tensor, firstRow: storedRows ?? firstRow, rows, shape });
      }
    }
    return taps;
  });
}

/**
 * The train step of a recipe: what it draws, both networks forward, all losses, both networks
 * backward, all updates. Throws where the recipe has something no operation can do.
 */
export function lowerTrainStep(recipe: Recipe, settings: Settings, options: TrainOptions): Program {
  if (recipe.phases.length !== 1)
    throw new Error(`The recipe has ${recipe.phases.length} phases; a plan takes one.`);
  const graph = buildPhaseGraph(recipe, settings, 0);
  const builder = new ProgramBuilder();
  const parts: DrawPart[] = [];
  const labelledRows =
    graph.stacks.flatMap(({ forward }) => forward).find(({ pass }) => pass.input.kind === 'labelled')?.rows ??
    0;
  const labels = builder.tensor('labels', [labelledRows], 'draws', 'u32');
  const lowered = graph.stacks.map((stack): LoweredStack => {
    const input = builder.tensor(`${stack.network} input`, [totalRows(stack.forward), ...stack.inputShape]);
    drawInputs(stack, input, labels, graph.phaseIndex, parts);
    return {
      stack,
      input,
      masks: drawMasks(builder, stack, graph.phaseIndex, settings.dropout, parts),
      blocks: [],
    };
  });
  builder.stage({ kind: 'draw', name: 'draw', parts });
  for (const own of lowered) lowerStackForward(builder, own, lowered, recipe, settings, options);

  const tapped = tappedStack(graph);
  const top = lowered.find(({ stack }) => stack === tapped)!;
  const optimisers = optimisersOf(settings, graph);
  const scalars = builder.tensor('optimiser scalars', [optimisers.length], 'results');
  const loss = lowerLoss(builder, {
    recipe,
    graph,
    stack: tapped,
    blocks: top.blocks,
    labels,
    optimisers,
    scalars,
  });

  const updates: PendingUpdate[] = [];
  let next: LoweredStack | null = top;
  let outputGradient = loss.logitGradient;
  while (next !== null) {
    const found = findBelow(builder, next, lowered, settings);
    const { stack, blocks, masks } = next;
    updates.push(
      ...lowerBackward(builder, {
        stack,
        blocks,
        context: { masks, settings },
        outputGradient,
        sharedGradients: next === top ? loss.sharedGradients : new Map(),
        below: found?.below ?? null,
        options,
      }),
    );
    if (found !== null) outputGradient = found.below!.target;
    next = found?.maker ?? null;
  }
  const entries = updates.map(({ update: optimiser, ...entry }) => ({ ...entry, optimiser }));
  builder.stage({ kind: 'update', name: 'Adam', entries, optimisers, scalars });
  return builder.build('trainStep', [], [loss.metrics], lowered.flatMap(tapsOf));
}
