/**
 * Everything on the device that a run needs, made once: the device itself, the buffers that all
 * programs share, the first stage's train step made ready. Owns their making and their end, not their use.
 */

import { pooledCount } from '../../data/dataset.js';
import { NORMALISED_BYTES } from '../../data/normalise.js';
import { dataSizesOf } from '../data-sizes.js';
import type { EngineInput } from '../engine.js';
import { DEVICE_SILENCE_LIMIT_MS } from '../../../protocol/time-limits.js';
import type { PlannedProgram } from '../plan/plan.js';
import { toTrainerError } from '../device/failure-watch.js';
import { BufferPool, type Contents } from './buffers.js';
import { openDevice } from './device.js';
import type { OpenDevice } from '../device/open-device.js';
import { findGpu } from '../device/platform.js';
import type { Tiles } from './kernels/linear.js';
import {
  CONTROL,
  FIRST_MOMENTS,
  PARAMETERS,
  SECOND_MOMENTS,
  TABLES,
  TEST_IMAGES,
  TEST_LABELS,
  TRAIN_IMAGES,
  TRAIN_LABELS,
  type BufferKey,
} from './kernels/shader.js';
import { updateTable } from './kernels/update.js';
import { bufferNeeds } from './needs.js';
import { featuresAskedBy } from './optional-features.js';
import { ParameterLayout } from './parameter-layout.js';
import {
  controlOf,
  makeBuffers,
  packTables,
  prepareProgram,
  programMemory,
  type ProgramOptions,
  type SharedMemory,
  type Tables,
} from './program.js';
import { heaviestOf, planStages, StagePrograms } from './stage-programs.js';
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
  /** Whether operations share dispatches, instead of what is best for the adapter; changes no bit. */
  readonly joins?: boolean | undefined;
  /** How the adapter's own tiles are found; `false` takes the default without a measurement. */
  readonly tune?: TuningOptions | false | undefined;
  /** Another train step in place of the first stage's, a corrupted one for instance. */
  readonly trainStep?: PlannedProgram | undefined;
}

export interface Equipment {
  readonly open: OpenDevice;
  /** The open device, wrapped where the options say so. */
  readonly device: GPUDevice;
  /** For programs that are no train step. */
  readonly shared: SharedMemory;
  /** Names of the adapter's features that settings have asked for. */
  readonly features: readonly string[];
  /** How programs are computed. */
  readonly programOptions: Omit<ProgramOptions, 'prefix'>;
  readonly stages: StagePrograms;
  readonly queue: StepQueue;
}

/** What all programs share, as one train step sees it, and as each of several does. */
export interface SharedByStages extends SharedMemory {
  /** By program; the first is the whole itself. */
  readonly programs: readonly SharedMemory[];
  /** Fills in the data set. */
  readonly upload: () => void;
}

/** Buffers that all programs share, with the split and the tables of some train steps. */
export function makeShared(
  device: GPUDevice,
  input: EngineInput,
  ...planned: readonly [PlannedProgram, ...(readonly PlannedProgram[])]
): SharedByStages {
  const { recipe, dataset, split } = input;
  const buffers = new BufferPool(device);
  const parameters = new ParameterLayout(recipe);
  buffers.make(PARAMETERS, parameters.length * 4);
  for (const key of [FIRST_MOMENTS, SECOND_MOMENTS]) buffers.make(key, parameters.momentLength * 4);
  const controls = planned.map(controlOf);
  buffers.make(CONTROL, Math.max(...controls.map(({ length }) => length)) * 4);
  const data: readonly (readonly [BufferKey, Contents])[] = [
    [TRAIN_IMAGES, dataset.train.images],
    [TRAIN_LABELS, dataset.train.labels],
    [TEST_IMAGES, dataset.test.images],
    [TEST_LABELS, dataset.test.labels],
  ];
  for (const [key, { byteLength }] of data) buffers.make(key, byteLength);
  const updateTables = planned.map((each, index) => {
    const places = programMemory(each, 'train', {
      buffers,
      parameters,
      tables: {},
      control: controls[index]!,
    });
    const updates = each.program.operations.filter((operation) => operation.kind === 'update');
    return updates.map((update) => [`updates ${update.phase}`, updateTable(update, places)] as const);
  });
  const common = [
    ['labelled', split.labelled],
    ['unlabelled', split.unlabelled],
    ['bytes', new Uint32Array(NORMALISED_BYTES.buffer)],
  ] as const;
  const { words, places } = packTables([...common, ...updateTables.flat()].map(([, part]) => part));
  buffers.fill(TABLES, words);
  // The unlabelled images lie behind the labelled ones.
  const pooled = { offset: places[0]!.offset, length: pooledCount(split) };
  let next = common.length;
  const programs = updateTables.map((updates, index): SharedMemory => {
    const named = [...common.map(([name], at) => [name, places[at]!] as const)];
    const own = updates.map(([name]) => [name, places[next++]!] as const);
    const tables: Tables = { ...Object.fromEntries([...named, ...own]), pooled };
    return { buffers, parameters, tables, control: controls[index]! };
  });
  const upload = (): void => {
    for (const [key, contents] of data) buffers.write(key, contents);
  };
  return { ...programs[0]!, programs, upload };
}

/**
 * Opens a device and makes everything for `input`; whoever gets it calls `release`. Rejects with
 * `EngineUnavailable` where WebGPU cannot run it here, and leaves nothing behind then.
 */
export async function equip(input: EngineInput, options: WebGpuOptions): Promise<Equipment> {
  const { recipe, dataset } = input;
  const { subgroups, float16 } = input.settings;
  const plan = planStages(recipe, float16, options.trainStep);
  const gpu = 'gpu' in options ? options.gpu : findGpu();
  const asked = featuresAskedBy(input.settings);
  const needs = bufferNeeds(recipe, dataSizesOf(input), plan.programs, float16);
  const open = await openDevice(gpu, needs, asked);
  const device = options.wrapDevice?.(open.device) ?? open.device;
  try {
    const [first, ...others] = plan.programs;
    const { upload, programs, ...shared } = makeShared(device, input, first!, ...others);
    makeBuffers(shared.buffers, 'train', plan.programs);
    const testCount = dataset.test.count;
    const heaviest = heaviestOf(plan.programs);
    const subject = { planned: plan.programs[heaviest]!, shared: programs[heaviest]! };
    const tune = (): Promise<Tiles> =>
      options.tune === false
        ? Promise.resolve(defaultTiles(open.isSoftware))
        : tuneTiles({ open, device, ...subject, testCount }, options.tune);
    const programOptions = {
      tiles: options.tiles ?? (await tune()),
      testCount,
      reduction: subgroups ? ('subgroups' as const) : ('lines' as const),
      joins: options.joins,
    };
    const stages = new StagePrograms({
      plan,
      shared: programs,
      prepare: (planned, own) =>
        open.watch.guard(prepareProgram(device, planned, own, { prefix: 'train', ...programOptions })),
    });
    // The device compiles while the data set is on its way.
    const preparing = stages.ready(0);
    await Promise.all([preparing, Promise.resolve().then(upload)]);
    open.watch.setSilenceLimit(DEVICE_SILENCE_LIMIT_MS);
    const mostMetrics = Math.max(...programs.map(({ control }) => control.metrics));
    const queue = new StepQueue(device, open.watch, shared.buffers.get(CONTROL), mostMetrics);
    const features = asked.map(({ name }) => name);
    return { open, device, shared, features, programOptions, stages, queue };
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
