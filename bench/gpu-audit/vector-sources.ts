/** Operands of vector instructions: which part of a word is taken, with which sign, and the words lane by lane. */

import type { Instruction } from './assembly.js';
import { laneValues, parseOperand, type Operand } from './operands.js';
import { LANES, type Registers } from './registers.js';

/** A word for each lane. */
export type Lanes = Uint32Array<ArrayBuffer>;

export interface Source {
  readonly operand: Operand;
  readonly isNegative: boolean;
  readonly isAbsolute: boolean;
  /** Part of the word that is taken: how far right, and its mask. */
  readonly shift: number;
  readonly mask: number;
  readonly scratch: Lanes;
}

export const PARTS: Readonly<Record<string, readonly [shift: number, mask: number]>> = {
  DWORD: [0, 0xffff_ffff],
  WORD_0: [0, 0xffff],
  WORD_1: [16, 0xffff],
  BYTE_0: [0, 0xff],
  BYTE_1: [8, 0xff],
  BYTE_2: [16, 0xff],
  BYTE_3: [24, 0xff],
};

/** An opcode without the ending that names its encoding. */
export function plainOpcode(opcode: string): string {
  return opcode.replace(/_(?:e32|e64|sdwa|dpp)$/, '');
}

export function modifierOf({ modifiers }: Instruction, name: string): string | undefined {
  return modifiers.find((modifier) => modifier.startsWith(`${name}:`))?.slice(name.length + 1);
}

export function parseSource(text: string, part = 'DWORD'): Source {
  const [, sign, bar, inner = text] = /^(-?)(\|?)([^|]+)\|?$/.exec(text) ?? [];
  const isNumber = /^-?\d/.test(text);
  const [shift, mask] = PARTS[part] ?? PARTS['DWORD']!;
  return {
    operand: parseOperand(isNumber ? text : inner),
    isNegative: !isNumber && sign === '-',
    isAbsolute: bar === '|',
    shift,
    mask,
    scratch: new Uint32Array(LANES),
  };
}

export function sourcesOf(instruction: Instruction, from: number): readonly Source[] {
  return instruction.operands
    .slice(from)
    .map((text, index) => parseSource(text, modifierOf(instruction, `src${index}_sel`)));
}

/** A source's words by lane, its sign and its part taken. */
export function wordsOf(registers: Registers, source: Source): Lanes {
  const words = laneValues(registers, source.operand, source.scratch);
  const { isNegative, isAbsolute, shift, mask, scratch } = source;
  if (!isNegative && !isAbsolute && mask === 0xffff_ffff) return words;
  for (let lane = 0; lane < LANES; lane++) {
    let word = (words[lane]! >>> shift) & mask;
    if (isAbsolute) word &= 0x7fff_ffff;
    if (isNegative) word ^= 0x8000_0000;
    scratch[lane] = word;
  }
  return scratch;
}

export function floatsOf(words: Lanes): Float32Array<ArrayBuffer> {
  return new Float32Array(words.buffer, words.byteOffset, words.length);
}

export function vectorTarget(text: string): number {
  const operand = parseOperand(text);
  if (operand.kind !== 'vector')
    throw new Error(`The result goes to "${text}" instead of a vector register.`);
  return operand.first;
}
