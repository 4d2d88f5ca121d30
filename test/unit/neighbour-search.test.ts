/** The search for nearest neighbours on the micro-kernel against the plain one, on any threads, in slices. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { plainNeighbours } from '../../src/worker/spread/plain-neighbours.js';
import type { Neighbours, UnitRows } from '../../src/worker/spread/neighbours.js';
import { Slices } from '../../src/worker/spread/slices.js';
import type { Simd } from '../../src/worker/engine/wasm/features.js';
import { instantiate } from '../../src/worker/engine/wasm/kernels.js';
import { searchNeighbours } from '../../src/worker/engine/wasm/neighbour-search.js';
import type { TileColumns } from '../../src/worker/engine/wasm/threads/tile-choice.js';
import { hashed } from '../worker/support/tiny.js';
import { unhurried, unitRows } from './support/spread.js';
import { compileKernels } from './support/compile-kernels.js';
import { kernelBytes } from './support/wasm.js';
import { spawnNodeThread } from './support/wasm-threads.js';

interface Choices {
  /** Another binary than the build's. */
  readonly bytes?: Uint8Array<ArrayBuffer>;
  readonly simd?: Simd;
  readonly threads?: number;
  readonly tileColumns?: TileColumns;
  readonly slices?: Slices;
}

async function search(
  rows: UnitRows,
  nearest: number,
  { simd = 'relaxed', threads = 1, tileColumns = 8, slices = unhurried(), bytes }: Choices = {},
): Promise<Neighbours> {
  const isShared = threads > 1;
  const module = await WebAssembly.compile(bytes ?? kernelBytes(simd, isShared));
  const platform = { simd, threads, isShared, module, instantiate, spawn: spawnNodeThread, tileColumns };
  return searchNeighbours(rows, nearest, slices, platform);
}

/** Hashed rows, those of `row` mod 7 = 3 the same as the row before: their cosines with others are equal. */
function hashedRows(count: number, size: number): UnitRows {
  return unitRows(count, size, (row, index) => hashed((row % 7 === 3 ? row - 1 : row) * size + index, 5));
}

/** Rows of a few whole numbers, whose cosines are exact in any order of sums. */
function exactRows(count: number, size: number): UnitRows {
  const values = Float32Array.from({ length: count * size }, (_, i) => Math.round(2 * hashed(i, 8)) / 4);
  return { count, size, values };
}

/** Lists agree but for neighbours whose cosines are within rounding of each other. */
function assertAlike(found: Neighbours, expected: Neighbours): void {
  assert.equal(found.nearest, expected.nearest);
  assert.equal(found.indices.length, expected.indices.length);
  found.cosines.forEach((cosine, at) => {
    const difference = Math.abs(cosine - expected.cosines[at]!);
    assert.ok(difference < 2e-6, `cosine ${at}: ${cosine}, expected ${expected.cosines[at]}`);
  });
  const others = found.indices.filter((index, at) => index !== expected.indices[at]).length;
  assert.ok(
    others <= found.indices.length / 50,
    `${others} of ${found.indices.length} neighbours are others`,
  );
}

describe('the search on the micro-kernel', () => {
  for (const simd of ['relaxed', 'plain'] as const) {
    for (const [count, size, nearest] of [
      [2, 3, 1],
      [9, 1, 4],
      [23, 5, 12],
      [25, 8, 24],
      [193, 16, 12],
      [600, 257, 12],
      [300, 520, 3],
    ] as const) {
      it(`finds ${nearest} neighbours of ${count} rows of ${size} as the plain one does, in ${simd} SIMD`, async () => {
        const rows = hashedRows(count, size);
        assertAlike(await search(rows, nearest, { simd }), await plainNeighbours(rows, nearest, unhurried()));
      });
    }
  }

  it('orders equal cosines by index, over tiles and in both halves', async () => {
    const rows = exactRows(450, 6);
    const expected = await plainNeighbours(rows, 12, unhurried());
    assert.deepEqual(await search(rows, 12), expected);
    assert.deepEqual(await search(rows, 12, { threads: 2 }), expected);
  });

  it('goes over more columns than a tile has', async () => {
    const rows = exactRows(4500, 4);
    assert.deepEqual(await search(rows, 12), await plainNeighbours(rows, 12, unhurried()));
  });

  it('gives the same bits on 1, 2 and 4 threads', async () => {
    for (const simd of ['relaxed', 'plain'] as const) {
      const rows = hashedRows(700, 100);
      const alone = await search(rows, 12, { simd });
      for (const threads of [2, 4]) assert.deepEqual(await search(rows, 12, { simd, threads }), alone);
    }
  });

  it("gives the same by the micro-kernel's wide tile, of an odd number of panels and more than a chunk of depth", async () => {
    for (const rows of [hashedRows(400, 40), exactRows(130, 300)]) {
      assert.deepEqual(await search(rows, 12, { tileColumns: 16 }), await search(rows, 12));
    }
  });

  it('gives all other rows where there are fewer than wanted, none for a single row', async () => {
    const few = await search(hashedRows(5, 8), 12);
    assert.equal(few.nearest, 4);
    for (let row = 0; row < 5; row++) {
      const others = [...few.indices.slice(row * 4, row * 4 + 4)].sort();
      assert.deepEqual(
        others,
        [0, 1, 2, 3, 4].filter((other) => other !== row),
      );
    }
    assert.equal((await search(hashedRows(1, 8), 12)).nearest, 0);
    assert.equal((await search(hashedRows(0, 8), 12)).count, 0);
  });

  it('takes rows without direction for unlike all others, the first of which are then the nearest', async () => {
    const rows = unitRows(30, 6, () => 0);
    const { indices, cosines } = await search(rows, 3);
    assert.deepEqual([...cosines], new Array(90).fill(0));
    assert.deepEqual([...indices.slice(0, 6)], [1, 2, 3, 0, 2, 3]);
  });

  it('lets commands in between tiles, and ends where it is given up', async () => {
    const rows = hashedRows(1000, 8);
    const controller = new AbortController();
    let [time, heard] = [0, 0];
    const slices = new Slices({
      now: () => (time += 15),
      yieldToCommands: async () => {
        if (++heard === 3) controller.abort(new Error('given up'));
      },
      signal: controller.signal,
    });
    await assert.rejects(search(rows, 12, { slices }), /given up/);
    assert.equal(heard, 3);
  });
});

/** Kernels that are wrong in one place. */
const FAULTS = [
  {
    what: 'wide tiles that take a panel twice',
    file: 'similarities.ts',
    right: 'packed6x16(a, b, panelBytes, ',
    wrong: 'packed6x16(a, b, 0, ',
    tileColumns: 16,
  },
  {
    what: 'rows packed with one in place of another',
    file: 'similarities.ts',
    right: 'store<u64>(tile3, load<u64>(panel2, 8))',
    wrong: 'store<u64>(tile3, load<u64>(panel2))',
  },
  {
    what: 'depth past the first chunk left out',
    file: 'similarities.ts',
    right: 'if (first > 0) packedBlock(a, b, some, outs, offset, outs, offset);',
    wrong: 'if (first > 0) continue;',
  },
  {
    what: 'the lower half of the matrix left out',
    file: 'nearest.ts',
    right: 'for (let row = 0; row < rows; row++, line += record.tileStep)',
    wrong: 'for (let row = 1; row < rows; row++, line += record.tileStep)',
  },
  {
    what: 'equal values in falling order of indices',
    file: 'nearest.ts',
    right: 'if (!(value > before)) break;',
    wrong: 'if (!(value >= before)) break;',
  },
] as const;

describe('the comparison with the plain search', () => {
  for (const { what, file, right, wrong, ...choices } of FAULTS) {
    it(`notices ${what}`, async () => {
      let changes = 0;
      const bytes = await compileKernels('kernels-plain.wasm', (name, text) => {
        if (name !== file) return text;
        changes += text.split(right).length - 1;
        return text.replace(right, wrong);
      });
      assert.equal(changes, 1);
      const rows = exactRows(400, 300);
      const few = exactRows(450, 6);
      const compare = async (): Promise<void> => {
        for (const some of [rows, few]) {
          const found = await search(some, 12, { simd: 'plain', bytes, ...choices });
          assert.deepEqual(found, await plainNeighbours(some, 12, unhurried()));
        }
      };
      await assert.rejects(compare, assert.AssertionError);
    });
  }
});
