/** Where parameters, averages and the target store lie in their buffer, and Adam's moments, at the same offsets, in theirs. */

import {
  averageName,
  momentNames,
  parametersOf,
  TARGET_STORE,
  type NamedTensor,
  type NamedTensors,
} from '../../model/parameters.js';
import { sizeOf } from '../../../recipe/layers.js';
import type { Recipe } from '../../../recipe/recipe.js';

interface ParameterPlace {
  readonly name: string;
  readonly shape: readonly number[];
  readonly size: number;
  /** In elements; a multiple of four, so that kernels may read four at a time. */
  readonly offset: number;
  readonly isTrained: boolean;
}

export class ParameterLayout {
  readonly #places: readonly ParameterPlace[];
  readonly #byName: ReadonlyMap<string, ParameterPlace>;
  /** Elements of the parameters' buffer. */
  readonly length: number;
  /** Elements of each moments' buffer: those of the parameters that have moments come first. */
  readonly momentLength: number;

  constructor(recipe: Recipe) {
    let length = 0;
    const place = (name: string, shape: readonly number[], isTrained: boolean): ParameterPlace => {
      const placed = { name, shape, size: sizeOf(shape), offset: length, isTrained };
      length += Math.ceil(placed.size / 4) * 4;
      return placed;
    };
    const parameters = parametersOf(recipe);
    const own = parameters
      .filter(({ name }) => name !== TARGET_STORE)
      .map(({ name, shape, role }) => place(name, shape, role === 'trained'));
    this.momentLength = length;
    const averages = parameters
      .filter(({ isAveraged }) => isAveraged)
      .map(({ name, shape }) => place(averageName(name), shape, false));
    // By far the largest, and read by nothing but draws.
    const store = parameters
      .filter(({ name }) => name === TARGET_STORE)
      .map(({ name, shape }) => place(name, shape, false));
    this.#places = [...own, ...averages, ...store];
    this.length = length;
    this.#byName = new Map(this.#places.map((each) => [each.name, each]));
  }

  /** In elements. */
  offsetOf(name: string): number {
    return this.#place(name).offset;
  }

  shapeOf(name: string): readonly number[] {
    return this.#place(name).shape;
  }

  /** Contents of the three buffers: values, first and second moments. */
  pack(
    tensors: NamedTensors,
  ): readonly [Float32Array<ArrayBuffer>, Float32Array<ArrayBuffer>, Float32Array<ArrayBuffer>] {
    const lengths = [this.length, this.momentLength, this.momentLength];
    const packed = lengths.map((length) => new Float32Array(length));
    for (const { name, offset, isTrained } of this.#places) {
      packed[0]!.set(tensors.get(name)!.values, offset);
      if (!isTrained) continue;
      const { m, v } = momentNames(name);
      packed[1]!.set(tensors.get(m)!.values, offset);
      packed[2]!.set(tensors.get(v)!.values, offset);
    }
    return [packed[0]!, packed[1]!, packed[2]!];
  }

  /** The named tensors of the parameters' buffer. */
  unpackValues(values: Float32Array): Map<string, NamedTensor> {
    return new Map(this.#places.map((place) => [place.name, take(values, place)]));
  }

  /** The named tensors of the three buffers' contents. */
  unpack(values: Float32Array, m: Float32Array, v: Float32Array): Map<string, NamedTensor> {
    const tensors = this.unpackValues(values);
    for (const place of this.#places.filter(({ isTrained }) => isTrained)) {
      const moments = momentNames(place.name);
      tensors.set(moments.m, take(m, place));
      tensors.set(moments.v, take(v, place));
    }
    return tensors;
  }

  #place(name: string): ParameterPlace {
    const place = this.#byName.get(name);
    if (place === undefined) throw new Error(`The recipe has no parameter "${name}".`);
    return place;
  }
}

function take(from: Float32Array, { shape, size, offset }: ParameterPlace): NamedTensor {
  return { shape, values: Float32Array.from(from.subarray(offset, offset + size)) };
}
