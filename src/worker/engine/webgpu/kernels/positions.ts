/**
 * The loop of a thread over its positions of a segment, in workgroups whose threads add them up. The text around it
 * declares `thread` and `count`, the segment's positions.
 */

import { lines } from './shader-text.js';

/** Positions that a thread of a GPU loads at a time, where they are too many to keep. */
const POSITIONS_A_TURN = 8;
/** Values of positions that a thread of a GPU keeps in registers, so that it reads each once. */
const MOST_KEPT = 40;

/** A thread's positions in a segment, as far apart as there are threads: what is loaded of each, once or in every loop. */
export interface Positions {
  /** Text that comes before all loops. */
  readonly before: string;
  /** A loop: `use` takes the `nth` of those loaded where there is such a position, as the condition says. */
  readonly each: (use: (nth: number, has: string) => string) => string;
}

/**
 * The positions of segments of up to `most`. `load` declares what it needs of a position for the `nth` of a turn,
 * `values` values, and has to work behind the last position too (which stands for it). `isUnrolled` is for a GPU,
 * whose threads wait for memory; a software adapter's do not. The last bits of the sums may differ between the two.
 */
export function positionsOf(
  most: number,
  threads: number,
  isUnrolled: boolean,
  values: number,
  load: (nth: number, position: string) => string,
): Positions {
  if (!isUnrolled) {
    return {
      before: '',
      each: (use) => `for (var position_0 = thread; position_0 < count; position_0 += ${threads}u) {
      ${load(0, 'position_0')}
      ${use(0, 'true')}
    }`,
    };
  }
  const all = Math.ceil(most / threads);
  const isKept = all * values <= MOST_KEPT;
  const turn = isKept ? all : POSITIONS_A_TURN;
  const loads = `${lines(
    turn,
    (nth) => `      let has_${nth} = start + ${nth * threads}u < count;
      let position_${nth} = min(start + ${nth * threads}u, count - 1u);`,
  )}
${lines(turn, (nth) => `      ${load(nth, `position_${nth}`)}`)}`;
  if (isKept) {
    return {
      before: `let start = thread;\n${loads}`,
      each: (use) => lines(turn, (nth) => `      ${use(nth, `has_${nth}`)}`),
    };
  }
  return {
    before: '',
    each: (use) => `for (var start = thread; start < count; start += ${threads * turn}u) {
${loads}
${lines(turn, (nth) => `      ${use(nth, `has_${nth}`)}`)}
    }`,
  };
}

/** A value where there is such a position, else zero. */
export function ifAny(value: string, has: string, type: string): string {
  return has === 'true' ? value : `select(${type}(0), ${value}, ${has})`;
}

/** A statement where there is such a position. */
export function onlyIf(has: string, statement: string): string {
  return has === 'true' ? statement : `if (${has}) { ${statement} }`;
}
