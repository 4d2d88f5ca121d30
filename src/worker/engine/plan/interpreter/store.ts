/**
 * The interpreter's memory: the plan's buffers at the plan's offsets, so that a wrong offset shows in
 * the results, and the parameters by name.
 */

import { momentNames, type NamedTensor, type NamedTensors } from '../../../model/parameters.js';
import { sizeOf } from '../../../../recipe/layers.js';
import { roundToHalf } from '../half-floats.js';
import { elementBytesOf, type MemoryLayout } from '../memory.js';
import type { Program, TensorId } from '../operations.js';

/** `float64` for finite differences, `float32` rounds every stored value as the engines do. */
export type Precision = 'float32' | 'float64';
export type Values = Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

export function makeValues(precision: Precision, source: number | Iterable<number>): Values {
  const Array_ = precision === 'float64' ? Float64Array : Float32Array;
  return typeof source === 'number' ? new Array_(source) : Array_.from(source);
}

/** Parameters, running statistics, Adam moments and averages of a run, by name; changed in place. */
export class ParameterStore {
  readonly precision: Precision;
  readonly #values = new Map<string, { readonly shape: readonly number[]; readonly values: Values }>();

  constructor(tensors: NamedTensors, precision: Precision) {
    this.precision = precision;
    for (const [name, { shape, values }] of tensors) {
      this.#values.set(name, { shape, values: makeValues(precision, values) });
    }
  }

  get(name: string): Values {
    const found = this.#values.get(name);
    if (found === undefined) throw new Error(`There is no parameter "${name}".`);
    return found.values;
  }

  moments(parameter: string): { readonly m: Values; readonly v: Values } {
    const names = momentNames(parameter);
    return { m: this.get(names.m), v: this.get(names.v) };
  }

  shapeOf(name: string): readonly number[] {
    return this.#values.get(name)!.shape;
  }

  /** Copies, rounded to float32. */
  tensors(): Map<string, NamedTensor> {
    const copy = ([name, { shape, values }]: [
      string,
      { readonly shape: readonly number[]; readonly values: Values },
    ]) => [name, { shape, values: Float32Array.from(values) }] as const;
    return new Map([...this.#values].map(copy));
  }
}

/**
 * The tensors of one program. Those of float16 are rounded when told, not when they are written. Draws are kept in
 * float64, which holds every uint32.
 */
export class TensorStore {
  readonly #program: Program;
  readonly #views: readonly Values[];

  constructor(program: Program, layout: MemoryLayout, precision: Precision) {
    this.#program = program;
    const buffers = layout.buffers.map(({ storage, elementBytes, sizeBytes }) =>
      makeValues(storage === 'draws' ? 'float64' : precision, sizeBytes / elementBytes).fill(NaN),
    );
    this.#views = program.tensors.map((tensor) => {
      const { buffer, offsetBytes } = layout.placements[tensor.id]!;
      const first = offsetBytes / elementBytesOf(tensor);
      return buffers[buffer]!.subarray(first, first + sizeOf(tensor.shape));
    });
  }

  get(id: TensorId): Values {
    return this.#views[id]!;
  }

  /** Rounds a tensor of float16, which an operation has written, as it is stored. */
  round(id: TensorId): void {
    const values = this.get(id);
    values.forEach((value, i) => (values[i] = roundToHalf(value)));
  }

  /** Elements of one row. */
  rowSize(id: TensorId): number {
    return sizeOf(this.#program.tensors[id]!.shape.slice(1));
  }

  channels(id: TensorId): number {
    return this.#program.tensors[id]!.shape.at(-1)!;
  }
}
