/**
 * Numbers as people type them, with decimal marks and grouped digits of any language. Understands what can
 * be read in one way only; `20.000` in an English form can be twenty thousand or twenty, and is neither.
 */

/** What a text says. */
export type Typed =
  | { readonly kind: 'number'; readonly value: number }
  /** Grouped digits by one custom, a decimal fraction by another; the locale's own is no help. */
  | { readonly kind: 'ambiguous'; readonly readings: readonly [grouped: number, decimal: number] }
  | { readonly kind: 'text' };

/** What the part before an exponent says, as JavaScript writes numbers; null: nothing. */
type Mantissa = { readonly readings: readonly [string] | readonly [grouped: string, decimal: string] } | null;

interface Marks {
  readonly group: string;
  readonly decimal: string;
  /** Digits of a group but the last, which has three: 2 in India, else 3. */
  readonly groupSize: number;
  /** The locale's own ten digits. */
  readonly digits: string;
}

const TEXT = { kind: 'text' } as const;
const DECIMAL_MARKS = ['.', ',', '\u066b'];
const GROUP_MARKS = ['.', ',', "'", ' ', '_', '\u066c'];

const known = new Map<string, Marks>();

/** Texts alike for what is one to a person: spaces of any width, quotation marks for an apostrophe. */
function normalise(text: string): string {
  return text
    .replaceAll(/[\u200e\u200f\u061c]/g, '')
    .trim()
    .replaceAll(/\s/g, ' ')
    .replaceAll(/[’‘]/g, "'")
    .replaceAll(/[\u2212\u2013]/g, '-');
}

function marksOf(locale: string): Marks {
  const found = known.get(locale);
  if (found !== undefined) return found;
  const parts = new Intl.NumberFormat(locale).formatToParts(12_345_678.9);
  const markOf = (type: 'group' | 'decimal'): string =>
    normalise(`0${parts.find((part) => part.type === type)?.value ?? ''}0`).slice(1, -1);
  const plain = new Intl.NumberFormat(locale, { useGrouping: false });
  const marks = {
    group: markOf('group'),
    decimal: markOf('decimal'),
    groupSize: parts.filter(({ type }) => type === 'integer').at(-2)?.value.length ?? 3,
    digits: Array.from({ length: 10 }, (_, digit) => plain.format(digit)).join(''),
  };
  known.set(locale, marks);
  return marks;
}

function isGrouped(groups: readonly string[], groupSize: number): boolean {
  const [first, ...rest] = groups as [string, ...string[]];
  const last = rest.pop();
  return (
    first.length >= 1 &&
    first.length <= groupSize &&
    !first.startsWith('0') &&
    last?.length === 3 &&
    rest.every((group) => group.length === groupSize)
  );
}

/** Grouped digits and a fraction, either perhaps empty, as JavaScript writes them; null where they are not grouped so. */
function combine(groups: readonly string[], fraction: string, sizes: readonly number[]): Mantissa {
  if (groups.length > 1 && !sizes.some((size) => isGrouped(groups, size))) return null;
  return { readings: [`${groups.join('') || '0'}.${fraction || '0'}`] };
}

/** Digits with marks between them, without sign and exponent. */
function readMantissa(text: string, { group, decimal, groupSize }: Marks, hasExponent: boolean): Mantissa {
  const sizes = [3, groupSize];
  const pieces = text.split(/\D/);
  const marks = [...text].filter((each) => !/\d/.test(each));
  const last = marks.at(-1);
  const fraction = pieces.at(-1)!;
  if (fraction === '') return null;
  if (last === undefined) return { readings: [text] };

  const isGroup = (mark: string): boolean => mark === group || GROUP_MARKS.includes(mark);
  const isDecimal = last === decimal || DECIMAL_MARKS.includes(last);
  const others = new Set(marks.slice(0, -1));
  if (others.size > 1 || [...others].some((mark) => !isGroup(mark))) return null;
  if (hasExponent && marks.length > 1) return null;
  // 1,234.5 and 1.234,5: the last mark is the decimal one.
  if (others.size === 1 && !others.has(last)) {
    return isDecimal ? combine(pieces.slice(0, -1), fraction, sizes) : null;
  }
  // 1,234,567 and 20 000: nothing but groups.
  if (marks.length > 1 || !isDecimal) {
    return isGroup(last) && !hasExponent ? combine(pieces, '', sizes) : null;
  }
  const asDecimal = `${pieces[0] || '0'}.${fraction}`;
  if (!isGroup(last) || !isGrouped(pieces, 3)) return { readings: [asDecimal] };
  const asGrouped = pieces.join('');
  // Nobody groups digits before an exponent.
  if (hasExponent && (last === decimal || last === '.')) return { readings: [asDecimal] };
  if (!hasExponent && last === group) return { readings: [asGrouped] };
  return { readings: [asGrouped, asDecimal] };
}

/** Reads a text by the customs of a locale (a BCP 47 tag), and by plain English ones. */
export function readTyped(text: string, locale = 'en'): Typed {
  const marks = marksOf(locale);
  const ascii = [...normalise(text)]
    .map((each) => (marks.digits.includes(each) ? String([...marks.digits].indexOf(each)) : each))
    .join('');
  const found = /^([+-]?) ?((?:\d|[^\p{L}\p{N}+-])+)(?:[eE]([+-]?\d+))?$/u.exec(ascii);
  if (found === null) return TEXT;
  const [, sign, mantissa, exponent] = found;
  const numberOf = (digits: string): number => Number(`${sign}${digits}e${exponent ?? '0'}`);
  const read = readMantissa(mantissa!, marks, exponent !== undefined);
  if (read === null) return TEXT;
  const [first, second] = read.readings;
  if (second === undefined) return { kind: 'number', value: numberOf(first) };
  return { kind: 'ambiguous', readings: [numberOf(first), numberOf(second)] };
}

/** The number that a text says; the text itself, without the space around it, where it says none for sure. */
export function parseTyped(text: string, locale = 'en'): number | string {
  const typed = readTyped(text, locale);
  return typed.kind === 'number' ? typed.value : text.trim();
}
