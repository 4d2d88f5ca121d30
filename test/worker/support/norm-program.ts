/**
 * A block with a norm as a program: a 1 x 1 convolution, batch norm, leaky ReLU, dropout, a padded convolution;
 * forward, backward through all of it, running statistics, and the norm's gradients.
 */

import type { EngineInput } from '../../../src/worker/engine/engine.js';
import { linearShape, sideSize } from '../../../src/worker/engine/plan/geometry.js';
import type {
  OpSegment,
  Operation,
  PlanTensor,
  Snippet,
  TensorId,
} from '../../../src/worker/engine/plan/operations.js';
import { planProgram, type PlannedProgram } from '../../../src/worker/engine/plan/plan.js';
import { splitRows } from '../../../src/worker/engine/plan/lower/splits.js';
import { sizeOf } from '../../../src/recipe/layers.js';
import { ADAM, ADAM_RATE, KEPT_SCALE, recipeOf, segmentsOf } from './layer-program.js';
import { tensorMaker } from './tensor-maker.js';
import { tinyInput } from './tiny.js';

export interface NormCase {
  /** [height, width, channels] of the block's input. */
  readonly image: readonly [number, number, number];
  /** Channels that are normalised. */
  readonly channels: number;
  readonly outputs: number;
  readonly segments: readonly number[];
  /** Which segments the norm is trained by. */
  readonly trains: readonly boolean[];
}

export interface NormProgram {
  readonly input: EngineInput;
  readonly planned: PlannedProgram;
  readonly segments: readonly OpSegment[];
  readonly x: TensorId;
  readonly dy: TensorId;
  readonly bits: TensorId;
  readonly scalars: TensorId;
  readonly bitOffsets: readonly number[];
}

export const EPSILON = 1e-3;
export const MOMENTUM = 0.99;
export const SLOPE = 0.2;

export function normProgram({ image, channels, outputs, segments: rows, trains }: NormCase): NormProgram {
  const convolution = { kind: 'conv2d', padding: 'same', bias: 'zero' } as const;
  const first = { ...convolution, name: 'first', filters: channels, kernelSize: [1, 1], stride: 1 } as const;
  const second = { ...convolution, name: 'second', filters: outputs, kernelSize: [3, 3], stride: 2 } as const;
  const into = linearShape(first, image)!.geometry;
  const out = linearShape(second, [image[0], image[1], channels])!.geometry;
  const side = into.small;
  const segments = segmentsOf(rows);
  const backwardSegments = segments.map((segment) => ({ ...segment, targetRow: segment.gradientRow }));
  const total = rows.reduce((sum, count) => sum + count, 0);
  const tensors: PlanTensor[] = [];
  const tensor = tensorMaker(tensors);
  const words = rows.map((count) => Math.ceil((count * sideSize(side)) / 32));
  const bitOffsets = words.map((_, index) => words.slice(0, index).reduce((sum, count) => sum + count, 0));

  const x = tensor('x', [total, ...image], 'activation');
  const dy = tensor('dy', [total, out.small.height, out.small.width, outputs], 'activation');
  const bits = tensor('keep bits', [words.reduce((sum, count) => sum + count, 0)], 'draws', 'u32');
  const scalars = tensor('scalars', [1], 'results');
  const raw = tensor('raw', [total, side.height, side.width, channels], 'activation');
  const y = tensor('y', [total, out.small.height, out.small.width, outputs], 'activation');
  const g = tensor('gradient at the norm', [total, side.height, side.width, channels], 'activation');
  const applied = tensor('normalised', [total, side.height, side.width, channels], 'activation');
  const appliedGradient = tensor(
    'gradient below the norm',
    [total, side.height, side.width, channels],
    'activation',
  );
  const dx = tensor('dx', [total, ...image], 'activation');
  const statistics = tensor('statistics', [rows.length, 4, channels], 'statistics');
  const running = tensor('inference statistics', [1, 4, channels], 'statistics');
  const coefficients = tensor('coefficients', [rows.length, 3, channels], 'gradientStatistics');
  const normGradients = tensor('norm gradient', [2, channels], 'gradients');
  const splits = splitRows(segments, out.small.height * out.small.width, 50);
  const filterShape = [splits.length, 3, 3, channels, outputs];
  const kernelGradient = tensor('second kernel gradient', filterShape, 'gradients');

  const kernels = { first: ['network/first/kernel'], second: ['network/second/kernel'] };
  const norm = {
    gamma: 'network/norm/gamma',
    beta: 'network/norm/beta',
    movingMean: 'network/norm/moving_mean',
    movingVariance: 'network/norm/moving_variance',
    epsilon: EPSILON,
    momentum: MOMENTUM,
  };
  const activation = { name: 'leakyRelu', alpha: SLOPE } as const;
  const affine: Snippet = { kind: 'affine', statistics };
  const mask: Snippet = { kind: 'mask', bits, offsets: bitOffsets, scale: KEPT_SCALE };
  const normalised = {
    tensor: raw,
    rows: 'forward',
    prologue: [affine, { kind: 'activation', activation }, mask],
  } as const;
  const outputGradient = { tensor: dy, rows: 'gradient', prologue: [] } as const;
  const entry = {
    gradient: normGradients,
    size: channels,
    stride: 2 * channels,
    firstSplit: 0,
    splits: 1,
    optimiser: 0,
    average: null,
  };
  const operations: readonly Operation[] = [
    {
      kind: 'product',
      name: 'first',
      stage: 0,
      direction: 'toSmall',
      geometry: into,
      segments,
      source: { tensor: x, rows: 'forward', prologue: [] },
      kernels: kernels.first,
      epilogue: [],
      target: raw,
    },
    {
      kind: 'normStatistics',
      name: 'norm',
      stage: 1,
      side,
      segments,
      source: raw,
      norm,
      updatesRunning: true,
      target: statistics,
      applied: { epilogue: normalised.prologue, target: applied },
    },
    {
      kind: 'product',
      name: 'second',
      stage: 2,
      direction: 'toSmall',
      geometry: out,
      segments,
      source: normalised,
      kernels: kernels.second,
      epilogue: [],
      target: y,
    },
    {
      kind: 'filterGradient',
      name: 'second',
      stage: 3,
      geometry: out,
      splits,
      large: normalised,
      small: outputGradient,
      target: kernelGradient,
      bias: null,
    },
    {
      kind: 'product',
      name: 'gradient at the norm',
      stage: 3,
      direction: 'toLarge',
      geometry: out,
      segments: backwardSegments,
      source: outputGradient,
      kernels: kernels.second,
      epilogue: [mask, { kind: 'activationGradient', activation, at: raw, prologue: [affine] }],
      target: g,
    },
    {
      kind: 'normGradient',
      name: 'norm',
      stage: 4,
      side,
      segments: segments.map((segment, index) => ({ ...segment, trains: trains[index]! })),
      source: g,
      raw,
      statistics,
      norm,
      coefficients,
      gradient: normGradients,
      applied: appliedGradient,
    },
    {
      kind: 'product',
      name: 'input gradient',
      stage: 5,
      direction: 'toLarge',
      geometry: into,
      segments: backwardSegments,
      source: { tensor: g, rows: 'gradient', prologue: [{ kind: 'normGradient', raw, coefficients }] },
      kernels: kernels.first,
      epilogue: [],
      target: dx,
    },
    {
      kind: 'update',
      name: 'update',
      stage: 6,
      phase: 0,
      optimisers: [ADAM],
      scalars,
      entries: [
        { ...entry, parameter: norm.gamma, offset: 0 },
        { ...entry, parameter: norm.beta, offset: channels },
      ],
    },
    {
      kind: 'normInference',
      name: 'inference',
      stage: 7,
      channels,
      norm,
      target: running,
    },
  ];
  const inputs = [x, dy, bits, scalars];
  const outputIds = tensors.map(({ id }) => id).filter((id) => !inputs.includes(id));
  const planned = planProgram({
    name: 'trainStep',
    tensors,
    operations,
    inputs,
    outputs: outputIds,
    stepScalars: [ADAM_RATE],
    taps: [],
  });
  const base = tinyInput('labels-only');
  const normLayer = { kind: 'batchNorm', name: 'norm', momentum: MOMENTUM, epsilon: EPSILON } as const;
  const network = { name: 'network', inputShape: image, layers: [first, normLayer, second] };
  const recipe = recipeOf(base.recipe, network);
  return { input: { ...base, recipe }, planned, segments, x, dy, bits, scalars, bitOffsets };
}

/** Elements of a tensor's shape. */
export function elementsOf({ planned }: Pick<NormProgram, 'planned'>, id: TensorId): number {
  return sizeOf(planned.program.tensors[id]!.shape);
}
