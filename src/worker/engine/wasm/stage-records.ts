/**
 * The records of operations: what the kernels are told, in groups. Records of one group may run at the same time on
 * different threads; all threads meet at a barrier between two groups.
 */

import { writeVariant, type VariantValues } from './layout/fields.js';
import { OPERATION, OPERATION_WORDS, type OperationName, type OperationValues } from './layout/operations.js';
import type { Arena } from './memory/arena.js';

export interface OperationRecord {
  readonly operation: OperationName;
  /** The fields that the operation is described with: `OperationValues` of it. */
  readonly values: object;
  /** The plan's operation that it belongs to, for measurements. */
  readonly name: string;
}

function put(groups: OperationRecord[][], group: number, record: OperationRecord): void {
  while (groups.length <= group) groups.push([]);
  groups[group]!.push(record);
}

/** The records of one stage of the plan, by group. */
export class StageRecords {
  readonly #groups: OperationRecord[][] = [];
  /** Records that read parameters and nothing else, by group: they may run before everything, once for many runs. */
  readonly prepared: OperationRecord[][] = [];

  /** @param group 0 runs first. */
  add<Name extends OperationName>(
    group: number,
    operation: Name,
    name: string,
    values: OperationValues<Name>,
  ): void {
    put(this.#groups, group, { operation, values, name });
  }

  /** What of the program changes with the parameters alone. */
  prepare<Name extends OperationName>(
    group: number,
    operation: Name,
    name: string,
    values: OperationValues<Name>,
  ): void {
    put(this.prepared, group, { operation, values, name });
  }

  /** Lets what is prepared run with the first groups: whatever reads it runs in a later group than it. */
  mergePrepared(): void {
    this.prepared.forEach((records, group) => {
      for (const record of records) put(this.#groups, group, record);
    });
    this.prepared.length = 0;
  }

  /** Groups that hold anything, in order, without what is prepared. */
  get filled(): readonly (readonly OperationRecord[])[] {
    return this.#groups.filter((records) => records.length > 0);
  }
}

/** A program as it lies in memory. */
export interface StoredProgram {
  readonly address: number;
  readonly count: number;
  /** Name of each record's operation in the plan. */
  readonly names: readonly string[];
}

/** Writes records into memory, a barrier after each group. */
export function storeRecords(arena: Arena, groups: readonly (readonly OperationRecord[])[]): StoredProgram {
  const count = groups.reduce((sum, records) => sum + records.length, 0);
  const address = arena.allocate(count * OPERATION_WORDS * 4);
  const words = arena.words(address, count * OPERATION_WORDS);
  let at = 0;
  for (const records of groups) {
    records.forEach(({ operation, values }, index) => {
      const endsGroup = index === records.length - 1;
      writeVariant(words, at, OPERATION, { kind: operation, endsGroup, ...values } as VariantValues<
        typeof OPERATION
      >);
      at += OPERATION_WORDS;
    });
  }
  return { address, count, names: groups.flat().map(({ name }) => name) };
}

/** Writes a record by itself into memory, a program or what another record points to. */
export function storeRecord<Name extends OperationName>(
  arena: Arena,
  operation: Name,
  name: string,
  values: OperationValues<Name>,
): StoredProgram {
  return storeRecords(arena, [[{ operation, values, name }]]);
}
