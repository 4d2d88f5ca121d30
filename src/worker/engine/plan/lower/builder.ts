/** Collects the tensors and operations of a program while it is lowered. */

import type { Operation, PlanTensor, Program, Storage, Tap, TensorId } from '../operations.js';
import type { StepScalar } from '../step-scalars.js';

export class ProgramBuilder {
  readonly #tensors: PlanTensor[] = [];
  readonly #operations: Operation[] = [];
  #stage = 0;

  tensor(
    name: string,
    shape: readonly number[],
    storage: Storage = 'activation',
    type: 'f32' | 'u32' = 'f32',
  ): TensorId {
    const id = this.#tensors.length;
    this.#tensors.push({ id, name, shape, type, storage });
    return id;
  }

  /** Adds operations that may run side by side as one stage. */
  stage(...operations: readonly (DistributiveOmit<Operation, 'stage'> | null)[]): void {
    const present = operations.filter((operation) => operation !== null);
    for (const operation of present) this.#operations.push({ ...operation, stage: this.#stage });
    if (present.length > 0) this.#stage++;
  }

  build(
    name: Program['name'],
    inputs: readonly TensorId[],
    outputs: readonly TensorId[],
    taps: readonly Tap[] = [],
    stepScalars: readonly StepScalar[] = [],
  ): Program {
    const [tensors, operations] = [this.#tensors, this.#operations];
    return { name, tensors, operations, inputs, outputs, stepScalars, taps };
  }
}

/** `Omit` that keeps the members of a union apart. */
export type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
