/** Lowers batch norms: statistics forward, from the running ones, and the reductions of the backward pass. */

import { sideSize } from '../plan/geometry.js';
import type {
  AppliedNorm,
  NormGradientOp,
  NormInferenceOp,
  NormParameters,
  NormStatisticsOp,
} from '../plan/operations.js';
import type { Bindings } from './memory/bindings.js';
import type { Values } from './layout/fields.js';
import { storeTable } from './layout/store.js';
import { NORM_BLOCK, NORM_GRADIENT_BLOCK, NORM_GRADIENT_SEGMENT, NORM_SEGMENT } from './layout/tables.js';
import { storeImageTable } from './images.js';
import { storeSnippets } from './snippets.js';
import type { StageRecords } from './stage-records.js';

/** Positions of a block, at most. */
const BLOCK_POSITIONS = 32;

/** Cuts a segment's positions into blocks: first position (from the segment's own first) and count. */
function blocksOf(positions: number): readonly { readonly first: number; readonly positions: number }[] {
  return Array.from({ length: Math.ceil(positions / BLOCK_POSITIONS) }, (_, index) => ({
    first: index * BLOCK_POSITIONS,
    positions: Math.min(BLOCK_POSITIONS, positions - index * BLOCK_POSITIONS),
  }));
}

interface NormAddresses {
  readonly gamma: number;
  readonly beta: number;
  readonly movingMean: number;
  readonly movingVariance: number;
}

function addressesOf(norm: NormParameters, bindings: Bindings): NormAddresses {
  return {
    gamma: bindings.parameter(norm.gamma),
    beta: bindings.parameter(norm.beta),
    movingMean: bindings.parameter(norm.movingMean),
    movingVariance: bindings.parameter(norm.movingVariance),
  };
}

function allocatePartials(blocks: number, channels: number, bindings: Bindings): number {
  return bindings.workspace.allocate(blocks * 2 * Math.ceil(channels / 4) * 16);
}

/** Adds the statistics of blocks (group 0) and of segments (group 1), and what is made of the source with them (group 2). */
export function lowerNormStatistics(
  operation: NormStatisticsOp,
  bindings: Bindings,
  records: StageRecords,
): void {
  const { side, segments, source, norm, updatesRunning, target, name } = operation;
  const { channels } = side;
  const area = side.height * side.width;
  const allBlocks: Values<typeof NORM_BLOCK>[] = [];
  const allSegments: Values<typeof NORM_SEGMENT>[] = [];
  for (const { rows, forwardRow, forwardSegment } of segments) {
    const own = blocksOf(rows * area);
    allSegments.push({ firstBlock: allBlocks.length, blocks: own.length, forwardSegment });
    for (const { first, positions } of own) allBlocks.push({ first: forwardRow * area + first, positions });
  }
  const partials = allocatePartials(allBlocks.length, channels, bindings);
  const blocks = storeTable(bindings.arena, NORM_BLOCK, allBlocks);
  records.add(0, 'normPartials', name, {
    source: bindings.tensor(source),
    target: partials,
    channels,
    blocks,
    blockCount: allBlocks.length,
  });
  records.add(1, 'normFinish', name, {
    partials,
    target: bindings.tensor(target),
    channels,
    blocks,
    segments: storeTable(bindings.arena, NORM_SEGMENT, allSegments),
    segmentCount: allSegments.length,
    ...addressesOf(norm, bindings),
    epsilon: norm.epsilon,
    momentum: norm.momentum,
    updatesRunning,
  });
  if (operation.applied !== null) applyNorm(operation, operation.applied, bindings, records);
}

function applyNorm(
  { side, segments, source, name }: NormStatisticsOp,
  { epilogue, target }: AppliedNorm,
  bindings: Bindings,
  records: StageRecords,
): void {
  const { height, width, channels } = side;
  for (const segment of segments) {
    records.add(2, 'stage', name, {
      source: bindings.tensor(source),
      target: bindings.tensor(target) + segment.forwardRow * sideSize(side) * 4,
      images: segment.rows,
      height,
      width,
      channels,
      top: 0,
      left: 0,
      paddedHeight: height,
      paddedWidth: width,
      prologue: storeSnippets(epilogue, segment.instance, channels, bindings),
      imageTable: storeImageTable(bindings.arena, [segment], 'forward'),
    });
  }
}

export function lowerNormInference(
  { channels, norm, target, name }: NormInferenceOp,
  bindings: Bindings,
  records: StageRecords,
): void {
  records.prepare(0, 'normInference', name, {
    target: bindings.tensor(target),
    channels,
    ...addressesOf(norm, bindings),
    epsilon: norm.epsilon,
  });
}

/** Adds the partial sums of blocks (group 0), and coefficients and gradients made of them (group 1). */
export function lowerNormGradient(
  operation: NormGradientOp,
  bindings: Bindings,
  records: StageRecords,
): void {
  const { side, segments, source, raw, norm, coefficients, gradient, name } = operation;
  const { channels } = side;
  const area = side.height * side.width;
  const statistics = bindings.tensor(operation.statistics);
  const allBlocks: Values<typeof NORM_GRADIENT_BLOCK>[] = [];
  const allSegments: Values<typeof NORM_GRADIENT_SEGMENT>[] = [];
  for (const { rows, forwardRow, gradientRow, forwardSegment, gradientSegment, trains } of segments) {
    const own = blocksOf(rows * area);
    const firstBlock = allBlocks.length;
    allSegments.push({ firstBlock, blocks: own.length, forwardSegment, gradientSegment, trains });
    for (const { first, positions } of own) {
      allBlocks.push({
        first: gradientRow * area + first,
        firstRaw: forwardRow * area + first,
        positions,
        forwardSegment,
      });
    }
  }
  const partials = allocatePartials(allBlocks.length, channels, bindings);
  const blocks = storeTable(bindings.arena, NORM_GRADIENT_BLOCK, allBlocks);
  records.add(0, 'normGradientPartials', name, {
    source: bindings.tensor(source),
    raw: bindings.tensor(raw),
    statistics,
    target: partials,
    channels,
    blocks,
    blockCount: allBlocks.length,
  });
  records.add(1, 'normGradientFinish', name, {
    partials,
    target: bindings.tensor(coefficients),
    channels,
    blocks,
    segments: storeTable(bindings.arena, NORM_GRADIENT_SEGMENT, allSegments),
    segmentCount: allSegments.length,
    gamma: bindings.parameter(norm.gamma),
    statistics,
    gradient: gradient === null ? 0 : bindings.tensor(gradient),
  });
}
