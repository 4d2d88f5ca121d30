/**
 * Group norm, row by row: statistics and their application while the row is in the cache. Sums run over positions by
 * channel, four channels at a time, then over the channels of a group, whose number need not fill vectors.
 */

import { firstItem, itemAfter } from './threads/work-shares';
import { GroupNormGradientOperation, GroupNormOperation, Image } from './layout';
import { entryAt } from './common/tables';
import { multiplyAdd, paddedBytes, VECTOR } from './common/simd';
import { addPositions, sumProducts } from './common/sums';
import { affineLeaky, normGradient } from './pointwise';
import { applySnippets, clearFloats } from './snippets';

/** Bytes that are normalised before the epilogue follows: they stay in the L1 cache. */
const RUN_BYTES: usize = 8192;
const GROUP: usize = 4 * VECTOR;

/** Threads share out the rows; `scratch` takes tables of channels. */
export function groupNorm(record: GroupNormOperation, threads: i32, scratch: usize): void {
  const images = record.images;
  for (
    let image = firstItem(record, images, threads);
    image < images;
    image = itemAfter(record, image, images, threads)
  ) {
    normaliseRow(record, entryAt<Image>(record.imageTable, image), scratch);
  }
}

function normaliseRow(record: GroupNormOperation, entry: Image, scratch: usize): void {
  const channels = record.channels;
  const positions = record.positions;
  const size = positions * channels;
  const padded = paddedBytes(channels);
  const step = usize(channels) << 2;
  const row = usize(entry.forwardRow * size) << 2;
  let from = record.source + row;
  let to = record.target + row;
  const sums = scratch;
  const scales = scratch + padded;
  const shifts = scales + padded;
  clearFloats(sums, i32(padded >> 2));
  addPositions(from, step, positions, padded, sums);
  const groups = record.groups;
  const inGroup = channels / groups;
  const share: f32 = 1 / f32(positions * inGroup);
  const statistics = record.statistics + (usize(entry.forwardRow * 2 * groups) << 2);
  const ofDeviations = usize(groups) << 2;
  // Means by channel lie where the scales will.
  for (let group = 0; group < groups; group++) {
    const first = usize(group * inGroup) << 2;
    const mean = sumNumbers(sums + first, inGroup) * share;
    store<f32>(statistics + (usize(group) << 2), mean);
    for (let i = 0; i < inGroup; i++) store<f32>(scales + first + (usize(i) << 2), mean);
  }
  sumSquares(from, step, positions, padded, scales, sums);
  for (let group = 0; group < groups; group++) {
    const first = usize(group * inGroup) << 2;
    const mean = load<f32>(statistics + (usize(group) << 2));
    const variance = sumNumbers(sums + first, inGroup) * share;
    const inverse: f32 = 1 / sqrt<f32>(variance + record.epsilon);
    store<f32>(statistics + ofDeviations + (usize(group) << 2), inverse);
    for (let i = 0; i < inGroup; i++) {
      const channel = first + (usize(i) << 2);
      const scale = load<f32>(record.gamma + channel) * inverse;
      store<f32>(scales + channel, scale);
      store<f32>(shifts + channel, load<f32>(record.beta + channel) - mean * scale);
    }
  }
  const epilogue = record.epilogue;
  const most = max(1, i32(RUN_BYTES / step));
  let position = 0;
  for (let first = 0; first < positions; first += most) {
    const count = min(most, positions - first);
    affineLeaky(from, step, to, step, count, channels, scales, shifts, record.slope);
    if (epilogue != 0) {
      applySnippets(epilogue, to, step, to, step, count, channels, entry, position, channels, size);
    }
    const bytes = usize(count) * step;
    from += bytes;
    to += bytes;
    position += count * channels;
  }
}

function sumNumbers(values: usize, count: i32): f32 {
  let sum: f32 = 0;
  for (; count > 0; count--, values += 4) sum += load<f32>(values);
  return sum;
}


@inline
function addSquare(values: usize, mean: v128, sum: v128): v128 {
  const deviation = f32x4.sub(v128.load(values), mean);
  return multiplyAdd(deviation, deviation, sum);
}

/** Sums of squared deviations from the means, likewise. */
function sumSquares(values: usize, step: usize, count: i32, padded: usize, means: usize, sums: usize): void {
  let offset: usize = 0;
  for (; offset + GROUP <= padded; offset += GROUP) {
    let at = values + offset;
    const mean0 = v128.load(means + offset);
    const mean1 = v128.load(means + offset, VECTOR);
    const mean2 = v128.load(means + offset, 2 * VECTOR);
    const mean3 = v128.load(means + offset, 3 * VECTOR);
    let sum0 = f32x4.splat(0);
    let sum1 = sum0;
    let sum2 = sum0;
    let sum3 = sum0;
    for (let position = 0; position < count; position++, at += step) {
      sum0 = addSquare(at, mean0, sum0);
      sum1 = addSquare(at + VECTOR, mean1, sum1);
      sum2 = addSquare(at + 2 * VECTOR, mean2, sum2);
      sum3 = addSquare(at + 3 * VECTOR, mean3, sum3);
    }
    v128.store(sums + offset, sum0);
    v128.store(sums + offset, sum1, VECTOR);
    v128.store(sums + offset, sum2, 2 * VECTOR);
    v128.store(sums + offset, sum3, 3 * VECTOR);
  }
  for (; offset < padded; offset += VECTOR) {
    let at = values + offset;
    const mean = v128.load(means + offset);
    let sum = f32x4.splat(0);
    for (let position = 0; position < count; position++, at += step) sum = addSquare(at, mean, sum);
    v128.store(sums + offset, sum);
  }
}

/** Threads share out the rows; `scratch` takes tables of channels. */
export function groupNormGradient(record: GroupNormGradientOperation, threads: i32, scratch: usize): void {
  const images = record.images;
  for (
    let image = firstItem(record, images, threads);
    image < images;
    image = itemAfter(record, image, images, threads)
  ) {
    differentiateRow(record, entryAt<Image>(record.imageTable, image), scratch);
  }
}

function differentiateRow(record: GroupNormGradientOperation, entry: Image, scratch: usize): void {
  const channels = record.channels;
  const positions = record.positions;
  const padded = paddedBytes(channels);
  const step = usize(channels) << 2;
  const size = usize(positions) * step;
  const gradientRow = usize(entry.sourceRow);
  const source = record.source + gradientRow * size;
  const raw = record.raw + usize(entry.forwardRow) * size;
  const products = record.partials + gradientRow * 2 * padded;
  const sums = products + padded;
  const p = scratch;
  const q = p + padded;
  const r = q + padded;
  const groups = record.groups;
  const inGroup = channels / groups;
  const statistics = record.statistics + (usize(entry.forwardRow * 2 * groups) << 2);
  const ofDeviations = usize(groups) << 2;
  // Means by channel lie where p will.
  for (let group = 0; group < groups; group++) {
    const mean = load<f32>(statistics + (usize(group) << 2));
    const first = p + (usize(group * inGroup) << 2);
    for (let i = 0; i < inGroup; i++) store<f32>(first + (usize(i) << 2), mean);
  }
  sumProducts(source, raw, step, positions, padded, p, products, sums);
  const share: f32 = 1 / f32(positions * inGroup);
  for (let group = 0; group < groups; group++) {
    const mean = load<f32>(statistics + (usize(group) << 2));
    const inverse = load<f32>(statistics + ofDeviations + (usize(group) << 2));
    const first = usize(group * inGroup) << 2;
    const end = first + (usize(inGroup) << 2);
    let sum: f32 = 0;
    let product: f32 = 0;
    for (let channel = first; channel < end; channel += 4) {
      const ofGamma = load<f32>(products + channel) * inverse;
      store<f32>(products + channel, ofGamma);
      const gamma = load<f32>(record.gamma + channel);
      sum += gamma * load<f32>(sums + channel);
      product += gamma * ofGamma;
    }
    const slope = inverse * (product * share);
    const shift = sum * share - mean * slope;
    for (let channel = first; channel < end; channel += 4) {
      store<f32>(p + channel, inverse * load<f32>(record.gamma + channel));
      store<f32>(q + channel, -inverse * slope);
      store<f32>(r + channel, -inverse * shift);
    }
  }
  const target = record.target + gradientRow * size;
  normGradient(source, step, target, step, positions, channels, raw, step, p, padded);
}
