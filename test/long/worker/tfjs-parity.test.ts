/** WebGL beside the cpu backend, on the recipes that `test/worker/tfjs-parity.test.ts` leaves out. */

import { checkBeside, COMPARED, COMPARISON_TIMEOUT_MS } from '../../worker/support/backend-parity.js';
import { forEachBackend } from '../../worker/support/backends.js';

forEachBackend(
  'a backend beside cpu',
  (backend) => {
    for (const recipe of COMPARED.slice(1)) {
      it(`computes the same layers, losses, gradients and running statistics (${recipe})`, () =>
        checkBeside(backend, recipe)).timeout(COMPARISON_TIMEOUT_MS);
    }
  },
  ['webgl'],
);
