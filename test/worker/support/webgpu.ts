/** Tests of the fused WebGPU engine: skipped aloud without an adapter, failed where one is required. */

import type { ReadyProgram } from '../../../src/worker/engine/webgpu/program.js';
import './backends.js';

export { withFeature, withWebGpu } from './webgpu-engine.js';

export function describeWebGpu(title: string, define: () => void): void {
  describe(title, function () {
    // Compiling a step's shaders takes seconds on a software adapter.
    this.timeout(300_000);
    before(async function () {
      const gpu = navigator.gpu as GPU | undefined;
      if (((await gpu?.requestAdapter()) ?? null) !== null) return;
      if (globalThis.REQUIRE_WEBGPU === true)
        throw new Error('REQUIRE_WEBGPU is set, but there is no adapter.');
      console.warn(`Skipping ${title}: this browser has no WebGPU adapter.`);
      this.skip();
    });
    define();
  });
}

/** `describeWebGpu` where the adapter has a feature: skipped aloud elsewhere, whatever is required, as adapters differ. */
export function describeFeature(feature: string, title: string, define: () => void): void {
  describeWebGpu(title, () => {
    before(async function () {
      const adapter = await navigator.gpu.requestAdapter();
      if (adapter!.features.has(feature)) return;
      console.warn(`Skipping ${title}: this adapter has no "${feature}".`);
      this.skip();
    });
    define();
  });
}

/** Runs one dispatch by itself. */
export function runDispatch(
  device: GPUDevice,
  {
    pipeline,
    bindGroup,
    workgroups,
  }: Pick<ReadyProgram['dispatches'][number], 'pipeline' | 'bindGroup' | 'workgroups'>,
): void {
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup);
  pass.dispatchWorkgroups(workgroups[0], workgroups[1], workgroups[2]);
  pass.end();
  device.queue.submit([encoder.finish()]);
}
