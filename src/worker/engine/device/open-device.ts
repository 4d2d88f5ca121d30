/**
 * A GPU device of an engine's own: the fast adapter, the limits asked for, and a watch on its loss and
 * on every error that nothing else caught. What webgpu and tfjs-webgpu share.
 */

import { TrainerError } from '../../../protocol/errors.js';
import {
  DEVICE_SILENCE_LIMIT_MS,
  DEVICE_START_SILENCE_LIMIT_MS,
  OPEN_DEVICE_LIMIT_MS,
} from '../../../protocol/time-limits.js';
import type { StartTimer } from '../../../protocol/patience.js';
import { answerWithin } from './answer.js';
import { FailureWatch } from './failure-watch.js';
import {
  describeAdapter,
  isSoftwareAdapter,
  readIdentity,
  requestAdapter,
  type AdapterIdentity,
} from './platform.js';

/** An open device; the engine that opened it destroys it. */
export interface OpenDevice {
  readonly device: GPUDevice;
  /** The adapter in its own words; may be empty. */
  readonly adapter: string;
  readonly isSoftware: boolean;
  readonly identity: AdapterIdentity;
  readonly watch: FailureWatch;
}

/** A feature, and what asks for it. */
export interface RequiredFeature {
  readonly name: string;
  readonly askedBy: string;
}

export interface DeviceRequest {
  readonly label: string;
  /** The limits to ask for, from those that the adapter offers. Throws where they are too low. */
  readonly limits: (offered: GPUSupportedLimits) => Record<string, number>;
  /** Features that it has to have; none unless told. */
  readonly features?: readonly RequiredFeature[] | undefined;
  /** Another clock than the thread's, for tests. */
  readonly start?: StartTimer | undefined;
}

/**
 * Tells of the loss of a device, of every error that nothing else caught, and of its silence. Each pipeline
 * that is compiled is an answer of its own, so that a slow compiler is not taken for one that hangs.
 */
function watchDevice(device: GPUDevice, isSoftware: boolean, start: StartTimer | undefined): FailureWatch {
  // On the processor one pipeline can take longer than all do on a GPU.
  const silenceLimitMs = isSoftware ? DEVICE_SILENCE_LIMIT_MS : DEVICE_START_SILENCE_LIMIT_MS;
  const watch = new FailureWatch({ silenceLimitMs, start });
  void device.lost.then(({ reason, message }) => {
    watch.fail(new TrainerError('DeviceLost', `The GPU device was lost (${reason}): ${message}`));
  });
  device.addEventListener('uncapturederror', ({ error }) => {
    const isMemory = error instanceof GPUOutOfMemoryError;
    const what = isMemory ? 'The GPU ran out of memory' : 'The GPU refused a command';
    watch.fail(new TrainerError(isMemory ? 'OutOfMemory' : 'Internal', `${what}: ${error.message}`));
  });
  const compile = device.createComputePipelineAsync.bind(device);
  device.createComputePipelineAsync = (descriptor) => watch.guard(compile(descriptor));
  return watch;
}

/** Throws `EngineUnavailable` where the adapter lacks a feature: names it. */
function checkFeatures(
  features: readonly RequiredFeature[],
  { info, features: offered }: AdapterIdentity,
): void {
  for (const { name, askedBy } of features) {
    if (offered.includes(name)) continue;
    const adapter = describeAdapter(info);
    throw new TrainerError(
      'EngineUnavailable',
      `${askedBy} needs the feature "${name}", which the GPU adapter${adapter === '' ? '' : ` (${adapter})`} ` +
        'does not offer. Leave it out, or use the engine "wasm".',
    );
  }
}

/**
 * Opens a device of `gpu` (`navigator.gpu`, or Dawn's in Node). Rejects with `EngineUnavailable`
 * where there is no WebGPU, no adapter, an adapter with too low limits, or no answer. Its watch has the
 * patience for a device that is being made ready; whoever has made it so gives it that for a run.
 */
export async function openGpuDevice(
  gpu: GPU | undefined,
  { label, limits, features = [], start }: DeviceRequest,
): Promise<OpenDevice> {
  if (gpu === undefined) {
    throw new TrainerError('EngineUnavailable', 'This browser offers no WebGPU. Choose "auto".');
  }
  const adapter = await answerWithin(requestAdapter(gpu), {
    what: 'The search for a GPU',
    limitMs: OPEN_DEVICE_LIMIT_MS,
    start,
  });
  if (adapter === null) {
    throw new TrainerError('EngineUnavailable', 'WebGPU found no adapter on this machine. Choose "auto".');
  }
  const identity = readIdentity(adapter);
  checkFeatures(features, identity);
  const device = await answerWithin(
    adapter.requestDevice({
      label,
      requiredLimits: limits(adapter.limits),
      // TypeScript's list of names is older than some features.
      requiredFeatures: features.map(({ name }) => name as GPUFeatureName),
    }),
    {
      what: 'The GPU',
      limitMs: OPEN_DEVICE_LIMIT_MS,
      onLate: (late) => late.destroy(),
      start,
    },
  );
  const isSoftware = isSoftwareAdapter(identity.info);
  const watch = watchDevice(device, isSoftware, start);
  return { device, adapter: describeAdapter(identity.info), isSoftware, identity, watch };
}
