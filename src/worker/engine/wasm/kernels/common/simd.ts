/**
 * The vector operations that differ between the plain and the relaxed binary, and what every family
 * shares. A kernel that needs a multiply-add takes it from here and from nowhere else.
 */

/** Bytes of a float32. */
export const FLOAT: usize = 4;
/** Bytes of a vector of four float32. */
export const VECTOR: usize = 16;

/** Bytes of so many floats, rounded up to whole vectors. */
@inline
export function paddedBytes(floats: i32): usize {
  return usize((floats + 3) & ~3) << 2;
}

/** a x b + c in each lane: rounded once in the relaxed binary where the hardware fuses, twice in the plain. */
@inline
export function multiplyAdd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** `a` in the lanes where `mask` is all ones, `b` where it is 0. */
@inline
export function select(a: v128, b: v128, mask: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i32x4.relaxed_laneselect(a, b, mask);
  return v128.bitselect(a, b, mask);
}

/** Stores the first `count` lanes, from none to all of them. */
export function storeSome(to: usize, values: v128, count: i32): void {
  if (count >= 4) {
    v128.store(to, values);
    return;
  }
  if (count > 0) store<f32>(to, f32x4.extract_lane(values, 0));
  if (count > 1) store<f32>(to, f32x4.extract_lane(values, 1), 4);
  if (count > 2) store<f32>(to, f32x4.extract_lane(values, 2), 8);
}
