/** The tfjs engine beside PyTorch, on what learning from few labels needs; on GPUs by `npm run test:long`. */

import { createTfjsEngine } from '../../src/worker/engine/tfjs/index.js';
import { expectWithin } from '../reference/compare.js';
import { compareWithFewReference } from '../reference/few/check-engine.js';
import { fetchFewReference, stageCases } from '../reference/few/load.js';
import { forEachBackend } from './support/backends.js';

const reference = await fetchFewReference();

forEachBackend(
  'the tfjs engine beside PyTorch',
  (backend) => {
    for (const name of stageCases(reference)) {
      it(`computes what PyTorch does: ${name}`, async () => {
        expectWithin(
          await compareWithFewReference(reference, name, (input) => createTfjsEngine(backend, input)),
        );
      });
    }
  },
  ['wasm', 'cpu'],
);
