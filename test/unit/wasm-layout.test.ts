/** What both sides know of the records in memory: one description, checked where records are written. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { kernelLayout } from '../../src/worker/engine/wasm/layout/assembly-script.js';
import {
  variantWords,
  writeFields,
  writeVariant,
  type Values,
  type VariantValues,
} from '../../src/worker/engine/wasm/layout/fields.js';
import { OPERATION_WORDS, SHARE_COUNTER_WORD } from '../../src/worker/engine/wasm/layout/operations.js';

const FIELDS = { source: 'address', back: 'step', rate: 'float', isLast: 'flag' } as const;
const VARIANTS = {
  common: { rows: 'int' },
  kinds: { short: {}, long: { column: 'int', weight: 'float' } },
} as const;

describe('the layout of records', () => {
  it('is what the kernels are compiled from', () => {
    const text = readFileSync('src/worker/engine/wasm/kernels/layout.ts', 'utf8');
    assert.equal(text, kernelLayout(), 'Run "npm run build", which writes kernels/layout.ts again.');
  });

  it('puts fields in order, each of its kind', () => {
    const words = new Int32Array(6);
    writeFields(words, 1, FIELDS, { isLast: true, rate: 0.5, back: -8, source: 64 });
    assert.deepEqual([...words], [0, 64, -8, 0x3f000000, 1, 0]);
  });

  it('tells kinds apart by the first word, and gives all the same room', () => {
    assert.equal(variantWords(VARIANTS), 4);
    const words = new Int32Array(8);
    writeVariant(words, 0, VARIANTS, { kind: 'short', rows: 3 });
    writeVariant(words, 4, VARIANTS, { kind: 'long', rows: 5, column: 7, weight: 1 });
    assert.deepEqual([...words], [1, 3, 0, 0, 2, 5, 7, 0x3f800000]);
  });

  it('gives the share counter of an operation a cache line to itself', () => {
    assert.equal(SHARE_COUNTER_WORD % 16, 0);
    assert.equal(OPERATION_WORDS, SHARE_COUNTER_WORD + 16);
  });

  it('lets no field be missing, misspelt or too many', () => {
    const whole: Values<typeof FIELDS> = { source: 0, back: 0, rate: 0, isLast: false };
    // @ts-expect-error: no `isLast`
    const missing: Values<typeof FIELDS> = { source: 0, back: 0, rate: 0 };
    // @ts-expect-error: `sources`
    const misspelt: Values<typeof FIELDS> = { sources: 0, back: 0, rate: 0, isLast: false };
    // @ts-expect-error: `more`
    const more: Values<typeof FIELDS> = { ...whole, more: 0 };
    // @ts-expect-error: a flag is no number
    const number: Values<typeof FIELDS> = { ...whole, isLast: 1 };
    // @ts-expect-error: a short one has no column
    const kind: VariantValues<typeof VARIANTS> = { kind: 'short', rows: 1, column: 2 };
    assert.equal([missing, misspelt, more, number, kind].length, 5);
  });
});
