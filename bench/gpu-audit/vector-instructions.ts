/** Vector instructions made ready to run: operands read once, then lane by lane. */

import type { Instruction } from './assembly.js';
import { fromHalf, toHalf } from '../../src/worker/engine/plan/half-floats.js';
import { bitsOf, floatOf, laneValues, parseOperand, scalarValue } from './operands.js';
import { EXEC, LANES, type Registers } from './registers.js';
import { COMPARISONS, FLOAT_FUNCTIONS, WORD_FUNCTIONS } from './vector-functions.js';
import {
  floatsOf,
  modifierOf,
  parseSource,
  PARTS,
  plainOpcode,
  sourcesOf,
  vectorTarget,
  wordsOf,
  type Lanes,
} from './vector-sources.js';

/** Does what an instruction does to the registers. */
export type Run = (registers: Registers) => void;

function runFloat(instruction: Instruction, compute: (a: number, b: number, c: number) => number): Run {
  const target = vectorTarget(instruction.operands[0]!);
  const sources = [...sourcesOf(instruction, 1)];
  if (plainOpcode(instruction.opcode) === 'v_fmac_f32') sources.push(parseSource(instruction.operands[0]!));
  const scale = Number(modifierOf(instruction, 'mul') ?? 1) / Number(modifierOf(instruction, 'div') ?? 1);
  const isClamped = instruction.modifiers.includes('clamp');
  return (registers) => {
    const [a, b = a, c = a] = sources.map((source) => floatsOf(wordsOf(registers, source)));
    const results = floatsOf(registers.vectors[target]!);
    for (let lane = 0; lane < LANES; lane++) {
      if (!registers.isActive(lane)) continue;
      const value = compute(a![lane]!, b![lane]!, c![lane]!) * scale;
      results[lane] = isClamped ? Math.max(0, Math.min(1, value)) : value;
    }
  };
}

function runWords(instruction: Instruction, compute: (a: number, b: number, c: number) => number): Run {
  const target = vectorTarget(instruction.operands[0]!);
  const sources = sourcesOf(instruction, 1);
  const [shift, mask] = PARTS[modifierOf(instruction, 'dst_sel') ?? 'DWORD']!;
  const kept = modifierOf(instruction, 'dst_unused') === 'UNUSED_PRESERVE' ? ~(mask << shift) : 0;
  const isClamped = instruction.modifiers.includes('clamp');
  return (registers) => {
    const [a, b = a, c = a] = sources.map((source) => wordsOf(registers, source));
    const results = registers.vectors[target]!;
    for (let lane = 0; lane < LANES; lane++) {
      if (!registers.isActive(lane)) continue;
      const value = compute(a![lane]!, b![lane]!, c![lane]!);
      results[lane] = isClamped
        ? Math.max(0, Math.min(0xffff_ffff, value))
        : (results[lane]! & kept) | ((value & mask) << shift);
    }
  };
}

/**
 * A multiply-add whose sources are floats, or halves where `op_sel_hi` says so (the upper of a word where `op_sel` does). Its
 * result is a float, or half a word.
 */
function runMix(instruction: Instruction, part: 'f32' | 'low' | 'high'): Run {
  const target = vectorTarget(instruction.operands[0]!);
  const bitsIn = (name: string): readonly number[] =>
    (modifierOf(instruction, name) ?? '[0,0,0]').replaceAll(/[[\]]/g, '').split(',').map(Number);
  const [isHalf, isUpper] = [bitsIn('op_sel_hi'), bitsIn('op_sel')];
  const sources = instruction.operands
    .slice(1)
    .map((text) => parseSource(text.replace(/^neg\((.*)\)$/, '$1')));
  const signs = instruction.operands.slice(1).map((text) => (/^-|^neg/.test(text) ? -1 : 1));
  const plain = sources.map((source) => ({ ...source, isNegative: false }));
  const scratch = plain.map(() => new Float64Array(LANES));
  return (registers) => {
    plain.forEach((source, index) => {
      const words = wordsOf(registers, source);
      for (let lane = 0; lane < LANES; lane++) {
        const word = words[lane]!;
        const half = fromHalf((word >>> (isUpper[index] === 1 ? 16 : 0)) & 0xffff);
        scratch[index]![lane] = signs[index]! * (isHalf[index] === 1 ? half : floatOf(word));
      }
    });
    const results = registers.vectors[target]!;
    for (let lane = 0; lane < LANES; lane++) {
      if (!registers.isActive(lane)) continue;
      const [a, b, c] = scratch.map((values) => values[lane]!);
      const value = a! * b! + c!;
      if (part === 'f32') results[lane] = bitsOf(value);
      else if (part === 'low') results[lane] = (results[lane]! & 0xffff_0000) | toHalf(value);
      else results[lane] = (results[lane]! & 0xffff) | (toHalf(value) << 16);
    }
  };
}

function runFromWhole(instruction: Instruction, isSigned: boolean): Run {
  const target = vectorTarget(instruction.operands[0]!);
  const [source] = sourcesOf(instruction, 1);
  return (registers) => {
    const words = wordsOf(registers, source!);
    const results = floatsOf(registers.vectors[target]!);
    for (let lane = 0; lane < LANES; lane++) {
      if (registers.isActive(lane)) results[lane] = isSigned ? words[lane]! | 0 : words[lane]!;
    }
  };
}

function runComparison(instruction: Instruction): Run | null {
  const [, x, name = '', type] = /^v_cmp(x?)_([a-z]+)_([fui]32)$/.exec(plainOpcode(instruction.opcode)) ?? [];
  const compare = COMPARISONS[name];
  if (compare === undefined) return null;
  const setsExec = x === 'x';
  const target = setsExec ? null : parseOperand(instruction.operands[0]!);
  const first = target?.kind === 'scalar' ? target.first : EXEC;
  const sources = sourcesOf(instruction, setsExec ? 0 : 1);
  return (registers) => {
    const [a, b] = sources.map((source) => wordsOf(registers, source));
    const view = (words: Lanes): Lanes | Int32Array | Float32Array =>
      type === 'f32' ? floatsOf(words) : type === 'i32' ? new Int32Array(words.buffer) : words;
    const [left, right] = [view(a!), view(b!)];
    const masks = [0, 0];
    for (let lane = 0; lane < LANES; lane++) {
      if (registers.isActive(lane) && compare(left[lane]!, right[lane]!))
        masks[lane >> 5]! |= 1 << (lane & 31);
    }
    registers.scalars[first] = masks[0]!;
    registers.scalars[first + 1] = masks[1]!;
  };
}

function runChoice(instruction: Instruction): Run {
  const target = vectorTarget(instruction.operands[0]!);
  const [no, yes, mask] = sourcesOf(instruction, 1);
  return (registers) => {
    const [otherwise, chosen] = [wordsOf(registers, no!), wordsOf(registers, yes!)];
    const masks = [scalarValue(registers, mask!.operand, 0), scalarValue(registers, mask!.operand, 1)];
    const results = registers.vectors[target]!;
    for (let lane = 0; lane < LANES; lane++) {
      if (!registers.isActive(lane)) continue;
      const isChosen = ((masks[lane >> 5]! >>> (lane & 31)) & 1) === 1;
      results[lane] = isChosen ? chosen[lane]! : otherwise[lane]!;
    }
  };
}

function firstLane(registers: Registers): number {
  for (let lane = 0; lane < LANES; lane++) if (registers.isActive(lane)) return lane;
  return 0;
}

function runReadFirstLane({ operands }: Instruction): Run {
  const target = parseOperand(operands[0]!);
  const source = parseOperand(operands[1]!);
  if (target.kind !== 'scalar' || source.kind !== 'vector')
    throw new Error(
      `v_readfirstlane_b32 has the operands ${operands.join()}; a scalar and a vector belong there.`,
    );
  return (registers) => {
    registers.scalars[target.first] = registers.vectors[source.first]![firstLane(registers)]!;
  };
}

function runSwap({ operands }: Instruction): Run {
  const [left, right] = operands.map(vectorTarget);
  return (registers) => {
    const [a, b] = [registers.vectors[left!]!, registers.vectors[right!]!];
    for (let lane = 0; lane < LANES; lane++) {
      if (registers.isActive(lane)) [a[lane], b[lane]] = [b[lane]!, a[lane]!];
    }
  };
}

/** Lanes below this one whose bit is set in half a mask, added to the second source. */
function runCountBelow(instruction: Instruction, half: 0 | 1): Run {
  const target = vectorTarget(instruction.operands[0]!);
  const [mask, added] = sourcesOf(instruction, 1);
  return (registers) => {
    const [bits, sums] = [wordsOf(registers, mask!), wordsOf(registers, added!)];
    const results = registers.vectors[target]!;
    for (let lane = 0; lane < LANES; lane++) {
      if (!registers.isActive(lane)) continue;
      const below = Math.max(0, Math.min(32, lane - 32 * half));
      let word = below === 32 ? bits[lane]! : bits[lane]! & (2 ** below - 1);
      let count = 0;
      for (; word !== 0; word &= word - 1) count++;
      results[lane] = sums[lane]! + count;
    }
  };
}

/** A shift of two words, of which compilers make nothing but zeros and copies. */
function runLongShift(instruction: Instruction): Run {
  const target = vectorTarget(instruction.operands[0]!);
  const [distance, source] = sourcesOf(instruction, 1);
  const scratch = new Uint32Array(LANES);
  return (registers) => {
    const by = wordsOf(registers, distance!);
    const low = Uint32Array.from(wordsOf(registers, source!));
    const high = laneValues(registers, source!.operand, scratch, 1);
    for (let lane = 0; lane < LANES; lane++) {
      if (!registers.isActive(lane)) continue;
      const value = ((BigInt(high[lane]!) << 32n) | BigInt(low[lane]!)) >> BigInt(by[lane]! & 63);
      registers.vectors[target]![lane] = Number(value & 0xffff_ffffn);
      registers.vectors[target + 1]![lane] = Number(value >> 32n);
    }
  };
}

/** null for an instruction that is not known. */
export function readyVector(instruction: Instruction): Run | null {
  const opcode = plainOpcode(instruction.opcode);
  if (instruction.opcode.endsWith('_dpp')) return null;
  const float = FLOAT_FUNCTIONS[opcode];
  if (float !== undefined) return runFloat(instruction, float);
  const words = WORD_FUNCTIONS[opcode];
  if (words !== undefined) return runWords(instruction, words);
  switch (opcode) {
    case 'v_cvt_f32_u32':
      return runFromWhole(instruction, false);
    case 'v_cvt_f32_i32':
      return runFromWhole(instruction, true);
    case 'v_fma_mix_f32':
      return runMix(instruction, 'f32');
    case 'v_fma_mixlo_f16':
      return runMix(instruction, 'low');
    case 'v_fma_mixhi_f16':
      return runMix(instruction, 'high');
    case 'v_cndmask_b32':
      return runChoice(instruction);
    case 'v_readfirstlane_b32':
      return runReadFirstLane(instruction);
    case 'v_swap_b32':
      return runSwap(instruction);
    case 'v_mbcnt_lo_u32_b32':
      return runCountBelow(instruction, 0);
    case 'v_mbcnt_hi_u32_b32':
      return runCountBelow(instruction, 1);
    case 'v_lshrrev_b64':
      return runLongShift(instruction);
    default:
      return runComparison(instruction);
  }
}
