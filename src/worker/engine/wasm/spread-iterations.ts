/** Iterations of label spreading on the kernels, on memory and threads of their own: the bits of `spread/plain-iterations.ts`. */

import type { Graph } from '../../spread/graph.js';
import { ALPHA, COLUMNS, type Iterations } from '../../spread/iterations.js';
import type { Slices } from '../../spread/slices.js';
import { storeRecord, type StoredProgram } from './stage-records.js';
import type { Arena } from './memory/arena.js';
import { Scratch } from './memory/scratch.js';
import { startTeam, type WasmPlatform } from './platform.js';
import type { Team } from './threads/team.js';

/** The kernel keeps nothing but registers. */
const SCRATCH_BYTES = 64;

class WasmIterations implements Iterations {
  readonly count: number;
  readonly #team: Team;
  /** From the first half of the values to the second, and back. */
  readonly #programs: readonly [StoredProgram, StoredProgram];
  readonly #values: readonly [Float64Array<ArrayBuffer>, Float64Array<ArrayBuffer>];
  #at = 0;

  constructor({ count, starts, columns, weights }: Graph, arena: Arena, team: Team) {
    this.count = count;
    this.#team = team;
    const size = count * COLUMNS;
    const alpha = arena.allocate(8);
    const addresses = {
      starts: arena.storeWords(new Uint32Array(starts)),
      columns: arena.storeWords(new Uint32Array(columns)),
      weights: arena.allocate(weights.byteLength),
      alpha,
      rows: count,
    };
    const halves = [arena.allocate(size * 8), arena.allocate(size * 8)] as const;
    const programOf = (from: number, into: number): StoredProgram =>
      storeRecord(arena, 'spreadIteration', 'spread', { ...addresses, from, into });
    this.#programs = [programOf(halves[0], halves[1]), programOf(halves[1], halves[0])];
    // Nothing is allocated any more, so views stay.
    arena.doubles(alpha, 1).set([ALPHA]);
    arena.doubles(addresses.weights, weights.length).set(weights);
    this.#values = [arena.doubles(halves[0], size), arena.doubles(halves[1], size)];
  }

  get current(): Float64Array<ArrayBuffer> {
    return this.#values[this.#at]!;
  }

  get before(): Float64Array<ArrayBuffer> {
    return this.#values[1 - this.#at]!;
  }

  async next(slices: Slices): Promise<void> {
    this.#team.execute(this.#programs[this.#at]!);
    this.#at = 1 - this.#at;
    await slices.pause();
  }

  dispose(): void {
    this.#team.dispose();
  }
}

/** Starts iterations on a platform. The caller disposes them. */
export function startSpreadIterations(graph: Graph, platform: WasmPlatform): Promise<Iterations> {
  return startTeam(platform, new Scratch(SCRATCH_BYTES), async (arena, team) => {
    await team.grow(platform);
    return new WasmIterations(graph, arena, team);
  });
}
