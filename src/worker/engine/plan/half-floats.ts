/** float16 (IEEE 754 binary16) as bits and as numbers. */

/** From here on the nearest half is infinite. */
export const HALF_OVERFLOW = 65_520;
/** The smallest normal half, and the step of those below it. */
const SMALLEST_NORMAL = 2 ** -14;
const SMALLEST_STEP = 2 ** -24;
const INFINITE = 0x7c00;
const NO_NUMBER = 0x7e00;

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** The bits of the nearest half, the even one of two. */
export function toHalf(value: number): number {
  if (Number.isNaN(value)) return NO_NUMBER;
  const size = Math.abs(value);
  const sign = Object.is(value, -0) || value < 0 ? 0x8000 : 0;
  if (size >= HALF_OVERFLOW) return sign + INFINITE;
  // Bits count steps without a gap: a mantissa that overflows is the next exponent's 0.
  if (size < SMALLEST_NORMAL) return sign + roundToEven(size / SMALLEST_STEP);
  const exponent = Math.floor(Math.log2(size));
  return sign + (exponent + 14) * 1024 + roundToEven((size / 2 ** exponent) * 1024);
}

/** The number that a half's bits are. */
export function fromHalf(bits: number): number {
  const sign = bits >= 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const mantissa = bits & 1023;
  if (exponent === 31) return mantissa === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? mantissa * SMALLEST_STEP : (1024 + mantissa) * 2 ** (exponent - 25));
}

/** The nearest number that a half can be. */
export function roundToHalf(value: number): number {
  return fromHalf(toHalf(value));
}
