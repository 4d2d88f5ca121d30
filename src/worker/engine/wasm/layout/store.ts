/** Tables of records in the engine's memory: one after the other, all of one description. */

import type { Arena } from '../memory/arena.js';
import {
  variantWords,
  wordsOf,
  writeFields,
  writeVariant,
  type Fields,
  type Values,
  type Variants,
  type VariantValues,
} from './fields.js';

/** Writes a table; returns its address. */
export function storeTable<F extends Fields>(arena: Arena, fields: F, entries: readonly Values<F>[]): number {
  const size = wordsOf(fields);
  const words = new Uint32Array(entries.length * size);
  entries.forEach((entry, index) => writeFields(words, index * size, fields, entry));
  return arena.storeWords(words);
}

/** Writes a table of records of several kinds, and a record of kind 0 behind them; returns its address. */
export function storeVariants<V extends Variants>(
  arena: Arena,
  variants: V,
  entries: readonly VariantValues<V>[],
): number {
  const size = variantWords(variants);
  const words = new Uint32Array((entries.length + 1) * size);
  entries.forEach((entry, index) => writeVariant(words, index * size, variants, entry));
  return arena.storeWords(words);
}
