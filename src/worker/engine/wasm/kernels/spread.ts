/**
 * An iteration of label spreading: a sparse matrix by rows times eight float64 columns. Products and sums are rounded one by one,
 * in the order of a row's entries, never fused: the bits of plain arithmetic, whatever the binary and the threads.
 */

import { firstItem, itemAfter } from './threads/work-shares';
import { SpreadIterationOperation } from './layout';
import { VECTOR } from './common/simd';

/** Rows that a thread takes at a time. */
const ROWS = 64;

/** Threads share out the rows. */
export function spreadIteration(record: SpreadIterationOperation, threads: i32): void {
  const rows = record.rows;
  const blocks = (rows + ROWS - 1) / ROWS;
  for (
    let block = firstItem(record, blocks, threads);
    block < blocks;
    block = itemAfter(record, block, blocks, threads)
  ) {
    const first = block * ROWS;
    multiplyRows(record, first, min(ROWS, rows - first));
  }
}

function multiplyRows(record: SpreadIterationOperation, first: i32, count: i32): void {
  const alpha = v128.load64_splat(record.alpha);
  const from = record.from;
  let start = record.starts + (usize(first) << 2);
  let into = record.into + (usize(first) << 6);
  for (; count > 0; count--, start += 4, into += 4 * VECTOR) {
    const entry = load<i32>(start);
    let entries = load<i32>(start, 4) - entry;
    let column = record.columns + (usize(entry) << 2);
    let weight = record.weights + (usize(entry) << 3);
    let sum0 = f64x2.splat(0);
    let sum1 = f64x2.splat(0);
    let sum2 = f64x2.splat(0);
    let sum3 = f64x2.splat(0);
    for (; entries > 0; entries--, column += 4, weight += 8) {
      const factor = v128.load64_splat(weight);
      const other = from + (usize(load<i32>(column)) << 6);
      sum0 = f64x2.add(sum0, f64x2.mul(factor, v128.load(other)));
      sum1 = f64x2.add(sum1, f64x2.mul(factor, v128.load(other, VECTOR)));
      sum2 = f64x2.add(sum2, f64x2.mul(factor, v128.load(other, 2 * VECTOR)));
      sum3 = f64x2.add(sum3, f64x2.mul(factor, v128.load(other, 3 * VECTOR)));
    }
    v128.store(into, f64x2.mul(alpha, sum0));
    v128.store(into, f64x2.mul(alpha, sum1), VECTOR);
    v128.store(into, f64x2.mul(alpha, sum2), 2 * VECTOR);
    v128.store(into, f64x2.mul(alpha, sum3), 3 * VECTOR);
  }
}
