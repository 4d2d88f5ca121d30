/** Iterations of label spreading in plain TypeScript: for small graphs and platforms without SIMD, and to check others against. */

import type { Graph } from './graph.js';
import { COLUMNS, ALPHA, type Iterations, type StartIterations } from './iterations.js';
import type { Slices } from './slices.js';

/** Entries of the graph between two looks at the clock. */
const PAUSE_ENTRIES = 200_000;

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
    into[own] = ALPHA * s0;
    into[own + 1] = ALPHA * s1;
    into[own + 2] = ALPHA * s2;
    into[own + 3] = ALPHA * s3;
    into[own + 4] = ALPHA * s4;
    into[own + 5] = ALPHA * s5;
    into[own + 6] = ALPHA * s6;
    into[own + 7] = ALPHA * s7;
  }
}

class PlainIterations implements Iterations {
  readonly #graph: Graph;
  #current: Float64Array<ArrayBuffer>;
  #before: Float64Array<ArrayBuffer>;

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#current = new Float64Array(graph.count * COLUMNS);
    this.#before = new Float64Array(graph.count * COLUMNS);
  }

  get count(): number {
    return this.#graph.count;
  }

  get current(): Float64Array<ArrayBuffer> {
    return this.#current;
  }

  get before(): Float64Array<ArrayBuffer> {
    return this.#before;
  }

  async next(slices: Slices): Promise<void> {
    const { count, columns } = this.#graph;
    const rows = Math.max(1, Math.floor((PAUSE_ENTRIES * count) / Math.max(1, columns.length)));
    for (let first = 0; first < count; first += rows) {
      spreadRows(this.#graph, this.#current, this.#before, first, Math.min(first + rows, count));
      await slices.pause();
    }
    [this.#current, this.#before] = [this.#before, this.#current];
  }

  dispose(): void {}
}

export const plainIterations: StartIterations = async (graph) => new PlainIterations(graph);
