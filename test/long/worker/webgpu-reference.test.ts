/** The fused engine against TensorFlow from shaken parameters, full size. */

import { createWebGpuEngine } from '../../../src/worker/engine/webgpu/index.js';
import { checkAgainstReference } from '../../reference/check-engine.js';
import { fetchReference } from '../../reference/load.js';
import { describeWebGpu } from '../../worker/support/webgpu.js';

const reference = await fetchReference();

describeWebGpu('the webgpu engine beside TensorFlow', () => {
  for (const name of [...reference.cases.keys()].filter((own) => own.endsWith('-shaken'))) {
    it(`computes what TensorFlow does: ${name}`, () =>
      checkAgainstReference(reference, name, (input) => createWebGpuEngine(input)));
  }
});
