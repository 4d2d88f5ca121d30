/** Six rows of floats to [depth][6], as the micro-kernel reads its left operand. */

import { VECTOR } from '../common/simd';

/**
 * `count` floats of each of six rows, wherever they lie. Reads and writes whole vectors: what comes behind is written
 * afterwards.
 */
export function interleave(
  a0: usize,
  a1: usize,
  a2: usize,
  a3: usize,
  a4: usize,
  a5: usize,
  count: i32,
  to: usize,
): void {
  let offset: usize = 0;
  for (; count > 0; count -= 4) {
    const x0 = v128.load(a0 + offset);
    const x1 = v128.load(a1 + offset);
    const x2 = v128.load(a2 + offset);
    const x3 = v128.load(a3 + offset);
    const x4 = v128.load(a4 + offset);
    const x5 = v128.load(a5 + offset);
    // Pairs of rows at depth 0 and 1, and at depth 2 and 3.
    const low01 = v128.shuffle<i32>(x0, x1, 0, 4, 1, 5);
    const low23 = v128.shuffle<i32>(x2, x3, 0, 4, 1, 5);
    const low45 = v128.shuffle<i32>(x4, x5, 0, 4, 1, 5);
    v128.store(to, v128.shuffle<i64>(low01, low23, 0, 2));
    v128.store(to, v128.shuffle<i64>(low45, low01, 0, 3), VECTOR);
    v128.store(to, v128.shuffle<i64>(low23, low45, 1, 3), 2 * VECTOR);
    const high01 = v128.shuffle<i32>(x0, x1, 2, 6, 3, 7);
    const high23 = v128.shuffle<i32>(x2, x3, 2, 6, 3, 7);
    const high45 = v128.shuffle<i32>(x4, x5, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<i64>(high01, high23, 0, 2), 3 * VECTOR);
    v128.store(to, v128.shuffle<i64>(high45, high01, 0, 3), 4 * VECTOR);
    v128.store(to, v128.shuffle<i64>(high23, high45, 1, 3), 5 * VECTOR);
    offset += VECTOR;
    to += 6 * VECTOR;
  }
}
