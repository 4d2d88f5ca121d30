/** The search for nearest neighbours as a run starts it in a browser: the build's kernels, fetched from beside the worker. */

import { expect } from '@open-wc/testing';
import { neighbourSearch } from '../../src/worker/engine/find-neighbours.js';
import { plainNeighbours } from '../../src/worker/spread/plain-neighbours.js';
import { Slices } from '../../src/worker/spread/slices.js';
import { hashed } from './support/tiny.js';

function unhurried(): Slices {
  return new Slices({ now: () => 0, yieldToCommands: async () => {}, signal: new AbortController().signal });
}

describe('the search for nearest neighbours in a browser', () => {
  // Multiples of a quarter: products are exact, in any order and by any instructions.
  const values = Float32Array.from({ length: 500 * 40 }, (_, at) => Math.round(2 * hashed(at, 6)) / 4);
  const rows = { count: 500, size: 40, values };

  for (const threads of [0, 1, 2]) {
    it(`finds what the plain one finds, threads set to ${threads}`, async () => {
      const found = await neighbourSearch(threads)(rows, 12, unhurried());
      expect(found).to.deep.equal(await plainNeighbours(rows, 12, unhurried()));
    });
  }
});
