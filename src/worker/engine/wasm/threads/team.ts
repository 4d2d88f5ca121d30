/**
 * The compute threads: this thread and, where memory is shared, helpers in nested workers, which sleep
 * in WebAssembly until a program is to be run. Owns the workers and the words they meet at.
 */

import { buildFile } from '../../../../browser/build-files.js';
import { makeWorker, workerScript } from '../../../../browser/worker-script.js';
import { TrainerError } from '../../../../protocol/errors.js';
import { afterPatience } from '../../../../protocol/patience.js';
import { THREAD_SILENCE_LIMIT_MS, THREAD_START_LIMIT_MS } from '../../../../protocol/time-limits.js';
import type { Arena } from '../memory/arena.js';
import type { Scratch } from '../memory/scratch.js';
import type { Kernels } from '../kernels.js';
import { changeFields, wordOf } from '../layout/fields.js';
import { OPERATION_WORDS } from '../layout/operations.js';
import { RUN, RUN_WORDS, type RunValues } from '../layout/run.js';
import type { StoredProgram } from '../stage-records.js';
import { calibrateSpins } from './calibrate.js';
import { fasterTile, isTileChoiceDue, TILE_BYTES, type TileColumns } from './tile-choice.js';

/** Most threads of a team; the words for their ranks end there. */
const MOST_THREADS = 32;

/** What a helper is told; see `thread.ts`. */
export interface ThreadStart {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly run: number;
  readonly helper: number;
  readonly scratch: number;
}

/** Makes the worker of one helper. */
export type SpawnThread = () => Worker;

export const spawnThread: SpawnThread = () =>
  makeWorker(
    workerScript(buildFile('thread.js', import.meta.url), { isOwn: true }),
    'sgan-trainer compute thread',
  );

/** What threads are started with; see `WasmPlatform`. */
interface TeamPlatform {
  readonly isShared: boolean;
  readonly threads: number;
  readonly module: WebAssembly.Module;
  readonly spawn?: SpawnThread | undefined;
}

export class Team {
  /** Address of the run's words; see `layout/run.ts`. */
  readonly run: number;
  readonly #arena: Arena;
  readonly #kernels: Kernels;
  readonly #scratch: Scratch;
  /** Address of this thread's own; null until it is prepared. */
  #ownScratch: number | null = null;
  #hasFixedTile = false;
  /** Address of a word for each helper: 1 where it takes part in commands. */
  readonly #members: number;
  readonly #helpers: Worker[] = [];
  /** All that were spawned and not ended: helpers, and those that have not answered yet. */
  readonly #workers = new Set<Worker>();

  /** A team of this thread alone. @param scratch Fixed by `prepare`. */
  constructor(arena: Arena, kernels: Kernels, scratch: Scratch, patienceMs = THREAD_SILENCE_LIMIT_MS) {
    this.#arena = arena;
    this.#kernels = kernels;
    this.#scratch = scratch;
    this.run = arena.allocate(RUN_WORDS * 4);
    this.#members = arena.allocate(MOST_THREADS * 4);
    this.set({ patience: patienceMs, members: this.#members });
  }

  /** Threads that compute, this one included. */
  get threads(): number {
    return this.#helpers.length + 1;
  }

  /** Sets some of the run's words. */
  set(values: Partial<RunValues>): void {
    changeFields(this.#arena.words(this.run, RUN_WORDS), RUN, values);
  }

  /** Allocates this thread's scratch, of its size by now. */
  prepare(): void {
    this.#ownScratch ??= this.#arena.allocate(this.#scratch.fix());
  }

  /**
   * Starts helpers until there are as many threads as the platform has, none where memory is its own; those that do not
   * start are left out. Throws `OutOfMemory` before any is started.
   */
  async grow({ isShared, threads, module, spawn = spawnThread }: TeamPlatform): Promise<void> {
    this.prepare();
    if (!isShared || threads === 1) return;
    const wanted = Math.min(threads, MOST_THREADS) - 1;
    const scratches = Array.from({ length: wanted }, () => this.#arena.allocate(this.#scratch.fix()));
    const word = this.run + wordOf(RUN, 'generation') * 4;
    const spins = calibrateSpins({
      spin: (turns) => void this.#kernels.spinWhile(word, 0, turns),
      now: () => performance.now(),
    });
    this.set({ spins });
    const starts = scratches.map((scratch, helper) => this.#start(helper, scratch, module, spawn));
    const started = await Promise.all(starts);
    const members = this.#arena.words(this.#members, MOST_THREADS);
    started.forEach((worker, helper) => {
      members[helper] = worker === null ? 0 : 1;
      if (worker !== null) this.#helpers.push(worker);
    });
    this.set({ threads: this.threads });
  }

  async #start(
    helper: number,
    scratch: number,
    module: WebAssembly.Module,
    spawn: SpawnThread,
  ): Promise<Worker | null> {
    let worker: Worker;
    try {
      worker = spawn();
    } catch {
      return null;
    }
    this.#workers.add(worker);
    const isReady = await new Promise<boolean>((resolve) => {
      const cancel = afterPatience(THREAD_START_LIMIT_MS, () => resolve(false));
      const settle = (value: boolean) => (): void => {
        cancel();
        resolve(value);
      };
      worker.onmessage = settle(true);
      worker.onerror = settle(false);
      worker.onmessageerror = settle(false);
      const start: ThreadStart = { module, memory: this.#arena.memory, run: this.run, helper, scratch };
      worker.postMessage(start);
    });
    if (isReady) return worker;
    worker.terminate();
    this.#workers.delete(worker);
    return null;
  }

  /**
   * Has products use the micro-kernel's faster tile, where it is time to measure that: `done` steps, or rows of tiles of a
   * search, have been made.
   */
  chooseTile(done: number): void {
    const scratch = this.#ownScratch;
    if (scratch === null || this.#hasFixedTile || !isTileChoiceDue(done)) return;
    if (this.#scratch.fix() < TILE_BYTES) throw new Error('Scratch is too small to measure tiles in.');
    this.#arena.floats(scratch, TILE_BYTES / 4).fill(0);
    const tileColumns = fasterTile({
      repeat: (columns, turns) => this.#kernels.repeatTiles(columns, turns, scratch),
      now: () => performance.now(),
    });
    if (tileColumns !== null) this.set({ tileColumns });
  }

  /** Has products use this tile, whatever is the faster. */
  fixTile(columns: TileColumns): void {
    this.#hasFixedTile = true;
    this.set({ tileColumns: columns });
  }

  /** Runs a program, or `count` records from `first`, on all threads; returns when it is done. */
  execute(program: StoredProgram, first = 0, count = program.count): void {
    // Without a record there is no barrier, and helpers might see the next command for this one.
    if (count === 0) return;
    const address = program.address + first * OPERATION_WORDS * 4;
    const scratch = this.#ownScratch;
    if (scratch === null) throw new Error('A team is prepared before it runs anything.');
    if (this.#helpers.length > 0) {
      this.set({ program: address, operations: count });
      this.#kernels.command(this.run);
    }
    const isWhole = this.#kernels.runRecords(address, count, this.threads, this.run, scratch);
    if (isWhole !== 0) return;
    throw new TrainerError(
      'EngineUnavailable',
      `One of the ${this.threads} compute threads stopped answering. ` +
        'Go on from the last checkpoint; with fewer threads if it happens again.',
    );
  }

  /** Ends the helpers. Idempotent. */
  dispose(): void {
    for (const worker of this.#workers) worker.terminate();
    this.#workers.clear();
    this.#helpers.length = 0;
  }
}

/** Number of the command that a helper starts from: it waits for the next one. */
export function currentCommand(memory: WebAssembly.Memory, run: number): number {
  return Atomics.load(new Int32Array(memory.buffer, run, RUN_WORDS), wordOf(RUN, 'command'));
}
