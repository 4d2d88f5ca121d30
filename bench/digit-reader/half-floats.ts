/** float32 to float16 and back (IEEE 754 binary16), for parameters that lie in a file. */

/** From here on the nearest half is infinite. */
const OVERFLOW = 65_520;
/** The smallest normal half, and the step of those below it. */
const SMALLEST_NORMAL = 2 ** -14;
const SMALLEST_STEP = 2 ** -24;

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** The bits of the nearest half, the even one of two. */
function toHalf(value: number): number {
  const size = Math.abs(value);
  if (!(size < OVERFLOW)) {
    throw new Error(`${value} cannot be kept as a half; only numbers below ${OVERFLOW} can.`);
  }
  const sign = Object.is(value, -0) || value < 0 ? 0x8000 : 0;
  // Bits count steps without a gap: a mantissa that overflows is the next exponent's 0.
  if (size < SMALLEST_NORMAL) return sign + roundToEven(size / SMALLEST_STEP);
  const exponent = Math.floor(Math.log2(size));
  return sign + (exponent + 14) * 1024 + roundToEven((size / 2 ** exponent) * 1024);
}

function fromHalf(bits: number): number {
  const sign = bits >= 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const mantissa = bits & 1023;
  if (exponent === 31) return mantissa === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? mantissa * SMALLEST_STEP : (1024 + mantissa) * 2 ** (exponent - 25));
}

/** The bits of the nearest halves. Throws where a number is too large for one. */
export function toHalves(values: Float32Array): Uint16Array<ArrayBuffer> {
  return Uint16Array.from(values, toHalf);
}

export function fromHalves(halves: Uint16Array): Float32Array<ArrayBuffer> {
  return Float32Array.from(halves, fromHalf);
}
