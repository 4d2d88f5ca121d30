/** Every case of the reference on every backend of the tfjs engine, full size. */

import { createTfjsEngine, TFJS_BACKENDS } from '../../../src/worker/engine/tfjs/index.js';
import { checkAgainstReference } from '../../reference/check-engine.js';
import { fetchReference } from '../../reference/load.js';
import { forEachBackend } from '../../worker/support/backends.js';

const reference = await fetchReference();

forEachBackend(
  'the tfjs engine beside TensorFlow',
  (backend) => {
    for (const name of reference.cases.keys()) {
      it(`computes what TensorFlow does: ${name}`, async function () {
        this.timeout(300_000);
        await checkAgainstReference(reference, name, (input) => createTfjsEngine(backend, input));
      });
    }
  },
  TFJS_BACKENDS,
);
