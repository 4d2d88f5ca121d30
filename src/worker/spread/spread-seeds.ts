/** Label spreading over a graph. It is linear in what it starts from, so any columns can be spread side by side. */

import { COLUMNS, ALPHA, type Iterations } from './iterations.js';
import type { Slices } from './slices.js';

const ITERATIONS = 60;

/** What a column has at a row to begin with; nothing elsewhere. */
export interface Seed {
  readonly row: number;
  /** Below `COLUMNS`. */
  readonly column: number;
  readonly value: number;
}

function addSeeds(values: Float64Array, seeds: readonly Seed[], factor: number): void {
  for (const { row, column, value } of seeds) values[row * COLUMNS + column]! += factor * value;
}

/** Lets iterations begin with these seeds. */
function begin({ current }: Iterations, seeds: readonly Seed[]): void {
  current.fill(0);
  addSeeds(current, seeds, 1);
}

/**
 * F <- 0.99 S F + 0.01 B, 60 times from F = B.
 *
 * @param seeds B
 * @returns F [graph's count, COLUMNS]; the same bits always.
 */
export async function spreadSeeds(
  iterations: Iterations,
  seeds: readonly Seed[],
  slices: Slices,
): Promise<Float64Array<ArrayBuffer>> {
  begin(iterations, seeds);
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    await iterations.next(slices);
    addSeeds(iterations.current, seeds, 1 - ALPHA);
  }
  return Float64Array.from(iterations.current);
}

/** Adds, column by column, `factor` times the dot products of `a` with `b` and with `c`. */
function addProducts(
  a: Float64Array,
  b: Float64Array,
  c: Float64Array,
  factor: number,
  sums: Float64Array,
): void {
  let [s0, s1, s2, s3, s4, s5, s6, s7] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let at = 0; at < a.length; at += COLUMNS) {
    s0 += a[at]! * (b[at]! + c[at]!);
    s1 += a[at + 1]! * (b[at + 1]! + c[at + 1]!);
    s2 += a[at + 2]! * (b[at + 2]! + c[at + 2]!);
    s3 += a[at + 3]! * (b[at + 3]! + c[at + 3]!);
    s4 += a[at + 4]! * (b[at + 4]! + c[at + 4]!);
    s5 += a[at + 5]! * (b[at + 5]! + c[at + 5]!);
    s6 += a[at + 6]! * (b[at + 6]! + c[at + 6]!);
    s7 += a[at + 7]! * (b[at + 7]! + c[at + 7]!);
  }
  [s0, s1, s2, s3, s4, s5, s6, s7].forEach((sum, column) => (sums[column]! += factor * sum));
}

/**
 * What comes back to each of up to `COLUMNS` rows of a seed of 1 at itself: the diagonal of what `spreadSeeds` multiplies by.
 * That is a polynomial of S, which is symmetric: S^2k has at row i the square of S^k e_i, S^2k+1 the product of that with
 * S^k+1 e_i. So half of the iterations tell.
 */
export async function selfReturns(
  iterations: Iterations,
  rows: readonly number[],
  slices: Slices,
): Promise<Float64Array<ArrayBuffer>> {
  begin(
    iterations,
    rows.map((row, column) => ({ row, column, value: 1 })),
  );
  const sums = new Float64Array(COLUMNS);
  for (let power = 0; power < ITERATIONS; power += 2) {
    await iterations.next(slices);
    const { before, current } = iterations;
    addProducts(before, before, current, 1 - ALPHA, sums);
  }
  const { current } = iterations;
  addProducts(current, current, current, 1 / 2, sums);
  return sums.subarray(0, rows.length);
}
