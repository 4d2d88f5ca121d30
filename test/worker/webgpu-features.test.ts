/** Features that not every adapter has: asked for by settings, refused by name where the adapter lacks them. */

import { expect } from '@open-wc/testing';
import { createWebGpuEngine } from '../../src/worker/engine/webgpu/index.js';
import { OPTIONAL_FEATURES, type OptionalFeature } from '../../src/worker/engine/webgpu/optional-features.js';
import { tinyInput } from './support/tiny.js';
import { describeWebGpu, withFeature } from './support/webgpu.js';

describeWebGpu('an adapter without a feature', () => {
  for (const setting of Object.keys(OPTIONAL_FEATURES) as OptionalFeature[]) {
    it(`is refused by its name where the setting ${setting} asks for it`, async () => {
      const requestAdapter = async (options?: GPURequestAdapterOptions): Promise<GPUAdapter | null> => {
        const adapter = await navigator.gpu.requestAdapter(options);
        return Object.defineProperty(adapter!, 'features', { value: new Set() });
      };
      const starting = createWebGpuEngine(withFeature(tinyInput('labels-only', {}, 8), setting), {
        gpu: { requestAdapter } as GPU,
      });
      const error: unknown = await starting.then(
        (engine) => engine.dispose(),
        (thrown: unknown) => thrown,
      );
      expect(String(error)).to.match(
        new RegExp(
          `^EngineUnavailable: The setting "${setting}" needs the feature "${OPTIONAL_FEATURES[setting]}", ` +
            'which the GPU adapter .*does not offer\\. ',
        ),
      );
    });
  }
});
