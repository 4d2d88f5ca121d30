/** The fused WebGPU engine for tests, in a browser and in Node. */

import type { Engine, EngineInput } from '../../../src/worker/engine/engine.js';
import { createWebGpuEngine, type WebGpuOptions } from '../../../src/worker/engine/webgpu/index.js';
import type { OptionalFeature } from '../../../src/worker/engine/webgpu/optional-features.js';

/** What asks for a feature of the adapter. */
export function withFeature(input: EngineInput, setting: OptionalFeature): EngineInput {
  return { ...input, settings: { ...input.settings, [setting]: true } };
}

/** Runs `work` on an engine inside a validation scope, frees it, and fails where anything was invalid. */
export async function withWebGpu<T>(
  input: EngineInput,
  work: (engine: Engine, device: GPUDevice) => Promise<T>,
  options: WebGpuOptions = {},
): Promise<T> {
  let device: GPUDevice | null = null;
  const engine = await createWebGpuEngine(input, {
    ...options,
    wrapDevice: (made) => {
      device = options.wrapDevice?.(made) ?? made;
      return device;
    },
  });
  try {
    device!.pushErrorScope('validation');
    const result = await work(engine, device!);
    const error = await device!.popErrorScope();
    if (error !== null) throw new Error(`The GPU refused something: ${error.message}`);
    return result;
  } finally {
    engine.dispose();
  }
}
