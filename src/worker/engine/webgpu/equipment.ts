/**
 * Everything on the device that a run needs, made once: the device itself, the buffers that all
 * programs share, the train step made ready. Owns their making and their end, not their use.
 */

import { metricNames } from '../../../recipe/metrics.js';
import { NORMALISED_BYTES } from '../../data/normalise.js';
import { dataSizesOf } from '../data-sizes.js';
import type { EngineInput } from '../engine.js';
import { DEVICE_SILENCE_LIMIT_MS } from '../../../protocol/time-limits.js';
import { planTrainStep, type PlannedProgram } from '../plan/plan.js';
import type { StepScalar } from '../plan/step-scalars.js';
import { toTrainerError } from '../device/failure-watch.js';
import { BufferPool, type Contents } from './buffers.js';
import { openDevice } from './device.js';
import type { OpenDevice } from '../device/open-device.js';
import { findGpu } from '../device/platform.js';
import type { Tiles } from './kernels/linear.js';
import {
  CONTROL,
  controlLayout,
  FIRST_MOMENTS,
  PARAMETERS,
  SECOND_MOMENTS,
  TEST_IMAGES,
  TEST_LABELS,
  TRAIN_IMAGES,
  TRAIN_LABELS,
  type BufferKey,
} from './kernels/shader.js';
import { updateTable } from './kernels/update.js';
import { bufferNeeds } from './needs.js';
import { ParameterLayout } from './parameter-layout.js';
import {
  packTables,
  prepareProgram,
  programMemory,
  type ReadyProgram,
  type SharedMemory,
} from './program.js';
import { StepQueue } from './step-queue.js';
import { defaultTiles } from './tuning/tiles.js';
import { tuneTiles, type TuningOptions } from './tuning/tuner.js';

export interface WebGpuOptions {
  /** `navigator.gpu` unless given. */
  readonly gpu?: GPU | undefined;
  /** Wraps the device, so that tests and benchmarks may count what is asked of it. */
  readonly wrapDevice?: ((device: GPUDevice) => GPUDevice) | undefined;
  /** Tiles instead of the adapter's own; they change no bit. */
  readonly tiles?: Tiles | undefined;
  /** How the adapter's own tiles are found; `false` takes the default without a measurement. */
  readonly tune?: TuningOptions | false | undefined;
  /** Another train step in place of the recipe's, a corrupted one for instance. */
  readonly trainStep?: PlannedProgram | undefined;
}

export interface Equipment {
  readonly open: OpenDevice;
  /** The open device, wrapped where the options say so. */
  readonly device: GPUDevice;
  readonly shared: SharedMemory;
  readonly tiles: Tiles;
  readonly train: ReadyProgram;
  readonly queue: StepQueue;
  readonly stepScalars: readonly StepScalar[];
}

/** Buffers that all programs share, with the split and the tables; `upload` fills in the data set. */
export function makeShared(
  device: GPUDevice,
  input: EngineInput,
  planned: PlannedProgram,
): SharedMemory & { readonly upload: () => void } {
  const { recipe, dataset, split } = input;
  const buffers = new BufferPool(device);
  const parameters = new ParameterLayout(recipe);
  for (const key of [PARAMETERS, FIRST_MOMENTS, SECOND_MOMENTS]) buffers.make(key, parameters.length * 4);
  const control = controlLayout(metricNames(recipe).length, planned.program.stepScalars.length);
  buffers.make(CONTROL, control.length * 4);
  const data: readonly (readonly [BufferKey, Contents])[] = [
    [TRAIN_IMAGES, dataset.train.images],
    [TRAIN_LABELS, dataset.train.labels],
    [TEST_IMAGES, dataset.test.images],
    [TEST_LABELS, dataset.test.labels],
  ];
  for (const [key, { byteLength }] of data) buffers.make(key, byteLength);
  const places = programMemory(planned, 'train', { buffers, parameters, tables: {}, control });
  const updates = planned.program.operations.filter((operation) => operation.kind === 'update');
  const { key, words, tables } = packTables({
    bytes: new Uint32Array(NORMALISED_BYTES.buffer),
    labelled: split.labelled,
    unlabelled: split.unlabelled,
    ...Object.fromEntries(updates.map((update) => [`updates ${update.phase}`, updateTable(update, places)])),
  });
  buffers.fill(key, words);
  const upload = (): void => {
    for (const [key, contents] of data) buffers.write(key, contents);
  };
  return { buffers, parameters, tables, control, upload };
}

/**
 * Opens a device and makes everything for `input`; whoever gets it calls `release`. Rejects with
 * `EngineUnavailable` where WebGPU cannot run it here, and leaves nothing behind then.
 */
export async function equip(input: EngineInput, options: WebGpuOptions): Promise<Equipment> {
  const { recipe, dataset } = input;
  const planned = options.trainStep ?? planTrainStep(recipe);
  const gpu = 'gpu' in options ? options.gpu : findGpu();
  const open = await openDevice(gpu, bufferNeeds(recipe, dataSizesOf(input), planned));
  const device = options.wrapDevice?.(open.device) ?? open.device;
  try {
    const { upload, ...shared } = makeShared(device, input, planned);
    const testCount = dataset.test.count;
    const tune = (): Promise<Tiles> =>
      options.tune === false
        ? Promise.resolve(defaultTiles(open.isSoftware))
        : tuneTiles({ open, device, planned, shared, testCount }, options.tune);
    const tiles = options.tiles ?? (await tune());
    // The device compiles while the data set is on its way.
    const preparing = open.watch.guard(prepareProgram(device, planned, 'train', shared, tiles, testCount));
    const [train] = await Promise.all([preparing, Promise.resolve().then(upload)]);
    open.watch.setSilenceLimit(DEVICE_SILENCE_LIMIT_MS);
    const queue = new StepQueue(device, open.watch, train, shared);
    const { stepScalars } = planned.program;
    return { open, device, shared, tiles, train, queue, stepScalars };
  } catch (error) {
    open.device.destroy();
    throw open.watch.failure ?? toTrainerError(error);
  }
}

export function release({ open, shared, queue }: Equipment): void {
  queue.dispose();
  shared.buffers.dispose();
  open.device.destroy();
}
