/**
 * An engine that outlives its device: when the device is lost, refuses a command or runs out of memory,
 * a fresh engine goes on from the last state that was exported, makes the steps since then again, and
 * answers the call that failed. Streams depend on seed and step alone, so the steps come out the same;
 * their metrics are handed out once. Knows no engine by name.
 */

import type { ImageGrid } from '../../protocol/reports.js';
import { toErrorInfo, TrainerError } from '../../protocol/errors.js';
import { generateImageGrid } from './image-grid.js';
import type { NamedTensor } from '../model/parameters.js';
import type { Engine, EngineInfo, EngineState, StepMetrics } from './engine.js';
import type { Dataset } from '../data/dataset.js';

/** A device that goes more often than this in this time is given up. */
const MOST_RESTARTS = 3;
const RESTARTS_WITHIN_MS = 10 * 60_000;

export interface RecoveryOptions {
  /** Starts the engine, for the first time and again. */
  readonly start: () => Promise<Engine>;
  /** Engines to go on with once that one is given up, best first. */
  readonly next: readonly (() => Promise<Engine>)[];
  /** Of the images that the engines generate. */
  readonly imageShape: Dataset['imageShape'];
  /** Told after another engine has taken over, with the failure that made it necessary. */
  readonly onReplaced: (info: EngineInfo, failed: EngineInfo, failure: Error) => void;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
}

type Values = Float32Array<ArrayBuffer>;

/** Counts how often an engine was started again of late. */
class Restarts {
  readonly #now: () => number;
  #at: readonly number[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether another restart may be; it is counted. */
  claim(): boolean {
    const now = this.#now();
    this.#at = this.#at.filter((at) => now - at < RESTARTS_WITHIN_MS);
    if (this.#at.length >= MOST_RESTARTS) return false;
    this.#at = [...this.#at, now];
    return true;
  }
}

function isDeviceFailure(error: unknown): error is TrainerError {
  if (!(error instanceof TrainerError)) return false;
  return error.kind === 'DeviceLost' || error.kind === 'OutOfMemory' || error.kind === 'Internal';
}

class RecoveringEngine implements Engine {
  readonly #options: RecoveryOptions;
  readonly #restarts: Restarts;
  #inner: Engine;
  #next: readonly (() => Promise<Engine>)[];
  /** Where a fresh engine goes on from. */
  #kept: EngineState;
  /** Updates asked for and accepted. */
  #step: number;
  /** Updates whose metrics were handed out. */
  #handedOut: number;
  #owed: StepMetrics[] = [];
  #isDisposed = false;

  constructor(inner: Engine, state: EngineState, options: RecoveryOptions, restarts: Restarts) {
    this.#inner = inner;
    this.#kept = state;
    this.#step = state.step;
    this.#handedOut = state.step;
    this.#next = options.next;
    this.#options = options;
    this.#restarts = restarts;
  }

  get info(): EngineInfo {
    return this.#inner.info;
  }

  async advance(steps: number): Promise<readonly StepMetrics[]> {
    const metrics = await this.#attempt((inner) => inner.advance(steps));
    this.#step += steps;
    return this.#handOut(metrics);
  }

  async flush(): Promise<readonly StepMetrics[]> {
    return this.#handOut(await this.#attempt((inner) => inner.flush()));
  }

  countCorrect(first: number, count: number): Promise<number> {
    return this.#attempt((inner) => inner.countCorrect(first, count));
  }

  generate(latents: Values, count: number): Promise<Values> {
    return this.#attempt((inner) => inner.generate(latents, count));
  }

  generateGrid(latents: Values, count: number, columns: number): Promise<ImageGrid> {
    const { imageShape } = this.#options;
    return this.#attempt((inner) => generateImageGrid(inner, latents, count, columns, imageShape));
  }

  classify(images: Values, count: number): Promise<Values> {
    return this.#attempt((inner) => inner.classify(images, count));
  }

  async exportState(): Promise<EngineState> {
    const state = await this.#attempt((inner) => inner.exportState());
    this.#kept = state;
    return state;
  }

  async importState(state: EngineState): Promise<void> {
    await this.#attempt((inner) => inner.importState(state));
    this.#kept = state;
    this.#step = state.step;
    this.#handedOut = state.step;
    this.#owed = [];
  }

  inspectStep(): Promise<ReadonlyMap<string, NamedTensor>> {
    return this.#attempt((inner) => inner.inspectStep());
  }

  dispose(): void {
    this.#isDisposed = true;
    this.#inner.dispose();
  }

  /** Metrics not handed out before, in order. */
  #handOut(arrived: readonly StepMetrics[]): readonly StepMetrics[] {
    const fresh = [...this.#owed, ...arrived].filter(({ step }) => step > this.#handedOut);
    this.#owed = [];
    this.#handedOut = fresh.at(-1)?.step ?? this.#handedOut;
    return fresh;
  }

  async #attempt<T>(call: (inner: Engine) => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await call(this.#inner);
      } catch (error) {
        if (!isDeviceFailure(error) || this.#isDisposed) throw error;
        await this.#recover(error);
      }
    }
  }

  /** Puts another engine in place, at the step where the failed one stood; throws where none is left. */
  async #recover(failure: TrainerError): Promise<void> {
    const failed = this.#inner.info;
    let last: TrainerError = failure;
    for (;;) {
      const start = this.#nextStart();
      if (start === null) throw last;
      this.#inner.dispose();
      try {
        const inner = await start();
        this.#inner = inner;
        if (this.#isDisposed) {
          inner.dispose();
          throw failure;
        }
        await inner.importState(this.#kept);
        const replayed = [...(await inner.advance(this.#step - this.#kept.step)), ...(await inner.flush())];
        const known = this.#owed.at(-1)?.step ?? this.#handedOut;
        this.#owed.push(...replayed.filter(({ step }) => step > known));
        this.#options.onReplaced(inner.info, failed, failure);
        return;
      } catch (error) {
        if (this.#isDisposed) throw error;
        const { kind, message } = toErrorInfo(error);
        last = error instanceof TrainerError ? error : new TrainerError(kind, message, { cause: error });
      }
    }
  }

  #nextStart(): (() => Promise<Engine>) | null {
    const isFirstEngine = this.#next.length === this.#options.next.length;
    if (isFirstEngine && this.#restarts.claim()) return this.#options.start;
    const [start = null, ...rest] = this.#next;
    this.#next = rest;
    return start;
  }
}

/**
 * Starts an engine that outlives its device; it owns the one that runs, and those that take over. A device
 * that is lost before the engine is there counts like any other; what else goes wrong then is passed on,
 * since it would again.
 */
export async function startRecovering(options: RecoveryOptions): Promise<Engine> {
  const restarts = new Restarts(options.now);
  for (;;) {
    let engine: Engine | null = null;
    try {
      engine = await options.start();
      return new RecoveringEngine(engine, await engine.exportState(), options, restarts);
    } catch (error) {
      engine?.dispose();
      const isLost = error instanceof TrainerError && error.kind === 'DeviceLost';
      if (!isLost || !restarts.claim()) throw error;
    }
  }
}
