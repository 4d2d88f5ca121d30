/**
 * Records: what the kernels are told, in waves. Records of one wave may run at the same time on
 * different threads; all threads meet between two waves.
 */

import type { Arena } from './memory/arena.js';
import { BARRIER, OPERATION, RECORD_WORDS } from './kernels/layout.js';

/** A field of a record: word, value. Numbers with a fraction are marked by `float`. */
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
  add(wave: number, operation: number, name: string, ...fields: readonly Field[]): void {
    put(this.#waves, wave, { operation, fields, name });
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
  const address = arena.allocate(count * RECORD_WORDS * 4);
  const words = arena.words(address, count * RECORD_WORDS);
  let at = 0;
  for (const records of waves) {
    records.forEach(({ operation, fields }, index) => {
      words[at + OPERATION] = operation;
      words[at + BARRIER] = index === records.length - 1 ? 1 : 0;
      for (const [word, value] of fields) {
        words[at + word] = typeof value === 'number' ? value : floatBits(value.float);
      }
      at += RECORD_WORDS;
    });
  }
  return { address, count, recordBytes: RECORD_WORDS * 4, names: waves.flat().map(({ name }) => name) };
}
