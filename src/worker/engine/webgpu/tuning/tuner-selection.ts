/**
 * Picks the fastest of several candidates within a time limit. Knows neither tiles nor devices: it is given
 * what compiles and what measures, and a clock.
 */

/** Measures a candidate once; resolves with milliseconds. */
export type Measurement = () => Promise<number>;

/** Candidates for one purpose, the one to keep in doubt first. */
export interface Contest<T> {
  readonly candidates: readonly T[];
  /** Makes a candidate ready; null where the device refuses it. */
  readonly prepare: (candidate: T) => Promise<Measurement | null>;
}

export interface SelectionLimits {
  /** For all contests together, whatever has to be compiled included. */
  readonly budgetMs: number;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  /** Resolves when the budget is spent: what is under way then is not waited for. */
  readonly expired: Promise<void>;
}

/**
 * A candidate is as fast as its fastest of so many measurements, which take turns: a GPU that raises
 * its clock meanwhile favours none.
 */
const ROUNDS = 3;
/** Candidates slower than the best by this factor are not measured again; a clock that rises makes up less. */
const HOPELESS = 2;

interface Entry<T> {
  readonly candidate: T;
  readonly measure: Measurement;
  ms: number;
}

/**
 * The fastest candidate of each contest as far as it could be told; the first where nothing could.
 * Contests take turns too, so that none starves. Nothing is begun that would not end in time if it took as long as
 * the longest thing like it so far, and what takes longer yet is given up. Rejects where a measurement does.
 */
export async function pickFastest<T>(
  contests: readonly Contest<T>[],
  { budgetMs, now, expired }: SelectionLimits,
): Promise<readonly T[]> {
  const endsAt = now() + budgetMs;
  const entries = contests.map((): Entry<T>[] => []);
  const best = (contest: number): Entry<T> | undefined =>
    entries[contest]!.toSorted((a, b) => a.ms - b.ms)[0];

  /** Does `works` in order while there is time; resolves with whether there was for all. */
  const doInTime = async (works: readonly (() => Promise<void>)[]): Promise<boolean> => {
    let longestMs = 0;
    for (const work of works) {
      const startedAt = now();
      if (startedAt + longestMs > endsAt) return false;
      const done = work();
      // Given up, it may still fail: by then nobody asks.
      done.catch(() => undefined);
      const isLate = await Promise.race([done.then(() => false), expired.then(() => true)]);
      if (isLate) return false;
      longestMs = Math.max(longestMs, now() - startedAt);
    }
    return true;
  };

  const turns = Math.max(0, ...contests.map(({ candidates }) => candidates.length));
  const firsts = Array.from({ length: turns }, (_, turn) =>
    contests.flatMap(({ candidates, prepare }, contest) => {
      // A lone candidate has won.
      if (candidates.length < 2 || turn >= candidates.length) return [];
      return async (): Promise<void> => {
        const candidate = candidates[turn]!;
        const measure = await prepare(candidate);
        if (measure !== null) entries[contest]!.push({ candidate, measure, ms: await measure() });
      };
    }),
  );
  let hasTime = await doInTime(firsts.flat());
  for (let round = 1; hasTime && round < ROUNDS; round++) {
    const again = entries.flatMap((entered, contest) =>
      entered.map((entry) => async (): Promise<void> => {
        if (entry.ms <= HOPELESS * best(contest)!.ms) entry.ms = Math.min(entry.ms, await entry.measure());
      }),
    );
    hasTime = await doInTime(again);
  }
  return contests.map(({ candidates }, contest) => best(contest)?.candidate ?? candidates[0]!);
}
