/** How long threads spin for one another, whatever the clock is worth; starting them where memory runs out. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TrainerError } from '../../src/protocol/errors.js';
import { instantiate } from '../../src/worker/engine/wasm/kernels.js';
import { Arena } from '../../src/worker/engine/wasm/memory/arena.js';
import { Scratch } from '../../src/worker/engine/wasm/memory/scratch.js';
import { calibrateSpins } from '../../src/worker/engine/wasm/threads/calibrate.js';
import { Team } from '../../src/worker/engine/wasm/threads/team.js';
import { kernelBytes } from './support/wasm.js';
import { spawnNodeThread } from './support/wasm-threads.js';

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

test('no helper is started where there is not memory for all', async () => {
  const arena = new Arena(true);
  const module = await WebAssembly.compile(kernelBytes('plain', true));
  const team = new Team(arena, await instantiate(module, arena.memory), new Scratch(1024));
  const allocate = arena.allocate.bind(arena);
  let left = 3;
  arena.allocate = (bytes) => {
    if (left-- === 0) throw new TrainerError('OutOfMemory', 'There is none left.');
    return allocate(bytes);
  };
  let spawned = 0;
  const spawn = (): Worker => {
    spawned++;
    return spawnNodeThread();
  };
  await assert.rejects(team.grow({ isShared: true, threads: 8, module, spawn }), /none left/);
  assert.equal(spawned, 0);
  team.dispose();
});
