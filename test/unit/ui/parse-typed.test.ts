/** Numbers as people type them, in several languages. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTyped, readTyped } from '../../../src/ui/settings/parse-typed.js';

/** Each text with the number it says in a locale; null: none for sure. */
function reads(locale: string, expected: Readonly<Record<string, number | null>>): void {
  for (const [text, value] of Object.entries(expected)) {
    const typed = readTyped(text, locale);
    assert.equal(typed.kind === 'number' ? typed.value : null, value, `${locale}: ${JSON.stringify(text)}`);
  }
}

/** Said in the same way everywhere. */
const PLAIN = {
  '20000': 20_000,
  ' 7 ': 7,
  '007': 7,
  '-5': -5,
  '\u22125': -5,
  '+5': 5,
  '0.001': 0.001,
  '0,001': 0.001,
  '0.5': 0.5,
  '.5': 0.5,
  ',5': 0.5,
  '1.5': 1.5,
  '1,5': 1.5,
  '0.0002': 0.0002,
  '1,0005': 1.0005,
  '1e-3': 0.001,
  '1E3': 1000,
  '1.5e-3': 0.0015,
  '1,5e-3': 0.0015,
  '1.234e-7': 1.234e-7,
  '1,234,567': 1_234_567,
  '1.234.567': 1_234_567,
  '1,234.5': 1234.5,
  '1.234,5': 1234.5,
  '1 234,5': 1234.5,
  '20 000': 20_000,
  '20\u202f000': 20_000,
  "20'000": 20_000,
  '20’000': 20_000,
  '20_000': 20_000,
  '1000000000000000000000': 1e21,
  '0.0000001': 1e-7,
  '0.0000001e3': 1e-4,
  '12,34': 12.34,
  '9007199254740991': 9_007_199_254_740_991,
};

/** No number to anyone. */
const NONE = [
  '',
  ' ',
  'ten',
  '5x',
  '0x10',
  'Infinity',
  'NaN',
  '--5',
  '1e',
  'e5',
  '5.',
  '5,',
  '.',
  '1..5',
  '1,,000',
  '1 0',
  '1_0',
  '20,00,0',
  '1,23,456',
  '1.23.456',
  '1,234.567.8',
  '1,234,56',
  '0,001,000',
  '1,234e3,4',
  '1,234,567e3',
  '1.5.',
  '5%',
  '1/2',
  '5 000 e3',
];

test('what can be read in one way only is read so in every language', () => {
  for (const locale of ['en', 'de', 'fr', 'de-CH', 'es', 'pl', 'sv', 'en-IN', 'ar-EG']) {
    reads(locale, PLAIN);
  }
});

test('what is no number is none in any language', () => {
  for (const locale of ['en', 'de', 'fr', 'ar-EG']) {
    reads(locale, Object.fromEntries(NONE.map((text) => [text, null])));
  }
});

test('one mark before three digits groups where it is the language’s own for that, else it is not guessed', () => {
  reads('en', { '20,000': 20_000, '20.000': null, '1.500': null, '123,456': 123_456 });
  reads('de', { '20.000': 20_000, '20,000': null, '1,500': null });
  reads('fr', { '20.000': null, '20,000': null, '20 000': 20_000 });
  reads('de-CH', { '20.000': null, '20,000': null, "20'000": 20_000 });
  // Too many digits before the mark for a group, or a first one of 0.
  reads('en', { '2000.000': 2000, '0.000': 0, '2000,000': 2000 });
});

test('before an exponent nothing is grouped', () => {
  reads('en', { '1,234e3': null, '1.234e3': 1234 });
  reads('de', { '1,234e3': 1234, '1.234e3': 1234 });
});

test('groups of two are read where the language has them, and digits of its own', () => {
  reads('en-IN', { '12,34,567': 1_234_567, '1,234,567': 1_234_567 });
  reads('en', { '12,34,567': null });
  reads('ar-EG', { '٢٠٬٠٠٠': 20_000, '٠٫٠٠١': 0.001, '٢٠٠٠٠': 20_000 });
  reads('fa', { '۲۰٬۰۰۰': 20_000, '\u200e−۵': -5 });
});

test('what can be read in two ways says both', () => {
  assert.deepEqual(readTyped('20.000'), { kind: 'ambiguous', readings: [20_000, 20] });
  assert.deepEqual(readTyped('-1,500', 'de'), { kind: 'ambiguous', readings: [-1500, -1.5] });
  assert.deepEqual(readTyped('twenty'), { kind: 'text' });
});

test('every number that the form shows is read back as itself', () => {
  for (const value of [0, 1, 900, 20_000, 2 ** 53 - 1, 0.001, 0.9999, 0.999999, 1e-7, 1.234e-7, 5e-324]) {
    for (const locale of ['en', 'de', 'fr', 'ar-EG']) assert.equal(parseTyped(String(value), locale), value);
  }
});

test('a text that says no number for sure comes back, so that it can be named', () => {
  assert.equal(parseTyped(' 20.000 '), '20.000');
  assert.equal(parseTyped('ten'), 'ten');
});
