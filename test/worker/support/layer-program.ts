/**
 * One linear layer as a program: forward with bias, mask and activation, both gradients, the bias' gradient, and
 * Adam on kernel and bias. Forward and backward rows are numbered differently, so that a mix-up shows.
 */

import type { EngineInput } from '../../../src/worker/engine/engine.js';
import { linearShape, sideSize, type Geometry, type Side } from '../../../src/worker/engine/plan/geometry.js';
import type {
  Activation,
  OptimiserPlan,
  OpSegment,
  Operation,
  PlanTensor,
  Snippet,
  TensorId,
} from '../../../src/worker/engine/plan/operations.js';
import { planProgram, type PlannedProgram } from '../../../src/worker/engine/plan/plan.js';
import type { StepScalar } from '../../../src/worker/engine/plan/step-scalars.js';
import { splitRows } from '../../../src/worker/engine/plan/lower/splits.js';
import type { LayerDescription, Network } from '../../../src/recipe/layers.js';
import type { Optimiser, Recipe } from '../../../src/recipe/recipe.js';
import { CONSTANT } from '../../../src/recipe/schedules.js';
import { sizeOf } from '../../../src/recipe/layers.js';
import { tensorMaker } from './tensor-maker.js';
import { tinyInput } from './tiny.js';

export interface LayerCase {
  readonly layer: Extract<LayerDescription, { readonly filters: number } | { readonly units: number }>;
  /** Without rows. */
  readonly input: readonly number[];
  readonly activation: Activation;
  /** Rows of each segment. */
  readonly segments: readonly number[];
}

export interface LayerProgram {
  readonly input: EngineInput;
  readonly planned: PlannedProgram;
  readonly geometry: Geometry;
  readonly segments: readonly OpSegment[];
  /** What is given: [rows, input], [rows, output] in backward rows, keep bits of the outputs by segment. */
  readonly x: TensorId;
  readonly dy: TensorId;
  readonly bits: TensorId;
  /** Steps of Adam's rate: an input. */
  readonly scalars: TensorId;
  /** First word of each segment's keep bits. */
  readonly bitOffsets: readonly number[];
  readonly kernel: string;
  readonly bias: string;
}

export const KEPT_SCALE = 2;
/** Summands of a partial sum: small, so that there are several, of unequal length. */
const REDUCTION_LENGTH = 100;

const OPTIMISER: Optimiser = {
  kind: 'adam',
  lr: 1e-3,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  schedule: CONSTANT,
};
/** The optimiser of the programs' updates, and its rate, their one step scalar. */
export const ADAM: OptimiserPlan = { name: 'network', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, scalar: 0 };
export const ADAM_RATE: StepScalar = {
  kind: 'adamRate',
  optimiser: OPTIMISER,
  place: { index: 0, perStep: 1 },
};

/** A recipe that has one network of one instance and nothing else of its own. */
export function recipeOf(recipe: Recipe, network: Network): Recipe {
  return { ...recipe, networks: [{ network, instances: 1, optimiser: OPTIMISER, average: null }] };
}

/** Segments one after another forward, in reverse backward. */
export function segmentsOf(rows: readonly number[]): readonly OpSegment[] {
  const total = rows.reduce((sum, count) => sum + count, 0);
  let forwardRow = 0;
  return rows.map((count, index) => {
    const gradientRow = total - forwardRow - count;
    const segment: OpSegment = {
      rows: count,
      forwardRow,
      passRow: 0,
      forwardSegment: index,
      gradientRow,
      gradientSegment: rows.length - 1 - index,
      targetRow: forwardRow,
      instance: 0,
    };
    forwardRow += count;
    return segment;
  });
}

export function layerProgram({
  layer,
  input: inputShape,
  activation,
  segments: rows,
}: LayerCase): LayerProgram {
  const { geometry, direction } = linearShape(layer, inputShape)!;
  const isToSmall = direction === 'toSmall';
  const [from, to] = isToSmall ? [geometry.large, geometry.small] : [geometry.small, geometry.large];
  const segments = segmentsOf(rows);
  const total = rows.reduce((sum, count) => sum + count, 0);
  const tensors: PlanTensor[] = [];
  const tensor = tensorMaker(tensors);
  const imageOf = ({ height, width, channels }: Side): number[] => [total, height, width, channels];

  const words = rows.map((count) => Math.ceil((count * sideSize(to)) / 32));
  const bitOffsets = words.map((_, index) => words.slice(0, index).reduce((sum, count) => sum + count, 0));
  const x = tensor('x', imageOf(from), 'activation');
  const dy = tensor('dy', imageOf(to), 'activation');
  const bits = tensor('keep bits', [words.reduce((sum, count) => sum + count, 0)], 'draws', 'u32');
  const scalars = tensor('scalars', [1], 'results');
  const y = tensor('y', imageOf(to), 'activation');
  const dx = tensor('dx', imageOf(from), 'activation');

  const splits = splitRows(segments, geometry.small.height * geometry.small.width, REDUCTION_LENGTH);
  const { kernelHeight, kernelWidth, large, small } = geometry;
  const kernelShape = [kernelHeight, kernelWidth, large.channels, small.channels];
  const kernelGradient = tensor('kernel gradient', [splits.length, ...kernelShape], 'gradients');
  const biasGradient = tensor('bias gradient', [splits.length, to.channels], 'gradients');

  const names = { kernel: `network/${layer.name}/kernel`, bias: `network/${layer.name}/bias` };
  const epilogue: readonly Snippet[] = [
    { kind: 'bias', parameters: [names.bias] },
    { kind: 'mask', bits, offsets: bitOffsets, scale: KEPT_SCALE },
    { kind: 'activation', activation },
  ];
  const forward = { tensor: x, rows: 'forward', prologue: [] } as const;
  const backward = { tensor: dy, rows: 'gradient', prologue: [] } as const;
  const summed = { firstSplit: 0, splits: splits.length, optimiser: 0, offset: 0, average: null } as const;
  const operations: readonly Operation[] = [
    {
      kind: 'product',
      name: 'forward',
      stage: 0,
      direction,
      geometry,
      segments,
      source: forward,
      kernels: [names.kernel],
      epilogue,
      target: y,
    },
    {
      kind: 'product',
      name: 'input gradient',
      stage: 1,
      direction: isToSmall ? 'toLarge' : 'toSmall',
      geometry,
      segments: segments.map((segment) => ({ ...segment, targetRow: segment.gradientRow })),
      source: backward,
      kernels: [names.kernel],
      epilogue: [],
      target: dx,
    },
    {
      kind: 'filterGradient',
      name: 'kernel gradient',
      stage: 1,
      geometry,
      splits,
      large: isToSmall ? forward : backward,
      small: isToSmall ? backward : forward,
      target: kernelGradient,
      // A bias on the small side is summed on the way, as the planned recipes have it.
      bias: isToSmall ? biasGradient : null,
    },
    ...(isToSmall
      ? []
      : ([
          {
            kind: 'biasGradient',
            name: 'bias gradient',
            stage: 1,
            side: to,
            splits,
            source: backward,
            target: biasGradient,
          },
        ] as const)),
    {
      kind: 'update',
      name: 'update',
      stage: 2,
      phase: 0,
      optimisers: [ADAM],
      scalars,
      entries: [
        {
          parameter: names.kernel,
          size: sizeOf(kernelShape),
          gradient: kernelGradient,
          stride: sizeOf(kernelShape),
          ...summed,
        },
        { parameter: names.bias, size: to.channels, gradient: biasGradient, stride: to.channels, ...summed },
      ],
    },
  ];
  const planned = planProgram({
    name: 'trainStep',
    tensors,
    operations,
    inputs: [x, dy, bits, scalars],
    outputs: [y, dx, kernelGradient, biasGradient],
    stepScalars: [ADAM_RATE],
    taps: [],
  });
  const base = tinyInput('labels-only');
  const network = { name: 'network', inputShape, layers: [layer] };
  const recipe = recipeOf(base.recipe, network);
  return {
    input: { ...base, recipe },
    planned,
    geometry,
    segments,
    x,
    dy,
    bits,
    scalars,
    bitOffsets,
    ...names,
  };
}
