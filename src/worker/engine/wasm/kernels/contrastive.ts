/**
 * InfoNCE in a batch: cosine similarities of each row with all others, the logarithm of their sum of exponentials, and
 * the gradients. Threads share out the rows; similarities are computed again for the gradients, as that is cheaper than to keep them.
 */

import { firstItem, itemAfter } from './threads/work-shares';
import {
  ContrastiveGradientOperation,
  ContrastiveNormaliseOperation,
  ContrastiveRowsOperation,
} from './layout';
import { exponential, logarithm } from './common/math';
import { wordAt } from './common/tables';
import { multiplyAdd, paddedBytes, storeSome, VECTOR } from './common/simd';

/** Columns of a row's statistics, in bytes. */
const ROW_BYTES: usize = 12;


@inline
function sumOfLanes(values: v128): f32 {
  const low = f32x4.extract_lane(values, 0) + f32x4.extract_lane(values, 1);
  return low + (f32x4.extract_lane(values, 2) + f32x4.extract_lane(values, 3));
}

export function contrastiveNormalise(record: ContrastiveNormaliseOperation, threads: i32): void {
  const rows = 2 * record.rows;
  for (let row = firstItem(record, rows, threads); row < rows; row = itemAfter(record, row, rows, threads)) {
    normalise(record, row);
  }
}

function normalise(record: ContrastiveNormaliseOperation, row: i32): void {
  const width = record.width;
  const padded = paddedBytes(width);
  const inRun = row < record.rows ? record.firstRow + row : record.secondRow + row - record.rows;
  const from = record.embeddings + (usize(inRun * width) << 2);
  const to = record.target + usize(row) * padded;
  v128.store(to + padded - VECTOR, f32x4.splat(0));
  memory.copy(to, from, usize(width) << 2);
  const inverse: f32 = 1 / max<f32>(sqrt<f32>(dot(to, to, padded)), 1e-12);
  const factor = f32x4.splat(inverse);
  for (let i: usize = 0; i < padded; i += VECTOR) v128.store(to + i, f32x4.mul(v128.load(to + i), factor));
  if (record.statistics != 0) store<f32>(record.statistics + usize(row) * ROW_BYTES, inverse);
}

function dot(a: usize, b: usize, bytes: usize): f32 {
  let sum = f32x4.splat(0);
  for (let i: usize = 0; i < bytes; i += VECTOR) sum = multiplyAdd(v128.load(a + i), v128.load(b + i), sum);
  return sumOfLanes(sum);
}

/**
 * Similarities of a row to all, over the temperature, to `to`: below any other for the row itself and for the last
 * vector's lanes that belong to no row.
 */
function similarities(
  normalised: usize,
  row: i32,
  rows: i32,
  padded: usize,
  temperature: f32,
  to: usize,
): void {
  const own = normalised + usize(row) * padded;
  const factor = f32x4.splat(1 / temperature);
  let other = normalised;
  for (let first = 0; first < rows; first += 4, other += 4 * padded) {
    let sum0 = f32x4.splat(0);
    let sum1 = sum0;
    let sum2 = sum0;
    let sum3 = sum0;
    let at = other;
    for (let i: usize = 0; i < padded; i += VECTOR, at += VECTOR) {
      const values = v128.load(own + i);
      sum0 = multiplyAdd(values, v128.load(at), sum0);
      sum1 = multiplyAdd(values, v128.load(at + padded), sum1);
      sum2 = multiplyAdd(values, v128.load(at + 2 * padded), sum2);
      sum3 = multiplyAdd(values, v128.load(at + 3 * padded), sum3);
    }
    // A transpose, of which the sums of lanes follow four at a time.
    const low01 = v128.shuffle<i32>(sum0, sum1, 0, 4, 1, 5);
    const low23 = v128.shuffle<i32>(sum2, sum3, 0, 4, 1, 5);
    const high01 = v128.shuffle<i32>(sum0, sum1, 2, 6, 3, 7);
    const high23 = v128.shuffle<i32>(sum2, sum3, 2, 6, 3, 7);
    const low = f32x4.add(v128.shuffle<i64>(low01, low23, 0, 2), v128.shuffle<i64>(low01, low23, 1, 3));
    const high = f32x4.add(v128.shuffle<i64>(high01, high23, 0, 2), v128.shuffle<i64>(high01, high23, 1, 3));
    v128.store(to + (usize(first) << 2), f32x4.mul(f32x4.add(low, high), factor));
  }
  const none = -Infinity as f32;
  store<f32>(to + (usize(row) << 2), none);
  for (let i = rows; i < ((rows + 3) & ~3); i++) store<f32>(to + (usize(i) << 2), none);
}

/** Row of the same image in the other run. */
@inline
function pairOf(row: i32, rows: i32): i32 {
  return row < rows ? row + rows : row - rows;
}

export function contrastiveRows(record: ContrastiveRowsOperation, threads: i32, scratch: usize): void {
  const rows = 2 * record.rows;
  const padded = paddedBytes(record.width);
  for (let row = firstItem(record, rows, threads); row < rows; row = itemAfter(record, row, rows, threads)) {
    similarities(record.normalised, row, rows, padded, record.temperature, scratch);
    const total = logSumOfExponentials(scratch, rows);
    const statistics = record.statistics + usize(row) * ROW_BYTES;
    const ofPair = load<f32>(scratch + (usize(pairOf(row, record.rows)) << 2));
    store<f32>(statistics, total, 4);
    store<f32>(statistics, total - ofPair, 8);
  }
}

function logSumOfExponentials(values: usize, count: i32): f32 {
  const end = values + paddedBytes(count);
  let most = v128.load(values);
  for (let at = values + VECTOR; at < end; at += VECTOR) most = f32x4.max(most, v128.load(at));
  const low = max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1));
  const largest = max(low, max(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)));
  most = f32x4.splat(largest);
  let sum = f32x4.splat(0);
  for (let at = values; at < end; at += VECTOR)
    sum = f32x4.add(sum, exponential(f32x4.sub(v128.load(at), most)));
  return largest + f32x4.extract_lane(logarithm(f32x4.splat(sumOfLanes(sum))), 0);
}

/** `scratch` takes a row's similarities, all rows' logarithms, and a row's gradient. */
export function contrastiveGradient(
  record: ContrastiveGradientOperation,
  threads: i32,
  scratch: usize,
): void {
  const rows = 2 * record.rows;
  const padded = paddedBytes(record.width);
  const weights = scratch;
  const totals = weights + paddedBytes(rows);
  const gradient = totals + paddedBytes(rows);
  for (let row: usize = 0; row < usize(rows); row++)
    store<f32>(totals + (row << 2), load<f32>(record.statistics + row * ROW_BYTES, 4));
  for (let row = firstItem(record, rows, threads); row < rows; row = itemAfter(record, row, rows, threads)) {
    similarities(record.normalised, row, rows, padded, record.temperature, weights);
    toWeights(record, row, rows, weights, totals);
    addWeighted(record.normalised, rows, padded, weights, gradient);
    storeGradient(record, row, padded, gradient);
  }
}

/** Similarities to what each row's normalised embedding counts with: P_ij + P_ji - 2 [j is i's pair]; 0 for i itself. */
function toWeights(
  record: ContrastiveGradientOperation,
  row: i32,
  rows: i32,
  weights: usize,
  totals: usize,
): void {
  const own = f32x4.splat(load<f32>(totals + (usize(row) << 2)));
  const bytes = paddedBytes(rows);
  for (let i: usize = 0; i < bytes; i += VECTOR) {
    const values = v128.load(weights + i);
    const ofRow = exponential(f32x4.sub(values, own));
    v128.store(weights + i, f32x4.add(ofRow, exponential(f32x4.sub(values, v128.load(totals + i)))));
  }
  const pair = weights + (usize(pairOf(row, record.rows)) << 2);
  store<f32>(pair, load<f32>(pair) - 2);
}

/** The weighted sum of all rows. */
function addWeighted(normalised: usize, rows: i32, padded: usize, weights: usize, to: usize): void {
  let offset: usize = 0;
  for (; offset + 4 * VECTOR <= padded; offset += 4 * VECTOR) {
    let sum0 = f32x4.splat(0);
    let sum1 = sum0;
    let sum2 = sum0;
    let sum3 = sum0;
    let at = normalised + offset;
    for (let row: usize = 0; row < usize(rows); row++, at += padded) {
      const weight = v128.load32_splat(weights + (row << 2));
      sum0 = multiplyAdd(weight, v128.load(at), sum0);
      sum1 = multiplyAdd(weight, v128.load(at, VECTOR), sum1);
      sum2 = multiplyAdd(weight, v128.load(at, 2 * VECTOR), sum2);
      sum3 = multiplyAdd(weight, v128.load(at, 3 * VECTOR), sum3);
    }
    v128.store(to + offset, sum0);
    v128.store(to + offset, sum1, VECTOR);
    v128.store(to + offset, sum2, 2 * VECTOR);
    v128.store(to + offset, sum3, 3 * VECTOR);
  }
  for (; offset < padded; offset += VECTOR) {
    let sum = f32x4.splat(0);
    let at = normalised + offset;
    for (let row: usize = 0; row < usize(rows); row++, at += padded)
      sum = multiplyAdd(v128.load32_splat(weights + (row << 2)), v128.load(at), sum);
    v128.store(to + offset, sum);
  }
}

/** (d - z (z . d)) / |e| to every place of the row, with d the weighted sum times the factor that all have. */
function storeGradient(record: ContrastiveGradientOperation, row: i32, padded: usize, sum: usize): void {
  const width = record.width;
  const own = record.normalised + usize(row) * padded;
  const inverse = load<f32>(record.statistics + usize(row) * ROW_BYTES);
  const shared: f32 = f32(record.rows) * 2 * record.temperature;
  const factor: f32 = (load<f32>(record.weight) / shared) * inverse;
  const along = f32x4.splat(-dot(own, sum, padded));
  for (let place = 0; place < record.gradientRowCount; place++) {
    const isSecond = row >= record.rows;
    const first = wordAt(record.gradientRows, 2 * place + i32(isSecond));
    const target = first + (isSecond ? row - record.rows : row);
    const to = record.target + (usize(target * width) << 2);
    for (let i: usize = 0; i < padded; i += VECTOR) {
      const across = multiplyAdd(along, v128.load(own + i), v128.load(sum + i));
      storeSome(to + i, f32x4.mul(across, f32x4.splat(factor)), width - i32(i >> 2));
    }
  }
}
