/** Iterations of label spreading over one graph, S of `graph.ts`: products of a sparse matrix and some columns. */

import type { Graph } from './graph.js';
import type { Slices } from './slices.js';

/** Share of an iteration that comes from the neighbours; the rest comes from the seeds again. */
export const ALPHA = 0.99;

/** Columns that are spread side by side: as many sums as a processor has registers for, and rows that fit in the L2 cache. */
export const COLUMNS = 8;

/** A row's sums are taken in the order of its entries and rounded after each product and sum: the same bits, whoever computes them. */
export interface Iterations {
  /** Rows of the graph. */
  readonly count: number;
  /** [count, COLUMNS] What the next iteration starts from. */
  readonly current: Float64Array<ArrayBuffer>;
  /** [count, COLUMNS] What the last iteration started from. */
  readonly before: Float64Array<ArrayBuffer>;
  /** current <- 0.99 S current, in slices. */
  next(slices: Slices): Promise<void>;
  /** Frees what it has. */
  dispose(): void;
}

/** The caller disposes what it resolves with. */
export type StartIterations = (graph: Graph) => Promise<Iterations>;
