/**
 * An engine that outlives its device: when the device is lost, says nothing more, refuses a command or runs
 * out of memory, a fresh engine goes on from the last state that was exported, makes the steps since then
 * again, in portions, and answers the call that failed. Streams depend on seed and step alone, so the steps
 * come out the same; their metrics are handed out once. Knows no engine by name.
 */

import type { ImageGrid } from '../../protocol/reports.js';
import { toErrorInfo, TrainerError } from '../../protocol/errors.js';
import { NoAnswer } from './device/answer.js';
import { generateImageGrid } from './image-grid.js';
import type { NamedTensor } from '../model/parameters.js';
import type { Engine, EngineInfo, EngineState, StepMetrics } from './engine.js';
import type { ParameterSet } from '../../recipe/recipe.js';
import type { Dataset } from '../data/dataset.js';

/** A device that goes more often than this in this time is given up. */
const MOST_RESTARTS = 3;
const RESTARTS_WITHIN_MS = 10 * 60_000;

/** How steps that were lost are made again: in portions, between which the run may break it off. */
export interface ReplayPace {
  /** Told before the first of `steps` steps, on an engine whose speed is not known. */
  begin(steps: number): void;
  /** Resolves once commands were heard; rejects with `ReplayStopped` where the run is to rest. */
  hearCommands(): Promise<void>;
  /** Steps that the next portion may have, `left` at most. */
  portion(left: number): number;
  /** Told after each portion, with the steps that are left. */
  made(steps: number, left: number): void;
}

/** Making lost steps again was broken off. The next call goes on with it. */
export class ReplayStopped extends TrainerError {
  /** Of the steps that the broken call was to make, beyond those lost, so many were made. */
  readonly stepsMade: number;

  constructor(stepsMade = 0) {
    super('Aborted', 'Making steps again after the device was lost was broken off.');
    this.stepsMade = stepsMade;
  }
}

export interface RecoveryOptions {
  /** Starts the engine, for the first time and again. */
  readonly start: () => Promise<Engine>;
  /** Engines to go on with once that one is given up, best first. */
  readonly next: readonly (() => Promise<Engine>)[];
  /** Of the images that the engines generate. */
  readonly imageShape: Dataset['imageShape'];
  /** Told after another engine has taken over, with the failure that made it necessary. */
  readonly onReplaced: (info: EngineInfo, failed: EngineInfo, failure: Error) => void;
  readonly replay: ReplayPace;
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

function asTrainerError(error: unknown): TrainerError {
  if (error instanceof TrainerError) return error;
  const { kind, message } = toErrorInfo(error);
  return new TrainerError(kind, message, { cause: error });
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
  /** Updates that the present engine has made; fewer where it has to make some again. */
  #innerStep: number;
  /** Updates whose metrics were handed out. */
  #handedOut: number;
  #owed: StepMetrics[] = [];
  /** The engine that the present one replaces, until that has shown that it works. */
  #replaced: { readonly info: EngineInfo; readonly failure: Error } | null = null;
  #replacements = 0;
  /** A device that does not answer is not asked again. */
  #isSilent = false;
  #isDisposed = false;

  constructor(inner: Engine, state: EngineState, options: RecoveryOptions, restarts: Restarts) {
    this.#inner = inner;
    this.#kept = state;
    this.#step = state.step;
    this.#innerStep = state.step;
    this.#handedOut = state.step;
    this.#next = options.next;
    this.#options = options;
    this.#restarts = restarts;
  }

  get info(): EngineInfo {
    return this.#inner.info;
  }

  get evaluationSlice(): number {
    return this.#inner.evaluationSlice;
  }

  get joinsSlices(): boolean {
    return this.#inner.joinsSlices;
  }

  async advance(steps: number): Promise<readonly StepMetrics[]> {
    const { replay } = this.#options;
    const replacements = this.#replacements;
    let left = steps;
    const made = (count: number): void => {
      left -= count;
      this.#step += count;
      this.#innerStep += count;
    };
    const makeAll = async (inner: Engine): Promise<readonly StepMetrics[]> => {
      if (this.#replacements === replacements) {
        const metrics = await inner.advance(steps);
        made(steps);
        return metrics;
      }
      // As many were asked of an engine that is gone; for this one they may be far too many at a time.
      replay.begin(left);
      while (left > 0) {
        await replay.hearCommands();
        const portion = replay.portion(left);
        const metrics = await this.#makePortion(inner, portion);
        made(portion);
        this.#owed.push(...metrics);
        replay.made(portion, left);
      }
      return [];
    };
    try {
      return this.#handOut(await this.#attempt(makeAll));
    } catch (error) {
      throw error instanceof ReplayStopped ? new ReplayStopped(steps - left) : error;
    }
  }

  async flush(): Promise<readonly StepMetrics[]> {
    return this.#handOut(await this.#attempt((inner) => inner.flush()));
  }

  countCorrect(first: number, count: number): Promise<number> {
    const replacements = this.#replacements;
    return this.#attempt(async (inner) => {
      if (this.#replacements === replacements) return inner.countCorrect(first, count);
      // Likewise: the images were as many as suited the engine that is gone.
      let correct = 0;
      for (let done = 0; done < count; done += inner.evaluationSlice) {
        await this.#options.replay.hearCommands();
        const images = Math.min(inner.evaluationSlice, count - done);
        correct += await inner.countCorrect(first + done, images);
      }
      return correct;
    });
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

  features(images: Values, count: number, parameters: ParameterSet): Promise<Values> {
    return this.#attempt((inner) => inner.features(images, count, parameters));
  }

  async exportState(): Promise<EngineState> {
    const state = await this.#attempt((inner) => inner.exportState());
    this.#kept = state;
    return state;
  }

  async importState(state: EngineState): Promise<void> {
    const step = this.#step;
    // Steps that are to be made again would be of no use.
    this.#step = this.#kept.step;
    try {
      await this.#attempt((inner) => inner.importState(state));
    } catch (error) {
      this.#step = step;
      throw error;
    }
    this.#kept = state;
    this.#step = state.step;
    this.#innerStep = state.step;
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
        await this.#catchUp();
        const result = await call(this.#inner);
        this.#showReplaced();
        return result;
      } catch (error) {
        if (!isDeviceFailure(error) || this.#isDisposed) throw error;
        await this.#recover(error);
      }
    }
  }

  /** Makes the steps again that the present engine lacks. What goes wrong there is a failure of the device. */
  async #catchUp(): Promise<void> {
    const { replay } = this.#options;
    const behind = (): number => this.#step - this.#innerStep;
    if (behind() <= 0) return;
    replay.begin(behind());
    while (behind() > 0) {
      await replay.hearCommands();
      const portion = replay.portion(behind());
      let again: readonly StepMetrics[];
      try {
        again = await this.#makePortion(this.#inner, portion);
      } catch (error) {
        const { message } = asTrainerError(error);
        throw isDeviceFailure(error) ? error : new TrainerError('Internal', message, { cause: error });
      }
      this.#innerStep += portion;
      const known = this.#owed.at(-1)?.step ?? this.#handedOut;
      this.#owed.push(...again.filter(({ step }) => step > known));
      replay.made(portion, behind());
    }
  }

  /** Steps with all their metrics: a portion is measured, so it is over when the device is through with it. */
  async #makePortion(inner: Engine, steps: number): Promise<readonly StepMetrics[]> {
    const metrics = [...(await inner.advance(steps)), ...(await inner.flush())];
    this.#showReplaced();
    return metrics;
  }

  /** Tells of the present engine once it has shown that it works. */
  #showReplaced(): void {
    if (this.#replaced === null) return;
    const { info, failure } = this.#replaced;
    this.#replaced = null;
    this.#options.onReplaced(this.#inner.info, info, failure);
  }

  /** Puts another engine in place, at the state that was kept; throws where none is left. */
  async #recover(failure: TrainerError): Promise<void> {
    this.#replaced ??= { info: this.#inner.info, failure };
    let last = failure;
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
        this.#innerStep = this.#kept.step;
        this.#replacements++;
        return;
      } catch (error) {
        if (this.#isDisposed) throw error;
        this.#isSilent ||= error instanceof NoAnswer;
        last = asTrainerError(error);
      }
    }
  }

  #nextStart(): (() => Promise<Engine>) | null {
    const isFirstEngine = this.#next.length === this.#options.next.length;
    if (isFirstEngine && !this.#isSilent && this.#restarts.claim()) return this.#options.start;
    const [start = null, ...rest] = this.#next;
    this.#next = rest;
    return start;
  }
}

/** What may be otherwise on a fresh device. A driver that does not answer would not answer again. */
function isWorthAnother(error: unknown): boolean {
  if (!(error instanceof TrainerError) || error instanceof NoAnswer) return false;
  return error.kind === 'DeviceLost' || error.kind === 'OutOfMemory';
}

/**
 * Starts an engine that outlives its device; it owns the one that runs, and those that take over. A device
 * that is lost or runs out of memory before the engine is there counts like any other; what else goes wrong
 * then is passed on, since it would again.
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
      if (!isWorthAnother(error) || !restarts.claim()) throw error;
    }
  }
}
