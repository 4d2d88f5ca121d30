/**
 * How records are described: fields in order, four bytes each, with what their bits mean. From a description
 * follow the type of a record in TypeScript, its bytes in memory, and its class in the kernels'
 * AssemblyScript (`assembly-script.ts`).
 */

/**
 * `address` and `step` count bytes; a step is the distance from one place to another and may be negative. `int` is
 * a signed integer, `float` a float32, `flag` 0 or 1.
 */
export type Kind = 'address' | 'step' | 'int' | 'float' | 'flag';

export type Fields = Readonly<Record<string, Kind>>;

/** A record in TypeScript: every field, and nothing else. */
export type Values<F extends Fields> = {
  readonly [Name in keyof F]: F[Name] extends 'flag' ? boolean : number;
};

/** Records of several kinds, told apart by their first word: fields that all have, then those of the kind. */
export interface Variants<
  Common extends Fields = Fields,
  Kinds extends Readonly<Record<string, Fields>> = Readonly<Record<string, Fields>>,
> {
  readonly common: Common;
  readonly kinds: Kinds;
}

/** A record of one of the kinds in TypeScript. */
export type VariantValues<V extends Variants> = {
  readonly [Kind in keyof V['kinds'] & string]: { readonly kind: Kind } & Values<V['common']> &
    Values<V['kinds'][Kind]>;
}[keyof V['kinds'] & string];

export function wordsOf(fields: Fields): number {
  return Object.keys(fields).length;
}

/** Words of every record of the variants, whatever its kind. */
export function variantWords({ common, kinds }: Variants): number {
  return 1 + wordsOf(common) + Math.max(...Object.values(kinds).map(wordsOf));
}

/** The number that stands for a kind. 0 is none, so it ends a list. */
export function kindCode({ kinds }: Variants, kind: string): number {
  return Object.keys(kinds).indexOf(kind) + 1;
}

/** Memory by words of four bytes. */
export type Words = Int32Array | Uint32Array;

const LINE_WORDS = 16;

/** Words rounded up to whole cache lines. */
export function wholeLines(words: number): number {
  return Math.ceil(words / LINE_WORDS) * LINE_WORDS;
}

/** Fields in groups that begin a cache line each, so that threads that write one do not disturb readers of another. */
export function inLines<A extends Fields, B extends Fields, C extends Fields, D extends Fields>(
  ...lines: readonly [A, B, C, D]
): A & B & C & D {
  const fields: Record<string, Kind> = {};
  for (const line of lines) {
    Object.assign(fields, line);
    while (wordsOf(fields) % LINE_WORDS !== 0) fields[`unused${wordsOf(fields)}`] = 'int';
  }
  return fields as A & B & C & D;
}

/** Which word of a record a field is. */
export function wordOf<F extends Fields>(fields: F, name: keyof F & string): number {
  return Object.keys(fields).indexOf(name);
}

const scratch = new DataView(new ArrayBuffer(4));

/** The bits of a float32 as a 32-bit integer. */
function floatBits(value: number): number {
  scratch.setFloat32(0, value);
  return scratch.getInt32(0);
}

function bitsOf(kind: Kind, value: number | boolean): number {
  return kind === 'float' ? floatBits(Number(value)) : Number(value);
}

/** Writes some fields of the record that `words` are. */
export function changeFields<F extends Fields>(words: Words, fields: F, values: Partial<Values<F>>): void {
  for (const [name, value] of Object.entries(values)) {
    words[wordOf(fields, name)] = bitsOf(fields[name]!, value as number | boolean);
  }
}

/** Writes a record's fields into `words` from word `at` on. */
export function writeFields<F extends Fields>(words: Words, at: number, fields: F, values: Values<F>): void {
  Object.entries(fields).forEach(([name, kind], index) => {
    words[at + index] = bitsOf(kind, values[name]!);
  });
}

/** Writes a record of one of the kinds into `words` from word `at` on. */
export function writeVariant<V extends Variants>(
  words: Words,
  at: number,
  variants: V,
  values: VariantValues<V>,
): void {
  const { common, kinds } = variants;
  const { kind } = values;
  words[at] = kindCode(variants, kind);
  writeFields(words, at + 1, common, values as Values<Fields>);
  writeFields(words, at + 1 + wordsOf(common), kinds[kind]!, values as Values<Fields>);
}
