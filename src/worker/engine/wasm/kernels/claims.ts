/**
 * Who does what: an operation's items are cut into shares, and whichever thread is free claims the next one, so
 * that a thread whose core is slower, or busy with something else, does less. Shares shrink towards the
 * end ("factoring", Hummel, Schonberg and Flynn 1992): few claims, and little left to wait for. What an
 * item computes does not depend on the share that it is in, so claims change no bit.
 */

import { CLAIMS, RECORD_WORDS } from './words';

/** Where this thread's share ends: each thread has an instance of its own, and so a variable of its own. */
let end = 0;


@inline
function claims<T>(record: T): usize {
  return changetype<usize>(record) + (usize(CLAIMS) << 2);
}

/** Number of the next share of a record that nobody has claimed. */
export function claim<T>(record: T): i32 {
  if (ASC_FEATURE_THREADS) return atomic.add<i32>(claims(record), 1);
  const share = load<i32>(claims(record));
  store<i32>(claims(record), share + 1);
  return share;
}

/**
 * Claims a share of a record's items: returns its first, or `items` where none is left; `shareEnd` then says where it
 * ends. One thread takes all in one share. Several get one each of half of what is left, over and over,
 * of no less than `least` items.
 */
export function claimShare<T>(record: T, items: i32, threads: i32, least: i32): i32 {
  let share = claim(record);
  let start = 0;
  let size = items;
  if (threads > 1) {
    size = max(least, items / (2 * threads));
    for (; share >= threads && start < items; share -= threads) {
      start += threads * size;
      size = max(least, (items - start) / (2 * threads));
    }
  }
  start = start < items ? min(items, start + share * size) : items;
  end = min(items, start + size);
  return start;
}


@inline
export function shareEnd(): i32 {
  return end;
}

/** First of the items that this thread does, or `items` where others have them all. */
@inline
export function firstItem<T>(record: T, items: i32, threads: i32): i32 {
  return claimShare(record, items, threads, 1);
}

/** The item that this thread does after `item`, or `items` where none is left. */
@inline
export function itemAfter<T>(record: T, item: i32, items: i32, threads: i32): i32 {
  return item + 1 < end ? item + 1 : claimShare(record, items, threads, 1);
}

/** Makes the records from `first` to `last` ready for their next run, while no other thread is at them. */
export function resetClaims(first: usize, last: usize): void {
  for (let record = first; record <= last; record += RECORD_WORDS << 2) store<i32>(claims<usize>(record), 0);
}
