import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pace } from '../../src/worker/run/pace.js';

test('a chunk begins with one step and stays one where a step takes long', () => {
  const pace = new Pace();
  assert.equal(pace.chunkSteps, 1);
  pace.measured(1, 7000);
  pace.measured(1, 41);
  assert.equal(pace.chunkSteps, 1);
});

test('a chunk grows at most twofold, to what fits into 40 ms', () => {
  const pace = new Pace();
  const sizes = Array.from({ length: 6 }, () => {
    pace.measured(pace.chunkSteps, pace.chunkSteps * 4);
    return pace.chunkSteps;
  });
  assert.deepEqual(sizes, [2, 4, 8, 10, 10, 10]);
});

test('a chunk shrinks at once when steps become slow, never below one', () => {
  const pace = new Pace();
  for (let i = 0; i < 5; i++) pace.measured(pace.chunkSteps, pace.chunkSteps);
  pace.measured(pace.chunkSteps, 10_000);
  assert.equal(pace.chunkSteps, 1);
});

test('a chunk cut short by an evaluation leaves the size as it is', () => {
  const pace = new Pace();
  for (let i = 0; i < 5; i++) pace.measured(pace.chunkSteps, pace.chunkSteps);
  const before = pace.chunkSteps;
  pace.measured(1, 1);
  assert.ok(pace.chunkSteps >= before);
});

test('a clock that sees no time pass gives a finite pace', () => {
  const pace = new Pace();
  pace.measured(1, 0);
  pace.measured(2, 0);
  assert.ok(Number.isFinite(pace.stepsPerSecond));
  for (let i = 0; i < 30; i++) pace.measured(pace.chunkSteps, 0);
  assert.equal(pace.chunkSteps, 1024);
});

test('the pace is that of the last two seconds, without the first step, which compiles', () => {
  const pace = new Pace();
  assert.equal(pace.stepsPerSecond, 0);
  pace.measured(1, 5000);
  assert.equal(pace.stepsPerSecond, 0.2);
  pace.measured(1, 100);
  assert.equal(pace.stepsPerSecond, 10);
  pace.measured(1, 3000);
  pace.measured(1, 200);
  assert.equal(pace.stepsPerSecond, 0.625);
  for (let i = 0; i < 100; i++) pace.measured(1, 50);
  assert.equal(pace.stepsPerSecond, 20);
});
