/** A shader's instructions made ready to run: what each takes, waits for and does. Owns the latencies that are assumed. */

import type { Assembly, Instruction } from './assembly.js';
import { readyBuffer, readyLds, type MemoryRun } from './memory-instructions.js';
import { VCC } from './registers.js';
import { readyScalar } from './scalar-instructions.js';
import { readyVector, type Run } from './vector-instructions.js';
import { plainOpcode } from './vector-sources.js';

/** Cycles until what an instruction gives can be used: the model's assumptions. */
export const LATENCIES = {
  memory: 300,
  scalarMemory: 100,
  lds: 64,
  vector: 5,
  special: 10,
  scalar: 2,
} as const;
/** Cycles of a wave of 64 lanes on a SIMD of 32, and of what has a quarter of the rate. */
const VECTOR_CYCLES = 2;
const SLOW_CYCLES = 8;

const SLOW = /^v_(?:mul_lo|mul_hi|mad_[ui]64|rcp|rsq|sqrt|exp|log|sin|cos)/;
const SPECIAL = /^v_(?:rcp|rsq|sqrt|exp|log|sin|cos)/;
const MULTIPLY_ADD = /^v_(?:fma|fmac|fmaak|fmamk|pk_fma|dot)/;

/** What an instruction takes. */
type Unit =
  | 'vector'
  | 'scalar'
  | 'scalarLoad'
  | 'load'
  | 'store'
  | 'lds'
  | 'branch'
  | 'wait'
  | 'barrier'
  | 'end'
  | 'none';

/** An instruction that is read once and can then be run often. */
export interface Ready {
  readonly unit: Unit;
  readonly run: Run | null;
  readonly access: MemoryRun | null;
  readonly issueCycles: number;
  readonly latency: number;
  readonly isMultiplyAdd: boolean;
  /** Registers that it waits for; vector ones count from `FIRST_VECTOR`. */
  readonly uses: readonly number[];
  /** Registers that it sets, as far as others could wait for them. */
  readonly sets: readonly number[];
  /** Of `s_waitcnt`: how many loads may be under way; null where it does not matter. */
  readonly loads: number | null;
  readonly others: number | null;
  readonly instruction: Instruction;
}

/** Number of the first vector register, where scalar ones are counted along. */
export const FIRST_VECTOR = 128;

function registersIn(text: string): readonly number[] {
  if (text === 'vcc') return [VCC, VCC + 1];
  return [...text.matchAll(/\b([sv])(?:(\d+)\b|\[(\d+):(\d+)\])/g)].flatMap(([, file, single, from, to]) => {
    const first = Number(single ?? from);
    const count = single === undefined ? Number(to) - first + 1 : 1;
    return Array.from({ length: count }, (_, index) => first + index + (file === 'v' ? FIRST_VECTOR : 0));
  });
}

function unitOf({ opcode }: Instruction): Unit {
  if (opcode.startsWith('v_')) return 'vector';
  if (opcode.startsWith('buffer_load')) return 'load';
  if (opcode.startsWith('buffer_store')) return 'store';
  if (opcode.startsWith('ds_')) return 'lds';
  if (/^s_(?:buffer_)?load/.test(opcode)) return 'scalarLoad';
  if (/^s_c?branch/.test(opcode)) return 'branch';
  if (opcode === 's_waitcnt') return 'wait';
  if (opcode === 's_barrier') return 'barrier';
  if (opcode === 's_endpgm') return 'end';
  if (/^s_(?:clause|nop|waitcnt_\w+|inst_prefetch|code_end)$/.test(opcode)) return 'none';
  return 'scalar';
}

function countIn({ operands, modifiers }: Instruction, name: string): number | null {
  const found = new RegExp(`${name}\\((\\d+)\\)`).exec([...operands, ...modifiers].join(' '))?.[1];
  return found === undefined ? null : Number(found);
}

function makeReady(instruction: Instruction, unknown: Set<string>): Ready {
  const unit = unitOf(instruction);
  const { opcode, operands } = instruction;
  let run: Run | null = null;
  let access: MemoryRun | null = null;
  if (unit === 'vector') run = readyVector(instruction);
  else if (unit === 'scalar' || unit === 'scalarLoad') run = readyScalar(instruction);
  else if (unit === 'load' || unit === 'store') access = readyBuffer(instruction);
  else if (unit === 'lds') access = readyLds(instruction);
  const needsMeaning =
    unit !== 'branch' && unit !== 'wait' && unit !== 'barrier' && unit !== 'end' && unit !== 'none';
  if (needsMeaning && run === null && access === null) unknown.add(plainOpcode(opcode));
  const isSlow = SLOW.test(opcode);
  const latency = SPECIAL.test(opcode)
    ? LATENCIES.special
    : unit === 'vector'
      ? LATENCIES.vector
      : LATENCIES.scalar;
  const setsTarget = unit === 'vector' || unit === 'scalar';
  return {
    unit,
    run,
    access,
    issueCycles: unit === 'vector' ? (isSlow ? SLOW_CYCLES : VECTOR_CYCLES) : 1,
    latency,
    isMultiplyAdd: MULTIPLY_ADD.test(opcode),
    uses: unit === 'wait' ? [] : operands.flatMap(registersIn),
    sets: setsTarget && !/^[sv]_cmp/.test(opcode) ? registersIn(operands[0] ?? '') : [],
    loads: countIn(instruction, 'vmcnt'),
    others: countIn(instruction, 'lgkmcnt'),
    instruction,
  };
}

/** A shader's instructions made ready; `unknown` are opcodes whose results are taken for zeros. */
export class ReadyShader {
  readonly assembly: Assembly;
  readonly instructions: readonly Ready[];
  readonly unknown: ReadonlySet<string>;

  constructor(assembly: Assembly) {
    const unknown = new Set<string>();
    this.assembly = assembly;
    this.instructions = assembly.instructions.map((instruction) => makeReady(instruction, unknown));
    this.unknown = unknown;
  }
}
