/**
 * Runs the operations of a program one by one, on a device and in the plan's interpreter, each from the
 * interpreter's values before it, so that an error of one operation shows in what that one writes and
 * nowhere else. Hands back what each wrote on both; compares nothing but what was left alone.
 */

import type { EngineInput } from '../../../src/worker/engine/engine.js';
import { accessesOf } from '../../../src/worker/engine/plan/accesses.js';
import { interpret } from '../../../src/worker/engine/plan/interpreter/interpreter.js';
import { ParameterStore, type Values } from '../../../src/worker/engine/plan/interpreter/store.js';
import { toHalf } from '../../../src/worker/engine/plan/half-floats.js';
import { tensorBytes } from '../../../src/worker/engine/plan/memory.js';
import type {
  LossOp,
  Operation,
  Program,
  TensorId,
  TensorType,
} from '../../../src/worker/engine/plan/operations.js';
import type { PlannedProgram } from '../../../src/worker/engine/plan/plan.js';
import { stepScalar } from '../../../src/worker/engine/plan/step-scalars.js';
import { openDevice } from '../../../src/worker/engine/webgpu/device.js';
import type { Tiles } from '../../../src/worker/engine/webgpu/kernels/linear.js';
import {
  CONTROL,
  CONTROL_WORDS,
  FIRST_MOMENTS,
  METRICS_SLOTS,
  PARAMETERS,
  SECOND_MOMENTS,
} from '../../../src/worker/engine/webgpu/kernels/shader.js';
import {
  prepareProgram,
  type ReadyProgram,
  type SharedMemory,
} from '../../../src/worker/engine/webgpu/program.js';
import type { Reduction } from '../../../src/worker/engine/webgpu/kernels/reduce.js';
import { scalarWindow } from '../../../src/worker/engine/webgpu/scalar-window.js';
import { readBuffers } from '../../../src/worker/engine/webgpu/read.js';
import { makeShared } from '../../../src/worker/engine/webgpu/equipment.js';
import { initialTensors, momentNames, type NamedTensors } from '../../../src/worker/model/parameters.js';
import { seedKey } from '../../../src/worker/random/streams.js';
import { hashed } from './tiny.js';

/** A NaN: what a tensor holds where nothing was written. */
const UNWRITTEN = 0x7fc00000;

/** What one operation wrote into one tensor or parameter: the written elements alone, in order. */
export interface Written {
  readonly operation: Operation;
  readonly tensor: string;
  readonly type: TensorType;
  readonly actual: readonly number[];
  readonly expected: readonly number[];
}

export interface OneByOneOptions {
  readonly tiles: Tiles;
  readonly reduction?: Reduction;
  /** Parameters, running statistics and moments before the first operation. */
  readonly state: NamedTensors;
  /** Contents of the program's inputs. */
  readonly inputs?: ReadonlyMap<TensorId, Float32Array>;
  /** A planned train step of the recipe, where `planned` is not it: it says what the tables hold. */
  readonly trainStep?: PlannedProgram;
  /** Updates done before, and before the first step of the schedules. */
  readonly step?: number;
  readonly origin?: number;
  readonly firstTestImage?: number;
}

/** A state in which nothing is 0 or 1 any more, and second moments are not negative. */
export function stirred(input: EngineInput): NamedTensors {
  const entries = [...initialTensors(input.recipe, input.settings.seed)];
  return new Map(
    entries.map(([name, { shape, values }], salt) => {
      const isSquare = name.startsWith('adam/v/') || name.endsWith('/moving_variance');
      const isMoment = name.startsWith('adam/');
      const moved = values.map((value, i) => value + hashed(i, salt) * (isMoment ? 1e-3 : 0.1));
      return [name, { shape, values: isSquare ? moved.map(Math.abs) : moved }];
    }),
  );
}

/** All of a program's operations are one piece of work here, and a software adapter compiles some for long. */
const SILENCE_LIMIT_MS = 600_000;

/** Calls `work` with a device inside a validation scope, and fails where anything was invalid. */
export async function withDevice<T>(
  work: (device: GPUDevice) => Promise<T>,
  features: Parameters<typeof openDevice>[2] = [],
): Promise<T> {
  const needs = [{ what: 'Anything', bytes: 2 ** 27, remedy: 'Test less' }];
  const { device, watch } = await openDevice(navigator.gpu, needs, features);
  watch.setSilenceLimit(SILENCE_LIMIT_MS);
  try {
    device.pushErrorScope('validation');
    const result = await watch.guard(work(device));
    const error = await device.popErrorScope();
    if (error !== null) throw new Error(`The GPU refused something: ${error.message}`);
    return result;
  } finally {
    device.destroy();
  }
}

/** Elements as they lie in a buffer, up to whole words. */
function wordsOf(values: Values, type: TensorType): Uint32Array<ArrayBuffer> {
  if (type === 'f16') {
    const words = new Uint32Array(Math.ceil(values.length / 2));
    new Uint16Array(words.buffer).set(Uint16Array.from(values, toHalf));
    return words;
  }
  if (type === 'f32') return new Uint32Array(Float32Array.from(values).buffer);
  return Uint32Array.from(values, (value) => (Number.isNaN(value) ? UNWRITTEN : value));
}

/** Throws where an element was written that should not have been, or was left alone. */
function written(
  operation: Operation,
  tensor: string,
  type: TensorType,
  found: Float32Array<ArrayBuffer>,
  wanted: Values,
): Written {
  const words = new Uint32Array(found.buffer, found.byteOffset, found.length);
  const actual: number[] = [];
  const expected: number[] = [];
  wanted.forEach((value, i) => {
    // A half that is no number may have become another float that is none.
    const isUnwritten = type === 'f16' ? Number.isNaN(found[i]!) : words[i] === UNWRITTEN;
    if (Number.isNaN(value) !== isUnwritten) {
      const what = Number.isNaN(value) ? 'was written' : 'was not written';
      throw new Error(`"${operation.name}" (${operation.kind}): element ${i} of "${tensor}" ${what}.`);
    }
    if (Number.isNaN(value)) return;
    actual.push(type === 'u32' ? words[i]! : found[i]!);
    expected.push(value);
  });
  return { operation, tensor, type, actual, expected };
}

/** Everything that one program needs on a device, filled anew before each operation. */
class Bench {
  readonly #device: GPUDevice;
  readonly #shared: SharedMemory;
  readonly #program: ReadyProgram;

  constructor(device: GPUDevice, shared: SharedMemory, program: ReadyProgram) {
    this.#device = device;
    this.#shared = shared;
    this.#program = program;
  }

  write(id: TensorId, values: Values): void {
    const { buffer, offsetBytes } = this.#program.place(id);
    const { type } = this.#program.planned.program.tensors[id]!;
    this.#device.queue.writeBuffer(buffer, offsetBytes, wordsOf(values, type));
  }

  writeState(state: NamedTensors): void {
    const [values, m, v] = this.#shared.parameters.pack(state);
    this.#fill(PARAMETERS, values);
    this.#fill(FIRST_MOMENTS, m);
    this.#fill(SECOND_MOMENTS, v);
  }

  writeControl(words: readonly number[]): void {
    this.#fill(CONTROL, Uint32Array.from(words));
  }

  writeScalars(scalars: Float32Array<ArrayBuffer>): void {
    this.#fill(CONTROL, scalars, this.#shared.control.window);
  }

  run(operation: number): void {
    const encoder = this.#device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    this.#program.encode(pass, operation, operation + 1);
    pass.end();
    this.#device.queue.submit([encoder.finish()]);
  }

  async read(id: TensorId): Promise<Float32Array<ArrayBuffer>> {
    const bytes = tensorBytes(this.#program.planned.program.tensors[id]!);
    const [values] = await readBuffers(this.#device, [{ ...this.#program.place(id), bytes }]);
    return values!;
  }

  async readMetrics(step: number): Promise<Float32Array<ArrayBuffer>> {
    const { ring, metrics } = this.#shared.control;
    const buffer = this.#shared.buffers.get(CONTROL);
    const first = ring + (step % METRICS_SLOTS) * metrics;
    const [values] = await readBuffers(this.#device, [
      { buffer, offsetBytes: first * 4, bytes: metrics * 4 },
    ]);
    return values!;
  }

  async readState(): Promise<NamedTensors> {
    const sources = [PARAMETERS, FIRST_MOMENTS, SECOND_MOMENTS].map((key) => {
      const buffer = this.#shared.buffers.get(key);
      return { buffer, offsetBytes: 0, bytes: buffer.size };
    });
    const [values, m, v] = await readBuffers(this.#device, sources);
    return this.#shared.parameters.unpack(values!, m!, v!);
  }

  /** The step's scalars, from where its draw has found them. */
  async readScalars(): Promise<Float32Array<ArrayBuffer>> {
    const { window, scalars } = this.#shared.control;
    const buffer = this.#shared.buffers.get(CONTROL);
    const read = async (word: number, words: number): Promise<Float32Array<ArrayBuffer>> => {
      const [values] = await readBuffers(this.#device, [{ buffer, offsetBytes: word * 4, bytes: words * 4 }]);
      return values!;
    };
    const [row] = new Uint32Array((await read(CONTROL_WORDS.scalarRow, 1)).buffer);
    return read(window + row! * scalars, scalars);
  }

  #fill(key: string, data: Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>, firstWord = 0): void {
    this.#device.queue.writeBuffer(this.#shared.buffers.get(key), firstWord * 4, data);
  }
}

/** Metrics that a loss computes: of its terms, its losses, the accuracy. */
function metricsOf({ terms, losses, accuracy }: LossOp, values: ArrayLike<number>): number[] {
  const places = [...terms, ...losses, ...(accuracy === null ? [] : [accuracy])].map(({ metric }) => metric);
  return places.map((metric) => values[metric]!);
}

/** Steps that the window of step scalars begins before the step that is made, where there are so many. */
const STEPS_BEFORE = 3;
/** A row of another step's scalars. */
const WRONG_ROW = 7;

/** What every operation of a program wrote, in order. */
export async function runOneByOne(
  device: GPUDevice,
  input: EngineInput,
  planned: PlannedProgram,
  {
    tiles,
    reduction,
    state,
    inputs = new Map<TensorId, Float32Array>(),
    trainStep = planned,
    step = 0,
    origin = 0,
    firstTestImage = 0,
  }: OneByOneOptions,
): Promise<readonly Written[]> {
  const { dataset, split, settings } = input;
  const { upload, ...shared } = makeShared(device, input, trainStep);
  upload();
  const { program, layout } = planned;
  const bench = new Bench(
    device,
    shared,
    // Each by itself: what shares a dispatch would be written before its turn.
    await prepareProgram(device, planned, shared, {
      prefix: 'train',
      tiles,
      reduction,
      testCount: dataset.test.count,
      joins: false,
    }),
  );
  const windowStart = Math.max(origin, step - STEPS_BEFORE);
  bench.writeScalars(scalarWindow(trainStep.program.stepScalars, windowStart - origin));
  const parameters = new ParameterStore(state, 'float32');
  const values = new Map<TensorId, Values>(
    Array.from(inputs, ([id, content]) => [id, Float32Array.from(content)]),
  );
  const all: Written[] = [];

  for (const [index, operation] of program.operations.entries()) {
    const { reads, writes, parameterWrites } = accessesOf(operation);
    const alone: Program = { ...program, operations: [operation] };
    const reference = interpret(alone, layout, parameters);
    for (const id of [...reads, ...writes]) {
      const before = values.get(id);
      if (before !== undefined) reference.tensors.get(id).set(before);
      bench.write(id, reference.read(id));
    }
    bench.writeState(parameters.tensors());
    const row = operation.kind === 'draw' ? WRONG_ROW : step - windowStart;
    const { count } = dataset.test;
    bench.writeControl([step, ...seedKey(settings.seed), firstTestImage, count, windowStart, row]);
    bench.run(index);
    reference.run({ dataset, split, seed: settings.seed, step, origin, firstTestImage });

    for (const id of writes) {
      const expected = reference.read(id).slice();
      values.set(id, expected);
      const { name, type } = program.tensors[id]!;
      if (operation.kind === 'loss' && id === operation.metrics) {
        const [actual, wanted] = [await bench.readMetrics(step), expected].map((from) =>
          metricsOf(operation, from),
        );
        all.push({ operation, tensor: name, type, actual: actual!, expected: wanted! });
      } else if (operation.kind === 'loss' && id === operation.scalars) {
        const actual = [...(await bench.readScalars())];
        const wanted = [...expected.subarray(0, actual.length)];
        all.push({ operation, tensor: name, type, actual, expected: wanted });
      } else {
        all.push(written(operation, name, type, await bench.read(id), expected));
      }
    }
    if (operation.kind === 'draw' && planned === trainStep) {
      const expected = program.stepScalars.map((scalar) => Math.fround(stepScalar(scalar, step - origin)));
      const actual = [...(await bench.readScalars())];
      all.push({ operation, tensor: 'step scalars', type: 'f32', actual, expected });
    }
    if (parameterWrites.size === 0) continue;
    const found = await bench.readState();
    for (const name of parameterWrites) {
      // Averages have no moments.
      const moments = operation.kind === 'update' ? Object.values(momentNames(name)) : [];
      for (const tensor of [name, ...moments.filter((moment) => found.has(moment))]) {
        all.push(written(operation, tensor, 'f32', found.get(tensor)!.values, parameters.get(tensor)));
      }
    }
  }
  shared.buffers.dispose();
  return all;
}
