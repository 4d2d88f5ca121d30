/**
 * Whose turn it is. Contenders take turns, so that whatever else the machine does falls on all of them: those
 * of a budget by the time they have used, so that a slow one keeps nobody waiting, those of a fixed number by
 * their turns. Knows nothing of engines; time is given, not looked at.
 */

import type { Pacing } from '../../protocol/benchmark/pacing.js';
import { uncertaintyOf } from '../../protocol/benchmark/statistics.js';

interface Taker {
  /** Milliseconds that its next turn is going to take. */
  expectedMs: number;
  usedMs: number;
  turns: number;
  /** Milliseconds a step, of every sample so far. */
  readonly samples: number[];
  isOut: boolean;
}

export class Turns {
  readonly #pacing: Pacing;
  readonly #takers: readonly Taker[];
  readonly #deadline: number;

  /**
   * `expectedMs`: what a turn of each is going to take. `deadline`: when no turn may begin any more, on the
   * clock that `next` is given; Infinity without a budget.
   */
  constructor(pacing: Pacing, expectedMs: readonly number[], deadline: number) {
    this.#pacing = pacing;
    this.#deadline = pacing.budgetMs === null ? Infinity : deadline;
    this.#takers = expectedMs.map((ms) => ({
      expectedMs: ms,
      usedMs: 0,
      turns: 0,
      samples: [],
      isOut: false,
    }));
  }

  /** Index of the next, null when all have had enough. Everyone gets one turn at least. */
  next(now: number): number | null {
    const waiting = this.#takers.filter((taker) => !this.#hasEnough(taker, now));
    if (waiting.length === 0) return null;
    const used = ({ turns, usedMs }: Taker): number => (this.#pacing.budgetMs === null ? turns : usedMs);
    // Sorting is stable: of equals, the first in the order of the contenders.
    const [first] = [...waiting].sort((a, b) => used(a) - used(b));
    return this.#takers.indexOf(first!);
  }

  /** Notes a turn that was taken: how long it was, and its samples in milliseconds a step. */
  took(index: number, ms: number, samples: readonly number[]): void {
    const taker = this.#takers[index]!;
    taker.turns++;
    taker.usedMs += ms;
    taker.expectedMs = ms;
    taker.samples.push(...samples);
  }

  /** Takes one out that has failed. */
  drop(index: number): void {
    this.#takers[index]!.isOut = true;
  }

  samplesOf(index: number): readonly number[] {
    return this.#takers[index]!.samples;
  }

  /** Turns taken by all. */
  get taken(): number {
    return this.#takers.reduce((sum, { turns }) => sum + turns, 0);
  }

  /** Milliseconds that the turns take at most from now on. */
  leftMs(now: number): number {
    const left = this.#takers.filter((taker) => !this.#hasEnough(taker, now));
    const first = left
      .filter(({ turns }) => turns === 0)
      .reduce((sum, { expectedMs }) => sum + expectedMs, 0);
    const all = left.reduce(
      (sum, { expectedMs, turns }) => sum + expectedMs * (this.#pacing.mostTurns - turns),
      0,
    );
    return left.length === 0 ? 0 : Math.min(Math.max(this.#deadline - now, first), Math.max(all, 0));
  }

  #hasEnough({ turns, expectedMs, samples, isOut }: Taker, now: number): boolean {
    const { leastTurns, mostTurns, steadyWithin } = this.#pacing;
    if (isOut || turns >= mostTurns) return true;
    if (turns === 0) return false;
    if (now + expectedMs > this.#deadline) return true;
    return steadyWithin !== null && turns >= leastTurns && uncertaintyOf(samples) <= steadyWithin;
  }
}
