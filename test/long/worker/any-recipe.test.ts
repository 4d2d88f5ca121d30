/** The webgpu engine on the recipes and shapes of `test/worker/any-recipe.test.ts` that take long to compile, beside the interpreter. */

import { holdTogether } from '../../support/hold-together.js';
import { ANY_INPUTS, FEW_INPUTS } from '../../worker/support/any-recipe-inputs.js';
import { describeWebGpu, withWebGpu } from '../../worker/support/webgpu.js';

const few = new Set(FEW_INPUTS.map(([name]) => name));

describeWebGpu('webgpu on any recipe', () => {
  for (const [name, makeInput] of ANY_INPUTS.filter(([own]) => !few.has(own))) {
    it(`computes what the plan says: ${name}`, async () => {
      const input = makeInput();
      await withWebGpu(input, (engine) => holdTogether(engine, input, { steps: 1 }), { tune: false });
    });
  }
});
