/** Waiting for a driver's answer, with an end: what never answers is told apart from what refuses. */

import { TrainerError, type ErrorKind } from '../../../protocol/errors.js';
import { afterPatience, type StartTimer } from '../../../protocol/patience.js';

/** Nothing came within a limit. To ask the same driver again is of no use. */
export class NoAnswer extends TrainerError {
  /** Tells it from its kind's other errors, whichever copy of this file has thrown it. */
  readonly isNoAnswer = true;

  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof Error && (value as Partial<NoAnswer>).isNoAnswer === true;
  }

  constructor(what: string, limitMs: number, kind: ErrorKind = 'EngineUnavailable') {
    super(kind, `${what} did not answer within ${limitMs / 1000} s.`);
  }
}

export interface AnswerOptions<T> {
  /** Who is waited for, as the beginning of a sentence. */
  readonly what: string;
  readonly limitMs: number;
  /** Given what comes after all, once nobody waits for it. */
  readonly onLate?: ((late: T) => void) | undefined;
  readonly start?: StartTimer | undefined;
}

/** Settles as `work` does, or rejects with `NoAnswer` after the limit. */
export function answerWithin<T>(
  work: Promise<T>,
  { what, limitMs, onLate, start }: AnswerOptions<T>,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let isOver = false;
    const cancel = afterPatience(
      limitMs,
      () => {
        isOver = true;
        reject(new NoAnswer(what, limitMs));
      },
      { start },
    );
    work.then(
      (value) => {
        cancel();
        if (isOver) onLate?.(value);
        else resolve(value);
      },
      (error: unknown) => {
        cancel();
        reject(error);
      },
    );
  });
}
