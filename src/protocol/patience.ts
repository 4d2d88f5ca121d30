/**
 * Waiting for something that may never answer. Time counts in ticks of the thread that waits: hours in which
 * the machine slept, or the thread was stopped, blocked or throttled, are one tick and no reason to give up.
 */

declare function setTimeout(callback: () => void, delayMs: number): unknown;
declare function clearTimeout(timer: unknown): void;

/** Calls back once after about `delayMs`; what it returns calls that off. */
export type StartTimer = (callback: () => void, delayMs: number) => () => void;

export const startTimer: StartTimer = (callback, delayMs) => {
  const timer = setTimeout(callback, delayMs);
  return () => clearTimeout(timer);
};

const LONGEST_TICK_MS = 1000;
const FEWEST_TICKS = 10;

export interface PatienceOptions {
  readonly start?: StartTimer | undefined;
  /** Whether the present tick counts. Default: every tick does. */
  readonly counts?: (() => boolean) | undefined;
}

/** Calls back once when `limitMs` have been waited; what it returns calls that off. */
export function afterPatience(
  limitMs: number,
  callback: () => void,
  { start = startTimer, counts = () => true }: PatienceOptions = {},
): () => void {
  const tickMs = Math.min(LONGEST_TICK_MS, limitMs / FEWEST_TICKS);
  let ticksLeft = Math.ceil(limitMs / tickMs);
  const tick = (): void => {
    if (counts()) ticksLeft--;
    if (ticksLeft > 0) cancel = start(tick, tickMs);
    else callback();
  };
  let cancel = start(tick, tickMs);
  return () => cancel();
}
