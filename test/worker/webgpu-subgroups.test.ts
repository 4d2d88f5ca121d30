/** Sums by subgroups of threads, which a setting asks the webgpu engine for; test/long has whole steps and other recipes. */

import { expect } from '@open-wc/testing';
import { createWebGpuEngine } from '../../src/worker/engine/webgpu/index.js';
import { FEW_SHAPES, fewInput, fewState } from '../support/few-recipe.js';
import { checkOneByOne } from './support/one-by-one-checks.js';
import { SOFTWARE_TILES } from './support/tiles.js';
import { tinyInput } from './support/tiny.js';
import { bySubgroups, describeFeature, describeWebGpu } from './support/webgpu.js';

describeFeature('subgroups', 'an operation of the webgpu engine that adds up by subgroups', () => {
  it('computes what it means, of a recipe with group norm and contrastive terms', async () => {
    const input = fewInput(FEW_SHAPES[1]);
    const { step, tensors } = fewState(input, 0);
    await checkOneByOne(input, SOFTWARE_TILES, step + 1, tensors, 'subgroups');
  });
});

describeWebGpu('an adapter without subgroups', () => {
  it('is refused by their name where the setting asks for them', async () => {
    const requestAdapter = async (options?: GPURequestAdapterOptions): Promise<GPUAdapter | null> => {
      const adapter = await navigator.gpu.requestAdapter(options);
      return Object.defineProperty(adapter!, 'features', { value: new Set() });
    };
    const starting = createWebGpuEngine(bySubgroups(tinyInput('labels-only', {}, 8)), {
      gpu: { requestAdapter } as GPU,
    });
    const error: unknown = await starting.then(
      (engine) => engine.dispose(),
      (thrown: unknown) => thrown,
    );
    expect(String(error)).to.match(
      /^EngineUnavailable: The setting "subgroups" needs the feature "subgroups", which the GPU adapter .*does not offer\. /,
    );
  });
});
