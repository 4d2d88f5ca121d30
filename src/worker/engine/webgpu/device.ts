/** The device that the engine runs on, with the limits that a run needs. */

import { openGpuDevice, type OpenDevice, type RequiredFeature } from '../device/open-device.js';
import { limitsToAsk, type BufferNeed } from './limits.js';

/** Opens a device of `gpu` (`navigator.gpu`, or Dawn's in Node); see `openGpuDevice` for what it rejects with. */
export function openDevice(
  gpu: GPU | undefined,
  needs: readonly BufferNeed[],
  features: readonly RequiredFeature[] = [],
): Promise<OpenDevice> {
  return openGpuDevice(gpu, {
    label: 'sgan-trainer',
    limits: (offered) => limitsToAsk(needs, offered),
    features,
  });
}
