/**
 * One wave, run instruction by instruction in order, as an RDNA 2 GPU would have it alone: which instructions it
 * executes, how long each unit is taken by them, and how long it waits. Branches go where the shader's whole numbers
 * lead; numbers that another dispatch would have left are zeros.
 */

import type { Instruction } from './assembly.js';
import { FIRST_VECTOR, LATENCIES, type ReadyShader } from './ready-shader.js';
import { EXEC, Registers, VCC, VECTORS, type WaveInput } from './registers.js';

const BRANCH_CYCLES = 5;
const BARRIER_CYCLES = 11;
/** Beyond it a loop is endless. */
const MOST_INSTRUCTIONS = 5_000_000;

export interface WaveCost {
  readonly cycles: number;
  readonly instructions: number;
  readonly vectorInstructions: number;
  readonly multiplyAdds: number;
  /** Cycles that the SIMD's vector unit, the CU's LDS and its memory pipe are taken. */
  readonly vectorCycles: number;
  readonly ldsCycles: number;
  readonly memoryCycles: number;
}

function isTaken({ opcode }: Instruction, { scalars, scc }: Registers): boolean {
  const isZero = (first: number): boolean => (scalars[first]! | scalars[first + 1]!) === 0;
  switch (opcode) {
    case 's_branch':
      return true;
    case 's_cbranch_scc0':
      return scc === 0;
    case 's_cbranch_scc1':
      return scc === 1;
    case 's_cbranch_vccz':
      return isZero(VCC);
    case 's_cbranch_vccnz':
      return !isZero(VCC);
    case 's_cbranch_execz':
      return isZero(EXEC);
    case 's_cbranch_execnz':
      return !isZero(EXEC);
    default:
      throw new Error(`The branch ${opcode} is not known: teach it to bench/gpu-audit/wave.ts.`);
  }
}

/** Waits until at most `left` of what is under way has not arrived. */
function waitFor(underWay: number[], left: number, now: number): number {
  const arrived = underWay.splice(0, Math.max(0, underWay.length - left));
  return Math.max(now, ...arrived);
}

/** Throws where a loop does not end. */
export function runWave(shader: ReadyShader, input: Omit<WaveInput, 'assembly'>): WaveCost {
  const registers = new Registers({ ...input, assembly: shader.assembly });
  const ready = new Float64Array(FIRST_VECTOR + VECTORS);
  const loads: number[] = [];
  const others: number[] = [];
  const cost = {
    instructions: 0,
    vectorInstructions: 0,
    multiplyAdds: 0,
    vectorCycles: 0,
    ldsCycles: 0,
    memoryCycles: 0,
  };
  let now = 0;
  let index = 0;
  for (;;) {
    const found = shader.instructions[index];
    if (found === undefined || found.unit === 'end') break;
    cost.instructions++;
    if (cost.instructions > MOST_INSTRUCTIONS)
      throw new Error(
        `A wave made ${MOST_INSTRUCTIONS} instructions without an end: a loop of it is misread.`,
      );
    for (const register of found.uses) now = Math.max(now, ready[register]!);
    found.run?.(registers);
    index++;
    switch (found.unit) {
      case 'vector':
        cost.vectorInstructions++;
        cost.vectorCycles += found.issueCycles;
        if (found.isMultiplyAdd) cost.multiplyAdds++;
        now += found.issueCycles;
        // Its second half follows the first by the cycles of issue.
        for (const register of found.sets) ready[register] = now + found.latency - 1;
        break;
      case 'scalar':
        now += 1;
        for (const register of found.sets) ready[register] = now + found.latency - 1;
        break;
      case 'scalarLoad':
        now += 1;
        others.push(now + LATENCIES.scalarMemory);
        break;
      case 'load':
      case 'store': {
        const cycles = found.access?.(registers) ?? 0;
        cost.memoryCycles += cycles;
        now += 1;
        if (found.unit === 'load') loads.push(Math.max(now + LATENCIES.memory, (loads.at(-1) ?? 0) + cycles));
        break;
      }
      case 'lds': {
        const cycles = found.access?.(registers) ?? 0;
        cost.ldsCycles += cycles;
        now += 1;
        others.push(Math.max(now + LATENCIES.lds, (others.at(-1) ?? 0) + cycles));
        break;
      }
      case 'wait':
        now += 1;
        if (found.loads !== null) now = waitFor(loads, found.loads, now);
        if (found.others !== null) now = waitFor(others, found.others, now);
        break;
      case 'barrier':
        now += BARRIER_CYCLES;
        break;
      case 'branch':
        now += BRANCH_CYCLES;
        if (isTaken(found.instruction, registers)) index = found.instruction.target!;
        break;
      case 'none':
        now += 1;
        break;
      default:
        found.unit satisfies never;
    }
  }
  return { ...cost, cycles: now };
}
