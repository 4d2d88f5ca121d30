/** Label spreading over a graph. It is linear in what it starts from, so any columns can be spread side by side. */

import type { Graph } from './graph.js';
import type { Slices } from './slices.js';

/** Share of a round that comes from the neighbours; the rest comes from the seeds again. */
const KEPT = 0.99;
const ROUNDS = 60;
/** Entries of the graph between two looks at the clock. */
const PAUSE_ENTRIES = 200_000;

/** Columns that are spread side by side: as many sums as a processor has registers for, and rows that fit in the L2 cache. */
export const COLUMNS = 8;

/** What a column has at a row to begin with; nothing elsewhere. */
export interface Seed {
  readonly row: number;
  /** Below `COLUMNS`. */
  readonly column: number;
  readonly value: number;
}

/** Rows `first` to `end` - 1: into = 0.99 S from. */
function spreadRows(
  { starts, columns, weights }: Graph,
  from: Float64Array,
  into: Float64Array,
  first: number,
  end: number,
): void {
  for (let row = first; row < end; row++) {
    let [s0, s1, s2, s3, s4, s5, s6, s7] = [0, 0, 0, 0, 0, 0, 0, 0];
    const last = starts[row + 1]!;
    for (let at = starts[row]!; at < last; at++) {
      const weight = weights[at]!;
      const other = columns[at]! * COLUMNS;
      s0 += weight * from[other]!;
      s1 += weight * from[other + 1]!;
      s2 += weight * from[other + 2]!;
      s3 += weight * from[other + 3]!;
      s4 += weight * from[other + 4]!;
      s5 += weight * from[other + 5]!;
      s6 += weight * from[other + 6]!;
      s7 += weight * from[other + 7]!;
    }
    const own = row * COLUMNS;
    into[own] = KEPT * s0;
    into[own + 1] = KEPT * s1;
    into[own + 2] = KEPT * s2;
    into[own + 3] = KEPT * s3;
    into[own + 4] = KEPT * s4;
    into[own + 5] = KEPT * s5;
    into[own + 6] = KEPT * s6;
    into[own + 7] = KEPT * s7;
  }
}

function addSeeds(values: Float64Array, seeds: readonly Seed[], factor: number): void {
  for (const { row, column, value } of seeds) values[row * COLUMNS + column]! += factor * value;
}

/** into = 0.99 S from, in slices. */
async function spreadOnce(
  graph: Graph,
  from: Float64Array,
  into: Float64Array,
  slices: Slices,
): Promise<void> {
  const { count, columns } = graph;
  const rows = Math.max(1, Math.floor((PAUSE_ENTRIES * count) / Math.max(1, columns.length)));
  for (let first = 0; first < count; first += rows) {
    spreadRows(graph, from, into, first, Math.min(first + rows, count));
    await slices.pause();
  }
}

/**
 * F <- 0.99 S F + 0.01 B, 60 times from F = B.
 *
 * @param seeds B
 * @returns F [graph's count, COLUMNS]; the same bits always.
 */
export async function spreadSeeds(
  graph: Graph,
  seeds: readonly Seed[],
  slices: Slices,
): Promise<Float64Array<ArrayBuffer>> {
  let from = new Float64Array(graph.count * COLUMNS);
  let into = new Float64Array(graph.count * COLUMNS);
  addSeeds(from, seeds, 1);
  for (let round = 0; round < ROUNDS; round++) {
    await spreadOnce(graph, from, into, slices);
    addSeeds(into, seeds, 1 - KEPT);
    [from, into] = [into, from];
  }
  return from;
}

/** Adds the dot product of each column of `a` with that of `b`, as often as `factor` says. */
function addProducts(a: Float64Array, b: Float64Array, factor: number, sums: Float64Array): void {
  for (let at = 0; at < a.length; at += COLUMNS) {
    for (let column = 0; column < COLUMNS; column++) {
      sums[column]! += factor * a[at + column]! * b[at + column]!;
    }
  }
}

/**
 * What comes back to each of up to `COLUMNS` rows of a seed of 1 at itself: the diagonal of what `spreadSeeds` multiplies by.
 * That is a polynomial of S, which is symmetric: S^2k has at row i the square of S^k e_i, S^2k+1 the product of that with
 * S^k+1 e_i. So half of the rounds tell.
 */
export async function selfReturns(
  graph: Graph,
  rows: readonly number[],
  slices: Slices,
): Promise<Float64Array<ArrayBuffer>> {
  let from = new Float64Array(graph.count * COLUMNS);
  let into = new Float64Array(graph.count * COLUMNS);
  const seeds = rows.map((row, column) => ({ row, column, value: 1 }));
  addSeeds(from, seeds, 1);
  const sums = new Float64Array(COLUMNS);
  for (let power = 0; power < ROUNDS; power += 2) {
    await spreadOnce(graph, from, into, slices);
    addProducts(from, from, 1 - KEPT, sums);
    addProducts(from, into, 1 - KEPT, sums);
    [from, into] = [into, from];
  }
  addProducts(from, from, 1, sums);
  return sums.subarray(0, rows.length);
}
