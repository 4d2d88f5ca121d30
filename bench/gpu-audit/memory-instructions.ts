/** Vector instructions on memory and LDS made ready to run; each tells how long its unit is taken. */

import type { Instruction } from './assembly.js';
import { parseOperand, scalarValue, type Operand } from './operands.js';
import { LANES, type Registers } from './registers.js';
import { modifierOf } from './vector-sources.js';

/** Runs, and gives the cycles that its unit, the CU's memory pipe or its LDS, is taken. */
export type MemoryRun = (registers: Registers) => number;

/** The memory pipe takes the addresses of so many lanes a cycle, and one segment of so many bytes. */
const LANES_A_CYCLE = 16;
const SEGMENT_SHIFT = 6;

/** LDS gives each of its banks one word a cycle. */
const BANKS = 32;

const WIDTHS: Readonly<Record<string, number>> = { b32: 1, b64: 2, b96: 3, b128: 4 };

function numberOf(instruction: Instruction, name: string): number {
  return Number(modifierOf(instruction, name) ?? 0);
}

function vectorOf(text: string): Extract<Operand, { first: number }> {
  const operand = parseOperand(text);
  if (operand.kind === 'vector') return operand;
  throw new Error(`"${text}" stands where a vector register is needed.`);
}

/** Accesses of half a word: which half of the register they take, and whether the other is kept. */
const HALVES: Readonly<Record<string, { readonly shift: 0 | 16; readonly keeps: boolean }>> = {
  buffer_load_ushort: { shift: 0, keeps: false },
  buffer_load_short_d16: { shift: 0, keeps: true },
  buffer_load_short_d16_hi: { shift: 16, keeps: true },
  buffer_store_short: { shift: 0, keeps: true },
  buffer_store_short_d16_hi: { shift: 16, keeps: true },
};

/** What a store writes is dropped: buffers keep what the host has written. */
export function readyBuffer(instruction: Instruction): MemoryRun | null {
  const half = HALVES[instruction.opcode];
  const [, kind, count = '1'] =
    /^buffer_(load|store)_(?:dword(?:x([234]))?$|u?short)/.exec(instruction.opcode) ?? [];
  if (kind === undefined || (half === undefined && /short/.test(instruction.opcode))) return null;
  const { operands, modifiers } = instruction;
  const words = Number(count);
  const bytesOfLane = half === undefined ? 4 * words : 2;
  const data = vectorOf(operands[0]!);
  const address = parseOperand(operands[1]!);
  const descriptor = parseOperand(operands[2]!);
  if (descriptor.kind !== 'scalar') throw new Error(`"${operands[2]!}" is no descriptor.`);
  const offset = parseOperand(operands[3]!);
  const fixed = numberOf(instruction, 'offset');
  const hasAddress = modifiers.includes('offen') && address.kind === 'vector';
  return (registers) => {
    const base = scalarValue(registers, offset) + fixed;
    const addresses = hasAddress ? registers.vectors[address.first]!.slice() : null;
    const segments = new Set<number>();
    let active = 0;
    for (let lane = 0; lane < LANES; lane++) {
      if (!registers.isActive(lane)) continue;
      active++;
      const bytes = base + (addresses?.[lane] ?? 0);
      segments.add(bytes >>> SEGMENT_SHIFT).add((bytes + bytesOfLane - 1) >>> SEGMENT_SHIFT);
      if (kind === 'store') continue;
      if (half !== undefined) {
        const results = registers.vectors[data.first]!;
        const found = (registers.word(descriptor.first, bytes) >>> (8 * (bytes & 2))) & 0xffff;
        const kept = half.keeps ? results[lane]! & ~(0xffff << half.shift) : 0;
        results[lane] = kept | (found << half.shift);
        continue;
      }
      for (let index = 0; index < words; index++)
        registers.vectors[data.first + index]![lane] = registers.word(descriptor.first, bytes + 4 * index);
    }
    return Math.max(Math.ceil(active / LANES_A_CYCLE), segments.size);
  };
}

/** Cycles of an access: in each, so many lanes that they take every bank once, again where words of a bank differ. */
function bankCycles(addresses: readonly number[], words: number): number {
  const together = Math.max(1, Math.floor(BANKS / words));
  let cycles = 0;
  for (let first = 0; first < addresses.length; first += together) {
    const banks = Array.from({ length: BANKS }, () => new Set<number>());
    for (const bytes of addresses.slice(first, first + together)) {
      for (let word = bytes >>> 2; word < (bytes >>> 2) + words; word++) banks[word % BANKS]!.add(word);
    }
    cycles += Math.max(...banks.map(({ size }) => size));
  }
  return cycles;
}

export function readyLds(instruction: Instruction): MemoryRun | null {
  const [, kind, two, type = ''] = /^ds_(read|write)(2(?:st64)?)?_(b\d+)$/.exec(instruction.opcode) ?? [];
  const words = WIDTHS[type];
  if (words === undefined) return null;
  const { operands } = instruction;
  const isRead = kind === 'read';
  const address = vectorOf(operands[isRead ? 1 : 0]!);
  const data = operands.slice(isRead ? 0 : 1, isRead ? 1 : undefined).map(vectorOf);
  const unit = 4 * words * (two === '2st64' ? 64 : 1);
  const offsets =
    two === undefined
      ? [numberOf(instruction, 'offset')]
      : [numberOf(instruction, 'offset0') * unit, numberOf(instruction, 'offset1') * unit];
  // Patterns repeat from turn to turn of a loop, moved as a whole.
  const known = new Map<string, number>();
  return (registers) => {
    const { lds, vectors } = registers;
    const lanes: number[] = [];
    for (let lane = 0; lane < LANES; lane++) if (registers.isActive(lane)) lanes.push(lane);
    const starts = lanes.map((lane) => vectors[address.first]![lane]!);
    let cycles = 0;
    offsets.forEach((offset, part) => {
      const from = isRead ? data[0]!.first + part * words : data[part]!.first;
      lanes.forEach((lane, index) => {
        const at = (starts[index]! + offset) >>> 2;
        for (let word = 0; word < words; word++) {
          if (isRead) vectors[from + word]![lane] = lds[at + word] ?? 0;
          else lds[at + word] = vectors[from + word]![lane]!;
        }
      });
      const [least = 0] = starts;
      const key = starts.map((start) => start - least).join();
      let found = known.get(key);
      if (found === undefined) known.set(key, (found = bankCycles(starts, words)));
      cycles += found;
    });
    return cycles;
  };
}
