/**
 * The wasm engine: the plan of a recipe on SIMD WebAssembly, on one thread or, where memory can be
 * shared, on several. Owns the memory and the threads.
 */

import type { ThreadLimit } from '../../../protocol/engines.js';
import { seedKey } from '../../random/streams.js';
import { stepScalar } from '../plan/step-scalars.js';
import type { NamedTensor } from '../../model/parameters.js';
import { checkState } from '../check-state.js';
import { dataSizesOf } from '../data-sizes.js';
import type { Engine, EngineInfo, EngineInput, EngineState, StepMetrics } from '../engine.js';
import type { TensorId } from '../plan/operations.js';
import type { TrainOptions } from '../plan/lower/train-options.js';
import {
  planClassify,
  planEvaluate,
  planGenerate,
  planTrainStep,
  type PlannedProgram,
} from '../plan/plan.js';
import { Arena } from './memory/arena.js';
import type { Residents } from './memory/bindings.js';
import { compileProgram, type CompiledProgram } from './compile.js';
import type { Simd } from './features.js';
import { inspectProgram, readInspected } from './inspect.js';
import type { Kernels } from './kernels.js';
import { checkMemory, memoryNeeds } from './memory/needs.js';
import { placeResidents, type StateTensors } from './memory/residents.js';
import { spawnThread, Team, type SpawnThread } from './threads/team.js';

type Values = Float32Array<ArrayBuffer>;

/** Images that one run of the evaluation, classification or generation program works on. */
const EVALUATION_ROWS = 100;
const HOST_ROWS = 32;

/** The plan's partial sums of a gradient are one a segment here: outputs are enough to share out. */
export const TRAIN_OPTIONS: TrainOptions = {
  reductionLength: Number.MAX_SAFE_INTEGER,
  storesNormalised: false,
  joinsBiases: false,
};

/** Most that a kernel keeps for itself: a line that is added up (sub-kernels.ts), a position's channels, a block of rows of outputs. */
const SCRATCH_BYTES = 512 * 1024;

/** What an engine runs on. */
export interface WasmPlatform {
  readonly simd: Simd;
  /** Compute threads asked for, this one included; more than one needs shared memory. */
  readonly threads: number;
  readonly isShared: boolean;
  /** Why memory is not shared, for the engine's report; null or left out where that was a choice. */
  readonly limit?: ThreadLimit | null;
  readonly module: WebAssembly.Module;
  readonly instantiate: (module: WebAssembly.Module, memory: WebAssembly.Memory) => Promise<Kernels>;
  readonly spawn?: SpawnThread;
  /** How long threads wait for one another before one is taken for dead. */
  readonly patienceMs?: number;
}

/** Makes the engine at step 0 of the input's seed. The caller disposes it. */
export async function startWasmEngine(input: EngineInput, platform: WasmPlatform): Promise<WasmEngine> {
  const arena = new Arena(platform.isShared);
  const kernels = await platform.instantiate(platform.module, arena.memory);
  const team = new Team(arena, kernels, SCRATCH_BYTES, platform.patienceMs);
  const engine = new WasmEngine(input, arena, team, platform);
  try {
    if (platform.isShared && platform.threads > 1) {
      await team.grow(platform.threads, platform.module, platform.spawn ?? spawnThread);
    }
    return engine;
  } catch (error) {
    engine.dispose();
    throw error;
  }
}

export class WasmEngine implements Engine {
  readonly evaluationSlice = 200;
  readonly joinsSlices = false;
  readonly #input: EngineInput;
  readonly #arena: Arena;
  readonly #team: Team;
  readonly #platform: WasmPlatform;
  readonly #residents: Residents;
  readonly #state: StateTensors;
  readonly #plannedTrain: PlannedProgram;
  readonly #train: CompiledProgram;
  readonly #evaluate: CompiledProgram;
  readonly #classify: CompiledProgram;
  readonly #generate: CompiledProgram | null;
  /** The step scalars of the train step. */
  readonly #scalars: TensorId;
  #inspect: CompiledProgram | null = null;
  #step = 0;
  #isDisposed = false;

  constructor(input: EngineInput, arena: Arena, team: Team, platform: WasmPlatform) {
    const { recipe, settings } = input;
    this.#input = input;
    this.#arena = arena;
    this.#team = team;
    this.#platform = platform;
    this.#plannedTrain = planTrainStep(recipe, TRAIN_OPTIONS);
    const evaluate = planEvaluate(recipe, EVALUATION_ROWS);
    const classify = planClassify(recipe, HOST_ROWS);
    const generate = recipe.generator === null ? null : planGenerate(recipe, HOST_ROWS);
    const programs = [this.#plannedTrain, evaluate, classify, ...(generate === null ? [] : [generate])];
    checkMemory(memoryNeeds(recipe, dataSizesOf(input), programs), arena.mostBytes);
    const { residents, state } = placeResidents(arena, input);
    this.#residents = residents;
    this.#state = state;
    const compile = (planned: PlannedProgram): CompiledProgram =>
      compileProgram(planned, arena, residents, true);
    this.#train = compileProgram(this.#plannedTrain, arena, residents);
    this.#evaluate = compile(evaluate);
    this.#classify = compile(classify);
    this.#generate = generate === null ? null : compile(generate);
    const loss = this.#plannedTrain.program.operations.find((operation) => operation.kind === 'loss')!;
    this.#scalars = loss.scalars;
    const [key0, key1] = seedKey(settings.seed);
    team.set({ key0, key1 });
  }

  get info(): EngineInfo {
    const { threads } = this.#team;
    const { simd, threads: wanted, limit } = this.#platform;
    const instructions = simd === 'relaxed' ? 'relaxed SIMD' : 'SIMD';
    const info: EngineInfo = {
      engine: 'wasm',
      adapter: `${instructions}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
      isSoftware: false,
    };
    if (threads >= wanted) return info;
    return { ...info, fewerThreads: { threads, wanted, limit: limit ?? 'notStarted' } };
  }

  /** Compute threads, this one included. */
  get threads(): number {
    return this.#team.threads;
  }

  /** Bytes of the memory that everything lies in. */
  get memoryBytes(): number {
    return this.#arena.sizeBytes;
  }

  async advance(steps: number): Promise<readonly StepMetrics[]> {
    this.#check();
    const metrics: StepMetrics[] = [];
    for (let i = 0; i < steps; i++) {
      this.#begin(this.#train);
      this.#team.execute(this.#train.stored);
      this.#step++;
      metrics.push({ step: this.#step, values: this.#readOutput(this.#train) });
    }
    return metrics;
  }

  async flush(): Promise<readonly StepMetrics[]> {
    this.#check();
    return [];
  }

  async countCorrect(first: number, count: number): Promise<number> {
    this.#check();
    const [target] = this.#evaluate.bindings.program.outputs;
    let correct = 0;
    this.#team.execute(this.#evaluate.prepared);
    for (let done = 0; done < count; done += EVALUATION_ROWS) {
      this.#team.set({ first: first + done, rows: Math.min(EVALUATION_ROWS, count - done) });
      this.#team.execute(this.#evaluate.stored);
      correct += this.#arena.words(this.#evaluate.bindings.tensor(target!), 1)[0]!;
    }
    return correct;
  }

  async generate(latents: Values, count: number): Promise<Values> {
    if (this.#generate === null) {
      throw new Error(`The recipe "${this.#input.recipe.name}" has no generator to take images from.`);
    }
    return this.#transform(this.#generate, latents, count);
  }

  async classify(images: Values, count: number): Promise<Values> {
    return this.#transform(this.#classify, images, count);
  }

  async exportState(): Promise<EngineState> {
    this.#check();
    return { step: this.#step, tensors: this.#state.read() };
  }

  async importState({ step, tensors }: EngineState): Promise<void> {
    this.#check();
    checkState(this.#input, tensors);
    this.#state.write(tensors);
    this.#step = step;
  }

  async inspectStep(): Promise<ReadonlyMap<string, NamedTensor>> {
    this.#check();
    const before = this.#state.read();
    this.#inspect ??= compileProgram(inspectProgram(this.#plannedTrain), this.#arena, this.#residents);
    try {
      this.#begin(this.#inspect);
      this.#team.execute(this.#inspect.stored);
      return readInspected(this.#plannedTrain.program, this.#inspect, this.#input.recipe, this.#state);
    } finally {
      this.#state.write(before);
    }
  }

  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#team.dispose();
  }

  /** The program of one train step and how to run parts of it, for measurements. */
  get measured(): {
    readonly program: CompiledProgram;
    readonly run: (first: number, count: number) => void;
  } {
    this.#begin(this.#train);
    return {
      program: this.#train,
      run: (first, count) => this.#team.execute(this.#train.stored, first, count),
    };
  }

  #check(): void {
    if (this.#isDisposed) throw new Error('This engine was disposed; make another one.');
  }

  /** Sets what a step starts from: its number, and its scalars. */
  #begin({ bindings }: CompiledProgram): void {
    this.#team.set({ step: this.#step });
    const { stepScalars } = this.#plannedTrain.program;
    const values = this.#arena.floats(bindings.tensor(this.#scalars), stepScalars.length);
    stepScalars.forEach((scalar, index) => {
      values[index] = stepScalar(scalar, this.#step);
    });
  }

  /** The first output of a program. */
  #readOutput({ bindings }: CompiledProgram): Values {
    const output = bindings.program.outputs[0]!;
    return Float32Array.from(this.#arena.floats(bindings.tensor(output), bindings.sizeOf(output)));
  }

  /** Runs a program from rows the host gives to rows it takes, some rows at a time. */
  #transform({ bindings, prepared, stored }: CompiledProgram, values: Values, count: number): Values {
    this.#check();
    const { inputs, outputs } = bindings.program;
    const [input, output] = [inputs[0]!, outputs[0]!];
    const inputSize = bindings.rowSizeOf(input);
    const outputSize = bindings.rowSizeOf(output);
    const result = new Float32Array(count * outputSize);
    this.#team.execute(prepared);
    for (let first = 0; first < count; first += HOST_ROWS) {
      const rows = Math.min(HOST_ROWS, count - first);
      const given = values.subarray(first * inputSize, (first + rows) * inputSize);
      this.#arena.floats(bindings.tensor(input), given.length).set(given);
      this.#team.execute(stored);
      result.set(this.#arena.floats(bindings.tensor(output), rows * outputSize), first * outputSize);
    }
    return result;
  }
}
