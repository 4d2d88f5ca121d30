/** Iterations of label spreading on the kernels: the bits of the plain iterations, on any threads and binary. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Simd } from '../../src/worker/engine/wasm/features.js';
import { instantiate } from '../../src/worker/engine/wasm/kernels.js';
import { startSpreadIterations } from '../../src/worker/engine/wasm/spread-iterations.js';
import { graphOf, type Graph } from '../../src/worker/spread/graph.js';
import { plainNeighbours } from '../../src/worker/spread/plain-neighbours.js';
import { plainIterations } from '../../src/worker/spread/plain-iterations.js';
import type { Iterations } from '../../src/worker/spread/iterations.js';
import { Slices } from '../../src/worker/spread/slices.js';
import { selfReturns, spreadSeeds } from '../../src/worker/spread/spread-seeds.js';
import { hashed } from '../worker/support/tiny.js';
import { unhurried, unitRows } from './support/spread.js';
import { kernelBytes } from './support/wasm.js';
import { spawnNodeThread } from './support/wasm-threads.js';

async function start(graph: Graph, simd: Simd, threads: number): Promise<Iterations> {
  const isShared = threads > 1;
  const module = await WebAssembly.compile(kernelBytes(simd, isShared));
  return startSpreadIterations(graph, {
    simd,
    threads,
    isShared,
    module,
    instantiate,
    spawn: spawnNodeThread,
  });
}

async function graphOfRows(count: number): Promise<Graph> {
  const rows = unitRows(count, 6, (row, index) => hashed(row * 6 + index, 9));
  return graphOf(await plainNeighbours(rows, 12, unhurried()));
}

describe('iterations of label spreading on the kernels', () => {
  for (const [simd, threads] of [
    ['plain', 1],
    ['relaxed', 1],
    ['plain', 2],
    ['relaxed', 4],
  ] as const) {
    it(`have the bits of the plain ones, ${simd} SIMD, ${threads} threads`, async () => {
      for (const count of [1, 2, 64, 331]) {
        const graph = await graphOfRows(count);
        const iterations = await start(graph, simd, threads);
        const plain = await plainIterations(graph);
        assert.equal(iterations.count, count);
        try {
          // One after the other on the same iterations: nothing is left of what was before.
          for (const column of [0, 7]) {
            const seeds = [
              { row: 0, column, value: 0.3 },
              { row: count - 1, column: 3, value: 1 },
            ];
            const found = await spreadSeeds(iterations, seeds, unhurried());
            assert.deepEqual(found, await spreadSeeds(plain, seeds, unhurried()));
          }
          const own = [0, Math.floor(count / 2), count - 1];
          const returns = await selfReturns(iterations, own, unhurried());
          assert.deepEqual(returns, await selfReturns(plain, own, unhurried()));
          assert.ok(returns.every((value) => value > 0));
        } finally {
          iterations.dispose();
        }
      }
    });
  }

  it('are broken off between two iterations', async () => {
    const iterations = await start(await graphOfRows(64), 'plain', 1);
    const abort = new AbortController();
    let [ms, turns] = [0, 0];
    const slices = new Slices({
      now: () => (ms += 30),
      yieldToCommands: async () => {
        if (++turns === 5) abort.abort(new Error('The run is to rest.'));
      },
      signal: abort.signal,
    });
    const seeds = [{ row: 0, column: 0, value: 1 }];
    await assert.rejects(spreadSeeds(iterations, seeds, slices), /to rest/);
    assert.equal(turns, 5);
    iterations.dispose();
  });
});
