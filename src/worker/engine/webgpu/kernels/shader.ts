/**
 * What a kernel's text is made into: a shader with its bindings and grid, and where things lie. Owns
 * the naming of bindings; a buffer is bound whole, offsets within it are constants of the text.
 */

import type { PlanTensor, TensorId } from '../../plan/operations.js';

/** Names a GPU buffer; tensors that may not share a dispatch lie in different ones. */
export type BufferKey = string;

/** Buffers beside those of the plan's tensors. */
export const PARAMETERS: BufferKey = 'parameters';
export const FIRST_MOMENTS: BufferKey = 'first moments';
export const SECOND_MOMENTS: BufferKey = 'second moments';
/** uint32 words at `CONTROL_WORDS`: what changes between dispatches. */
export const CONTROL: BufferKey = 'control';
/** Adam's scalars of a window of steps, float32 [steps, optimisers]. */
export const RATES: BufferKey = 'rates';
/** float32 [METRICS_SLOTS, METRIC_NAMES.length]; step s writes slot s mod METRICS_SLOTS. */
export const METRICS_RING: BufferKey = 'metrics ring';
/** Bytes of images and labels, packed, lowest byte first. */
export const TRAIN_IMAGES: BufferKey = 'training images';
export const TEST_IMAGES: BufferKey = 'test images';
export const TRAIN_LABELS: BufferKey = 'training labels';
export const TEST_LABELS: BufferKey = 'test labels';
/** uint32: pools of indices, normalised bytes, the update's entries. */
export const TABLES: BufferKey = 'tables';

/** Words of the control buffer. */
export const CONTROL_WORDS = {
  /** Updates done; counts itself on at the end of each step's loss. */
  step: 0,
  keyLow: 1,
  keyHigh: 2,
  /** First test image of an evaluation, and how many of its rows count. */
  firstImage: 3,
  rows: 4,
  /** Step that the first row of `RATES` belongs to. */
  firstRate: 5,
} as const;
export const CONTROL_LENGTH = 8;

/** Steps that the metrics ring holds. */
export const METRICS_SLOTS = 256;

export type TableName = 'bytes' | 'labelled' | 'unlabelled' | 'updates';

export interface Place {
  readonly buffer: BufferKey;
  /** In elements of four bytes; a multiple of four. */
  readonly offset: number;
}

/** Where everything that a program touches lies. */
export interface Memory {
  tensor(id: TensorId): Place & { readonly tensor: PlanTensor };
  parameter(name: string): Place;
  table(name: TableName): { readonly offset: number; readonly length: number };
  /** Elements of four bytes. */
  sizeOf(buffer: BufferKey): number;
}

export type ElementType = 'f32' | 'u32' | 'vec4f';

export interface Binding {
  readonly buffer: BufferKey;
  readonly access: 'read' | 'read_write';
}

export interface Shader {
  readonly label: string;
  readonly code: string;
  readonly bindings: readonly Binding[];
  readonly workgroups: readonly [number, number, number];
}

/** Collects the bindings of one shader while its text is written. */
export class ShaderBuilder {
  readonly memory: Memory;
  readonly #bindings: (Binding & { readonly type: ElementType; readonly name: string })[] = [];

  constructor(memory: Memory) {
    this.memory = memory;
  }

  /** Name of the buffer's array of `type`, bound for reading. */
  read(buffer: BufferKey, type: ElementType): string {
    const bound = this.#bindings.find((binding) => binding.buffer === buffer && binding.access === 'read_write');
    if (bound !== undefined) {
      if (bound.type === type) return bound.name;
      throw new Error(`A kernel cannot read "${buffer}" as ${type} and write it as ${bound.type} in one dispatch.`);
    }
    return this.#bind(buffer, 'read', type);
  }

  /** Name of the buffer's array of `type`, bound for reading and writing. Ask before any `read` of it. */
  write(buffer: BufferKey, type: ElementType): string {
    const isBoundOtherwise = this.#bindings.some(
      (binding) => binding.buffer === buffer && (binding.access === 'read' || binding.type !== type),
    );
    if (isBoundOtherwise) throw new Error(`A kernel cannot write "${buffer}" and bind it otherwise in one dispatch.`);
    return this.#bind(buffer, 'read_write', type);
  }

  /** The finished shader; `text` is everything but the bindings. */
  finish(label: string, text: string, workgroups: Shader['workgroups']): Shader {
    const declarations = this.#bindings.map(({ access, type, name, buffer }, index) => {
      const width = type === 'vec4f' ? 4 : 1;
      const length = Math.floor(this.memory.sizeOf(buffer) / width);
      return `@group(0) @binding(${index}) var<storage, ${access}> ${name}: array<${type}, ${length}>;`;
    });
    const bindings = this.#bindings.map(({ buffer, access }) => ({ buffer, access }));
    return { label, code: `${declarations.join('\n')}\n${text}`, bindings, workgroups };
  }

  #bind(buffer: BufferKey, access: Binding['access'], type: ElementType): string {
    const found = this.#bindings.find((binding) => binding.buffer === buffer && binding.type === type);
    if (found !== undefined) return found.name;
    const name = `${buffer.replaceAll(/[^a-z0-9]/gi, '_')}_${type.replaceAll(/[^a-z0-9]/gi, '_')}`;
    this.#bindings.push({ buffer, access, type, name });
    return name;
  }
}
