/** How long threads spin for one another, whatever the clock is worth. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { calibrateSpins } from '../../src/worker/engine/wasm/threads/calibrate.js';

/** A processor whose turns take so many nanoseconds, under a clock of this resolution. */
function processor(nanoseconds: number, resolutionMs: number) {
  let ms = 0.37 * resolutionMs;
  let turns = 0;
  return {
    spin: (count: number): void => {
      turns += count;
      ms += (count * nanoseconds) / 1e6;
    },
    now: (): number => Math.floor(ms / resolutionMs) * resolutionMs,
    turns: (): number => turns,
  };
}

for (const resolutionMs of [0.005, 0.1, 1, 16.67, 100]) {
  test(`a barrier spins for about 50 µs where the clock's resolution is ${resolutionMs} ms`, () => {
    for (const nanoseconds of [1.2, 3, 20]) {
      const micros = (calibrateSpins(processor(nanoseconds, resolutionMs)) * nanoseconds) / 1000;
      assert.ok(micros > 30 && micros < 75, `${micros} µs of ${nanoseconds} ns turns`);
    }
  });
}

test('a barrier spins a moment only, and is soon calibrated, where the clock stands still', () => {
  const stopped = { ...processor(3, 100), now: () => 5 };
  assert.ok(calibrateSpins(stopped) <= 100_000);
  assert.ok(stopped.turns() <= 1e9);
});

test('no clock makes a barrier spin for long', () => {
  // Turns that cost nothing, as where the compiler has seen through them.
  assert.ok(calibrateSpins(processor(0.001, 1)) <= 100_000);
});
