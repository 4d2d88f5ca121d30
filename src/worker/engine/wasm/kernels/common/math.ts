/**
 * exp, log and tanh of four float32 at a time, within 2 units in the last place over the range where
 * the result is a normal number. Coefficients: Cephes' single precision library (Moshier 1989).
 */

import { multiplyAdd } from './simd';

/** e^x; 0 below -87.3, clamped at x = 88.3 (no infinity). */
export function exponential(x: v128): v128 {
  // The pseudo-minimum and -maximum are one instruction each; NaN passes.
  const clamped = f32x4.pmax(f32x4.pmin(x, f32x4.splat(88.3)), f32x4.splat(-87.3));
  // x = n ln 2 + r with |r| <= ln 2 / 2; ln 2 in two parts, so that r loses nothing.
  const n = f32x4.nearest(f32x4.mul(clamped, f32x4.splat(1.44269504088896341)));
  let r = f32x4.sub(clamped, f32x4.mul(n, f32x4.splat(0.693359375)));
  r = f32x4.sub(r, f32x4.mul(n, f32x4.splat(-2.1219444e-4)));
  let p = f32x4.splat(1.98756915e-4);
  p = multiplyAdd(p, r, f32x4.splat(1.3981999507e-3));
  p = multiplyAdd(p, r, f32x4.splat(8.3334519073e-3));
  p = multiplyAdd(p, r, f32x4.splat(4.1665795894e-2));
  p = multiplyAdd(p, r, f32x4.splat(1.6666665459e-1));
  p = multiplyAdd(p, r, f32x4.splat(5.0000001201e-1));
  p = f32x4.add(multiplyAdd(p, f32x4.mul(r, r), r), f32x4.splat(1));
  const scale = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23);
  const value = f32x4.mul(p, scale);
  return v128.andnot(value, f32x4.lt(x, f32x4.splat(-87.3)));
}

/** Natural logarithm of positive normal numbers. */
export function logarithm(x: v128): v128 {
  // x = 2^n m with m in [sqrt(1/2), sqrt(2)).
  const shifted = i32x4.sub(x, i32x4.splat(0x3f3504f3));
  const n = f32x4.convert_i32x4_s(i32x4.shr_s(shifted, 23));
  const m = i32x4.add(v128.and(shifted, i32x4.splat(0x007fffff)), i32x4.splat(0x3f3504f3));
  const r = f32x4.sub(m, f32x4.splat(1));
  const square = f32x4.mul(r, r);
  let p = f32x4.splat(7.0376836292e-2);
  p = multiplyAdd(p, r, f32x4.splat(-1.151461031e-1));
  p = multiplyAdd(p, r, f32x4.splat(1.167699874e-1));
  p = multiplyAdd(p, r, f32x4.splat(-1.2420140846e-1));
  p = multiplyAdd(p, r, f32x4.splat(1.4249322787e-1));
  p = multiplyAdd(p, r, f32x4.splat(-1.6668057665e-1));
  p = multiplyAdd(p, r, f32x4.splat(2.0000714765e-1));
  p = multiplyAdd(p, r, f32x4.splat(-2.4999993993e-1));
  p = multiplyAdd(p, r, f32x4.splat(3.3333331174e-1));
  let value = f32x4.mul(f32x4.mul(p, r), square);
  value = f32x4.add(value, f32x4.mul(n, f32x4.splat(-2.1219444e-4)));
  value = f32x4.sub(value, f32x4.mul(square, f32x4.splat(0.5)));
  value = f32x4.add(value, r);
  return f32x4.add(value, f32x4.mul(n, f32x4.splat(0.693359375)));
}

/** tanh x: a polynomial near 0, where 1 - 2 / (e^2x + 1) would cancel. */
export function hyperbolicTangent(x: v128): v128 {
  const size = f32x4.abs(x);
  const square = f32x4.mul(x, x);
  let p = f32x4.splat(-5.70498872745e-3);
  p = multiplyAdd(p, square, f32x4.splat(2.06390887954e-2));
  p = multiplyAdd(p, square, f32x4.splat(-5.37397155531e-2));
  p = multiplyAdd(p, square, f32x4.splat(1.33314422036e-1));
  p = multiplyAdd(p, square, f32x4.splat(-3.33332819422e-1));
  const near = f32x4.add(f32x4.mul(f32x4.mul(p, square), x), x);
  const grown = exponential(f32x4.add(size, size));
  const far = f32x4.sub(f32x4.splat(1), f32x4.div(f32x4.splat(2), f32x4.add(grown, f32x4.splat(1))));
  const signed = v128.or(far, v128.and(x, i32x4.splat(<i32>0x80000000)));
  return v128.bitselect(near, signed, f32x4.lt(size, f32x4.splat(0.625)));
}

/** log(1 + e^x), without overflow: max(x, 0) + log(1 + e^-|x|). */
export function softplus(x: v128): v128 {
  const grown = exponential(f32x4.neg(f32x4.abs(x)));
  const sum = f32x4.add(f32x4.splat(1), grown);
  // log1p(y) = log(1 + y) y / ((1 + y) - 1) undoes the rounding of 1 + y.
  const rounded = f32x4.sub(sum, f32x4.splat(1));
  const ratio = f32x4.div(f32x4.mul(logarithm(sum), grown), rounded);
  const tail = v128.bitselect(grown, ratio, f32x4.eq(rounded, f32x4.splat(0)));
  return f32x4.add(f32x4.max(x, f32x4.splat(0)), tail);
}

/** 1 / (1 + e^-x). */
@inline
export function sigmoid(x: v128): v128 {
  return f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), exponential(f32x4.neg(x))));
}
