/**
 * tfjs' WebGPU backend on a device of our own, since tfjs never listens to the device's loss and
 * errors.
 */

import type { KernelBackend } from '@tensorflow/tfjs-core';
import { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { DEVICE_SILENCE_LIMIT_MS } from '../../../../protocol/time-limits.js';
import { openGpuDevice } from '../../device/open-device.js';
import { findGpu } from '../../device/platform.js';
import { registerComposedAdam } from '../kernels/adam.js';
import { registerComposedBatchNorm } from '../kernels/batch-norm.js';
import { registerComposedGroupNorm } from '../kernels/group-norm.js';
import type { MakeBackend } from './backend.js';

registerComposedBatchNorm('webgpu');
registerComposedGroupNorm('webgpu');
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

export const makeBackend: MakeBackend = async () => {
  const open = await openGpuDevice(findGpu(), {
    label: 'sgan-trainer tfjs',
    limits: (offered) => Object.fromEntries(WANTED_LIMITS.map((name) => [name, offered[name]])),
  });
  // Its first step compiles while it runs.
  open.watch.setSilenceLimit(DEVICE_SILENCE_LIMIT_MS);
  return {
    backend: new WebGPUBackend(open.device, open.identity.info as GPUAdapterInfo) as unknown as KernelBackend,
    adapter: open.adapter,
    isSoftware: open.isSoftware,
    watch: open.watch,
    release: () => open.device.destroy(),
  };
};
