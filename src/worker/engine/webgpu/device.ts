/**
 * A GPU device of the engine's own: the fast adapter, the limits that the recipe needs, and a watch
 * on its loss and on every error that nothing else caught.
 */

import { TrainerError } from '../../errors.js';
import { FailureWatch } from '../tfjs/failure-watch.js';
import { describeAdapter, isSoftwareAdapter } from '../tfjs/platform.js';

/** An open device; the engine that opened it destroys it. */
export interface OpenDevice {
  readonly device: GPUDevice;
  /** The adapter in its own words; may be empty. */
  readonly adapter: string;
  readonly isSoftware: boolean;
  readonly info: GPUAdapterInfo;
  readonly watch: FailureWatch;
}

/** The least that every kernel here can count on, by WebGPU's defaults: no dispatch binds more. */
const STORAGE_BUFFERS = 8;

/** Bytes of the largest buffer that an engine needs. */
export interface DeviceNeeds {
  readonly largestBufferBytes: number;
}

function requiredLimits(limits: GPUSupportedLimits, { largestBufferBytes }: DeviceNeeds): Record<string, number> {
  const wanted = {
    maxStorageBuffersPerShaderStage: STORAGE_BUFFERS,
    maxStorageBufferBindingSize: largestBufferBytes,
    maxBufferSize: largestBufferBytes,
  } as const;
  for (const [name, needed] of Object.entries(wanted)) {
    const offered = limits[name as keyof typeof wanted];
    if (offered >= needed) continue;
    throw new TrainerError(
      'EngineUnavailable',
      `The run needs ${name} of ${needed}, the GPU adapter offers ${offered}. ` +
        'Choose a smaller batch, or the engine "tfjs-wasm".',
    );
  }
  // Asking for less than the default is allowed and gives the default.
  return wanted;
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
export async function openDevice(gpu: GPU | undefined, needs: DeviceNeeds): Promise<OpenDevice> {
  if (gpu === undefined) {
    throw new TrainerError('EngineUnavailable', 'This browser offers no WebGPU. Choose "auto".');
  }
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) {
    throw new TrainerError('EngineUnavailable', 'WebGPU found no adapter on this machine. Choose "auto".');
  }
  const device = await adapter.requestDevice({
    label: 'sgan-trainer',
    requiredLimits: requiredLimits(adapter.limits, needs),
  });
  const { info } = adapter;
  return { device, adapter: describeAdapter(info), isSoftware: isSoftwareAdapter(info), info, watch: watchDevice(device) };
}
