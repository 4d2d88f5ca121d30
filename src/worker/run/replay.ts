/**
 * How a run lets its engine make lost steps again: in portions of its own pace, reported, heard between two
 * of them whether the run is to rest. Makes no step itself.
 */

import type { Report } from '../../protocol/reports.js';
import { ReplayStopped, type ReplayPace } from '../engine/recovering-engine.js';
import { Pace } from './pace.js';

export interface ReplayOptions {
  readonly report: (report: Report) => void;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  /** Resolves after the commands that have arrived were given to the trainer. */
  readonly yieldToCommands: () => Promise<void>;
}

interface Waiting {
  readonly untilMs: number;
  readonly resolve: () => void;
}

export class Replay implements ReplayPace {
  readonly #options: ReplayOptions;
  readonly #waiting = new Set<Waiting>();
  #pace = new Pace();
  #isAllowed = true;
  #total = 0;
  #made = 0;
  #startedAt = 0;

  constructor(options: ReplayOptions) {
    this.#options = options;
  }

  /** From now on steps may be made again. */
  allow(): void {
    this.#isAllowed = true;
  }

  /** Breaks off what is under way, after its portion, and whatever would begin. */
  stop(): void {
    this.#isAllowed = false;
  }

  /** Settles as `work` does, or as `instead` where steps are being made again `limitMs` later. */
  async orAfter<T>(limitMs: number, work: Promise<T>, instead: () => T | Promise<T>): Promise<T> {
    let waiting: Waiting | null = null;
    const outlasted = new Promise<void>((resolve) => {
      waiting = { untilMs: this.#options.now() + limitMs, resolve };
      this.#waiting.add(waiting);
    });
    try {
      return await Promise.race([work, outlasted.then(instead)]);
    } finally {
      this.#waiting.delete(waiting!);
    }
  }

  begin(steps: number): void {
    this.#pace = new Pace();
    this.#total = steps;
    this.#made = 0;
    this.#report(true);
  }

  async hearCommands(): Promise<void> {
    await this.#options.yieldToCommands();
    const now = this.#options.now();
    for (const { untilMs, resolve } of this.#waiting) if (now >= untilMs) resolve();
    if (this.#isAllowed) return;
    this.#report(false);
    throw new ReplayStopped();
  }

  portion(left: number): number {
    this.#startedAt = this.#options.now();
    return Math.min(left, this.#pace.chunkSteps);
  }

  made(steps: number, left: number): void {
    this.#pace.measured(steps, this.#options.now() - this.#startedAt);
    this.#made += steps;
    this.#report(left > 0);
  }

  #report(isUnderWay: boolean): void {
    this.#options.report({ type: 'replay', stepsMade: this.#made, stepsTotal: this.#total, isUnderWay });
  }
}
