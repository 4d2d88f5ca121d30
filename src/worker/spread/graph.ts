/** The graph that labels spread over: rows joined to their nearest neighbours, its weights normalised by both ends' degrees. */

import type { Neighbours } from './neighbours.js';

/** A neighbour counts max(cosine, 0) to this power: near ones far more than the others. */
const POWER = 10;

/** A symmetric matrix by rows (CSR), columns in rising order. */
export interface Graph {
  readonly count: number;
  /** [count + 1] Where each row's entries begin. */
  readonly starts: Int32Array<ArrayBuffer>;
  readonly columns: Int32Array<ArrayBuffer>;
  readonly weights: Float64Array<ArrayBuffer>;
}

function weightOf(cosine: number): number {
  return Math.max(cosine, 0) ** POWER;
}

/** What `other` counts for `row`: 0 where it is not among its neighbours. */
function weightIn({ nearest, indices, cosines }: Neighbours, row: number, other: number): number {
  for (let at = row * nearest; at < (row + 1) * nearest; at++) {
    if (indices[at] === other) return weightOf(cosines[at]!);
  }
  return 0;
}

/** Calls back for both directions of every pair of which one counts for the other, with the larger of their weights. */
function forEachEntry(
  neighbours: Neighbours,
  visit: (row: number, column: number, weight: number) => void,
): void {
  const { count, nearest, indices, cosines } = neighbours;
  for (let row = 0; row < count; row++) {
    for (let at = row * nearest; at < (row + 1) * nearest; at++) {
      const other = indices[at]!;
      const weight = weightOf(cosines[at]!);
      if (weight === 0) continue;
      const back = weightIn(neighbours, other, row);
      visit(row, other, Math.max(weight, back));
      // Else that direction comes with the other row.
      if (back === 0) visit(other, row, weight);
    }
  }
}

function sortRow(columns: Int32Array, weights: Float64Array, start: number, end: number): void {
  for (let at = start + 1; at < end; at++) {
    const [column, weight] = [columns[at]!, weights[at]!];
    let place = at;
    for (; place > start && columns[place - 1]! > column; place--) {
      columns[place] = columns[place - 1]!;
      weights[place] = weights[place - 1]!;
    }
    columns[place] = column;
    weights[place] = weight;
  }
}

/** W_ij = max(cosine, 0)^10 of neighbours, symmetrised by the larger; S = D^-1/2 W D^-1/2 (Zhou et al. 2004). */
export function graphOf(neighbours: Neighbours): Graph {
  const { count } = neighbours;
  const starts = new Int32Array(count + 1);
  forEachEntry(neighbours, (row) => starts[row + 1]!++);
  for (let row = 0; row < count; row++) starts[row + 1]! += starts[row]!;
  const columns = new Int32Array(starts[count]!);
  const weights = new Float64Array(starts[count]!);
  const next = starts.slice();
  forEachEntry(neighbours, (row, column, weight) => {
    const at = next[row]!++;
    columns[at] = column;
    weights[at] = weight;
  });
  const scales = new Float64Array(count);
  for (let row = 0; row < count; row++) {
    const [start, end] = [starts[row]!, starts[row + 1]!];
    sortRow(columns, weights, start, end);
    let degree = 0;
    for (let at = start; at < end; at++) degree += weights[at]!;
    scales[row] = degree === 0 ? 0 : 1 / Math.sqrt(degree);
  }
  for (let row = 0; row < count; row++) {
    for (let at = starts[row]!; at < starts[row + 1]!; at++) {
      weights[at]! *= scales[row]! * scales[columns[at]!]!;
    }
  }
  return { count, starts, columns, weights };
}
