/**
 * The tfjs engine against TensorFlow, full size: every recipe on wasm, the yardstick's passes, losses and
 * gradients on the slower backends. test/long/worker has the rest, and shaken parameters.
 */

import { expect } from '@open-wc/testing';
import { createTfjsEngine, type TfjsBackend } from '../../src/worker/engine/tfjs/index.js';
import { compareAdam } from '../reference/check-adam.js';
import { compareWithReference, PARTS, type Part } from '../reference/check-engine.js';
import { expectWithin } from '../reference/compare.js';
import { fetchReference } from '../reference/load.js';
import { forEachBackend } from './support/backends.js';
import { updateByTfjsAdam } from './support/tfjs-adam.js';

const reference = await fetchReference();

/** WebGPU in software compiles and computes for half a minute where it has the machine to itself. */
const TIMEOUT_MS = 180_000;

function checksOf(backend: TfjsBackend): readonly (readonly [string, readonly Part[]])[] {
  const names = [...reference.cases.keys()].filter((name) => !name.endsWith('-shaken'));
  if (backend === 'wasm') return names.map((name) => [name, PARTS]);
  return [['notebook', ['step']]];
}

forEachBackend('the tfjs engine beside TensorFlow', (backend) => {
  for (const [name, parts] of checksOf(backend)) {
    it(`computes what TensorFlow does: ${name}, ${parts.join(', ')}`, async function () {
      this.timeout(TIMEOUT_MS);
      expectWithin(
        await compareWithReference(reference, name, (input) => createTfjsEngine(backend, input), parts),
      );
    });
  }

  it('updates by given gradients as TensorFlow’s Adam does', async () => {
    const comparisons = await compareAdam(reference, updateByTfjsAdam(backend));
    expect(comparisons.length).to.equal(2 * 3 * 3);
    expectWithin(comparisons);
  });
});
