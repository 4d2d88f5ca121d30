/** The micro-kernel's two tiles: the same bits by either, and which one is chosen. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { instantiate } from '../../src/worker/engine/wasm/kernels.js';
import { Arena } from '../../src/worker/engine/wasm/memory/arena.js';
import { Scratch } from '../../src/worker/engine/wasm/memory/scratch.js';
import { Team } from '../../src/worker/engine/wasm/threads/team.js';
import {
  fasterTile,
  isTileChoiceDue,
  TILE_BYTES,
  type TileColumns,
} from '../../src/worker/engine/wasm/threads/tile-choice.js';
import { fewInput, FEW_FIRST_STEPS, FEW_SHAPES, fewState } from '../support/few-recipe.js';
import { expectIdentical } from '../worker/support/compare.js';
import { tinyInput } from '../worker/support/tiny.js';
import { kernelBytes, nodeWasmEngine } from './support/wasm.js';
import { spawnNodeThread } from './support/wasm-threads.js';

const TILES = [8, 16] as const;

/** A processor whose products take so many microseconds by each tile, under a clock of this resolution. */
function processor(micros: Record<TileColumns, number>, resolutionMs: number) {
  let ms = 0.37 * resolutionMs;
  let turns = 0;
  return {
    repeat: (columns: TileColumns, count: number): void => {
      turns += count;
      ms += (count * micros[columns]) / 1000;
    },
    now: (): number => Math.floor(ms / resolutionMs) * resolutionMs,
    turns: (): number => turns,
  };
}

describe('the choice of a tile', () => {
  for (const resolutionMs of [0.005, 0.1]) {
    it(`takes the faster one where the clock's resolution is ${resolutionMs} ms`, () => {
      for (const scale of [0.2, 1, 20]) {
        assert.equal(fasterTile(processor({ 8: scale, 16: 0.8 * scale }, resolutionMs)), 16);
        assert.equal(fasterTile(processor({ 8: scale, 16: scale }, resolutionMs)), 8);
        assert.equal(fasterTile(processor({ 8: scale, 16: 2.3 * scale }, resolutionMs)), 8);
      }
    });
  }

  it('is not made by a clock that is too coarse or stands still, and ends soon', () => {
    for (const coarse of [16.67, 100, Infinity]) {
      const slow = { ...processor({ 8: 1, 16: 0.5 }, coarse === Infinity ? 1 : coarse) };
      const clock = coarse === Infinity ? { ...slow, now: () => 5 } : slow;
      assert.equal(fasterTile(clock), null);
      assert.ok(slow.turns() < 200_000);
    }
  });

  it('is made a few times, and seldom', () => {
    const due = Array.from({ length: 10_000 }, (_, done) => done).filter(isTileChoiceDue);
    assert.ok(due.length > 1 && due.length < 8 && due[0]! > 0, due.join());
  });

  it('leaves outputs alone, and fits in what a team has', async () => {
    const arena = new Arena(false);
    const kernels = await instantiate(await WebAssembly.compile(kernelBytes('relaxed', false)), arena.memory);
    const size = 2 * TILE_BYTES;
    const memory = arena.allocate(size);
    arena.floats(memory + TILE_BYTES, TILE_BYTES / 4).fill(7);
    for (const columns of TILES) kernels.repeatTiles(columns, 3, memory);
    assert.ok(arena.floats(memory + TILE_BYTES, TILE_BYTES / 4).every((value) => value === 7));
    const team = new Team(arena, kernels, new Scratch(TILE_BYTES));
    team.prepare();
    team.chooseTile(4);
    team.dispose();
  });
});

describe('products by either tile', () => {
  const runs = [
    { what: 'all stages with few channels', inputs: () => FEW_SHAPES.map((shape) => fewInput(shape)) },
    { what: 'all channels', inputs: () => [tinyInput('few-labels', {}, 1)] },
    { what: 'an odd number of panels', inputs: () => [tinyInput('few-labels', {}, 5)] },
  ];
  for (const { what, inputs } of runs) {
    for (const simd of ['plain', 'relaxed'] as const) {
      it(`have the same bits (${what}, ${simd})`, async () => {
        for (const input of inputs()) {
          const states = [];
          for (const tileColumns of TILES) {
            const engine = await nodeWasmEngine(input, { simd, tileColumns });
            for (let stage = 0; stage < FEW_FIRST_STEPS.length; stage++) {
              if (what.startsWith('all stages')) await engine.importState(fewState(input, stage));
              await engine.advance(1);
              states.push((await engine.exportState()).tensors);
            }
            engine.dispose();
          }
          const half = states.length / 2;
          for (let at = 0; at < half; at++) expectIdentical(states[half + at]!, states[at]!);
        }
      });
    }
  }

  it('have the same bits on two threads, each of which uses the tile', async () => {
    const input = tinyInput('few-labels', {}, 1);
    const states = [];
    for (const tileColumns of TILES) {
      const choices = { tileColumns, isShared: true, threads: 2, spawn: spawnNodeThread };
      const engine = await nodeWasmEngine(input, choices);
      try {
        await engine.advance(2);
        states.push((await engine.exportState()).tensors);
      } finally {
        engine.dispose();
      }
    }
    expectIdentical(states[1]!, states[0]!);
  });
});
