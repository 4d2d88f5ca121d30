/** Lowers batch norms: statistics forward, from the running ones, and the sums of the backward pass. */

import type {
  NormGradientOp,
  NormInferenceOp,
  NormParameters,
  NormStatisticsOp,
} from '../plan/operations.js';
import type { Bindings } from './memory/bindings.js';
import {
  FINISH_BETA,
  FINISH_BLOCKS_TABLE,
  FINISH_CHANNELS,
  FINISH_EPSILON,
  FINISH_GAMMA,
  FINISH_GRADIENT,
  FINISH_MOMENTUM,
  FINISH_MOVING_MEAN,
  FINISH_MOVING_VARIANCE,
  FINISH_PARTIALS,
  FINISH_SEGMENTS,
  FINISH_STATISTICS,
  FINISH_TABLE,
  FINISH_TARGET,
  FINISH_UPDATES,
  NORM_BLOCK,
  NORM_FINISH,
  NORM_GRADIENT_FINISH,
  NORM_GRADIENT_PARTIALS,
  NORM_INFERENCE,
  NORM_PARTIALS,
  PARTIALS_BLOCKS,
  PARTIALS_CHANNELS,
  PARTIALS_RAW,
  PARTIALS_SOURCE,
  PARTIALS_STATISTICS,
  PARTIALS_TABLE,
  PARTIALS_TARGET,
} from './kernels/words.js';
import { float, type Field, type Waves } from './records.js';

/** Cuts a segment's positions into blocks: first position (from the segment's own first) and count. */
function blocksOf(positions: number): readonly { readonly first: number; readonly count: number }[] {
  return Array.from({ length: Math.ceil(positions / NORM_BLOCK) }, (_, index) => ({
    first: index * NORM_BLOCK,
    count: Math.min(NORM_BLOCK, positions - index * NORM_BLOCK),
  }));
}

function normFields(norm: NormParameters, channels: number, bindings: Bindings): readonly Field[] {
  return [
    [FINISH_CHANNELS, channels],
    [FINISH_GAMMA, bindings.parameter(norm.gamma)],
    [FINISH_BETA, bindings.parameter(norm.beta)],
    [FINISH_MOVING_MEAN, bindings.parameter(norm.movingMean)],
    [FINISH_MOVING_VARIANCE, bindings.parameter(norm.movingVariance)],
    [FINISH_EPSILON, float(norm.epsilon)],
    [FINISH_MOMENTUM, float(norm.momentum)],
  ];
}

function allocatePartials(blocks: number, channels: number, bindings: Bindings): number {
  return bindings.workspace.allocate(blocks * 2 * Math.ceil(channels / 4) * 16);
}

export function lowerNormStatistics(operation: NormStatisticsOp, bindings: Bindings, waves: Waves): void {
  const { side, segments, source, norm, updatesRunning, target, name } = operation;
  const area = side.height * side.width;
  const blocks: number[] = [];
  const entries: number[] = [];
  for (const { rows, forwardRow, forwardSegment } of segments) {
    const own = blocksOf(rows * area);
    entries.push(blocks.length / 2, own.length, forwardSegment, 0, 0);
    for (const { first, count } of own) blocks.push(forwardRow * area + first, count);
  }
  const count = blocks.length / 2;
  const partials = allocatePartials(count, side.channels, bindings);
  const table = bindings.arena.storeWords(blocks);
  waves.add(
    0,
    NORM_PARTIALS,
    name,
    [PARTIALS_SOURCE, bindings.tensor(source)],
    [PARTIALS_TARGET, partials],
    [PARTIALS_CHANNELS, side.channels],
    [PARTIALS_TABLE, table],
    [PARTIALS_BLOCKS, count],
  );
  waves.add(
    1,
    NORM_FINISH,
    name,
    ...normFields(norm, side.channels, bindings),
    [FINISH_PARTIALS, partials],
    [FINISH_TARGET, bindings.tensor(target)],
    [FINISH_TABLE, bindings.arena.storeWords(entries)],
    [FINISH_SEGMENTS, segments.length],
    [FINISH_BLOCKS_TABLE, table],
    [FINISH_UPDATES, updatesRunning ? 1 : 0],
  );
}

export function lowerNormInference(operation: NormInferenceOp, bindings: Bindings, waves: Waves): void {
  const { channels, norm, target, name } = operation;
  waves.prepare(0, NORM_INFERENCE, name, ...normFields(norm, channels, bindings), [
    FINISH_TARGET,
    bindings.tensor(target),
  ]);
}

export function lowerNormGradient(operation: NormGradientOp, bindings: Bindings, waves: Waves): void {
  const { side, segments, source, raw, statistics, norm, coefficients, gradient, name } = operation;
  const area = side.height * side.width;
  const blocks: number[] = [];
  const entries: number[] = [];
  for (const { rows, forwardRow, gradientRow, forwardSegment, gradientSegment, trains } of segments) {
    const own = blocksOf(rows * area);
    entries.push(blocks.length / 4, own.length, forwardSegment, trains ? 1 : 0, gradientSegment);
    for (const { first, count } of own) {
      blocks.push(gradientRow * area + first, forwardRow * area + first, count, forwardSegment);
    }
  }
  const count = blocks.length / 4;
  const partials = allocatePartials(count, side.channels, bindings);
  const table = bindings.arena.storeWords(blocks);
  waves.add(
    0,
    NORM_GRADIENT_PARTIALS,
    name,
    [PARTIALS_SOURCE, bindings.tensor(source)],
    [PARTIALS_RAW, bindings.tensor(raw)],
    [PARTIALS_STATISTICS, bindings.tensor(statistics)],
    [PARTIALS_TARGET, partials],
    [PARTIALS_CHANNELS, side.channels],
    [PARTIALS_TABLE, table],
    [PARTIALS_BLOCKS, count],
  );
  waves.add(
    1,
    NORM_GRADIENT_FINISH,
    name,
    ...normFields(norm, side.channels, bindings),
    [FINISH_PARTIALS, partials],
    [FINISH_TARGET, bindings.tensor(coefficients)],
    [FINISH_TABLE, bindings.arena.storeWords(entries)],
    [FINISH_SEGMENTS, segments.length],
    [FINISH_BLOCKS_TABLE, table],
    [FINISH_STATISTICS, bindings.tensor(statistics)],
    [FINISH_GRADIENT, gradient === null ? 0 : bindings.tensor(gradient)],
  );
}
