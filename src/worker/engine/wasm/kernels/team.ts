/**
 * How the threads meet: a barrier that spins for about 50 µs and then sleeps, and the wait of a helper
 * for its next command. With one thread nothing of it runs.
 */

import { resetClaims } from './claims';
import {
  TEAM_ARRIVED,
  TEAM_BROKEN,
  TEAM_COMMAND,
  TEAM_GENERATION,
  TEAM_PATIENCE,
  TEAM_SLEEPERS,
  TEAM_SPINS,
} from './words';


@inline
function at(run: usize, word: i32): usize {
  return run + (usize(word) << 2);
}

/** Spins `spins` times at most while the word keeps its value; true where it has changed. */
export function spinWhile(word: usize, value: i32, spins: i32): bool {
  if (!ASC_FEATURE_THREADS) return true;
  for (; spins > 0; spins--) {
    if (atomic.load<i32>(word) != value) return true;
  }
  return false;
}

/**
 * Returns once all threads have come, with false where one did not come in time. The last one makes the wave's
 * records, `first` to `last`, ready for their next run.
 */
export function meet(run: usize, threads: i32, first: usize, last: usize): bool {
  if (!ASC_FEATURE_THREADS) return true;
  const generation = at(run, TEAM_GENERATION);
  const before = atomic.load<i32>(generation);
  if (atomic.add<i32>(at(run, TEAM_ARRIVED), 1) == threads - 1) {
    atomic.store<i32>(at(run, TEAM_ARRIVED), 0);
    resetClaims(first, last);
    atomic.store<i32>(generation, before + 1);
    if (atomic.load<i32>(at(run, TEAM_SLEEPERS)) > 0) atomic.notify(generation, -1);
    return true;
  }
  if (spinWhile(generation, before, load<i32>(at(run, TEAM_SPINS))))
    return load<i32>(at(run, TEAM_BROKEN)) == 0;
  atomic.add<i32>(at(run, TEAM_SLEEPERS), 1);
  const patience = i64(load<i32>(at(run, TEAM_PATIENCE))) * 1_000_000;
  let outcome = 0;
  while (atomic.load<i32>(generation) == before && outcome != 2) {
    outcome = atomic.wait<i32>(generation, before, patience);
  }
  atomic.sub<i32>(at(run, TEAM_SLEEPERS), 1);
  if (outcome == 2 && atomic.load<i32>(generation) == before) {
    atomic.store<i32>(at(run, TEAM_BROKEN), 1);
    return false;
  }
  return true;
}

/** Returns once a command other than `last` is given: its number. Sleeps without limit while none is. */
export function awaitCommand(run: usize, last: i32): i32 {
  if (!ASC_FEATURE_THREADS) return last;
  const command = at(run, TEAM_COMMAND);
  if (!spinWhile(command, last, load<i32>(at(run, TEAM_SPINS)))) {
    while (atomic.load<i32>(command) == last) atomic.wait<i32>(command, last, -1);
  }
  return atomic.load<i32>(command);
}
