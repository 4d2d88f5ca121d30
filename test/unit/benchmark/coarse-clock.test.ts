/** Rates by clocks that see no time pass, as privacy settings make them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timeCalls } from '../../../src/worker/benchmark/micro-kernel.js';
import { timeRepeated, type SingleDispatch } from '../../../src/worker/benchmark/time-dispatch.js';

test('calls are timed until the clock has moved, and come to an end where it never does', () => {
  let ms = 0;
  const call = (): void => void (ms += 0.001);
  const coarse = timeCalls(call, () => 100 * Math.floor(ms / 100));
  assert.equal(coarse.ms, 100);
  assert.equal(coarse.calls, 100_000);
  const still = timeCalls(call, () => 0);
  assert.ok(still.ms > 0 && still.calls > 0);
});

test('a pass that seems to take no time is none of the fastest', async () => {
  const passes = [0, 0, 0, 100, 0, 100, 0];
  const ms = await timeRepeated(async () => passes.shift()!, {} as SingleDispatch, 50);
  assert.equal(ms, 100 / 8);
});
