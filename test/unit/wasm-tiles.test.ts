/** The micro-kernel's two tiles: the same bits by either, and which one is chosen. */

import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { instantiate, type Kernels } from '../../src/worker/engine/wasm/kernels.js';
import { wordOf } from '../../src/worker/engine/wasm/layout/fields.js';
import { RUN, RUN_WORDS } from '../../src/worker/engine/wasm/layout/run.js';
import { Arena } from '../../src/worker/engine/wasm/memory/arena.js';
import { Scratch } from '../../src/worker/engine/wasm/memory/scratch.js';
import { searchNeighbours } from '../../src/worker/engine/wasm/neighbour-search.js';
import type { WasmPlatform } from '../../src/worker/engine/wasm/platform.js';
import { Team } from '../../src/worker/engine/wasm/threads/team.js';
import {
  fasterTile,
  isTileChoiceDue,
  TILE_BYTES,
  type TileColumns,
} from '../../src/worker/engine/wasm/threads/tile-choice.js';
import { startWasmEngine } from '../../src/worker/engine/wasm/wasm-engine.js';
import type { NamedTensors } from '../../src/worker/model/parameters.js';
import { fewInput, FEW_FIRST_STEPS, FEW_SHAPES, fewState } from '../support/few-recipe.js';
import { expectIdentical } from '../worker/support/compare.js';
import { hashed, tinyInput } from '../worker/support/tiny.js';
import { compileKernels } from './support/compile-kernels.js';
import { unhurried, unitRows } from './support/spread.js';
import { kernelBytes, nodeWasmEngine, type NodeChoices } from './support/wasm.js';
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
    // A look takes time too.
    now: (): number => Math.floor((ms += 5e-5) / resolutionMs) * resolutionMs,
    turns: (): number => turns,
  };
}

async function loadKernels(arena: Arena): Promise<Kernels> {
  return instantiate(await WebAssembly.compile(kernelBytes('relaxed', false)), arena.memory);
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
    for (const resolutionMs of [1, 5, 16.67, 100]) {
      const coarse = processor({ 8: 1, 16: 0.5 }, resolutionMs);
      assert.equal(fasterTile(coarse), null);
      assert.equal(coarse.turns(), 0);
    }
    assert.equal(fasterTile({ ...processor({ 8: 1, 16: 0.5 }, 0.1), now: () => 5 }), null);
  });

  it('ends where products take no time', () => {
    assert.equal(fasterTile(processor({ 8: 0, 16: 0 }, 0.005)), 8);
  });

  it('is made a few times, and seldom', () => {
    const due = Array.from({ length: 10_000 }, (_, done) => done).filter(isTileChoiceDue);
    assert.ok(due.length > 1 && due.length < 8 && due[0]! > 0, due.join());
  });

  /** A team whose kernels take so many microseconds a turn by each tile, by a clock that stands in for the machine's. */
  async function pacedTeam({ mock }: TestContext, micros: Record<TileColumns, number>) {
    const arena = new Arena(false);
    const kernels = await loadKernels(arena);
    const clock = processor(micros, 0.005);
    mock.method(performance, 'now', clock.now);
    const seen: number[] = [];
    const repeatTiles = (columns: TileColumns, turns: number, scratch: number): void => {
      seen.push(...arena.floats(scratch, TILE_BYTES / 4).filter((value) => value !== 0));
      clock.repeat(columns, turns);
    };
    const team = new Team(arena, { ...kernels, repeatTiles }, new Scratch(TILE_BYTES));
    const columns = (): number => arena.words(team.run, RUN_WORDS)[wordOf(RUN, 'tileColumns')]!;
    team.prepare();
    return { team, columns, seen };
  }

  it('has a team use the faster tile, measured when it is time, on zeros', async (context) => {
    for (const [ms, expected] of [
      [{ 8: 20, 16: 10 }, 16],
      [{ 8: 10, 16: 20 }, 8],
    ] as const) {
      const { team, columns, seen } = await pacedTeam(context, ms);
      team.chooseTile(3);
      assert.equal(columns(), 0);
      team.chooseTile(4);
      assert.equal(columns(), expected);
      assert.deepEqual(seen, []);
    }
  });

  it('leaves a tile that is fixed alone', async (context) => {
    const { team, columns } = await pacedTeam(context, { 8: 20, 16: 10 });
    team.fixTile(8);
    team.chooseTile(4);
    assert.equal(columns(), 8);
  });

  it('is asked for by an engine after steps, and by a search after rows of tiles', async (context) => {
    const clock = processor({ 8: 20, 16: 20 }, 0.005);
    context.mock.method(performance, 'now', clock.now);
    const module = await WebAssembly.compile(kernelBytes('plain', false));
    let measured = 0;
    const counting: WasmPlatform = {
      simd: 'plain',
      threads: 1,
      isShared: false,
      module,
      instantiate: async (...given) => {
        const kernels = await instantiate(...given);
        const repeatTiles: typeof kernels.repeatTiles = (...tile) => {
          measured++;
          clock.repeat(tile[0], tile[1]);
        };
        return { ...kernels, repeatTiles };
      },
    };
    const engine = await startWasmEngine(fewInput(), counting);
    await engine.advance(3);
    assert.equal(measured, 0);
    await engine.advance(1);
    assert.ok(measured > 0);
    engine.dispose();
    for (const [count, isLarge] of [
      [500, false],
      [1000, true],
    ] as const) {
      measured = 0;
      const rows = unitRows(count, 4, (row, index) => hashed(row * 4 + index, 2));
      await searchNeighbours(rows, 3, unhurried(), counting);
      assert.equal(measured > 0, isLarge);
    }
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

  /** The state after a step with all channels. */
  async function oneStep(choices: NodeChoices): Promise<NamedTensors> {
    const engine = await nodeWasmEngine(tinyInput('few-labels', {}, 1), {
      ...{ isShared: true, spawn: spawnNodeThread },
      ...choices,
    });
    try {
      await engine.advance(1);
      return (await engine.exportState()).tensors;
    } finally {
      engine.dispose();
    }
  }

  it('have the same bits on two threads', async () => {
    const [narrow, wide] = [
      await oneStep({ threads: 2, tileColumns: 8 }),
      await oneStep({ threads: 2, tileColumns: 16 }),
    ];
    expectIdentical(wide, narrow);
  });

  it('are those of the tile that is asked for, on every thread', async () => {
    // A wide tile that is wrong shows where it is used, and on two threads as on one only where both use it.
    const bytes = await compileKernels('kernels-plain-shared.wasm', (file, text) =>
      file === 'packed-micro-kernel.ts' ? text.replace('c52 = multiplyAdd(value, b2, c52);', '') : text,
    );
    const right = await oneStep({ simd: 'plain', threads: 1, tileColumns: 16 });
    const narrow = await oneStep({ simd: 'plain', threads: 2, tileColumns: 8, bytes });
    const wide = await oneStep({ simd: 'plain', threads: 2, tileColumns: 16, bytes });
    const wideAlone = await oneStep({ simd: 'plain', threads: 1, tileColumns: 16, bytes });
    expectIdentical(narrow, right);
    expectIdentical(wide, wideAlone);
    assert.throws(() => expectIdentical(wide, right), /differs at/);
  });
});
