/** What an engine keeps in memory for its life: the data set, the split, and the state of the run. */

import { pooledCount } from '../../../data/dataset.js';
import { NORMALISED_BYTES } from '../../../data/normalise.js';
import {
  averageName,
  initialTensors,
  momentNames,
  parametersOf,
  type NamedTensor,
  type NamedTensors,
} from '../../../model/parameters.js';
import { sizeOf } from '../../../../recipe/layers.js';
import type { EngineInput } from '../../engine.js';
import type { Arena } from './arena.js';
import type { Residents } from './bindings.js';

/** Addresses of a run's tensors by name, in and out of memory by copies. */
export class StateTensors {
  readonly #arena: Arena;
  readonly #places: ReadonlyMap<string, { readonly address: number; readonly shape: readonly number[] }>;

  constructor(arena: Arena, initial: NamedTensors) {
    this.#arena = arena;
    const places = new Map<string, { address: number; shape: readonly number[] }>();
    for (const [name, { shape }] of initial) {
      // Kernels store whole vectors, so a tensor has room up to the next multiple of four.
      places.set(name, { address: arena.allocate((sizeOf(shape) + 3) * 4), shape });
    }
    this.#places = places;
    this.write(initial);
  }

  addressOf(name: string): number {
    return this.#places.get(name)!.address;
  }

  /** Copies every tensor of the run in. */
  write(tensors: NamedTensors): void {
    for (const [name, { address, shape }] of this.#places) {
      this.#arena.floats(address, sizeOf(shape)).set(tensors.get(name)!.values);
    }
  }

  /** Copies every tensor of the run out. */
  read(): Map<string, NamedTensor> {
    const tensors = new Map<string, NamedTensor>();
    for (const [name, { address, shape }] of this.#places) {
      tensors.set(name, { shape, values: Float32Array.from(this.#arena.floats(address, sizeOf(shape))) });
    }
    return tensors;
  }
}

/** Allocates and fills everything that outlives a program. */
export function placeResidents(
  arena: Arena,
  { recipe, settings, dataset, split }: EngineInput,
): { readonly residents: Residents; readonly state: StateTensors } {
  const state = new StateTensors(arena, initialTensors(recipe, settings.seed));
  const parameters = new Map<string, number>();
  const moments = new Map<string, { m: number; v: number }>();
  for (const { name, role, isAveraged } of parametersOf(recipe)) {
    parameters.set(name, state.addressOf(name));
    if (isAveraged) parameters.set(averageName(name), state.addressOf(averageName(name)));
    if (role !== 'trained') continue;
    const { m, v } = momentNames(name);
    moments.set(name, { m: state.addressOf(m), v: state.addressOf(v) });
  }
  const byteTable = arena.allocate(NORMALISED_BYTES.byteLength);
  arena.floats(byteTable, NORMALISED_BYTES.length).set(NORMALISED_BYTES);
  const labelledPool = arena.storeWords([...split.labelled, ...split.unlabelled]);
  const residents: Residents = {
    parameters,
    moments,
    byteTable,
    imageBytes: sizeOf(dataset.imageShape),
    imageShape: dataset.imageShape,
    trainImages: arena.storeBytes(dataset.train.images),
    trainLabels: arena.storeBytes(dataset.train.labels),
    testImages: arena.storeBytes(dataset.test.images),
    testLabels: arena.storeBytes(dataset.test.labels),
    testCount: dataset.test.count,
    labelledPool,
    labelledCount: split.labelled.length,
    unlabelledPool: labelledPool + split.labelled.length * 4,
    unlabelledCount: split.unlabelled.length,
    pooledCount: pooledCount(split),
  };
  return { residents, state };
}
