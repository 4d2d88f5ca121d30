/** Nearest neighbours by cosine: what a search is given and what it finds. Who searches is `engine/spread-kernels.ts`. */

import type { Slices } from './slices.js';

/** Rows of length 1, or 0 where there was no direction. */
export interface UnitRows {
  readonly count: number;
  readonly size: number;
  /** [count, size] */
  readonly values: Float32Array<ArrayBuffer>;
}

/** For every row those nearest to it, itself left out. */
export interface Neighbours {
  readonly count: number;
  /** Neighbours of a row. */
  readonly nearest: number;
  /** [count, nearest], in falling order of cosines; equal ones in rising order of indices. */
  readonly indices: Int32Array<ArrayBuffer>;
  /** [count, nearest] */
  readonly cosines: Float32Array<ArrayBuffer>;
}

/** Finds `nearest` neighbours of every row, or all other rows where there are fewer. */
export type FindNeighbours = (rows: UnitRows, nearest: number, slices: Slices) => Promise<Neighbours>;

export function neighboursOf({ count }: UnitRows, nearest: number): number {
  return Math.max(0, Math.min(nearest, count - 1));
}

/** What is found where there is no other row. */
export function noNeighbours({ count }: UnitRows): Neighbours {
  return { count, nearest: 0, indices: new Int32Array(0), cosines: new Float32Array(0) };
}
