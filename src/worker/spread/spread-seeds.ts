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
  const { count, columns } = graph;
  const rows = Math.max(1, Math.floor((PAUSE_ENTRIES * count) / Math.max(1, columns.length)));
  let from = new Float64Array(count * COLUMNS);
  let into = new Float64Array(count * COLUMNS);
  addSeeds(from, seeds, 1);
  for (let round = 0; round < ROUNDS; round++) {
    for (let first = 0; first < count; first += rows) {
      spreadRows(graph, from, into, first, Math.min(first + rows, count));
      await slices.pause();
    }
    addSeeds(into, seeds, 1 - KEPT);
    [from, into] = [into, from];
  }
  return from;
}
