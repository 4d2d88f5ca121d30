/** Scalar instructions made ready to run: counting, masks, and loads of scalars. Branches belong to the wave. */

import type { Instruction } from './assembly.js';
import { parseOperand, scalarValue, type Operand } from './operands.js';
import { CODE_ADDRESS, DESCRIPTOR_MARK, EXEC, type Registers } from './registers.js';
import { COMPARISONS, highProduct, reversed } from './vector-functions.js';
import type { Run } from './vector-instructions.js';
import { modifierOf } from './vector-sources.js';

/** A storage buffer's descriptor. */
const DESCRIPTOR_BYTES = 16;
/** Where the descriptors' address is given to a wave. */
const DESCRIPTORS = 2;

interface Result {
  readonly value: number;
  readonly scc?: boolean;
}

/** Results with the condition code that they leave; without one it stays. */
const WORD_RESULTS: Readonly<Record<string, (a: number, b: number) => Result>> = {
  s_add_u32: (a, b) => ({ value: a + b, scc: a + b > 0xffff_ffff }),
  s_add_i32: (a, b) => ({ value: a + b, scc: isOverflow((a | 0) + (b | 0)) }),
  s_sub_u32: (a, b) => ({ value: a - b, scc: b > a }),
  s_sub_i32: (a, b) => ({ value: a - b, scc: isOverflow((a | 0) - (b | 0)) }),
  s_mul_i32: (a, b) => ({ value: Math.imul(a, b) }),
  s_mul_hi_u32: (a, b) => ({ value: highProduct(a, b) }),
  s_and_b32: (a, b) => nonZero(a & b),
  s_or_b32: (a, b) => nonZero(a | b),
  s_xor_b32: (a, b) => nonZero(a ^ b),
  s_andn2_b32: (a, b) => nonZero(a & ~b),
  s_lshl_b32: (a, b) => nonZero(a << (b & 31)),
  s_lshr_b32: (a, b) => nonZero(a >>> (b & 31)),
  s_ashr_i32: (a, b) => nonZero((a | 0) >> (b & 31)),
  s_bfm_b32: (a, b) => ({ value: ((1 << (a & 31)) - 1) << (b & 31) }),
  s_bfe_u32: (a, b) => nonZero((a >>> (b & 31)) & (2 ** ((b >>> 16) & 127) - 1)),
  s_min_u32: (a, b) => ({ value: Math.min(a, b), scc: a < b }),
  s_max_u32: (a, b) => ({ value: Math.max(a, b), scc: a > b }),
  s_min_i32: (a, b) => ({ value: Math.min(a | 0, b | 0), scc: (a | 0) < (b | 0) }),
  s_max_i32: (a, b) => ({ value: Math.max(a | 0, b | 0), scc: (a | 0) > (b | 0) }),
  s_lshl1_add_u32: (a, b) => shiftAdd(a, b, 1),
  s_lshl2_add_u32: (a, b) => shiftAdd(a, b, 2),
  s_lshl3_add_u32: (a, b) => shiftAdd(a, b, 3),
  s_lshl4_add_u32: (a, b) => shiftAdd(a, b, 4),
  s_pack_ll_b32_b16: (a, b) => ({ value: (a & 0xffff) | (b << 16) }),
};

const MASK_RESULTS: Readonly<Record<string, (a: number, b: number) => number>> = {
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  andn2: (a, b) => a & ~b,
  orn2: (a, b) => a | ~b,
  nand: (a, b) => ~(a & b),
  nor: (a, b) => ~(a | b),
  xnor: (a, b) => ~(a ^ b),
};

function isOverflow(sum: number): boolean {
  return sum !== (sum | 0);
}

function nonZero(value: number): Result {
  return { value, scc: value !== 0 };
}

function shiftAdd(a: number, b: number, by: number): Result {
  const value = ((a * 2 ** by) % 2 ** 32) + b;
  return { value, scc: value > 0xffff_ffff };
}

/** How many bits of a word are set. */
function bitsOf(word: number): number {
  let count = 0;
  for (let left = word; left !== 0; left &= left - 1) count++;
  return count;
}

/** An immediate of 16 bits with its sign. */
function shortOf(text: string): number {
  return (Number(text) << 16) >> 16;
}

function targetOf(text: string): number {
  const operand = parseOperand(text);
  if (operand.kind === 'scalar') return operand.first;
  throw new Error(`The result goes to "${text}" instead of a scalar register.`);
}

function pair(registers: Registers, operand: Operand): readonly [number, number] {
  return [scalarValue(registers, operand, 0), scalarValue(registers, operand, 1)];
}

function setPair(registers: Registers, first: number, low: number, high: number): void {
  registers.scalars[first] = low;
  registers.scalars[first + 1] = high;
}

function runComparison({ opcode, operands }: Instruction): Run | null {
  const [, isShort, name = '', type] = /^s_cmp(k?)_([a-z]+)_([ui]\d\d)$/.exec(opcode) ?? [];
  const compare = COMPARISONS[name];
  if (compare === undefined) return null;
  const left = parseOperand(operands[0]!);
  const signed = type === 'i32';
  const view = (word: number): number => (signed ? word | 0 : word >>> 0);
  if (isShort === 'k') {
    const right = signed ? shortOf(operands[1]!) : Number(operands[1]);
    return (registers) => (registers.scc = Number(compare(view(scalarValue(registers, left)), right)));
  }
  const right = parseOperand(operands[1]!);
  return (registers) => {
    registers.scc = Number(compare(view(scalarValue(registers, left)), view(scalarValue(registers, right))));
  };
}

function runMask({ opcode, operands }: Instruction): Run | null {
  const [, name = '', saves] = /^s_(\w+?)(_saveexec)?_b64$/.exec(opcode) ?? [];
  const combine = MASK_RESULTS[name];
  if (combine === undefined) return null;
  const target = targetOf(operands[0]!);
  const left = parseOperand(operands[1]!);
  const right = saves === undefined ? parseOperand(operands[2]!) : parseOperand('exec');
  return (registers) => {
    const [a, b] = [pair(registers, left), pair(registers, right)];
    const [low, high] = [combine(a[0], b[0]), combine(a[1], b[1])];
    if (saves !== undefined) setPair(registers, target, ...b);
    setPair(registers, saves === undefined ? target : EXEC, low, high);
    registers.scc = Number((low | high) !== 0);
  };
}

/** Descriptors come from the address in `DESCRIPTORS`, everything else through a descriptor. */
function runLoad(instruction: Instruction): Run | null {
  const found = /^s_(buffer_)?load_dword(?:x(\d+))?$/.exec(instruction.opcode);
  if (found === null) return null;
  const [, isBuffer, count = 1] = found;
  const { operands } = instruction;
  const target = targetOf(operands[0]!);
  const base = targetOf(operands[1]!);
  const offset = parseOperand(operands[2]!);
  const more = Number(modifierOf(instruction, 'offset') ?? 0);
  return (registers) => {
    const bytes = scalarValue(registers, offset) + more;
    if (isBuffer === undefined) {
      const isDescriptor = base === DESCRIPTORS;
      setPair(
        registers,
        target,
        isDescriptor ? bytes / DESCRIPTOR_BYTES : 0,
        isDescriptor ? DESCRIPTOR_MARK : 0,
      );
      return;
    }
    // The target may lie over the descriptor.
    const words = Array.from({ length: Number(count) }, (_, index) =>
      registers.word(base, bytes + 4 * index),
    );
    words.forEach((word, index) => (registers.scalars[target + index] = word));
  };
}

/** null for an instruction that is not known. */
export function readyScalar(instruction: Instruction): Run | null {
  const { opcode, operands, endBytes } = instruction;
  const result = WORD_RESULTS[opcode];
  if (result !== undefined) {
    const target = targetOf(operands[0]!);
    const [left, right] = [parseOperand(operands[1]!), parseOperand(operands[2]!)];
    return (registers) => {
      const { value, scc } = result(scalarValue(registers, left), scalarValue(registers, right));
      registers.scalars[target] = value;
      if (scc !== undefined) registers.scc = Number(scc);
    };
  }
  switch (opcode) {
    case 's_mov_b32':
    case 's_mov_b64': {
      const target = targetOf(operands[0]!);
      const source = parseOperand(operands[1]!);
      if (opcode === 's_mov_b64')
        return (registers) => setPair(registers, target, ...pair(registers, source));
      return (registers) => (registers.scalars[target] = scalarValue(registers, source));
    }
    case 's_brev_b32': {
      const target = targetOf(operands[0]!);
      const source = parseOperand(operands[1]!);
      return (registers) => (registers.scalars[target] = reversed(scalarValue(registers, source)));
    }
    case 's_bcnt1_i32_b64': {
      const target = targetOf(operands[0]!);
      const source = parseOperand(operands[1]!);
      return (registers) => {
        const [low, high] = pair(registers, source);
        const count = bitsOf(low) + bitsOf(high);
        registers.scalars[target] = count;
        registers.scc = Number(count !== 0);
      };
    }
    case 's_not_b64': {
      const target = targetOf(operands[0]!);
      const source = parseOperand(operands[1]!);
      return (registers) => {
        const [low, high] = pair(registers, source);
        setPair(registers, target, ~low, ~high);
      };
    }
    case 's_cselect_b32':
    case 's_cselect_b64': {
      const target = targetOf(operands[0]!);
      const [yes, no] = [parseOperand(operands[1]!), parseOperand(operands[2]!)];
      return (registers) => {
        const [low, high] = pair(registers, registers.scc === 1 ? yes : no);
        registers.scalars[target] = low;
        if (opcode === 's_cselect_b64') registers.scalars[target + 1] = high;
      };
    }
    case 's_movk_i32':
    case 's_cmovk_i32':
    case 's_addk_i32':
    case 's_mulk_i32': {
      const target = targetOf(operands[0]!);
      const value = shortOf(operands[1]!);
      return (registers) => {
        const before = registers.scalars[target]!;
        if (opcode === 's_addk_i32') registers.scc = Number(isOverflow((before | 0) + value));
        if (opcode === 's_cmovk_i32' && registers.scc === 0) return;
        const isSum = opcode === 's_addk_i32';
        registers.scalars[target] = isSum
          ? before + value
          : opcode === 's_mulk_i32'
            ? Math.imul(before, value)
            : value;
      };
    }
    case 's_getpc_b64': {
      const target = targetOf(operands[0]!);
      return (registers) => setPair(registers, target, CODE_ADDRESS + endBytes, 0);
    }
    default:
      return runLoad(instruction) ?? runComparison(instruction) ?? runMask(instruction);
  }
}
