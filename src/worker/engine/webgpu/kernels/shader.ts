/**
 * What a kernel's text is made into: a shader with its bindings and grid, and where things lie. Owns
 * the naming of bindings; a buffer is bound whole, offsets within it are constants of the text.
 */

import type { PlanTensor, TensorId } from '../../plan/operations.js';
import { foldGroups, type Workgroups } from './fold-groups.js';
import { float, MOST_EXACT, pick, quotient } from './shader-text.js';

/** Names a GPU buffer; tensors that may not share a dispatch lie in different ones. */
export type BufferKey = string;

/** Buffers beside those of the plan's tensors. */
export const PARAMETERS: BufferKey = 'parameters';
export const FIRST_MOMENTS: BufferKey = 'first moments';
export const SECOND_MOMENTS: BufferKey = 'second moments';
/** uint32 words: `CONTROL_WORDS`, then what `ControlLayout` says. What changes from step to step. */
export const CONTROL: BufferKey = 'control';
/** Bytes of images and labels, packed, lowest byte first. */
export const TRAIN_IMAGES: BufferKey = 'training images';
export const TEST_IMAGES: BufferKey = 'test images';
export const TRAIN_LABELS: BufferKey = 'training labels';
export const TEST_LABELS: BufferKey = 'test labels';
/** uint32: pools of indices, normalised bytes, the update's entries. */
export const TABLES: BufferKey = 'tables';

/** A shader's own numbers, where it takes them as data: `CONSTANT_WORDS` words that whoever makes its dispatch provides. */
export const CONSTANTS: BufferKey = 'constants';
export const CONSTANT_WORDS = 256;
/** Where tables begin behind the single numbers, and how long each is. */
const FIRST_TABLE = 64;
const TABLE_LENGTH = 8;

/** Words of the control buffer. */
export const CONTROL_WORDS = {
  /** Steps done; counted on by the last loss of a step. */
  step: 0,
  keyLow: 1,
  keyHigh: 2,
  /** First test image of an evaluation, and how many of its rows count. */
  firstImage: 3,
  rows: 4,
  /** Step that the first row of the window of step scalars belongs to. */
  windowStart: 5,
  /** Row of the window that the step's scalars stand in, left by its draw: the counter moves on within the step. */
  scalarRow: 6,
} as const;
const CONTROL_LENGTH = 8;

/** Steps that the ring of metrics holds. */
export const METRICS_SLOTS = 256;
/** Steps of a window of step scalars; one upload in so many. */
export const WINDOW_STEPS = 16_384;

/** The control buffer behind its single words, which are followed by the bits of floats. */
export interface ControlLayout {
  /** Metrics and step scalars of one step. */
  readonly metrics: number;
  readonly scalars: number;
  /** First word of [METRICS_SLOTS, metrics]; step s writes slot s mod METRICS_SLOTS. */
  readonly ring: number;
  /** First word of [WINDOW_STEPS, scalars], the step scalars of a window of steps. */
  readonly window: number;
  /** Words in all. */
  readonly length: number;
}

export function controlLayout(metrics: number, scalars: number): ControlLayout {
  const window = CONTROL_LENGTH + METRICS_SLOTS * metrics;
  return { metrics, scalars, ring: CONTROL_LENGTH, window, length: window + WINDOW_STEPS * scalars };
}

/** A table by name; updates have one for each phase. */
export type TableName = 'bytes' | 'labelled' | 'unlabelled' | 'pooled' | `updates ${number}`;

export interface Place {
  readonly buffer: BufferKey;
  /** In elements, of four bytes but where a tensor is float16; a multiple of four. */
  readonly offset: number;
}

/** Where everything that a program touches lies. */
export interface Memory {
  tensor(id: TensorId): Place & { readonly tensor: PlanTensor };
  parameter(name: string): Place;
  table(name: TableName): { readonly offset: number; readonly length: number };
  readonly control: ControlLayout;
  /** Elements of four bytes. */
  sizeOf(buffer: BufferKey): number;
}

export type ElementType = 'f32' | 'u32' | 'vec4f' | 'f16' | 'vec4h';

const TYPE_BYTES: Readonly<Record<ElementType, number>> = { f32: 4, u32: 4, vec4f: 16, f16: 2, vec4h: 8 };

/** A buffer as a shader's array. */
export interface Binding {
  readonly buffer: BufferKey;
  readonly access: 'read' | 'read_write';
  readonly name: string;
  readonly type: ElementType;
  readonly length: number;
}

export interface Shader {
  readonly label: string;
  /** The whole text: the arrays of the bindings, then `body`. */
  readonly code: string;
  readonly body: string;
  readonly bindings: readonly Binding[];
  /** What the buffer `CONSTANTS` holds; null where there is none. */
  readonly constants: Uint32Array<ArrayBuffer> | null;
  readonly workgroups: Workgroups;
}

/** The whole text of a shader. */
export function codeOf(bindings: readonly Binding[], body: string): string {
  const declarations = bindings.map(
    ({ access, name, type, length }, index) =>
      `@group(0) @binding(${index}) var<storage, ${access}> ${name}: array<${type}, ${length}>;`,
  );
  const extensions = [
    /\bsubgroup[A-Z]/.test(body) ? 'enable subgroups;\n' : '',
    bindings.some(({ type }) => type === 'f16' || type === 'vec4h') ? 'enable f16;\n' : '',
  ];
  return `${extensions.join('')}${declarations.join('\n')}\n${body}`;
}

/** How a shader takes its numbers; see `Numbers`. */
export type NumberKind = 'text' | 'data';

/** Whole numbers from 0 on divided by a fixed one: what has to be declared before, and the expression. */
export interface Divider {
  readonly text: string;
  readonly of: (n: string) => string;
}

/**
 * How a shader writes its numbers. They are part of its text, where a compiler can reckon with them, or data: then
 * shaders that differ in numbers alone have one text, and the device compiles it once.
 */
export interface Numbers {
  /** Expression of a u32. */
  whole(value: number): string;
  /** Expression of an i32. */
  signed(value: number): string;
  /** Expression of the float32 nearest to `value`. */
  real(value: number): string;
  /** Expression of one of `values` (u32; as data at most `TABLE_LENGTH` of them) by an index that is cheap to repeat. */
  pick(values: readonly number[], index: string): string;
  /** Division of numbers up to `most`; `name` is what it may declare. */
  divider(name: string, divisor: number, most: number): Divider;
}

/** Collects the bindings and the numbers of one shader while its text is written. */
export class ShaderBuilder implements Numbers {
  readonly memory: Memory;
  readonly #numbers: NumberKind;
  readonly #words = new Uint32Array(CONSTANT_WORDS);
  #wordCount = 0;
  #tableCount = 0;
  readonly #bindings: Omit<Binding, 'length'>[] = [];

  constructor(memory: Memory, numbers: NumberKind = 'text') {
    this.memory = memory;
    this.#numbers = numbers;
  }

  get isData(): boolean {
    return this.#numbers === 'data';
  }

  whole(value: number): string {
    return this.isData ? this.#word(value) : `${value}u`;
  }

  signed(value: number): string {
    return this.isData ? `i32(${this.#word(value)})` : `${value}`;
  }

  real(value: number): string {
    if (!this.isData) return float(value);
    const [bits] = new Uint32Array(Float32Array.of(value).buffer);
    return `bitcast<f32>(${this.#word(bits!)})`;
  }

  pick(values: readonly number[], index: string): string {
    if (!this.isData) return pick(values, index);
    const first = FIRST_TABLE + this.#tableCount++ * TABLE_LENGTH;
    if (values.length > TABLE_LENGTH || first + TABLE_LENGTH > CONSTANT_WORDS) {
      throw new RangeError(`Tables of ${values.length} numbers do not fit; write them into the text.`);
    }
    this.#words.set(values, first);
    return `${CONSTANTS}[${first}u + ${index}]`;
  }

  divider(name: string, divisor: number, most: number): Divider {
    if (!this.isData) return { text: '', of: (n) => quotient(n, divisor, most) };
    if (most >= MOST_EXACT)
      return { text: `let ${name} = ${this.whole(divisor)};`, of: (n) => `(${n} / ${name})` };
    return {
      text: `let ${name} = ${this.real(1 / divisor)};`,
      of: (n) => `u32((f32(${n}) + 0.5f) * ${name})`,
    };
  }

  #word(word: number): string {
    if (this.#wordCount === FIRST_TABLE) throw new RangeError('This shader has too many numbers for data.');
    this.#words[this.#wordCount] = word;
    return `${CONSTANTS}[${this.#wordCount++}]`;
  }

  /** Name of the buffer's array of `type`, bound for reading. */
  read(buffer: BufferKey, type: ElementType): string {
    const bound = this.#bindings.find(
      (binding) => binding.buffer === buffer && binding.access === 'read_write',
    );
    if (bound !== undefined) {
      if (bound.type === type) return bound.name;
      throw new Error(
        `A kernel cannot read "${buffer}" as ${type} and write it as ${bound.type} in one dispatch.`,
      );
    }
    return this.#bind(buffer, 'read', type);
  }

  /** Name of the buffer's array of `type`, bound for reading and writing. Ask before any `read` of it. */
  write(buffer: BufferKey, type: ElementType): string {
    const isBoundOtherwise = this.#bindings.some(
      (binding) => binding.buffer === buffer && (binding.access === 'read' || binding.type !== type),
    );
    if (isBoundOtherwise)
      throw new Error(`A kernel cannot write "${buffer}" and bind it otherwise in one dispatch.`);
    return this.#bind(buffer, 'read_write', type);
  }

  /** The finished shader; `unfolded` is everything but the bindings. Dimensions of any number of workgroups are made to fit. */
  finish(label: string, unfolded: string, groups: Workgroups): Shader {
    const { text: body, workgroups } = foldGroups(unfolded, groups);
    const bindings = this.#bindings.map((binding): Binding => {
      const bytes = this.memory.sizeOf(binding.buffer) * 4;
      return { ...binding, length: Math.floor(bytes / TYPE_BYTES[binding.type]) };
    });
    if (this.isData) {
      bindings.push({
        buffer: CONSTANTS,
        access: 'read',
        name: CONSTANTS,
        type: 'u32',
        length: CONSTANT_WORDS,
      });
    }
    const constants = this.isData ? this.#words : null;
    return { label, code: codeOf(bindings, body), body, bindings, constants, workgroups };
  }

  #bind(buffer: BufferKey, access: Binding['access'], type: ElementType): string {
    const found = this.#bindings.find((binding) => binding.buffer === buffer && binding.type === type);
    if (found !== undefined) return found.name;
    const own = this.isData ? `buffer_${this.#bindings.length}` : buffer.replaceAll(/[^a-z0-9]/gi, '_');
    const name = `${own}_${type}`;
    this.#bindings.push({ buffer, access, type, name });
    return name;
  }
}

/** A builder with numbers of a kind, or as text where tables of `longest` numbers would not fit as data. */
export function builderFor(memory: Memory, numbers: NumberKind, longest: number): ShaderBuilder {
  return new ShaderBuilder(memory, longest <= TABLE_LENGTH ? numbers : 'text');
}
