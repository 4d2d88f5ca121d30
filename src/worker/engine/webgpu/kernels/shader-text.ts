/** Small helpers that write WGSL: literals and unrolled lines. Knows no kernel. */

/** A float32 literal: the float32 nearest to `value`, digit for digit. Throws where it is not finite. */
export function float(value: number): string {
  const rounded = Math.fround(value);
  if (!Number.isFinite(rounded)) {
    throw new RangeError(`A shader constant has to be finite, got ${value}; check the recipe's numbers.`);
  }
  return `${rounded}f`;
}

/** `count` pieces of text, one a line. */
export function lines(count: number, line: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => line(index)).join('\n');
}

/** A constant array, for tables that a kernel indexes at run time. */
export function constantArray(name: string, type: 'u32' | 'i32' | 'f32', values: readonly number[]): string {
  const literal = (value: number): string => (type === 'f32' ? float(value) : `${value}`);
  return `const ${name} = array<${type}, ${values.length}>(${values.map(literal).join(', ')});`;
}
