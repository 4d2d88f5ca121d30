/**
 * How the threads meet: a barrier that spins for about 50 µs and then sleeps, and the wait of a helper
 * for its next command. With one thread nothing of it runs.
 */

import { resetShares } from './work-shares';
import { Run } from '../layout';

/** Address of the word of a field. */
@inline
function addressOf(run: Run, offset: usize): usize {
  return changetype<usize>(run) + offset;
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
 * Returns once all threads have come, with false where one did not come in time. The last one makes the group's
 * records, `first` to `last`, ready for their next run.
 */
export function meet(run: Run, threads: i32, first: usize, last: usize): bool {
  if (!ASC_FEATURE_THREADS) return true;
  const generation = addressOf(run, offsetof<Run>('generation'));
  const before = atomic.load<i32>(generation);
  if (atomic.add<i32>(addressOf(run, offsetof<Run>('arrived')), 1) == threads - 1) {
    atomic.store<i32>(addressOf(run, offsetof<Run>('arrived')), 0);
    resetShares(first, last);
    atomic.store<i32>(generation, before + 1);
    if (atomic.load<i32>(addressOf(run, offsetof<Run>('sleepers'))) > 0) atomic.notify(generation, -1);
    return true;
  }
  if (spinWhile(generation, before, run.spins)) return run.isBroken == 0;
  atomic.add<i32>(addressOf(run, offsetof<Run>('sleepers')), 1);
  const patience = i64(run.patience) * 1_000_000;
  let outcome = 0;
  while (atomic.load<i32>(generation) == before && outcome != 2) {
    outcome = atomic.wait<i32>(generation, before, patience);
  }
  atomic.sub<i32>(addressOf(run, offsetof<Run>('sleepers')), 1);
  if (outcome == 2 && atomic.load<i32>(generation) == before) {
    atomic.store<i32>(addressOf(run, offsetof<Run>('isBroken')), 1);
    return false;
  }
  return true;
}

/** Returns once a command other than `last` is given: its number. Sleeps without limit while none is. */
export function awaitCommand(run: Run, last: i32): i32 {
  if (!ASC_FEATURE_THREADS) return last;
  const command = addressOf(run, offsetof<Run>('command'));
  if (!spinWhile(command, last, run.spins)) {
    while (atomic.load<i32>(command) == last) atomic.wait<i32>(command, last, -1);
  }
  return atomic.load<i32>(command);
}
