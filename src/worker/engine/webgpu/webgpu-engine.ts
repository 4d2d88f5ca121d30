/**
 * The fused WebGPU engine: a recipe's plan on a GPUDevice of its own. Owns the state of the run, and
 * through its equipment everything on the device. A step uploads, allocates and compiles nothing.
 */

import type { ImageGrid } from '../../../protocol/reports.js';
import { initialTensors, type NamedTensor } from '../../model/parameters.js';
import { metricNames } from '../../../recipe/metrics.js';
import { inStage, stageAt, type ParameterSet } from '../../../recipe/recipe.js';
import { seedKey } from '../../random/streams.js';
import { checkState } from '../check-state.js';
import type { Engine, EngineInfo, EngineInput, EngineState, StepMetrics } from '../engine.js';
import { equip, release, type Equipment, type WebGpuOptions } from './equipment.js';
import { Inference } from './inference/inference.js';
import { inspectStep } from './inspect.js';
import {
  CONTROL,
  CONTROL_WORDS,
  FIRST_MOMENTS,
  PARAMETERS,
  WINDOW_STEPS,
  SECOND_MOMENTS,
} from './kernels/shader.js';
import { scalarWindow } from './scalar-window.js';
import { readBuffers } from './read.js';
import { tileNames } from './tuning/tiles.js';

type Values = Float32Array<ArrayBuffer>;

class WebGpuEngine implements Engine {
  readonly info: EngineInfo;
  readonly joinsSlices = true;
  readonly #input: EngineInput;
  readonly #equipment: Equipment;
  readonly #inference: Inference;
  #step = 0;
  /** What the window of step scalars is for. */
  #stage = 0;
  #windowStart = 0;
  #isDisposed = false;

  constructor(input: EngineInput, equipment: Equipment) {
    const { adapter, isSoftware } = equipment.open;
    const tiles = tileNames(equipment.programOptions.tiles);
    const { features } = equipment;
    this.info = { engine: 'webgpu', adapter, isSoftware, tiles, ...(features.length > 0 && { features }) };
    this.#input = input;
    this.#equipment = equipment;
    this.#inference = new Inference(input, equipment);
    this.#upload({ step: 0, tensors: initialTensors(input.recipe, input.settings.seed) });
  }

  get evaluationSlice(): number {
    return this.#inference.passRows;
  }

  async advance(steps: number): Promise<readonly StepMetrics[]> {
    this.#check();
    const { queue, stages } = this.#equipment;
    const { stage } = stageAt(this.#input.recipe, this.#step);
    const program = await stages.ready(stage);
    const { control } = stages.sharedOf(stage);
    for (let left = steps; left > 0;) {
      const chunk = Math.min(left, WINDOW_STEPS);
      if (stage !== this.#stage || this.#step + chunk > this.#windowStart + WINDOW_STEPS)
        this.#uploadScalars();
      const step = this.#step;
      this.#step += chunk;
      left -= chunk;
      await queue.push({ program, control }, step, chunk);
    }
    stages.prepareAhead(stage + 1);
    return queue.take();
  }

  async flush(): Promise<readonly StepMetrics[]> {
    this.#check();
    await this.#equipment.queue.drain();
    return this.#equipment.queue.take();
  }

  async countCorrect(first: number, count: number): Promise<number> {
    this.#check();
    return this.#inference.countCorrect(first, count);
  }

  async generate(latents: Values, count: number): Promise<Values> {
    this.#check();
    return this.#inference.generate(latents, count);
  }

  async generateGrid(latents: Values, count: number, columns: number): Promise<ImageGrid> {
    this.#check();
    return this.#inference.generateGrid(latents, count, columns);
  }

  async classify(images: Values, count: number): Promise<Values> {
    this.#check();
    return this.#inference.classify(images, count);
  }

  async features(images: Values, count: number, parameters: ParameterSet): Promise<Values> {
    this.#check();
    return this.#inference.features(images, count, parameters);
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
    this.#check();
    const { device, stages, queue } = this.#equipment;
    const { recipe } = this.#input;
    const { stage } = stageAt(recipe, this.#step);
    const train = await stages.ready(stage);
    await queue.drain();
    const before = await this.exportState();
    if (stage !== this.#stage) this.#uploadScalars();
    try {
      return await inspectStep({
        device,
        shared: stages.sharedOf(stage),
        train,
        metrics: metricNames(inStage(recipe, stage)),
        step: this.#step,
        read: (sources) => this.#read(sources),
      });
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
    this.#writeControl(CONTROL_WORDS.step, Uint32Array.of(step, ...seedKey(this.#input.settings.seed)));
    this.#uploadScalars();
  }

  /** The step scalars from the next step on, of its stage. */
  #uploadScalars(): void {
    const { stages } = this.#equipment;
    const { stage, origin } = stageAt(this.#input.recipe, this.#step);
    const { stepScalars } = stages.plannedOf(stage).program;
    this.#stage = stage;
    this.#windowStart = this.#step;
    const window = scalarWindow(stepScalars, this.#step - origin);
    this.#writeControl(stages.sharedOf(stage).control.window, new Uint32Array(window.buffer));
    this.#writeControl(CONTROL_WORDS.windowStart, Uint32Array.of(this.#step));
  }

  #writeControl(firstWord: number, words: Uint32Array<ArrayBuffer>): void {
    this.#check();
    const { device, shared } = this.#equipment;
    device.queue.writeBuffer(shared.buffers.get(CONTROL), firstWord * 4, words);
  }

  #read(sources: Parameters<typeof readBuffers>[1]): Promise<readonly Values[]> {
    this.#check();
    return this.#equipment.open.watch.guard(readBuffers(this.#equipment.device, sources));
  }
}

/**
 * Makes the engine at step 0 of the input's seed; the caller disposes it. Rejects with
 * `EngineUnavailable` where WebGPU cannot run it here.
 */
export async function createWebGpuEngine(input: EngineInput, options: WebGpuOptions = {}): Promise<Engine> {
  const equipment = await equip(input, options);
  try {
    return new WebGpuEngine(input, equipment);
  } catch (error) {
    release(equipment);
    throw error;
  }
}
