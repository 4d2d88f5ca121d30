/**
 * Dynamic scheduling of an operation over the threads: its items are cut into shares, and whichever thread is free
 * claims the next one from the operation's shared counter, so that a thread whose core is slower, or busy with something
 * else, does less. Shares shrink towards the end ("factoring", Hummel, Schonberg and Flynn 1992): few claims, and
 * little left to wait for. What an item computes does not depend on the share that it is in, so no bit depends on who
 * computes it.
 */

import { Operation, OPERATION_BYTES, SHARE_COUNTER } from '../layout';

/** Where this thread's share ends: each thread has an instance of its own, and so a variable of its own. */
let end = 0;


@inline
function counterOf(record: Operation): usize {
  return changetype<usize>(record) + SHARE_COUNTER;
}

/** Number of the next share of an operation that nobody has claimed. */
function claimNext(record: Operation): i32 {
  if (ASC_FEATURE_THREADS) return atomic.add<i32>(counterOf(record), 1);
  const share = load<i32>(counterOf(record));
  store<i32>(counterOf(record), share + 1);
  return share;
}

/** Claims an operation that one thread does alone: true for the first to ask. */
export function claimWhole(record: Operation): bool {
  return claimNext(record) == 0;
}

/**
 * Claims a share of an operation's items: returns its first, or `items` where none is left; `shareEnd` then says where
 * it ends. One thread takes all in one share. Several get one each of half of what is left, over and over,
 * of no less than `least` items.
 */
export function claimShare(record: Operation, items: i32, threads: i32, least: i32): i32 {
  let share = claimNext(record);
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
export function firstItem(record: Operation, items: i32, threads: i32): i32 {
  return claimShare(record, items, threads, 1);
}

/** The item that this thread does after `item`, or `items` where none is left. */
@inline
export function itemAfter(record: Operation, item: i32, items: i32, threads: i32): i32 {
  return item + 1 < end ? item + 1 : claimShare(record, items, threads, 1);
}

/** Makes the operations from `first` to `last` ready for their next run, while no other thread is at them. */
export function resetShares(first: usize, last: usize): void {
  for (let record = first; record <= last; record += OPERATION_BYTES) {
    store<i32>(counterOf(changetype<Operation>(record)), 0);
  }
}
