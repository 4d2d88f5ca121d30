/** Operands of RDNA 2's instructions: how their text is read, and where they are kept. */

import { EXEC, LANES, VCC, type Registers } from './registers.js';

export type Operand =
  | { readonly kind: 'scalar' | 'vector'; readonly first: number; readonly count: number }
  /** `high` is the upper word where 64 bits are taken: small numbers carry their sign on, literals do not. */
  | { readonly kind: 'constant'; readonly value: number; readonly high: number }
  | { readonly kind: 'scc' | 'null' };

const NAMED: Readonly<Record<string, Operand>> = {
  vcc: { kind: 'scalar', first: VCC, count: 2 },
  vcc_lo: { kind: 'scalar', first: VCC, count: 1 },
  vcc_hi: { kind: 'scalar', first: VCC + 1, count: 1 },
  exec: { kind: 'scalar', first: EXEC, count: 2 },
  exec_lo: { kind: 'scalar', first: EXEC, count: 1 },
  exec_hi: { kind: 'scalar', first: EXEC + 1, count: 1 },
  m0: { kind: 'scalar', first: 124, count: 1 },
  src_scc: { kind: 'scc' },
  null: { kind: 'null' },
  off: { kind: 'null' },
};

const BITS = new DataView(new ArrayBuffer(4));

/** The bits of a float32. */
export function bitsOf(value: number): number {
  BITS.setFloat32(0, value);
  return BITS.getUint32(0);
}

export function floatOf(bits: number): number {
  BITS.setUint32(0, bits);
  return BITS.getFloat32(0);
}

/** Reads an operand without its sign and bars. Throws for one that is not known. */
export function parseOperand(text: string): Operand {
  const named = NAMED[text];
  if (named !== undefined) return named;
  const register = /^([sv])(?:(\d+)|\[(\d+):(\d+)\])$/.exec(text);
  if (register !== null) {
    const [, file, single, from, to] = register;
    const first = Number(single ?? from);
    const count = single === undefined ? Number(to) - first + 1 : 1;
    return { kind: file === 's' ? 'scalar' : 'vector', first, count };
  }
  const isWhole = /^-?\d+$|^0x[0-9a-f]+$/.test(text);
  if (isWhole) {
    return { kind: 'constant', value: Number(text) >>> 0, high: Number(text) < 0 ? 0xffff_ffff : 0 };
  }
  if (/^-?\d+\.\d+$/.test(text)) return { kind: 'constant', value: bitsOf(Number(text)), high: 0 };
  throw new Error(`The operand "${text}" is not known: teach it to bench/gpu-audit/operands.ts.`);
}

/** A scalar's word, or the `index`th of several. */
export function scalarValue(registers: Registers, operand: Operand, index = 0): number {
  switch (operand.kind) {
    case 'scalar':
      return registers.scalars[operand.first + index]!;
    case 'constant':
      return index === 0 ? operand.value : operand.high;
    case 'scc':
      return index === 0 ? registers.scc : 0;
    case 'null':
      return 0;
    case 'vector':
      throw new Error(`The vector register v${operand.first} stands where a scalar is needed.`);
    default:
      return operand satisfies never;
  }
}

/** The words of an operand by lane; a scalar's in `scratch`. */
export function laneValues(
  registers: Registers,
  operand: Operand,
  scratch: Uint32Array<ArrayBuffer>,
  index = 0,
): Uint32Array<ArrayBuffer> {
  if (operand.kind === 'vector') return registers.vectors[operand.first + index]!;
  return scratch.fill(scalarValue(registers, operand, index), 0, LANES);
}
