/** The wasm engine beside its twin in WGSL, and states that go round all three engines. */

import { expect } from '@open-wc/testing';
import { NOTEBOOK_RECIPES } from '../../support/notebook-recipes.js';
import type { NamedTensor } from '../../../src/worker/model/parameters.js';
import { createTfjsEngine } from '../../../src/worker/engine/tfjs/index.js';
import { createWasmEngine } from '../../../src/worker/engine/wasm/index.js';
import { exactZerosOf } from '../../support/exact-zeros.js';
import { expectClose, expectIdentical } from '../../worker/support/compare.js';
import { tinyInput } from '../../worker/support/tiny.js';
import { describeWebGpu, withWebGpu } from '../../worker/support/webgpu.js';

const tolerance = (): number => 1e-4;

type Tensors = ReadonlyMap<string, NamedTensor>;

/** Engines export in orders of their own. */
function expectSame(actual: Tensors, expected: Tensors): void {
  const sorted = (tensors: Tensors): Tensors => new Map([...tensors].sort(([a], [b]) => (a < b ? -1 : 1)));
  expectIdentical(sorted(actual), sorted(expected));
}

describeWebGpu('the wasm engine beside the webgpu engine', () => {
  for (const recipe of [...NOTEBOOK_RECIPES, 'few-labels'] as const) {
    it(`computes the step of ${recipe} that WGSL computes`, async () => {
      const input = tinyInput(recipe, { batch: 13 });
      const engine = await createWasmEngine(input);
      try {
        await withWebGpu(input, async (twin) => {
          await engine.advance(2);
          await twin.importState(await engine.exportState());
          const [actual, expected] = [await engine.inspectStep(), await twin.inspectStep()];
          // The twin stores what norms give as well, and leaves out running statistics that a recipe never moves.
          const gradients = [...expected.keys()].filter((name) => name.startsWith('gradient/'));
          expect(gradients.filter((name) => !actual.has(name))).to.deep.equal([]);
          const moved = [...actual].filter(
            ([name]) => recipe !== 'notebook-as-run' || !name.startsWith('updated/'),
          );
          expectClose(expected, new Map(moved), tolerance, exactZerosOf(input.recipe));
        });
      } finally {
        engine.dispose();
      }
    });
  }

  it('hands a state on to webgpu, from there to tfjs, and takes it back unchanged', async () => {
    const input = tinyInput('notebook');
    const engine = await createWasmEngine(input);
    const tfjs = await createTfjsEngine('wasm', input);
    try {
      await engine.advance(2);
      const start = await engine.exportState();
      await withWebGpu(input, async (webgpu) => {
        await webgpu.importState(start);
        const first = await webgpu.exportState();
        expectSame(first.tensors, start.tensors);
        await webgpu.advance(1);
        await webgpu.flush();
        const second = await webgpu.exportState();
        await tfjs.importState(second);
        expectSame((await tfjs.exportState()).tensors, second.tensors);
        await tfjs.advance(1);
        const third = await tfjs.exportState();
        await engine.importState(third);
        expectSame((await engine.exportState()).tensors, third.tensors);
        const [metrics] = await engine.advance(1);
        if (metrics?.step !== 5) throw new Error(`The step after four was ${metrics?.step}.`);
      });
    } finally {
      engine.dispose();
      tfjs.dispose();
    }
  });
});
