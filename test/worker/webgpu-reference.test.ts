/**
 * The fused engine against TensorFlow, full size: passes, losses, gradients, updates, evaluation. test/long has the
 * same recipes from shaken parameters.
 */

import { createWebGpuEngine } from '../../src/worker/engine/webgpu/index.js';
import { compareWithReference, PARTS } from '../reference/check-engine.js';
import { expectWithin } from '../reference/compare.js';
import { fetchReference } from '../reference/load.js';
import { describeWebGpu } from './support/webgpu.js';

const reference = await fetchReference();

describeWebGpu('the webgpu engine beside TensorFlow', () => {
  for (const name of [...reference.cases.keys()].filter((own) => !own.endsWith('-shaken'))) {
    it(`computes what TensorFlow does: ${name}`, async () => {
      expectWithin(await compareWithReference(reference, name, (input) => createWebGpuEngine(input), PARTS));
    });
  }
});
