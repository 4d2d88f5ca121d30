/** The device that the engine runs on: the limits that a recipe needs, asked of the adapter. */

import { TrainerError } from '../../../protocol/errors.js';
import { openGpuDevice, type OpenDevice } from '../device/open-device.js';

/** The least that every kernel here can count on, by WebGPU's defaults: no dispatch binds more. */
const STORAGE_BUFFERS = 8;

/** Bytes of the largest buffer that an engine needs. */
export interface DeviceNeeds {
  readonly largestBufferBytes: number;
}

function requiredLimits(
  limits: GPUSupportedLimits,
  { largestBufferBytes }: DeviceNeeds,
): Record<string, number> {
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

/** Opens a device of `gpu` (`navigator.gpu`, or Dawn's in Node); see `openGpuDevice` for what it rejects with. */
export function openDevice(gpu: GPU | undefined, needs: DeviceNeeds): Promise<OpenDevice> {
  return openGpuDevice(gpu, {
    label: 'sgan-trainer',
    limits: (offered) => requiredLimits(offered, needs),
  });
}
