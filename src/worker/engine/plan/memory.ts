/**
 * Where the tensors of a program lie. Activations are coloured into as few buffers as allow that no
 * stage writes a buffer that it also reads, since WebGPU tracks use by whole buffer; within a buffer
 * they share space over time, float16 with float16 alone. Every other storage is one buffer, packed.
 */

import { sizeOf } from '../../../recipe/layers.js';
import { accessesOf, stagesOf } from './accesses.js';
import type { PlanTensor, Program, Storage, TensorId } from './operations.js';

/** WebGPU's strictest minStorageBufferOffsetAlignment, in bytes. */
export const ALIGNMENT = 256;

export interface Placement {
  /** Index into `MemoryLayout.buffers`. */
  readonly buffer: number;
  /** A multiple of `ALIGNMENT`. */
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

export interface BufferPlan {
  readonly name: string;
  readonly storage: Storage;
  /** 2 where its tensors are float16. */
  readonly elementBytes: 2 | 4;
  readonly sizeBytes: number;
}

export interface MemoryLayout {
  readonly buffers: readonly BufferPlan[];
  /** By tensor id. */
  readonly placements: readonly Placement[];
}

/** Stages, both included, between which a tensor's bytes must not be given to another. */
export interface Lifetime {
  readonly first: number;
  readonly last: number;
}

export function align(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

/** Bytes of an element of a tensor. */
export function elementBytesOf({ type }: Pick<PlanTensor, 'type'>): 2 | 4 {
  return type === 'f16' ? 2 : 4;
}

/** Bytes of a tensor's elements. */
export function tensorBytes(tensor: Pick<PlanTensor, 'type' | 'shape'>): number {
  return sizeOf(tensor.shape) * elementBytesOf(tensor);
}

/** When each tensor lives, by tensor id: an input from before the first stage, an output to the end. */
export function lifetimesOf(program: Program): readonly Lifetime[] {
  const stages = stagesOf(program.operations);
  const touched = program.tensors.map((): number[] => []);
  stages.forEach((operations, stage) => {
    for (const { reads, writes } of operations.map(accessesOf)) {
      for (const id of [...reads, ...writes]) touched[id]!.push(stage);
    }
  });
  return program.tensors.map(({ id }) => ({
    first: program.inputs.includes(id) ? -1 : Math.min(...touched[id]!),
    last: program.outputs.includes(id) ? stages.length : Math.max(...touched[id]!),
  }));
}

/** Pairs of tensors that must lie in different buffers, as sets by tensor id. */
function separated(program: Program): readonly ReadonlySet<TensorId>[] {
  const apart = program.tensors.map(() => new Set<TensorId>());
  for (const operations of stagesOf(program.operations)) {
    const accesses = operations.map(accessesOf);
    for (const read of accesses.flatMap(({ reads }) => [...reads])) {
      for (const written of accesses.flatMap(({ writes }) => [...writes])) {
        apart[read]!.add(written);
        apart[written]!.add(read);
      }
    }
  }
  return apart;
}

interface Placed {
  readonly id: TensorId;
  readonly offset: number;
  readonly size: number;
}

function overlaps(a: Lifetime, b: Lifetime): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/** Lowest aligned offset at which `size` bytes are free for the whole lifetime. */
function firstFit(
  placed: readonly Placed[],
  size: number,
  lifetime: Lifetime,
  lifetimes: readonly Lifetime[],
): number {
  const taken = placed
    .filter(({ id }) => overlaps(lifetimes[id]!, lifetime))
    .sort((a, b) => a.offset - b.offset);
  let offset = 0;
  for (const other of taken) {
    if (other.offset >= offset + size) break;
    offset = Math.max(offset, other.offset + other.size);
  }
  return offset;
}

/** Lays a program out. The largest tensors are placed first, each where it makes its buffer grow least. */
export function layOut(program: Program): MemoryLayout {
  const lifetimes = lifetimesOf(program);
  const apart = separated(program);
  const bytesOf = (tensor: PlanTensor): number => align(tensorBytes(tensor));
  const colours: { placed: Placed[]; size: number; readonly elementBytes: 2 | 4 }[] = [];
  const placements: Placement[] = [];

  const activations = program.tensors.filter(({ storage }) => storage === 'activation');
  for (const tensor of [...activations].sort((a, b) => bytesOf(b) - bytesOf(a) || a.id - b.id)) {
    const size = bytesOf(tensor);
    const lifetime = lifetimes[tensor.id]!;
    let best: { colour: number; offset: number; growth: number } | null = null;
    for (let colour = 0; colour < colours.length; colour++) {
      const { placed, size: present, elementBytes } = colours[colour]!;
      if (elementBytes !== elementBytesOf(tensor)) continue;
      if (placed.some(({ id }) => apart[tensor.id]!.has(id))) continue;
      const offset = firstFit(placed, size, lifetime, lifetimes);
      const growth = Math.max(0, offset + size - present);
      if (best === null || growth < best.growth) best = { colour, offset, growth };
    }
    best ??= {
      colour: colours.push({ placed: [], size: 0, elementBytes: elementBytesOf(tensor) }) - 1,
      offset: 0,
      growth: size,
    };
    const colour = colours[best.colour]!;
    colour.placed.push({ id: tensor.id, offset: best.offset, size });
    colour.size += best.growth;
    placements[tensor.id] = { buffer: best.colour, offsetBytes: best.offset, sizeBytes: size };
  }
  const buffers: BufferPlan[] = colours.map(({ size, elementBytes }, index) => ({
    name: `activations ${index}`,
    storage: 'activation',
    elementBytes,
    sizeBytes: size,
  }));

  const others: readonly Storage[] = ['draws', 'statistics', 'gradientStatistics', 'gradients', 'results'];
  for (const storage of others) {
    const members = program.tensors.filter((tensor) => tensor.storage === storage);
    if (members.length === 0) continue;
    let sizeBytes = 0;
    for (const tensor of members) {
      placements[tensor.id] = { buffer: buffers.length, offsetBytes: sizeBytes, sizeBytes: bytesOf(tensor) };
      sizeBytes += bytesOf(tensor);
    }
    buffers.push({ name: storage, storage, elementBytes: 4, sizeBytes });
  }
  return { buffers, placements };
}
