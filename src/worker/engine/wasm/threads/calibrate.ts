/** How long a barrier spins before it sleeps, in turns of its loop, found out with whatever clock there is. */

/** Sleeping and waking costs about as much. */
const SPIN_MICROSECONDS = 50;
/** Turns between two looks at the clock: some 50 µs. */
const BATCH_TURNS = 20_000;
/** So many first, by which the loop is compiled as it will be. */
const WARM_UP_TURNS = 200_000;
/** Shorter than this nothing is measured: clocks that say 5 µs are not that steady. */
const LEAST_MS = 0.5;
/** About a second: a clock that stands still for so long tells nothing. */
const MOST_TURNS = 400_000_000;
/** No thread spins longer, whatever was measured: a nanosecond a turn is as fast as processors are. */
const MOST_SPINS = 50_000;

export interface SpinClock {
  /** Makes so many turns of the barrier's loop. */
  readonly spin: (turns: number) => void;
  /** Milliseconds of a monotonic clock, of any resolution. */
  readonly now: () => number;
}

/** Makes turns until the clock has moved by `ms`, however little that is; gives both. */
function spinUntilMoved(
  { spin, now }: SpinClock,
  ms: number,
): { readonly turns: number; readonly ms: number } {
  const start = now();
  let turns = 0;
  let moved = 0;
  do {
    spin(BATCH_TURNS);
    turns += BATCH_TURNS;
    moved = now() - start;
  } while ((moved <= 0 || moved < ms) && turns < MOST_TURNS);
  return { turns, ms: moved };
}

/**
 * Turns that take about 50 µs. Privacy settings round the clock to as much as 100 ms: the count begins
 * when the clock has just moved and ends when it moves again.
 */
export function calibrateSpins(clock: SpinClock): number {
  clock.spin(WARM_UP_TURNS);
  spinUntilMoved(clock, 0);
  const { turns, ms } = spinUntilMoved(clock, LEAST_MS);
  if (ms <= 0) return MOST_SPINS;
  return Math.min(MOST_SPINS, Math.ceil((turns * SPIN_MICROSECONDS) / (ms * 1000)));
}
