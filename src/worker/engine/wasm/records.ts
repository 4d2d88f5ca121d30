/**
 * Records: what the kernels are told, in waves. Records of one wave may run at the same time on
 * different threads; all threads meet between two waves.
 */

import type { Arena } from './memory/arena.js';
import { writeVariant } from './layout/fields.js';
import { OPERATION, OPERATION_WORDS, type OperationName, type OperationValues } from './layout/operations.js';

/** A numbered word of a record and its value, where an operation is not described by name yet. */
export type Field = readonly [word: number, value: number | Float];
export interface Float {
  readonly float: number;
}
export function float(value: number): Float {
  return { float: value };
}

export interface OperationRecord {
  readonly operation: number;
  readonly fields: readonly Field[];
  readonly write?: (words: Int32Array, at: number, endsGroup: boolean) => void;
  /** The plan's operation that it belongs to, for measurements. */
  readonly name: string;
}

function put(waves: OperationRecord[][], wave: number, record: OperationRecord): void {
  while (waves.length <= wave) waves.push([]);
  waves[wave]!.push(record);
}

/** The records of one stage of the plan, by wave. */
export class Waves {
  readonly #waves: OperationRecord[][] = [];
  /** Records that read parameters and nothing else, by wave: they may run before everything, once for many runs. */
  readonly prepared: OperationRecord[][] = [];

  /** @param wave 0 runs first. */
  add<Name extends OperationName>(
    wave: number,
    operation: Name,
    name: string,
    fields: OperationValues<Name>,
  ): void;
  add(wave: number, operation: number, name: string, ...fields: readonly Field[]): void;
  add(wave: number, operation: number | OperationName, name: string, ...fields: readonly unknown[]): void {
    if (typeof operation === 'number') {
      put(this.#waves, wave, { operation, fields: fields as readonly Field[], name });
      return;
    }
    const values = { kind: operation, ...(fields[0] as object) } as never;
    const write = (words: Int32Array, at: number, endsGroup: boolean): void =>
      writeVariant(words, at, OPERATION, { ...(values as object), endsGroup } as never);
    put(this.#waves, wave, { operation: 0, fields: [], name, write });
  }

  /** What of the program changes with the parameters alone. */
  prepare(wave: number, operation: number, name: string, ...fields: readonly Field[]): void {
    put(this.prepared, wave, { operation, fields, name });
  }

  /** Lets what is prepared run with the first waves: whatever reads it runs in a later wave than it. */
  mergePrepared(): void {
    this.prepared.forEach((records, wave) => {
      for (const record of records) put(this.#waves, wave, record);
    });
    this.prepared.length = 0;
  }

  /** Waves that hold anything, in order, without what is prepared. */
  get filled(): readonly (readonly OperationRecord[])[] {
    return this.#waves.filter((records) => records.length > 0);
  }
}

const scratch = new DataView(new ArrayBuffer(4));

/** The bits of a float32 as a 32-bit integer. */
export function floatBits(value: number): number {
  scratch.setFloat32(0, value);
  return scratch.getInt32(0);
}

/** A program as it lies in memory. */
export interface StoredProgram {
  readonly address: number;
  readonly count: number;
  readonly recordBytes: number;
  /** Name of each record's operation in the plan. */
  readonly names: readonly string[];
}

/** Writes records into memory, a barrier after each wave. */
export function storeRecords(arena: Arena, waves: readonly (readonly OperationRecord[])[]): StoredProgram {
  const count = waves.reduce((sum, records) => sum + records.length, 0);
  const address = arena.allocate(count * OPERATION_WORDS * 4);
  const words = arena.words(address, count * OPERATION_WORDS);
  let at = 0;
  for (const records of waves) {
    records.forEach(({ operation, fields, write }, index) => {
      words[at] = operation;
      words[at + 1] = index === records.length - 1 ? 1 : 0;
      write?.(words, at, index === records.length - 1);
      for (const [word, value] of fields) {
        words[at + word] = typeof value === 'number' ? value : floatBits(value.float);
      }
      at += OPERATION_WORDS;
    });
  }
  return { address, count, recordBytes: OPERATION_WORDS * 4, names: waves.flat().map(({ name }) => name) };
}
