/** The words that stand for a run: what its draws are made from, and how its threads meet. */

import { inLines, wordsOf, type Values } from './fields.js';

export const RUN = inLines(
  {
    /** Key of the random streams, and updates done. */
    key0: 'int',
    key1: 'int',
    step: 'int',
    /** Evaluation: first test image, and how many rows count. */
    first: 'int',
    rows: 'int',
  },
  {
    /** Number of the last command to the helpers: run so many operations from `program` on. */
    command: 'int',
    program: 'address',
    operations: 'int',
    threads: 'int',
    /** For each helper 1 where it takes part in commands, else 0. */
    members: 'address',
    /** Turns of the barrier's loop before a thread sleeps. */
    spins: 'int',
    /** Milliseconds that a thread waits for another before it takes it for dead. */
    patience: 'int',
    /** Of the micro-kernel's tiles: 16, or 8, which 0 stands for. */
    tileColumns: 'int',
  },
  /** Threads that have arrived at the barrier. */
  { arrived: 'int' },
  {
    /** Times that all threads have met. */
    generation: 'int',
    sleepers: 'int',
    /** Whether a thread has waited in vain for another: the run's tensors are no longer whole. */
    isBroken: 'flag',
  },
);

export type RunValues = Values<typeof RUN>;
export const RUN_WORDS = wordsOf(RUN);
