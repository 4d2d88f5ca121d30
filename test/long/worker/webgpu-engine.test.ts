/** Whole steps of the webgpu engine beside the plan's interpreter, of the recipes that `test/worker/webgpu-engine.test.ts` leaves out. */

import { describeWebGpu } from '../../worker/support/webgpu.js';
import { checkWholeSteps } from '../../worker/support/whole-steps.js';

describeWebGpu('the webgpu engine', () => {
  // notebook-feature-matching: webgpu-reference, wasm-webgpu.
  for (const [recipe, batch] of [
    ['notebook', 10],
    ['notebook-as-run', 11],
  ] as const) {
    it(`computes what the plan of ${recipe} says, with batches of ${batch}`, () =>
      checkWholeSteps(recipe, batch));
  }
});
