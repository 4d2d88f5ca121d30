/**
 * A planned program made ready for a device: its buffers, a pipeline for each text, a bind group for
 * each operation, and the flat list that a step is encoded from. Nothing is made after that.
 */

import type { BufferPlan } from '../plan/memory.js';
import type { PlannedProgram } from '../plan/plan.js';
import type { Operation, PlanTensor, TensorId } from '../plan/operations.js';
import type { BufferPool } from './buffers.js';
import { drawShader } from './kernels/draw.js';
import { biasGradientShader, filterGradientShader, productShader, type Tiles } from './kernels/linear.js';
import { countCorrectShader, lossShader } from './kernels/loss.js';
import { normGradientShader, normInferenceShader, normStatisticsShader } from './kernels/norm.js';
import {
  CONSTANTS,
  PARAMETERS,
  TABLES,
  type ControlLayout,
  type Binding,
  type BufferKey,
  type Memory,
  type NumberKind,
  type Place,
  type Shader,
  type TableName,
} from './kernels/shader.js';
import { updateShader } from './kernels/update.js';
import { checkStorageBuffers } from './limits.js';
import type { ParameterLayout } from './parameter-layout.js';

export type Tables = Readonly<
  Partial<Record<TableName, { readonly offset: number; readonly length: number }>>
>;

/** What all programs of an engine share. */
export interface SharedMemory {
  readonly buffers: BufferPool;
  readonly parameters: ParameterLayout;
  readonly tables: Tables;
  readonly control: ControlLayout;
}

/** Where a program's tensors and everything shared lie. Its buffers' names begin with `prefix`. */
export function programMemory(
  { program, layout }: PlannedProgram,
  prefix: string,
  shared: SharedMemory,
): Memory {
  const places = program.tensors.map((tensor): Place & { readonly tensor: PlanTensor } => {
    const { buffer, offsetBytes } = layout.placements[tensor.id]!;
    return { buffer: `${prefix} ${layout.buffers[buffer]!.name}`, offset: offsetBytes / 4, tensor };
  });
  return {
    tensor: (id) => places[id]!,
    parameter: (name) => ({ buffer: PARAMETERS, offset: shared.parameters.offsetOf(name) }),
    table: (name) => shared.tables[name]!,
    control: shared.control,
    sizeOf: (buffer) => shared.buffers.get(buffer).size / 4,
  };
}

/** The shader of an operation. `testCount` is the number of test images; numbers are text where they cannot be data. */
export function shaderOf(
  operation: Operation,
  memory: Memory,
  tiles: Tiles,
  testCount: number,
  numbers: NumberKind = 'text',
): Shader {
  switch (operation.kind) {
    case 'draw':
      return drawShader(operation, memory, testCount);
    case 'product':
      return productShader(operation, memory, tiles, numbers);
    case 'filterGradient':
      return filterGradientShader(operation, memory, tiles, numbers);
    case 'biasGradient':
      return biasGradientShader(operation, memory);
    case 'normStatistics':
      return normStatisticsShader(operation, memory, numbers);
    case 'normInference':
      return normInferenceShader(operation, memory);
    case 'normGradient':
      return normGradientShader(operation, memory, numbers);
    case 'loss':
      return lossShader(operation, memory);
    case 'update':
      return updateShader(operation, memory);
    case 'countCorrect':
      return countCorrectShader(operation, memory);
    case 'initialise':
      throw new Error('First values come from the host: they are uploaded with the rest of the state.');
    default:
      return operation satisfies never;
  }
}

/** Shaders of a program's operations: numbers are data only where several are then one text. */
function shadersOf(
  operations: readonly Operation[],
  memory: Memory,
  tiles: Tiles,
  testCount: number,
): readonly Shader[] {
  const shaders = operations.map((operation) => shaderOf(operation, memory, tiles, testCount, 'data'));
  const keys = shaders.map(keyOf);
  return shaders.map((shader, index) => {
    const isShared = keys.indexOf(keys[index]!) !== keys.lastIndexOf(keys[index]!);
    if (shader.constants === null || isShared) return shader;
    return shaderOf(operations[index]!, memory, tiles, testCount);
  });
}

/** What a dispatch does: an operation of the plan, or the tiling of images that it ends in. */
type DispatchKind = Operation['kind'] | 'imageGrid';

interface Dispatch {
  readonly label: string;
  readonly kind: DispatchKind;
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  /** Its own numbers; whoever has the dispatch frees them. */
  readonly constants: GPUBuffer | null;
  readonly workgroups: readonly [number, number, number];
}

export interface ReadyProgram {
  readonly planned: PlannedProgram;
  readonly dispatches: readonly Dispatch[];
  /** The buffer that a tensor lies in, and where, in bytes. */
  place(id: TensorId): { readonly buffer: GPUBuffer; readonly offsetBytes: number };
  /** Encodes dispatches first … end - 1, all of them unless told. */
  encode(pass: GPUComputePassEncoder, first?: number, end?: number): void;
  /** Frees the program's own buffers. */
  dispose(): void;
}

function layoutFor(device: GPUDevice, bindings: readonly Binding[]): GPUBindGroupLayout {
  return device.createBindGroupLayout({
    entries: bindings.map(({ access }, binding) => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type: access === 'read' ? 'read-only-storage' : 'storage' },
    })),
  });
}

interface Compiled {
  readonly layout: GPUBindGroupLayout;
  readonly pipeline: GPUComputePipeline;
}

async function compile(device: GPUDevice, { label, code, bindings }: Shader): Promise<Compiled> {
  const layout = layoutFor(device, bindings);
  const pipeline = await device.createComputePipelineAsync({
    label,
    layout: device.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
    compute: { module: device.createShaderModule({ label, code }) },
  });
  return { layout, pipeline };
}

/** What two shaders have in common that one pipeline serves. */
function keyOf({ bindings, code }: Shader): string {
  return [...bindings.map(({ access }) => access), code].join('\n');
}

/** Compiles each text of a program once. */
class Compiler {
  readonly #device: GPUDevice;
  readonly #compiled = new Map<string, Promise<Compiled>>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  compile(shader: Shader): Promise<Compiled> {
    const key = keyOf(shader);
    const known = this.#compiled.get(key);
    if (known !== undefined) return known;
    const compiled = compile(this.#device, shader);
    this.#compiled.set(key, compiled);
    return compiled;
  }
}

/** Compiles one shader against buffers that exist. Rejects with the compiler's words where it is wrong. */
export async function makeDispatch(
  device: GPUDevice,
  shader: Shader,
  kind: DispatchKind,
  bufferOf: (key: BufferKey) => GPUBuffer,
  compiler = new Compiler(device),
): Promise<Dispatch> {
  const { label, bindings, workgroups } = shader;
  checkStorageBuffers(`The kernel "${label}"`, bindings.length, device.limits);
  const { layout, pipeline } = await compiler.compile(shader);
  const constants = shader.constants === null ? null : constantsBuffer(device, label, shader.constants);
  const bindGroup = device.createBindGroup({
    label,
    layout,
    entries: bindings.map(({ buffer }, binding) => ({
      binding,
      resource: { buffer: buffer === CONSTANTS ? constants! : bufferOf(buffer) },
    })),
  });
  return { label, kind, pipeline, bindGroup, constants, workgroups };
}

function constantsBuffer(device: GPUDevice, label: string, words: Uint32Array<ArrayBuffer>): GPUBuffer {
  const buffer = device.createBuffer({
    label: `${CONSTANTS} of ${label}`,
    size: words.byteLength,
    usage: GPUBufferUsage.STORAGE,
    mappedAtCreation: true,
  });
  new Uint32Array(buffer.getMappedRange()).set(words);
  buffer.unmap();
  return buffer;
}

/**
 * Bytes of a program's buffers. Those of activations that are nearly as large as the largest are made as large:
 * shaders know lengths, and so those that differ only in which of them they read are one text.
 */
export function bufferSizes(buffers: readonly BufferPlan[]): readonly number[] {
  const largest = Math.max(
    0,
    ...buffers.map(({ storage, sizeBytes }) => (storage === 'activation' ? sizeBytes : 0)),
  );
  return buffers.map(({ storage, sizeBytes }) =>
    storage === 'activation' && sizeBytes > largest / 2 ? largest : sizeBytes,
  );
}

/** Makes a program ready. `prefix` tells its buffers from those of other programs. */
export async function prepareProgram(
  device: GPUDevice,
  planned: PlannedProgram,
  prefix: string,
  shared: SharedMemory,
  tiles: Tiles,
  testCount: number,
): Promise<ReadyProgram> {
  const { buffers } = shared;
  const keys = planned.layout.buffers.map(({ name }) => `${prefix} ${name}`);
  bufferSizes(planned.layout.buffers).forEach((bytes, index) => buffers.make(keys[index]!, bytes));
  const memory = programMemory(planned, prefix, shared);
  const compiler = new Compiler(device);
  const dispatches = await Promise.all(
    shadersOf(planned.program.operations, memory, tiles, testCount).map((shader, index) =>
      makeDispatch(
        device,
        shader,
        planned.program.operations[index]!.kind,
        (key) => buffers.get(key),
        compiler,
      ),
    ),
  );
  return {
    planned,
    dispatches,
    place: (id) => {
      const { buffer, offset } = memory.tensor(id);
      return { buffer: buffers.get(buffer), offsetBytes: offset * 4 };
    },
    encode: (pass, first = 0, end = dispatches.length) => {
      for (let index = first; index < end; index++) {
        const { pipeline, bindGroup, workgroups } = dispatches[index]!;
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, bindGroup);
        pass.dispatchWorkgroups(workgroups[0], workgroups[1], workgroups[2]);
      }
    },
    dispose: () => {
      buffers.free(keys);
      for (const { constants } of dispatches) constants?.destroy();
    },
  };
}

/** The words of all tables in one buffer, and where each begins. `TABLES` names the buffer. */
export function packTables(parts: Readonly<Partial<Record<TableName, Uint32Array>>>): {
  readonly key: typeof TABLES;
  readonly words: Uint32Array<ArrayBuffer>;
  readonly tables: Tables;
} {
  const entries = Object.entries(parts) as [TableName, Uint32Array][];
  const words = new Uint32Array(entries.reduce((sum, [, part]) => sum + part.length, 0));
  const tables: Record<string, { offset: number; length: number }> = {};
  let offset = 0;
  for (const [name, part] of entries) {
    words.set(part, offset);
    tables[name] = { offset, length: part.length };
    offset += part.length;
  }
  return { key: TABLES, words, tables };
}
