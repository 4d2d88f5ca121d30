/**
 * The failure of a device, which may come at any time: remembered, thrown by the next call, and
 * raced against whatever waits for the device, so that nothing waits forever. A device that says nothing
 * while it is waited for has failed too, after a limit.
 */

import { TrainerError } from '../../../protocol/errors.js';
import { afterPatience, type StartTimer } from '../../../protocol/patience.js';
import { NoAnswer } from './answer.js';

export interface WatchOptions {
  /** How long the device may say nothing while something waits for it. Left out: for ever. */
  readonly silenceLimitMs?: number | undefined;
  readonly start?: StartTimer | undefined;
}

export class FailureWatch {
  #failure: TrainerError | null = null;
  readonly #waiting = new Set<(failure: TrainerError) => void>();
  readonly #start: StartTimer | undefined;
  #silenceLimitMs: number;
  /** Calls off the end of patience; null while nothing waits. */
  #cancelSilence: (() => void) | null = null;

  constructor({ silenceLimitMs = Infinity, start }: WatchOptions = {}) {
    this.#silenceLimitMs = silenceLimitMs;
    this.#start = start;
  }

  /** Another limit, from now on. */
  setSilenceLimit(limitMs: number): void {
    this.#silenceLimitMs = limitMs;
    this.#awaitAnswer();
  }

  /** The first failure; null while all is well. */
  get failure(): TrainerError | null {
    return this.#failure;
  }

  /** Fails everything that waits. What comes after the first failure is only its consequence. */
  fail(failure: TrainerError): void {
    if (this.#failure !== null) return;
    this.#failure = failure;
    for (const reject of this.#waiting) reject(failure);
    this.#waiting.clear();
    this.#awaitAnswer();
  }

  /** Throws the failure where there is one. */
  check(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  /** Settles as `work` does, or rejects as soon as the device fails. */
  guard<T>(work: Promise<T>): Promise<T> {
    // Not Promise.race with one long-lived promise: each race would leave a reaction on it.
    return new Promise<T>((resolve, reject) => {
      const settle = (then: () => void): void => {
        this.#waiting.delete(reject);
        this.#awaitAnswer();
        then();
      };
      // First of all: work that fails after the device did must find somebody who hears it.
      work.then(
        (value) => settle(() => resolve(value)),
        (error: unknown) => settle(() => reject(this.#failure ?? toTrainerError(error))),
      );
      this.check();
      this.#waiting.add(reject);
      if (this.#cancelSilence === null) this.#awaitAnswer();
    });
  }

  /** Begins to count anew: something was answered, or something waits where nothing did. */
  #awaitAnswer(): void {
    this.#cancelSilence?.();
    this.#cancelSilence = null;
    if (this.#waiting.size === 0 || this.#silenceLimitMs === Infinity) return;
    const limitMs = this.#silenceLimitMs;
    this.#cancelSilence = afterPatience(
      limitMs,
      () => {
        this.#cancelSilence = null;
        this.fail(new NoAnswer('The GPU', limitMs, 'DeviceLost'));
      },
      { start: this.#start },
    );
  }
}

/** Names what a backend throws where memory or the device is the cause; the rest stays as it is. */
export function toTrainerError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof TrainerError) return error;
  const { name, message } = error;
  if (/out of memory|OOM|allocation failed|Invalid (typed )?array( buffer)? length/i.test(message)) {
    const advice = 'Choose a smaller batch, or close other tabs.';
    return new TrainerError('OutOfMemory', `The engine ran out of memory: ${message}. ${advice}`, {
      cause: error,
    });
  }
  // What mapping a GPU buffer gives when its device goes away under it.
  if (name === 'AbortError' || name === 'OperationError') {
    return new TrainerError('DeviceLost', `The GPU device was lost while it was read: ${message}`, {
      cause: error,
    });
  }
  return error;
}
