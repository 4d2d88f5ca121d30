/** Starting one engine: within limits, with recovery where it has that, and freed where the run is given up meanwhile. */

import type { EngineReport } from '../../protocol/engines.js';
import type { StartTimer } from '../../protocol/patience.js';
import {
  ABANDONED_START_LIMIT_MS,
  AUTOMATIC_START_LIMIT_MS,
  REQUESTED_START_LIMIT_MS,
} from '../../protocol/time-limits.js';
import { answerWithin, NoAnswer } from './device/answer.js';
import type { EngineEntry } from './engine-entry.js';
import type { Engine, EngineInput } from './engine.js';
import type { Measuring } from './fastest-engine.js';
import { startRecovering, type ReplayPace } from './recovering-engine.js';

/** Waits at most so long for anything of an engine's making. */
export interface Waiting {
  /** Aborted, with the reason, where the run is given up: nothing more is started then. */
  readonly signal?: AbortSignal | undefined;
  /** Another clock than the thread's, for tests. */
  readonly start?: StartTimer | undefined;
}

/** Why an engine is passed over that was tried. */
export function reasonOf(error: unknown): 'noAnswer' | 'failedToStart' {
  return error instanceof NoAnswer ? 'noAnswer' : 'failedToStart';
}

/** An engine that runs, and the report that says why it is this one. The caller disposes the engine. */
export interface StartedEngine {
  readonly engine: Engine;
  readonly report: EngineReport;
}

/** What an engine that outlives its device needs of its surroundings. */
export interface Surroundings {
  /** Told when another engine has taken over. */
  readonly report: (report: EngineReport) => void;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  /** In what portions lost steps are made again. */
  readonly replay: ReplayPace;
  /** How `auto` compares engines; left out where it takes the first. */
  readonly measuring?: Measuring | undefined;
}

/** Makes an engine; rejects with `NoAnswer` where nothing comes of it, and frees one that comes too late. */
export function createWithin(entry: EngineEntry, input: EngineInput, { start }: Waiting): Promise<Engine> {
  const isChosen = input.settings.engine !== 'auto';
  return answerWithin(entry.create(input), {
    what: `The engine "${entry.name}"`,
    limitMs: isChosen ? REQUESTED_START_LIMIT_MS : AUTOMATIC_START_LIMIT_MS,
    onLate: (engine) => engine.dispose(),
    start,
  });
}

/**
 * Starts an engine that goes on after its device is lost: on a fresh one, then on the candidates after it. `made` is
 * the first one, where it is there already.
 */
export function startWithRecovery(
  entry: EngineEntry,
  later: readonly EngineEntry[],
  input: EngineInput,
  { report, now, replay }: Surroundings,
  waiting: Waiting,
  made: Engine | null = null,
): Promise<Engine> {
  let first = made;
  return startRecovering({
    start: async () => {
      const ready = first;
      first = null;
      return ready ?? createWithin(entry, input, waiting);
    },
    next: later.map((other) => () => createWithin(other, input, waiting)),
    imageShape: input.dataset.imageShape,
    onReplaced: (info, failed, failure) => {
      const passedOver = [{ engine: failed.engine, reason: 'deviceLost', detail: failure.message } as const];
      report({ type: 'engine', ...info, reason: 'deviceLost', passedOver });
    },
    replay,
    now,
  });
}

/**
 * Settles as `starting` does, unless the run is given up: then it waits only a little for what was begun,
 * frees what comes of it, and rejects with the signal's reason.
 */
export function unlessGivenUp<T>(
  starting: Promise<T>,
  free: (started: T) => void,
  { signal, start }: Waiting,
): Promise<T> {
  if (signal === undefined) return starting;
  return new Promise((resolve, reject) => {
    const giveUp = (): void => {
      const freed = starting.then(free, () => undefined);
      const options = { what: 'The engine', limitMs: ABANDONED_START_LIMIT_MS, start };
      const end = (): void => reject(signal.reason as Error);
      answerWithin(freed, options).then(end, end);
    };
    signal.addEventListener('abort', giveUp, { once: true });
    const settle = (then: () => void): void => {
      signal.removeEventListener('abort', giveUp);
      if (!signal.aborted) then();
    };
    starting.then(
      (started) => settle(() => resolve(started)),
      (error: unknown) => settle(() => reject(error)),
    );
  });
}
