/**
 * The failure of a device, which may come at any time: remembered, thrown by the next call, and
 * raced against whatever waits for the device, so that nothing waits forever.
 */

import { TrainerError } from '../../../protocol/errors.js';

export class FailureWatch {
  #failure: TrainerError | null = null;
  readonly #waiting = new Set<(failure: TrainerError) => void>();

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
  }

  /** Throws the failure where there is one. */
  check(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  /** Settles as `work` does, or rejects as soon as the device fails. */
  guard<T>(work: Promise<T>): Promise<T> {
    // Not Promise.race with one long-lived promise: each race would leave a reaction on it.
    return new Promise<T>((resolve, reject) => {
      this.check();
      this.#waiting.add(reject);
      const settle = (then: () => void): void => {
        this.#waiting.delete(reject);
        then();
      };
      work.then(
        (value) => settle(() => resolve(value)),
        (error: unknown) => settle(() => reject(this.#failure ?? toTrainerError(error))),
      );
    });
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
