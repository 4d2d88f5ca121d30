import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterPatience } from '../../src/protocol/patience.js';
import { Timers } from './support/timers.js';

test('patience ends after the limit, once, and leaves no timer', () => {
  const timers = new Timers();
  let ends = 0;
  afterPatience(20_000, () => ends++, timers);
  timers.pass(19_000);
  assert.equal(ends, 0);
  timers.pass(1_000);
  assert.equal(ends, 1);
  assert.equal(timers.count, 0);
});

test('patience that was called off does not end, whenever that was', () => {
  const timers = new Timers();
  const cancel = afterPatience(500, () => assert.fail(), timers);
  timers.pass(400);
  cancel();
  timers.pass(10_000);
  assert.equal(timers.count, 0);
});

test('hours in which the machine slept are no reason to lose patience', () => {
  const timers = new Timers();
  let hasEnded = false;
  afterPatience(60_000, () => (hasEnded = true), timers);
  for (let night = 0; night < 3; night++) timers.sleep(8 * 3_600_000);
  assert.equal(hasEnded, false);
  timers.pass(57_000);
  assert.equal(hasEnded, true);
});

test('time counts only where it is said to', () => {
  const timers = new Timers();
  let isVisible = false;
  let hasEnded = false;
  afterPatience(30_000, () => (hasEnded = true), { start: timers.start, counts: () => isVisible });
  timers.pass(3_600_000);
  assert.equal(hasEnded, false);
  isVisible = true;
  timers.pass(30_000);
  assert.equal(hasEnded, true);
});
