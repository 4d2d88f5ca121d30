/**
 * The fused WebGPU engine: a recipe's plan on a GPUDevice of its own. Owns the device and everything
 * on it. A step uploads, allocates and compiles nothing.
 */

import { NORMALISED_BYTES } from '../../data/normalise.js';
import { initialTensors, type NamedTensor } from '../../model/parameters.js';
import { seedKey } from '../../random.js';
import { checkState } from '../check-state.js';
import type { Engine, EngineInfo, EngineInput, EngineState, StepMetrics } from '../engine.js';
import type { OptimiserPlan } from '../plan/operations.js';
import { planClassify, planEvaluate, planGenerate, planTrainStep, type PlannedProgram } from '../plan/plan.js';
import { toTrainerError } from '../tfjs/failure-watch.js';
import { BufferPool } from './buffers.js';
import { openDevice, type OpenDevice } from './device.js';
import { inspectStep } from './inspect.js';
import type { Tiles } from './kernels/linear.js';
import {
  CONTROL,
  CONTROL_LENGTH,
  CONTROL_WORDS,
  FIRST_MOMENTS,
  METRICS_RING,
  METRICS_SLOTS,
  PARAMETERS,
  RATES,
  SECOND_MOMENTS,
  TEST_IMAGES,
  TEST_LABELS,
  TRAIN_IMAGES,
  TRAIN_LABELS,
} from './kernels/shader.js';
import { METRIC_NAMES } from '../../../protocol.js';
import { updateTable } from './kernels/update.js';
import { ParameterLayout } from './parameter-layout.js';
import { packTables, prepareProgram, programMemory, type ReadyProgram, type SharedMemory } from './program.js';
import { RATE_STEPS, ratesFrom } from './rates.js';
import { readBuffers } from './read.js';
import { StepQueue } from './step-queue.js';
import { defaultTiles } from './tiles.js';

type Values = Float32Array<ArrayBuffer>;

export interface WebGpuOptions {
  /** `navigator.gpu` unless given. */
  readonly gpu?: GPU | undefined;
  /** Wraps the device, so that tests and benchmarks may count what is asked of it. */
  readonly wrapDevice?: ((device: GPUDevice) => GPUDevice) | undefined;
  /** Tiles instead of the adapter's own; they change no bit. */
  readonly tiles?: Tiles | undefined;
  /** Another train step in place of the recipe's, a corrupted one for instance. */
  readonly trainStep?: PlannedProgram | undefined;
}

/** Everything on the device that a train step needs, made once. */
interface Equipment {
  readonly open: OpenDevice;
  readonly device: GPUDevice;
  readonly shared: SharedMemory;
  readonly tiles: Tiles;
  readonly train: ReadyProgram;
  readonly queue: StepQueue;
  readonly optimisers: readonly OptimiserPlan[];
}

class WebGpuEngine implements Engine {
  readonly info: EngineInfo;
  readonly #input: EngineInput;
  readonly #equipment: Equipment;
  /** Inference programs by what they do; made at their first use, remade for more rows. */
  readonly #inference = new Map<string, { readonly program: ReadyProgram; readonly rows: number }>();
  #step = 0;
  #firstRate = 0;
  #isDisposed = false;

  constructor(input: EngineInput, equipment: Equipment) {
    const { adapter, isSoftware } = equipment.open;
    this.info = { engine: 'webgpu', adapter, isSoftware };
    this.#input = input;
    this.#equipment = equipment;
    this.#upload({ step: 0, tensors: initialTensors(input.recipe, input.settings.seed) });
  }

  async advance(steps: number): Promise<readonly StepMetrics[]> {
    this.#check();
    const { queue } = this.#equipment;
    for (let left = steps; left > 0; ) {
      const chunk = Math.min(left, RATE_STEPS);
      if (this.#step + chunk > this.#firstRate + RATE_STEPS) this.#uploadRates();
      const step = this.#step;
      this.#step += chunk;
      left -= chunk;
      await queue.push(step, chunk);
    }
    return queue.take();
  }

  async flush(): Promise<readonly StepMetrics[]> {
    this.#check();
    await this.#equipment.queue.drain();
    return this.#equipment.queue.take();
  }

  async countCorrect(first: number, count: number): Promise<number> {
    const { recipe, settings } = this.#input;
    const program = await this.#inferenceProgram('evaluate', count, (rows) => planEvaluate(recipe, settings, rows));
    this.#writeControl(CONTROL_WORDS.firstImage, first, count);
    const [counted] = await this.#infer(program, 1);
    return new Uint32Array(counted!.buffer)[0]!;
  }

  async generate(latents: Values, count: number): Promise<Values> {
    const { recipe, settings, dataset } = this.#input;
    if (recipe.generator === null) throw new Error(`The recipe "${recipe.name}" has no generator to take images from.`);
    const program = await this.#inferenceProgram('generate', count, (rows) => planGenerate(recipe, settings, rows));
    this.#writeInput(program, latents);
    const size = dataset.imageShape.reduce((product, length) => product * length, count);
    return (await this.#infer(program, size))[0]!;
  }

  async classify(images: Values, count: number): Promise<Values> {
    const { recipe, settings, dataset } = this.#input;
    const program = await this.#inferenceProgram('classify', count, (rows) => planClassify(recipe, settings, rows));
    this.#writeInput(program, images);
    return (await this.#infer(program, count * (dataset.classes + 1)))[0]!;
  }

  async exportState(): Promise<EngineState> {
    this.#check();
    const step = this.#step;
    const { shared } = this.#equipment;
    const sources = [PARAMETERS, FIRST_MOMENTS, SECOND_MOMENTS].map((key) => {
      const buffer = shared.buffers.get(key);
      return { buffer, offsetBytes: 0, bytes: buffer.size };
    });
    const [values, m, v] = await this.#read(sources);
    return { step, tensors: shared.parameters.unpack(values!, m!, v!) };
  }

  async importState(state: EngineState): Promise<void> {
    this.#check();
    checkState(this.#input, state.tensors);
    await this.#equipment.queue.drain();
    this.#upload(state);
  }

  async inspectStep(): Promise<ReadonlyMap<string, NamedTensor>> {
    await this.#equipment.queue.drain();
    const before = await this.exportState();
    const { device, shared, train } = this.#equipment;
    try {
      return await inspectStep({ device, shared, train, step: this.#step, read: (sources) => this.#read(sources) });
    } finally {
      if (this.#equipment.open.watch.failure === null) this.#upload(before);
    }
  }

  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    release(this.#equipment);
  }

  #check(): void {
    if (this.#isDisposed) throw new Error('This engine was disposed; make another one.');
    this.#equipment.open.watch.check();
  }

  #upload({ step, tensors }: EngineState): void {
    const { device, shared } = this.#equipment;
    const [values, m, v] = shared.parameters.pack(tensors);
    device.queue.writeBuffer(shared.buffers.get(PARAMETERS), 0, values);
    device.queue.writeBuffer(shared.buffers.get(FIRST_MOMENTS), 0, m);
    device.queue.writeBuffer(shared.buffers.get(SECOND_MOMENTS), 0, v);
    this.#step = step;
    this.#writeControl(CONTROL_WORDS.step, step, ...seedKey(this.#input.settings.seed));
    this.#uploadRates();
  }

  #uploadRates(): void {
    const { device, shared, optimisers } = this.#equipment;
    this.#firstRate = this.#step;
    device.queue.writeBuffer(shared.buffers.get(RATES), 0, ratesFrom(optimisers, this.#step));
    this.#writeControl(CONTROL_WORDS.firstRate, this.#step);
  }

  #writeControl(firstWord: number, ...words: readonly number[]): void {
    this.#check();
    const { device, shared } = this.#equipment;
    device.queue.writeBuffer(shared.buffers.get(CONTROL), firstWord * 4, Uint32Array.from(words));
  }

  #writeInput(program: ReadyProgram, values: Values): void {
    const { buffer, offsetBytes } = program.place(program.planned.program.inputs[0]!);
    this.#equipment.device.queue.writeBuffer(buffer, offsetBytes, values);
  }

  /** Runs a program and reads the first `length` elements of its output. */
  #infer(program: ReadyProgram, length: number): Promise<readonly Values[]> {
    const { device } = this.#equipment;
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    program.encode(pass);
    pass.end();
    device.queue.submit([encoder.finish()]);
    const output = program.place(program.planned.program.outputs[0]!);
    return this.#read([{ ...output, bytes: length * 4 }]);
  }

  async #inferenceProgram(name: string, rows: number, plan: (rows: number) => PlannedProgram): Promise<ReadyProgram> {
    this.#check();
    const found = this.#inference.get(name);
    if (found !== undefined && found.rows >= rows) return found.program;
    found?.program.dispose();
    this.#inference.delete(name);
    const { device, shared, tiles, open } = this.#equipment;
    const preparing = prepareProgram(device, plan(rows), name, shared, tiles, this.#input.dataset.test.count);
    const program = await open.watch.guard(preparing);
    this.#inference.set(name, { program, rows });
    return program;
  }

  #read(sources: Parameters<typeof readBuffers>[1]): Promise<readonly Values[]> {
    this.#check();
    return this.#equipment.open.watch.guard(readBuffers(this.#equipment.device, sources));
  }
}

function release({ open, shared, queue }: Pick<Equipment, 'open' | 'shared' | 'queue'>): void {
  queue.dispose();
  shared.buffers.dispose();
  open.device.destroy();
}

/** Buffers that all programs share, filled with the data set, the split and the tables. */
export function makeShared(device: GPUDevice, input: EngineInput, planned: PlannedProgram): SharedMemory & { readonly optimisers: readonly OptimiserPlan[] } {
  const { recipe, dataset, split } = input;
  const buffers = new BufferPool(device);
  const parameters = new ParameterLayout(recipe);
  for (const key of [PARAMETERS, FIRST_MOMENTS, SECOND_MOMENTS]) buffers.make(key, parameters.length * 4);
  buffers.make(CONTROL, CONTROL_LENGTH * 4);
  buffers.make(METRICS_RING, METRICS_SLOTS * METRIC_NAMES.length * 4);
  buffers.fill(TRAIN_IMAGES, dataset.train.images);
  buffers.fill(TRAIN_LABELS, dataset.train.labels);
  buffers.fill(TEST_IMAGES, dataset.test.images);
  buffers.fill(TEST_LABELS, dataset.test.labels);
  const update = planned.program.operations.find((operation) => operation.kind === 'update');
  if (update === undefined) throw new Error(`The train step of "${recipe.name}" updates nothing.`);
  buffers.make(RATES, RATE_STEPS * update.optimisers.length * 4);
  const empty = { bytes: { offset: 0, length: 0 }, labelled: { offset: 0, length: 0 }, unlabelled: { offset: 0, length: 0 }, updates: { offset: 0, length: 0 } };
  const places = programMemory(planned, 'train', { buffers, parameters, tables: empty });
  const { key, words, tables } = packTables({
    bytes: new Uint32Array(NORMALISED_BYTES.buffer),
    labelled: split.labelled,
    unlabelled: split.unlabelled,
    updates: updateTable(update, places),
  });
  buffers.fill(key, words);
  return { buffers, parameters, tables, optimisers: update.optimisers };
}

/**
 * Makes the engine at step 0 of the input's seed; the caller disposes it. Rejects with
 * `EngineUnavailable` where WebGPU cannot run it here.
 */
export async function createWebGpuEngine(input: EngineInput, options: WebGpuOptions = {}): Promise<Engine> {
  const { recipe, settings, dataset } = input;
  const planned = options.trainStep ?? planTrainStep(recipe, settings);
  const largest = Math.max(dataset.train.images.length, dataset.test.images.length, ...planned.layout.buffers.map(({ sizeBytes }) => sizeBytes));
  const gpu = 'gpu' in options ? options.gpu : (navigator.gpu as GPU | undefined);
  const open = await openDevice(gpu, { largestBufferBytes: Math.ceil(largest / 16) * 16 });
  const device = options.wrapDevice?.(open.device) ?? open.device;
  try {
    const { optimisers, ...shared } = makeShared(device, input, planned);
    const tiles = options.tiles ?? defaultTiles(open.isSoftware);
    const train = await open.watch.guard(prepareProgram(device, planned, 'train', shared, tiles, dataset.test.count));
    const queue = new StepQueue(device, open.watch, train, shared.buffers.get(METRICS_RING));
    return new WebGpuEngine(input, { open, device, shared, tiles, train, queue, optimisers });
  } catch (error) {
    open.device.destroy();
    throw open.watch.failure ?? toTrainerError(error);
  }
}
