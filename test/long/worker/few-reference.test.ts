/** The tfjs engine on its GPU backends beside PyTorch, on what learning from few labels needs. */

import { createTfjsEngine } from '../../../src/worker/engine/tfjs/index.js';
import { expectWithin } from '../../reference/compare.js';
import { compareWithFewReference } from '../../reference/few/check-engine.js';
import { fetchFewReference, stageCases } from '../../reference/few/load.js';
import { forEachBackend } from '../../worker/support/backends.js';

const reference = await fetchFewReference();

/** WebGPU in software compiles and computes for half a minute where it has the machine to itself. */
const TIMEOUT_MS = 180_000;

forEachBackend(
  'the tfjs engine beside PyTorch',
  (backend) => {
    // One of the data's shapes; what differs between the two is not the backends'.
    const names = stageCases(reference).filter((name) => name.startsWith('data 1'));
    for (const name of names) {
      it(`computes what PyTorch does: ${name}`, async function () {
        this.timeout(TIMEOUT_MS);
        expectWithin(
          await compareWithFewReference(reference, name, (input) => createTfjsEngine(backend, input)),
        );
      });
    }
  },
  ['webgpu', 'webgl'],
);
