/**
 * The wasm engine: the plan of a recipe on SIMD WebAssembly, on one thread or, where memory can be
 * shared, on several. Owns the memory and the threads.
 */

import { seedKey } from '../../random/streams.js';
import type { NamedTensor } from '../../model/parameters.js';
import { stageAt, type ParameterSet, type Recipe } from '../../../recipe/recipe.js';
import { checkState } from '../check-state.js';
import { dataSizesOf } from '../data-sizes.js';
import type { Engine, EngineInfo, EngineInput, EngineState, StepMetrics } from '../engine.js';
import type { TrainOptions } from '../plan/lower/train-options.js';
import { planClassify, planEvaluate, planFeatures, planGenerate, type PlannedProgram } from '../plan/plan.js';
import type { Arena } from './memory/arena.js';
import { programMemory, type ProgramMemory, type Residents } from './memory/bindings.js';
import { compileProgram, type CompiledProgram } from './compile.js';
import { viewScratchBytes } from './draw.js';
import { inspectProgram, readInspected } from './inspect.js';
import { checkMemory, memoryNeeds, programBytes } from './memory/needs.js';
import { Scratch } from './memory/scratch.js';
import { placeResidents, type StateTensors } from './memory/residents.js';
import { startTeam, type WasmPlatform } from './platform.js';
import type { Team } from './threads/team.js';
import { planTrainStages, stageScalars, type TrainStage } from './train-programs.js';

type Values = Float32Array<ArrayBuffer>;

/** Images that one run of a program works on. Evaluation and features take whole blocks of rows of the products. */
const EVALUATION_ROWS = 96;
const FEATURE_ROWS = 192;
/** Of classification and generation. */
const HOST_ROWS = 32;

/** The plan's partial sums of a gradient are one a segment here: outputs are enough to share out. */
export const TRAIN_OPTIONS: TrainOptions = {
  reductionLength: Number.MAX_SAFE_INTEGER,
  storesNormalised: false,
  joinsBiases: false,
};

/** Most that a kernel keeps for itself but an image: a line that is added up (sub-kernels.ts), a position's channels, a block of rows of outputs. */
const SCRATCH_BYTES = 512 * 1024;

/** Makes the engine at step 0 of the input's seed. The caller disposes it. */
export async function startWasmEngine(input: EngineInput, platform: WasmPlatform): Promise<WasmEngine> {
  const scratch = new Scratch(Math.max(SCRATCH_BYTES, viewScratchBytes(input.dataset.imageShape)));
  return startTeam(platform, scratch, async (arena, team) => {
    const engine = new WasmEngine(input, programMemory(arena, scratch), team, platform);
    await team.grow(platform);
    return engine;
  });
}

/** Of which parameters features can be asked for. */
function featureSetsOf({ classifier, landmarks, networks }: Recipe): readonly ParameterSet[] {
  if (landmarks === null) return [];
  const entry = networks.find(({ network }) => network.name === classifier.network);
  return (entry?.average ?? null) === null ? ['current'] : ['current', 'average'];
}

export class WasmEngine implements Engine {
  readonly evaluationSlice = 2 * EVALUATION_ROWS;
  readonly joinsSlices = false;
  readonly #input: EngineInput;
  readonly #arena: Arena;
  readonly #team: Team;
  readonly #platform: WasmPlatform;
  readonly #residents: Residents;
  readonly #state: StateTensors;
  readonly #memory: ProgramMemory;
  /** By stage. */
  readonly #stages: readonly TrainStage[];
  readonly #train = new Map<TrainStage, CompiledProgram>();
  readonly #inspect = new Map<TrainStage, CompiledProgram>();
  readonly #evaluate: CompiledProgram;
  readonly #classify: CompiledProgram;
  readonly #generate: CompiledProgram | null;
  readonly #features: ReadonlyMap<ParameterSet, CompiledProgram>;
  #step = 0;
  /** Steps that this engine has made. */
  #made = 0;
  #isDisposed = false;

  constructor(input: EngineInput, memory: ProgramMemory, team: Team, platform: WasmPlatform) {
    const { recipe, settings } = input;
    const { arena } = memory;
    this.#input = input;
    this.#arena = arena;
    this.#team = team;
    this.#platform = platform;
    this.#memory = memory;
    this.#stages = planTrainStages(recipe, TRAIN_OPTIONS);
    const evaluate = planEvaluate(recipe, EVALUATION_ROWS);
    const classify = planClassify(recipe, HOST_ROWS);
    const generate = recipe.generator === null ? null : planGenerate(recipe, HOST_ROWS);
    const features = featureSetsOf(recipe).map(
      (parameters) => [parameters, planFeatures(recipe, FEATURE_ROWS, parameters)] as const,
    );
    const others = [
      evaluate,
      classify,
      ...(generate === null ? [] : [generate]),
      ...features.map(([, one]) => one),
    ];
    const programs = [...new Set(this.#stages.map(({ planned }) => planned)), ...others];
    checkMemory(memoryNeeds(recipe, dataSizesOf(input), programs), arena.mostBytes);
    const { residents, state } = placeResidents(arena, input);
    this.#residents = residents;
    this.#state = state;
    // The largest first, so that the others find room in what it has.
    const stages = [...new Set(this.#stages)];
    stages.sort((a, b) => programBytes(b.planned) - programBytes(a.planned));
    for (const stage of stages) {
      this.#train.set(stage, compileProgram(stage.planned, this.#memory, residents));
    }
    const compile = (planned: PlannedProgram): CompiledProgram =>
      compileProgram(planned, this.#memory, residents, true);
    this.#evaluate = compile(evaluate);
    this.#classify = compile(classify);
    this.#generate = generate === null ? null : compile(generate);
    this.#features = new Map(features.map(([parameters, planned]) => [parameters, compile(planned)]));
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
      const program = this.#begin(this.#train.get(this.#stage)!);
      this.#team.execute(program.stored);
      this.#step++;
      metrics.push({ step: this.#step, values: this.#readOutput(program) });
      this.#team.chooseTile(++this.#made);
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
    return this.#transform(this.#generate, latents, count, HOST_ROWS);
  }

  async classify(images: Values, count: number): Promise<Values> {
    return this.#transform(this.#classify, images, count, HOST_ROWS);
  }

  async features(images: Values, count: number, parameters: ParameterSet): Promise<Values> {
    const program = this.#features.get(parameters);
    if (program === undefined) {
      const { name, landmarks } = this.#input.recipe;
      const missing = landmarks === null ? 'landmarks to take features for' : `${parameters} parameters`;
      throw new Error(`The recipe "${name}" has no ${missing}.`);
    }
    return this.#transform(program, images, count, FEATURE_ROWS);
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
    const stage = this.#stage;
    const program =
      this.#inspect.get(stage) ??
      compileProgram(inspectProgram(stage.planned), this.#memory, this.#residents);
    this.#inspect.set(stage, program);
    try {
      this.#begin(program);
      this.#team.execute(program.stored);
      return readInspected(stage.planned.program, program, stage.recipe, this.#state);
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
    const program = this.#begin(this.#train.get(this.#stage)!);
    return { program, run: (first, count) => this.#team.execute(program.stored, first, count) };
  }

  #check(): void {
    if (this.#isDisposed) throw new Error('This engine was disposed; make another one.');
  }

  /** The stage of the next step. */
  get #stage(): TrainStage {
    return this.#stages[stageAt(this.#input.recipe, this.#step).stage]!;
  }

  /** Sets what a step of the present stage starts from: its number, and its scalars. */
  #begin(program: CompiledProgram): CompiledProgram {
    const { bindings } = program;
    this.#team.set({ step: this.#step });
    const loss = bindings.program.operations.find((operation) => operation.kind === 'loss')!;
    const values = stageScalars(this.#input.recipe, this.#stage, this.#step);
    this.#arena.floats(bindings.tensor(loss.scalars), values.length).set(values);
    return program;
  }

  /** The first output of a program. */
  #readOutput({ bindings }: CompiledProgram): Values {
    const output = bindings.program.outputs[0]!;
    return Float32Array.from(this.#arena.floats(bindings.tensor(output), bindings.sizeOf(output)));
  }

  /** Runs a program from rows the host gives to rows it takes, some rows at a time. */
  #transform(
    { bindings, prepared, stored }: CompiledProgram,
    values: Values,
    count: number,
    most: number,
  ): Values {
    this.#check();
    const { inputs, outputs } = bindings.program;
    const [input, output] = [inputs[0]!, outputs[0]!];
    const inputSize = bindings.rowSizeOf(input);
    const outputSize = bindings.rowSizeOf(output);
    const result = new Float32Array(count * outputSize);
    this.#team.execute(prepared);
    for (let first = 0; first < count; first += most) {
      const rows = Math.min(most, count - first);
      const given = values.subarray(first * inputSize, (first + rows) * inputSize);
      this.#arena.floats(bindings.tensor(input), given.length).set(given);
      this.#team.execute(stored);
      result.set(this.#arena.floats(bindings.tensor(output), rows * outputSize), first * outputSize);
    }
    return result;
  }
}
