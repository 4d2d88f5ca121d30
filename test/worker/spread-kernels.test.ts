/** What labels are spread with as a run starts it in a browser: the build's kernels, fetched from beside the worker. */

import { expect } from '@open-wc/testing';
import { spreadKernels } from '../../src/worker/engine/spread-kernels.js';
import { graphOf } from '../../src/worker/spread/graph.js';
import { PLAIN_KERNELS } from '../../src/worker/spread/kernels.js';
import { Slices } from '../../src/worker/spread/slices.js';
import { spreadSeeds } from '../../src/worker/spread/spread-seeds.js';
import { hashed } from './support/tiny.js';

function unhurried(): Slices {
  return new Slices({ now: () => 0, yieldToCommands: async () => {}, signal: new AbortController().signal });
}

describe('what labels are spread with in a browser', () => {
  // Multiples of a quarter: products are exact, in any order and by any instructions.
  const values = Float32Array.from({ length: 500 * 40 }, (_, at) => Math.round(2 * hashed(at, 6)) / 4);
  const rows = { count: 500, size: 40, values };
  // Enough rows for threads of their own.
  const [count, nearest] = [5000, 3];
  const graph = graphOf({
    count,
    nearest,
    indices: Int32Array.from(
      { length: count * nearest },
      (_, at) => (Math.floor(at / 3) + 1 + (at % 3) * 7) % count,
    ),
    cosines: Float32Array.from({ length: count * nearest }, (_, at) => 0.9 + 0.1 * hashed(at, 3)),
  });

  for (const threads of [0, 1, 2]) {
    it(`finds the neighbours that the plain search finds, threads set to ${threads}`, async () => {
      const found = await spreadKernels(threads).findNeighbours(rows, 12, unhurried());
      expect(found).to.deep.equal(await PLAIN_KERNELS.findNeighbours(rows, 12, unhurried()));
    });

    it(`spreads to the bits of the plain iterations, threads set to ${threads}`, async () => {
      const seeds = [{ row: 17, column: 2, value: 1 }];
      const [iterations, plain] = await Promise.all([
        spreadKernels(threads).startIterations(graph),
        PLAIN_KERNELS.startIterations(graph),
      ]);
      const found = await spreadSeeds(iterations, seeds, unhurried());
      iterations.dispose();
      expect(iterations.constructor).not.to.equal(plain.constructor);
      expect(found).to.deep.equal(await spreadSeeds(plain, seeds, unhurried()));
    });
  }
});
