/** Small helpers that write WGSL: literals and unrolled lines. Knows no kernel. */

/** A float32 literal: the float32 nearest to `value`, digit for digit. Throws where it is not finite. */
export function float(value: number): string {
  const rounded = Math.fround(value);
  if (!Number.isFinite(rounded)) {
    throw new RangeError(`A shader constant has to be finite, got ${value}; check the recipe's numbers.`);
  }
  return `${rounded}f`;
}

/** Below it `quotient` may multiply: see there. */
export const MOST_EXACT = 2 ** 22;

/**
 * An expression of n / divisor, rounded down, for whole n from 0 to `most`. (n + 1/2) / divisor is at least
 * 1 / (2 divisor) from a whole number, and float32 errs by less for n < 2^22; a compiler without a vector
 * division (SwiftShader's) writes four scalar ones instead, in time and text.
 */
export function quotient(n: string, divisor: number, most: number): string {
  if (divisor === 1) return n;
  if (Number.isInteger(Math.log2(divisor))) return `(${n} >> ${Math.log2(divisor)}u)`;
  if (most >= MOST_EXACT) return `(${n} / ${divisor}u)`;
  return `u32((f32(${n}) + 0.5f) * ${float(1 / divisor)})`;
}

/** `count` pieces of text, one a line. */
export function lines(count: number, line: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => line(index)).join('\n');
}

/** Longer tables are arrays; a compiler copies an array that is indexed at run time into every thread. */
const MOST_SELECTS = 8;

/** An expression of one of `values` (whole numbers) by an index expression that is cheap to repeat. */
export function pick(values: readonly number[], index: string, suffix: 'u' | '' = 'u'): string {
  const literal = (value: number): string => `${value}${suffix}`;
  if (values.every((value) => value === values[0])) return literal(values[0]!);
  if (values.length > MOST_SELECTS) {
    return `array<${suffix === 'u' ? 'u32' : 'i32'}, ${values.length}>(${values.map(literal).join(', ')})[${index}]`;
  }
  return values
    .slice(1)
    .reduce(
      (text, value, at) => `select(${text}, ${literal(value)}, ${index} == ${at + 1}u)`,
      literal(values[0]!),
    );
}

/** A constant array of float32, for a table that is too long for `pick`. */
export function constantArray(name: string, values: readonly number[]): string {
  return `const ${name} = array<f32, ${values.length}>(${values.map(float).join(', ')});`;
}
