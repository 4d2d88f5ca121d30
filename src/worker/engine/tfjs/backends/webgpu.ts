/**
 * tfjs' WebGPU backend on a device of our own, since tfjs never listens to the device's loss and
 * errors.
 */

import type { KernelBackend } from '@tensorflow/tfjs-core';
import { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { TrainerError } from '../../../errors.js';
import { FailureWatch } from '../failure-watch.js';
import { registerComposedAdam } from '../kernels/adam.js';
import { registerComposedBatchNorm } from '../kernels/batch-norm.js';
import { describeAdapter, isSoftwareAdapter } from '../platform.js';
import type { MakeBackend } from './backend.js';

registerComposedBatchNorm('webgpu');
registerComposedAdam('webgpu');

/** Limits that tfjs' kernels use to the full where the adapter has more than the default. */
const WANTED_LIMITS = [
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxComputeWorkgroupSizeX',
  'maxComputeInvocationsPerWorkgroup',
] as const satisfies readonly (keyof GPUSupportedLimits)[];

async function requestDevice(): Promise<{ readonly device: GPUDevice; readonly info: GPUAdapterInfo }> {
  // The types say that `navigator.gpu` is always there.
  const gpu = navigator.gpu as GPU | undefined;
  if (gpu === undefined) {
    throw new TrainerError('EngineUnavailable', 'This browser offers no WebGPU. Choose "auto".');
  }
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) {
    throw new TrainerError('EngineUnavailable', 'WebGPU found no adapter on this machine. Choose "auto".');
  }
  const device = await adapter.requestDevice({
    label: 'sgan-trainer tfjs',
    requiredLimits: Object.fromEntries(WANTED_LIMITS.map((name) => [name, adapter.limits[name]])),
  });
  return { device, info: adapter.info };
}

/** Reports the loss of a device and every error that nothing else caught. */
function watchDevice(device: GPUDevice): FailureWatch {
  const watch = new FailureWatch();
  void device.lost.then(({ reason, message }) => {
    watch.fail(new TrainerError('DeviceLost', `The GPU device was lost (${reason}): ${message}`));
  });
  device.addEventListener('uncapturederror', ({ error }) => {
    const isMemory = error instanceof GPUOutOfMemoryError;
    const kind = isMemory ? 'OutOfMemory' : 'Internal';
    const what = isMemory ? 'The GPU ran out of memory' : 'The GPU refused a command';
    watch.fail(new TrainerError(kind, `${what}: ${error.message}`));
  });
  return watch;
}

export const makeBackend: MakeBackend = async () => {
  const { device, info } = await requestDevice();
  return {
    backend: new WebGPUBackend(device, info) as unknown as KernelBackend,
    adapter: describeAdapter(info),
    isSoftware: isSoftwareAdapter(info),
    watch: watchDevice(device),
    release: () => device.destroy(),
  };
};
