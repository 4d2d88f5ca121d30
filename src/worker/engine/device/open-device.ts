/**
 * A GPU device of an engine's own: the fast adapter, the limits asked for, and a watch on its loss and
 * on every error that nothing else caught. What webgpu and tfjs-webgpu share.
 */

import { TrainerError } from '../../../protocol/errors.js';
import { FailureWatch } from './failure-watch.js';
import { describeAdapter, isSoftwareAdapter } from './platform.js';

/** An open device; the engine that opened it destroys it. */
export interface OpenDevice {
  readonly device: GPUDevice;
  /** The adapter in its own words; may be empty. */
  readonly adapter: string;
  readonly isSoftware: boolean;
  readonly info: GPUAdapterInfo;
  readonly watch: FailureWatch;
}

export interface DeviceRequest {
  readonly label: string;
  /** The limits to ask for, from those that the adapter offers. Throws where they are too low. */
  readonly limits: (offered: GPUSupportedLimits) => Record<string, number>;
}

/** Tells of the loss of a device and of every error that nothing else caught. */
function watchDevice(device: GPUDevice): FailureWatch {
  const watch = new FailureWatch();
  void device.lost.then(({ reason, message }) => {
    watch.fail(new TrainerError('DeviceLost', `The GPU device was lost (${reason}): ${message}`));
  });
  device.addEventListener('uncapturederror', ({ error }) => {
    const isMemory = error instanceof GPUOutOfMemoryError;
    const what = isMemory ? 'The GPU ran out of memory' : 'The GPU refused a command';
    watch.fail(new TrainerError(isMemory ? 'OutOfMemory' : 'Internal', `${what}: ${error.message}`));
  });
  return watch;
}

/**
 * Opens a device of `gpu` (`navigator.gpu`, or Dawn's in Node). Rejects with `EngineUnavailable`
 * where there is no WebGPU, no adapter, or an adapter with too low limits.
 */
export async function openGpuDevice(
  gpu: GPU | undefined,
  { label, limits }: DeviceRequest,
): Promise<OpenDevice> {
  if (gpu === undefined) {
    throw new TrainerError('EngineUnavailable', 'This browser offers no WebGPU. Choose "auto".');
  }
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) {
    throw new TrainerError('EngineUnavailable', 'WebGPU found no adapter on this machine. Choose "auto".');
  }
  const device = await adapter.requestDevice({ label, requiredLimits: limits(adapter.limits) });
  const { info } = adapter;
  return {
    device,
    adapter: describeAdapter(info),
    isSoftware: isSoftwareAdapter(info),
    info,
    watch: watchDevice(device),
  };
}
