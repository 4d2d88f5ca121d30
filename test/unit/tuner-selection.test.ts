/** Picking the fastest candidate, on a clock that only the fakes move. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pickFastest, type Contest } from '../../src/worker/engine/webgpu/tuning/tuner-selection.js';
import { Clock } from './support/trainer.js';

interface Speeds {
  /** Milliseconds of each measurement in turn, the last one for all further; null where the device refuses. */
  readonly [candidate: string]: readonly number[] | null;
}

const never = new Promise<void>(() => undefined);
const limitsOf = (clock: Clock) => ({ budgetMs: 1000, now: clock.now, expired: never });

/** A contest whose every compilation takes `compileMs`; `log` takes what was done. */
function contest(clock: Clock, speeds: Speeds, compileMs = 10, log: string[] = []): Contest<string> {
  return {
    candidates: Object.keys(speeds),
    prepare: async (candidate) => {
      clock.ms += compileMs;
      log.push(`compile ${candidate}`);
      const times = speeds[candidate]!;
      if (times === null) return null;
      let done = 0;
      return async () => {
        const ms = times[Math.min(done++, times.length - 1)]!;
        clock.ms += ms;
        log.push(`measure ${candidate}`);
        return ms;
      };
    },
  };
}

test('the fastest candidate of each contest is picked', async () => {
  const clock = new Clock();
  const contests = [
    contest(clock, { a: [5], b: [3], c: [4] }),
    contest(clock, { d: [1], e: [2] }),
    contest(clock, { f: [9], g: [9], h: [8] }),
  ];
  assert.deepEqual(await pickFastest(contests, limitsOf(clock)), ['b', 'd', 'h']);
});

test('a candidate is as fast as its fastest measurement, so a clock that rises favours none', async () => {
  const clock = new Clock();
  // The first to be measured finds the GPU still asleep.
  const contests = [contest(clock, { a: [6, 2], b: [4, 3] })];
  assert.deepEqual(await pickFastest(contests, limitsOf(clock)), ['a']);
});

test('what is far behind is measured once, the rest three times in turns', async () => {
  const clock = new Clock();
  const log: string[] = [];
  await pickFastest([contest(clock, { a: [4], b: [100], c: [5] }, 10, log)], limitsOf(clock));
  const measured = log.filter((line) => line.startsWith('measure')).map((line) => line.slice(-1));
  assert.deepEqual(measured, ['a', 'b', 'c', 'a', 'c', 'a', 'c']);
});

test('the first candidates are measured before any other, and win where time is up', async () => {
  const clock = new Clock();
  const log: string[] = [];
  const contests = [
    contest(clock, { a: [50], b: [1] }, 450, log),
    contest(clock, { c: [50], d: [1] }, 450, log),
  ];
  assert.deepEqual(await pickFastest(contests, limitsOf(clock)), ['a', 'c']);
  assert.deepEqual(log, ['compile a', 'measure a', 'compile c', 'measure c']);
});

test('the best so far wins where time is up, and nothing is begun that would not end in time', async () => {
  const clock = new Clock();
  const contests = [contest(clock, { a: [50], b: [20], c: [10], d: [5] }, 230)];
  assert.deepEqual(await pickFastest(contests, limitsOf(clock)), ['c']);
  assert.ok(clock.ms <= 1000, `${clock.ms} ms`);
});

test('a candidate that the device refuses is passed over, the first where all are', async () => {
  const clock = new Clock();
  const contests = [contest(clock, { a: null, b: [3], c: null }), contest(clock, { d: null, e: null })];
  assert.deepEqual(await pickFastest(contests, limitsOf(clock)), ['b', 'd']);
});

test('a lone candidate is not measured', async () => {
  const clock = new Clock();
  const log: string[] = [];
  assert.deepEqual(await pickFastest([contest(clock, { a: [1] }, 10, log)], limitsOf(clock)), ['a']);
  assert.deepEqual(log, []);
});

test('a measurement that fails ends the choice', async () => {
  const failing: Contest<string> = {
    candidates: ['a', 'b'],
    prepare: async () => () => Promise.reject(new Error('lost')),
  };
  await assert.rejects(pickFastest([failing], limitsOf(new Clock())), /lost/);
});

test('what is under way when time is up is given up, and may fail afterwards', async () => {
  const clock = new Clock();
  let expire = (): void => undefined;
  let failLate = (_error: Error): void => undefined;
  const expired = new Promise<void>((resolve) => {
    expire = resolve;
  });
  const stuck: Contest<string> = {
    candidates: ['a', 'b', 'c'],
    prepare: async (candidate) => {
      if (candidate !== 'c') return async () => (candidate === 'a' ? 2 : 1);
      expire();
      return new Promise((_, reject) => {
        failLate = reject;
      });
    },
  };
  assert.deepEqual(await pickFastest([stuck], { ...limitsOf(clock), expired }), ['b']);
  failLate(new Error('too late'));
});
