/** Hand-written operations on the wasm engine's kernels, each tensor in a buffer of its own. */

import { sizeOf } from '../../../src/recipe/layers.js';
import { pooledCount, type Dataset, type Split } from '../../../src/worker/data/dataset.js';
import { NORMALISED_BYTES } from '../../../src/worker/data/normalise.js';
import type { Operation, PlanTensor } from '../../../src/worker/engine/plan/operations.js';
import type { PlannedProgram } from '../../../src/worker/engine/plan/plan.js';
import { compileProgram } from '../../../src/worker/engine/wasm/compile.js';
import { viewScratchBytes } from '../../../src/worker/engine/wasm/draw.js';
import type { Simd } from '../../../src/worker/engine/wasm/features.js';
import { instantiate } from '../../../src/worker/engine/wasm/kernels.js';
import { Arena } from '../../../src/worker/engine/wasm/memory/arena.js';
import { programMemory, type Residents } from '../../../src/worker/engine/wasm/memory/bindings.js';
import { Scratch } from '../../../src/worker/engine/wasm/memory/scratch.js';
import { Team } from '../../../src/worker/engine/wasm/threads/team.js';
import { seedKey } from '../../../src/worker/random/streams.js';
import { kernelBytes } from './wasm.js';
import { spawnNodeThread } from './wasm-threads.js';

export type Values = Float32Array<ArrayBuffer>;

export interface TensorInput {
  readonly shape: readonly number[];
  /** What it holds before, words as they are; absent where the operations write it. */
  readonly values?: Values | Uint32Array<ArrayBuffer>;
}

export interface OperationChoices {
  readonly parameters?: ReadonlyMap<string, Values>;
  readonly moments?: ReadonlyMap<string, { readonly m: number; readonly v: number }>;
  /** What is drawn from. */
  readonly data?: { readonly dataset: Dataset; readonly split: Split };
  readonly seed?: number;
  readonly step?: number;
  /** More than 1 share memory. */
  readonly threads?: number;
}

/** The program with every tensor in a buffer of its own. */
function apart(operations: readonly Operation[], tensors: readonly TensorInput[]): PlannedProgram {
  const plan = tensors.map(({ shape }, id): PlanTensor => ({
    id,
    name: `tensor ${id}`,
    shape,
    type: 'f32',
    storage: 'activation',
  }));
  const sizes = plan.map(({ shape }) => Math.max(4, sizeOf(shape) * 4));
  return {
    program: {
      name: 'trainStep',
      tensors: plan,
      operations,
      inputs: [],
      outputs: [],
      stepScalars: [],
      taps: [],
    },
    layout: {
      buffers: sizes.map((sizeBytes, id) => ({
        name: `buffer ${id}`,
        storage: 'activation',
        elementBytes: 4,
        sizeBytes,
      })),
      placements: sizes.map((sizeBytes, buffer) => ({ buffer, offsetBytes: 0, sizeBytes })),
    },
  };
}

function placeData(arena: Arena, data: OperationChoices['data']): Omit<Residents, 'parameters' | 'moments'> {
  const byteTable = arena.allocate(NORMALISED_BYTES.byteLength);
  arena.floats(byteTable, NORMALISED_BYTES.length).set(NORMALISED_BYTES);
  const none = { count: 0, images: new Uint8Array(0), labels: new Uint8Array(0) };
  const { imageShape, train, test } = data?.dataset ?? { imageShape: [1, 1, 1], train: none, test: none };
  const split = data?.split ?? { labelled: new Uint32Array(0), unlabelled: new Uint32Array(0) };
  const { labelled, unlabelled } = split;
  const labelledPool = arena.storeWords([...labelled, ...unlabelled]);
  return {
    byteTable,
    imageShape,
    imageBytes: sizeOf(imageShape),
    trainImages: arena.storeBytes(train.images),
    trainLabels: arena.storeBytes(train.labels),
    testImages: arena.storeBytes(test.images),
    testLabels: arena.storeBytes(test.labels),
    testCount: test.count,
    labelledPool,
    labelledCount: labelled.length,
    unlabelledPool: labelledPool + labelled.length * 4,
    unlabelledCount: unlabelled.length,
    pooledCount: pooledCount(split),
  };
}

/**
 * Runs operations, whose tensors are numbered in the order of `tensors`, in one of the binaries. Returns
 * what the tensors without values, and the parameters, hold afterwards.
 */
export async function runOperations(
  simd: Simd,
  operations: readonly Operation[],
  tensors: readonly TensorInput[],
  { parameters = new Map(), data, seed = 0, step = 0, threads = 1 }: OperationChoices = {},
): Promise<{ readonly outputs: readonly Values[]; readonly parameters: ReadonlyMap<string, Values> }> {
  const isShared = threads > 1;
  const arena = new Arena(isShared);
  const module = await WebAssembly.compile(kernelBytes(simd, isShared));
  const kernels = await instantiate(module, arena.memory);
  const scratch = new Scratch(Math.max(512 * 1024, viewScratchBytes(data?.dataset.imageShape ?? [1, 1, 1])));
  const team = new Team(arena, kernels, scratch);
  try {
    const addresses = new Map<string, number>();
    for (const [name, { length }] of parameters) addresses.set(name, arena.allocate((length + 3) * 4));
    const residents: Residents = { ...placeData(arena, data), parameters: addresses, moments: new Map() };
    const memory = programMemory(arena, scratch);
    const { bindings, stored } = compileProgram(apart(operations, tensors), memory, residents);
    await team.grow({ isShared, threads, module, spawn: spawnNodeThread });
    tensors.forEach(({ values }, id) => {
      const address = bindings.tensor(id);
      // An output that nobody writes must not pass for a zero.
      if (values === undefined) arena.floats(address, bindings.sizeOf(id)).fill(NaN);
      else arena.bytes(address, values.byteLength).set(new Uint8Array(values.buffer));
    });
    for (const [name, values] of parameters) arena.floats(addresses.get(name)!, values.length).set(values);
    const [key0, key1] = seedKey(seed);
    team.set({ key0, key1, step });
    team.execute(stored);
    const read = (address: number, count: number): Values => Float32Array.from(arena.floats(address, count));
    const written = tensors.flatMap(({ values }, id) => (values === undefined ? [id] : []));
    return {
      outputs: written.map((id) => read(bindings.tensor(id), bindings.sizeOf(id))),
      parameters: new Map(
        [...parameters].map(([name, { length }]) => [name, read(addresses.get(name)!, length)]),
      ),
    };
  } finally {
    team.dispose();
  }
}
