/**
 * A planned program made ready for a device: its buffers, a pipeline for each text, a bind group for
 * each operation, and the flat list that a step is encoded from. Nothing is made after that.
 */

import { elementBytesOf, type BufferPlan } from '../plan/memory.js';
import type { PlannedProgram } from '../plan/plan.js';
import type { Operation, PlanTensor, TensorId } from '../plan/operations.js';
import type { BufferPool } from './buffers.js';
import { contrastiveGradientShader, contrastiveShader } from './kernels/contrastive.js';
import { drawShaders } from './kernels/draw.js';
import { groupNormGradientShader, groupNormShader } from './kernels/group-norm.js';
import { joinShaders } from './kernels/join-shaders.js';
import {
  areForSoftware,
  biasGradientShader,
  filterGradientShader,
  productShader,
  type Tiles,
} from './kernels/linear.js';
import { countCorrectShader, lossShader } from './kernels/loss.js';
import { normGradientShader, normInferenceShader, normStatisticsShader } from './kernels/norm.js';
import type { Reduction } from './kernels/reduce.js';
import {
  CONSTANTS,
  controlLayout,
  PARAMETERS,
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

/** What a train step keeps in the control buffer: so many metrics as its losses write, and its step scalars. */
export function controlOf({ program }: PlannedProgram): ControlLayout {
  const loss = program.operations.find((operation) => operation.kind === 'loss');
  const metrics = loss === undefined ? 0 : program.tensors[loss.metrics]!.shape[0]!;
  return controlLayout(metrics, program.stepScalars.length);
}

/** Where a program's tensors and everything shared lie. Its buffers' names begin with `prefix`. */
export function programMemory(
  { program, layout }: PlannedProgram,
  prefix: string,
  shared: SharedMemory,
): Memory {
  const places = program.tensors.map((tensor): Place & { readonly tensor: PlanTensor } => {
    const { buffer, offsetBytes } = layout.placements[tensor.id]!;
    return {
      buffer: `${prefix} ${layout.buffers[buffer]!.name}`,
      offset: offsetBytes / elementBytesOf(tensor),
      tensor,
    };
  });
  return {
    tensor: (id) => places[id]!,
    parameter: (name) => ({ buffer: PARAMETERS, offset: shared.parameters.offsetOf(name) }),
    table: (name) => shared.tables[name]!,
    control: shared.control,
    sizeOf: (buffer) => shared.buffers.get(buffer).size / 4,
  };
}

/**
 * The shaders of an operation, one for each of its dispatches. `testCount` is the number of test images; numbers are text
 * where they cannot be data.
 */
export function shadersOf(
  operation: Operation,
  memory: Memory,
  tiles: Tiles,
  testCount: number,
  numbers: NumberKind = 'text',
  reduction: Reduction = 'lines',
): readonly Shader[] {
  switch (operation.kind) {
    case 'draw':
      return drawShaders(operation, memory, testCount);
    case 'product':
      return [productShader(operation, memory, tiles, numbers)];
    case 'filterGradient':
      return [filterGradientShader(operation, memory, tiles, numbers)];
    case 'biasGradient':
      return [biasGradientShader(operation, memory, !areForSoftware(tiles), reduction)];
    case 'normStatistics':
      return [normStatisticsShader(operation, memory, numbers, !areForSoftware(tiles), reduction)];
    case 'normInference':
      return [normInferenceShader(operation, memory)];
    case 'normGradient':
      return [normGradientShader(operation, memory, numbers, !areForSoftware(tiles), reduction)];
    case 'groupNorm':
      return [groupNormShader(operation, memory, numbers, reduction)];
    case 'groupNormGradient':
      return [groupNormGradientShader(operation, memory, numbers, reduction)];
    case 'contrastive':
      return [contrastiveShader(operation, memory, reduction)];
    case 'contrastiveGradient':
      return [contrastiveGradientShader(operation, memory, reduction)];
    case 'loss':
      return [lossShader(operation, memory, reduction)];
    case 'update':
      return [updateShader(operation, memory)];
    case 'countCorrect':
      return [countCorrectShader(operation, memory, reduction)];
    case 'initialise':
      throw new Error('First values come from the host: they are uploaded with the rest of the state.');
    default:
      return operation satisfies never;
  }
}

/** The one shader of an operation that has a single dispatch. */
export function shaderOf(...given: Parameters<typeof shadersOf>): Shader {
  const [shader, ...others] = shadersOf(...given);
  if (shader === undefined || others.length > 0) {
    throw new Error(`"${given[0].name}" (${given[0].kind}) has ${others.length + 1} dispatches.`);
  }
  return shader;
}

/** Shaders of each of a program's operations: numbers are data only where several are then one text. */
function programShaders(
  operations: readonly Operation[],
  memory: Memory,
  tiles: Tiles,
  testCount: number,
  reduction: Reduction,
): readonly (readonly Shader[])[] {
  const shadersWith = (operation: Operation, numbers: NumberKind): readonly Shader[] =>
    shadersOf(operation, memory, tiles, testCount, numbers, reduction);
  const all = operations.map((operation) => shadersWith(operation, 'data'));
  const keys = all.flat().map(keyOf);
  const isShared = (shader: Shader): boolean => {
    const key = keyOf(shader);
    return keys.indexOf(key) !== keys.lastIndexOf(key);
  };
  return all.map((shaders, index) =>
    shaders.every((shader) => shader.constants === null || isShared(shader))
      ? shaders
      : shadersWith(operations[index]!, 'text'),
  );
}

/** Shaders that compute some operations; those of a draw are several. */
interface Part {
  readonly shaders: readonly Shader[];
  /** Indices into the program's operations, the first of which stands for all. */
  readonly operations: readonly number[];
}

/**
 * Joins what can be one dispatch: operations of one stage, which need nothing of each other and whose memory lies apart.
 * Each goes with the first that it fits.
 */
export function joinStages(
  operations: readonly Operation[],
  shaders: readonly (readonly Shader[])[],
): readonly Part[] {
  const parts: Part[] = [];
  shaders.forEach((ofOne, index) => {
    const { stage } = operations[index]!;
    for (const [at, part] of parts.entries()) {
      if (operations[part.operations[0]!]!.stage !== stage) continue;
      if (ofOne.length !== 1 || part.shaders.length !== 1) continue;
      const joined = joinShaders([part.shaders[0]!, ofOne[0]!]);
      if (joined === null) continue;
      parts[at] = { shaders: [joined], operations: [...part.operations, index] };
      return;
    }
    parts.push({ shaders: ofOne, operations: [index] });
  });
  return parts;
}

interface Dispatch {
  readonly label: string;
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  /** Its own numbers; whoever has the dispatch frees them. */
  readonly constants: GPUBuffer | null;
  readonly workgroups: readonly [number, number, number];
}

export interface ReadyProgram {
  readonly planned: PlannedProgram;
  /** In the order of the operations; most have one each, or one with others of their stage. */
  readonly dispatches: readonly Dispatch[];
  /** What is computed together, in order: the operations by index, and their dispatches. */
  readonly parts: readonly {
    readonly operations: readonly number[];
    readonly dispatches: readonly Dispatch[];
  }[];
  /** The buffer that a tensor lies in, and where, in bytes; what an element takes. */
  place(id: TensorId): {
    readonly buffer: GPUBuffer;
    readonly offsetBytes: number;
    readonly elementBytes: 2 | 4;
  };
  /** Encodes operations first … end - 1, all of them unless told, and what is computed together with one of them. */
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
  return { label, pipeline, bindGroup, constants, workgroups };
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
  const activations = buffers.filter(({ storage }) => storage === 'activation');
  return buffers.map(({ storage, elementBytes, sizeBytes }) => {
    const alike = activations.filter((other) => other.elementBytes === elementBytes);
    const largest = Math.max(0, ...alike.map((other) => other.sizeBytes));
    return storage === 'activation' && sizeBytes > largest / 2 ? largest : sizeBytes;
  });
}

/**
 * Makes the buffers of programs that never run at once: those of one name are one, as large as the largest. Those that
 * exist already are left as they are. Hands back the names of those that it made.
 */
export function makeBuffers(
  buffers: BufferPool,
  prefix: string,
  programs: readonly PlannedProgram[],
): readonly BufferKey[] {
  const sizes = new Map<BufferKey, number>();
  for (const { layout } of programs) {
    bufferSizes(layout.buffers).forEach((bytes, index) => {
      const key = `${prefix} ${layout.buffers[index]!.name}`;
      sizes.set(key, Math.max(bytes, sizes.get(key) ?? 0));
    });
  }
  const keys = [...sizes.keys()].filter((key) => !buffers.has(key));
  for (const key of keys) buffers.make(key, sizes.get(key)!);
  return keys;
}

export interface ProgramOptions {
  /** Tells the program's buffers from those of other programs; it makes those that are missing. */
  readonly prefix: string;
  readonly tiles: Tiles;
  readonly testCount: number;
  /** How threads add up; in lines unless told. */
  readonly reduction?: Reduction | undefined;
  /** Whether operations of one stage share dispatches; unless told, they do on GPUs. Changes no bit. */
  readonly joins?: boolean | undefined;
}

/** Makes a program ready. */
export async function prepareProgram(
  device: GPUDevice,
  planned: PlannedProgram,
  shared: SharedMemory,
  { prefix, tiles, testCount, reduction = 'lines', joins = !areForSoftware(tiles) }: ProgramOptions,
): Promise<ReadyProgram> {
  const { buffers } = shared;
  const own = makeBuffers(buffers, prefix, [planned]);
  const memory = programMemory(planned, prefix, shared);
  const compiler = new Compiler(device);
  const { operations } = planned.program;
  const shaders = programShaders(operations, memory, tiles, testCount, reduction);
  const joined = joins
    ? joinStages(operations, shaders)
    : shaders.map((ofOne, index): Part => ({ shaders: ofOne, operations: [index] }));
  const parts = await Promise.all(
    joined.map(async (part) => {
      const made = part.shaders.map((shader) =>
        makeDispatch(device, shader, (key) => buffers.get(key), compiler),
      );
      return { operations: part.operations, dispatches: await Promise.all(made) };
    }),
  );
  const dispatches = parts.flatMap((part) => part.dispatches);
  return {
    planned,
    dispatches,
    parts,
    place: (id) => {
      const { buffer, offset, tensor } = memory.tensor(id);
      const elementBytes = elementBytesOf(tensor);
      return { buffer: buffers.get(buffer), offsetBytes: offset * elementBytes, elementBytes };
    },
    encode: (pass, first = 0, end = operations.length) => {
      for (const part of parts) {
        const [at] = part.operations;
        if (at! < first || at! >= end) continue;
        for (const { pipeline, bindGroup, workgroups } of part.dispatches) {
          pass.setPipeline(pipeline);
          pass.setBindGroup(0, bindGroup);
          pass.dispatchWorkgroups(workgroups[0], workgroups[1], workgroups[2]);
        }
      }
    },
    dispose: () => {
      buffers.free(own);
      for (const { constants } of dispatches) constants?.destroy();
    },
  };
}

/** The words of some tables one after another, and where each begins. */
export function packTables(parts: readonly Uint32Array[]): {
  readonly words: Uint32Array<ArrayBuffer>;
  readonly places: readonly { readonly offset: number; readonly length: number }[];
} {
  const words = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  const places = parts.map((part) => {
    const place = { offset, length: part.length };
    words.set(part, offset);
    offset += part.length;
    return place;
  });
  return { words, places };
}
