/** RADV's assembly of a shader (RDNA 2) as instructions with jump targets and constant data. Owns no meaning of an opcode. */

export interface Instruction {
  readonly opcode: string;
  readonly operands: readonly string[];
  /** What follows the operands: `offset:16`, `offen`, `src0_sel:WORD_0`. */
  readonly modifiers: readonly string[];
  /** Bytes from the start of the code to the next instruction. */
  readonly endBytes: number;
  /** Index of the instruction that a branch goes to; null for others. */
  readonly target: number | null;
}

export interface Assembly {
  readonly instructions: readonly Instruction[];
  /** Words that the compiler has put behind the code, and where they begin from its start. */
  readonly constants: { readonly words: Uint32Array<ArrayBuffer>; readonly offsetBytes: number };
}

/** Behind the code come three cache lines for the prefetcher; data begins at the next line. */
const LINE_BYTES = 64;
const PREFETCHED_LINES = 3;

const LABEL = /^(BB\d+):/;
const INSTRUCTION = /^\s+([a-z]\w*)([^;]*);((?: [0-9a-f]{8})+)/;
const CONSTANT_ROW = /^\[\d+\]((?: [0-9a-f]{8})+)/;
/** A modifier with a list, whose commas separate no operands: `op_sel:[0,1,0]`. */
const LISTED = /\s\w+:\[[\d,]*\]/g;
const MODIFIER = /^(?:\w+:\S+|offen|idxen|glc|slc|dlc|clamp|lds|gds)$/;

function splitOperands(text: string): Pick<Instruction, 'operands' | 'modifiers'> {
  const listed = Array.from(text.matchAll(LISTED), ([modifier]) => modifier.trim());
  const parts = text
    .replaceAll(LISTED, '')
    .split(',')
    .map((part) => part.trim());
  // Modifiers stand behind the last operand, with spaces alone between them.
  const [last = '', ...rest] = (parts.pop() ?? '').split(/\s+/);
  const isModifier = MODIFIER.test(last);
  const operands = [...parts, ...(isModifier ? [] : [last])].filter((operand) => operand !== '');
  const modifiers = isModifier ? [last, ...rest] : rest;
  return {
    operands: [...operands, ...modifiers.filter((word) => !MODIFIER.test(word))],
    modifiers: [...modifiers.filter((word) => MODIFIER.test(word)), ...listed],
  };
}

/** Throws where the text is of another form than that of Mesa's disassembler. */
export function parseAssembly(text: string): Assembly {
  const labels = new Map<string, number>();
  const instructions: Instruction[] = [];
  const words: number[] = [];
  let endBytes = 0;
  for (const line of text.split('\n')) {
    const label = LABEL.exec(line)?.[1];
    if (label !== undefined) {
      labels.set(label, instructions.length);
      continue;
    }
    const row = CONSTANT_ROW.exec(line)?.[1];
    if (row !== undefined) {
      words.push(
        ...row
          .trim()
          .split(' ')
          .map((word) => Number.parseInt(word, 16)),
      );
      continue;
    }
    const found = INSTRUCTION.exec(line);
    if (found === null) continue;
    const [, opcode = '', operands = '', code = ''] = found;
    endBytes += 4 * code.trim().split(' ').length;
    instructions.push({ opcode, ...splitOperands(operands), endBytes, target: null });
  }
  if (instructions.at(-1)?.opcode !== 's_endpgm') {
    throw new Error(
      `The assembly of ${instructions.length} instructions does not end in s_endpgm: this Mesa writes it otherwise.`,
    );
  }
  const isBranch = ({ opcode }: Instruction): boolean => /^s_c?branch/.test(opcode);
  const targets = instructions.map((instruction): Instruction => {
    if (!isBranch(instruction)) return instruction;
    const target = labels.get(instruction.operands[0] ?? '');
    if (target === undefined) {
      throw new Error(`The branch to "${instruction.operands.join()}" has no such block in the assembly.`);
    }
    return { ...instruction, target };
  });
  const offsetBytes = Math.ceil(endBytes / LINE_BYTES + PREFETCHED_LINES) * LINE_BYTES;
  return { instructions: targets, constants: { words: Uint32Array.from(words), offsetBytes } };
}
