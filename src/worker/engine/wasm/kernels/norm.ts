/**
 * Batch norm: statistics of each segment and channel by merging (n, mean, M2) of blocks of positions
 * (Chan, Golub, LeVeque 1979), and the reductions of its backward pass. Blocks are fixed by the shapes and
 * merged in order, so threads change no bit.
 */

import { claimWhole, firstItem, itemAfter } from './threads/work-shares';
import {
  NormBlock,
  NormFinishOperation,
  NormGradientBlock,
  NormGradientFinishOperation,
  NormGradientPartialsOperation,
  NormGradientSegment,
  NormInferenceOperation,
  NormPartialsOperation,
  NormSegment,
} from './layout';
import { entryAt } from './common/tables';
import { multiplyAdd, paddedBytes, storeSome, VECTOR } from './common/simd';
import { sumProducts } from './common/sums';

export function normPartials(record: NormPartialsOperation, threads: i32): void {
  const blocks = record.blockCount;
  const channels = record.channels;
  const padded = paddedBytes(channels);
  const positionBytes = usize(channels) << 2;
  for (
    let block = firstItem(record, blocks, threads);
    block < blocks;
    block = itemAfter(record, block, blocks, threads)
  ) {
    const entry = entryAt<NormBlock>(record.blocks, block);
    const count = entry.positions;
    const source = record.source + usize(entry.first) * positionBytes;
    const target = record.target + usize(block) * 2 * padded;
    const share = f32x4.splat(1 / f32(count));
    // Two vectors at once, since an addition has to wait for the one before; at the end perhaps one twice.
    for (let channel: usize = 0; channel < padded; channel += 2 * VECTOR) {
      const next = min(channel + VECTOR, padded - VECTOR);
      let sum = f32x4.splat(0);
      let nextSum = f32x4.splat(0);
      let at = source;
      for (let i = 0; i < count; i++, at += positionBytes) {
        sum = f32x4.add(sum, v128.load(at + channel));
        nextSum = f32x4.add(nextSum, v128.load(at + next));
      }
      const mean = f32x4.mul(sum, share);
      const nextMean = f32x4.mul(nextSum, share);
      let squares = f32x4.splat(0);
      let nextSquares = f32x4.splat(0);
      at = source;
      for (let i = 0; i < count; i++, at += positionBytes) {
        const deviation = f32x4.sub(v128.load(at + channel), mean);
        const nextDeviation = f32x4.sub(v128.load(at + next), nextMean);
        squares = multiplyAdd(deviation, deviation, squares);
        nextSquares = multiplyAdd(nextDeviation, nextDeviation, nextSquares);
      }
      v128.store(target + channel, mean);
      v128.store(target + next, nextMean);
      v128.store(target + padded + channel, squares);
      v128.store(target + padded + next, nextSquares);
    }
  }
}

/** Threads share out the channels, four at a time; the last vector's padding is not stored. */
export function normFinish(record: NormFinishOperation, threads: i32): void {
  const channels = record.channels;
  const vectors = (channels + 3) >> 2;
  for (
    let vector = firstItem(record, vectors, threads);
    vector < vectors;
    vector = itemAfter(record, vector, vectors, threads)
  ) {
    const segments = record.segmentCount;
    for (let segment = 0; segment < segments; segment++)
      finishSegment(record, segment, vector << 2, channels);
  }
}

function finishSegment(record: NormFinishOperation, segment: i32, first: i32, channels: i32): void {
  const padded = paddedBytes(channels);
  const entry = entryAt<NormSegment>(record.segments, segment);
  const firstBlock = entry.firstBlock;
  const blocks = entry.blocks;
  let total: f32 = 0;
  let mean = f32x4.splat(0);
  let squares = f32x4.splat(0);
  for (let block = firstBlock; block < firstBlock + blocks; block++) {
    const count = f32(entryAt<NormBlock>(record.blocks, block).positions);
    const partial = record.partials + usize(block) * 2 * padded + (usize(first) << 2);
    const sum = total + count;
    const difference = f32x4.sub(v128.load(partial), mean);
    mean = multiplyAdd(difference, f32x4.splat(count / sum), mean);
    const weight = f32x4.splat((total * count) / sum);
    squares = f32x4.add(squares, v128.load(partial + padded));
    squares = multiplyAdd(f32x4.mul(difference, difference), weight, squares);
    total = sum;
  }
  const variance = f32x4.mul(squares, f32x4.splat(1 / total));
  const target = record.target + (usize(entry.forwardSegment * 4 * channels + first) << 2);
  storeStatistics(record.gamma, record.beta, record.epsilon, first, channels, mean, variance, target);
  if (record.updatesRunning == 0) return;
  // TensorFlow keeps the unbiased variance, and the biased one where there is a single value.
  const unbiased = f32x4.mul(squares, f32x4.splat(1 / max<f32>(total - 1, 1)));
  moveRunning(record, record.movingMean, first, channels, mean);
  moveRunning(record, record.movingVariance, first, channels, unbiased);
}

/** [mean, 1 / sqrt(variance + epsilon), scale, shift] of four channels. */
function storeStatistics(
  gamma: usize,
  beta: usize,
  epsilon: f32,
  first: i32,
  channels: i32,
  mean: v128,
  variance: v128,
  target: usize,
): void {
  const offset = usize(first) << 2;
  const table = usize(channels) << 2;
  const deviation = f32x4.sqrt(f32x4.add(variance, f32x4.splat(epsilon)));
  const inverse = f32x4.div(f32x4.splat(1), deviation);
  const scale = f32x4.mul(v128.load(gamma + offset), inverse);
  const shift = f32x4.sub(v128.load(beta + offset), f32x4.mul(mean, scale));
  const count = channels - first;
  storeSome(target, mean, count);
  storeSome(target + table, inverse, count);
  storeSome(target + 2 * table, scale, count);
  storeSome(target + 3 * table, shift, count);
}

/** new = momentum old + (1 - momentum) batch */
function moveRunning(
  record: NormFinishOperation,
  running: usize,
  first: i32,
  channels: i32,
  batch: v128,
): void {
  const momentum = record.momentum;
  const at = running + (usize(first) << 2);
  const kept = f32x4.mul(v128.load(at), f32x4.splat(momentum));
  const moved = f32x4.add(kept, f32x4.mul(batch, f32x4.splat(f32(1) - momentum)));
  storeSome(at, moved, channels - first);
}

/** The statistics that evaluation uses, from the running ones. */
export function normInference(record: NormInferenceOperation): void {
  if (!claimWhole(record)) return;
  const channels = record.channels;
  for (let first = 0; first < channels; first += 4) {
    const offset = usize(first) << 2;
    const mean = v128.load(record.movingMean + offset);
    const variance = v128.load(record.movingVariance + offset);
    const target = record.target + offset;
    storeStatistics(record.gamma, record.beta, record.epsilon, first, channels, mean, variance, target);
  }
}

export function normGradientPartials(record: NormGradientPartialsOperation, threads: i32): void {
  const blocks = record.blockCount;
  const channels = record.channels;
  const padded = paddedBytes(channels);
  const positionBytes = usize(channels) << 2;
  for (
    let block = firstItem(record, blocks, threads);
    block < blocks;
    block = itemAfter(record, block, blocks, threads)
  ) {
    const entry = entryAt<NormGradientBlock>(record.blocks, block);
    const count = entry.positions;
    const source = record.source + usize(entry.first) * positionBytes;
    const raw = record.raw + usize(entry.firstRaw) * positionBytes;
    const statistics = record.statistics + usize(entry.forwardSegment) * 4 * positionBytes;
    const target = record.target + usize(block) * 2 * padded;
    const products = target + padded;
    sumProducts(source, raw, positionBytes, count, padded, statistics, products, target);
    const inverse = statistics + positionBytes;
    for (let channel: usize = 0; channel < padded; channel += VECTOR) {
      v128.store(products + channel, f32x4.mul(v128.load(products + channel), v128.load(inverse + channel)));
    }
  }
}

/** Coefficients [p, q, r] by gradient segment; gradients of gamma and beta over the segments that train. */
export function normGradientFinish(record: NormGradientFinishOperation, threads: i32): void {
  const channels = record.channels;
  const vectors = (channels + 3) >> 2;
  for (
    let vector = firstItem(record, vectors, threads);
    vector < vectors;
    vector = itemAfter(record, vector, vectors, threads)
  ) {
    finishGradient(record, vector << 2, channels);
  }
}

function finishGradient(record: NormGradientFinishOperation, first: i32, channels: i32): void {
  const padded = paddedBytes(channels);
  const offset = usize(first) << 2;
  const table = usize(channels) << 2;
  const count = channels - first;
  const gamma = v128.load(record.gamma + offset);
  const segments = record.segmentCount;
  let ofGamma = f32x4.splat(0);
  let ofBeta = f32x4.splat(0);
  for (let segment = 0; segment < segments; segment++) {
    const entry = entryAt<NormGradientSegment>(record.segments, segment);
    const firstBlock = entry.firstBlock;
    const blocks = entry.blocks;
    let sum = f32x4.splat(0);
    let product = f32x4.splat(0);
    let positions = 0;
    for (let block = firstBlock; block < firstBlock + blocks; block++) {
      const partial = record.partials + usize(block) * 2 * padded + offset;
      positions += entryAt<NormGradientBlock>(record.blocks, block).positions;
      sum = f32x4.add(sum, v128.load(partial));
      product = f32x4.add(product, v128.load(partial + padded));
    }
    if (entry.trains != 0) {
      ofGamma = f32x4.add(ofGamma, product);
      ofBeta = f32x4.add(ofBeta, sum);
    }
    const statistics = record.statistics + usize(entry.forwardSegment) * 4 * table + offset;
    const inverse = v128.load(statistics + table);
    const share = f32x4.splat(1 / f32(positions));
    const p = f32x4.mul(gamma, inverse);
    const slope = f32x4.mul(inverse, f32x4.mul(product, share));
    const shift = f32x4.sub(f32x4.mul(sum, share), f32x4.mul(v128.load(statistics), slope));
    const target = record.target + usize(entry.gradientSegment) * 3 * table + offset;
    storeSome(target, p, count);
    storeSome(target + table, f32x4.neg(f32x4.mul(p, slope)), count);
    storeSome(target + 2 * table, f32x4.neg(f32x4.mul(p, shift)), count);
  }
  const gradient = record.gradient;
  if (gradient == 0) return;
  storeSome(gradient + offset, ofGamma, count);
  storeSome(gradient + offset + table, ofBeta, count);
}
