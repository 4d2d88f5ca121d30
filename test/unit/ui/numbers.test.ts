/** What a person reads: formatted numbers, times, strings. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NumberFormats } from '../../../src/ui/words/format.js';
import { DEFAULT_STRINGS, fill, mergeStrings, type StringsInput } from '../../../src/ui/words/strings.js';
import { remainingTime } from '../../../src/ui/words/time-left.js';

const formats = new NumberFormats(DEFAULT_STRINGS);

test('a share is given to the hundredth of a per cent: one test image of 10,000', () => {
  assert.equal(formats.percent(0.9048), '90.48%');
  assert.equal(formats.percent(0), '0.00%');
  assert.deepEqual(formats.percentParts(0.9048), ['90.48', '%']);
});

test('a change of accuracy always has its sign, a true minus', () => {
  assert.equal(formats.points(0.0062), '+0.62');
  assert.equal(formats.points(-0.0062), '−0.62');
});

test('losses and paces keep three digits that mean something', () => {
  assert.equal(formats.loss(0.69315), '0.693');
  assert.equal(formats.loss(17.93), '17.9');
  assert.equal(formats.loss(0.0004), '0');
  assert.equal(formats.pace(31.25), '31.3');
  assert.equal(formats.pace(0.8444), '0.844');
  assert.equal(formats.pace(1234.5), '1,235');
});

test('a duration is as exact as a person cares', () => {
  const expected: [number, string][] = [
    [35, '35 ms'],
    [999.6, '1 s'],
    [1000, '1 s'],
    [59_400, '59 s'],
    [59_600, '1 min'],
    [12.2 * 60_000, '12 min'],
    [59.7 * 60_000, '1 h 0 min'],
    [65 * 60_000, '1 h 5 min'],
    [23.999 * 3_600_000, '1 d 0 h'],
    [27 * 3_600_000, '1 d 3 h'],
    [47.9999 * 3_600_000, '2 d 0 h'],
  ];
  for (const [ms, text] of expected) assert.equal(formats.duration(ms), text);
});

test('the locale of the strings formats the numbers', () => {
  const german = new NumberFormats(mergeStrings({ locale: 'de' }));
  assert.equal(german.count(20_000), '20.000');
  assert.equal(german.megabytes(4_200_000), '4,2');
});

test('strings are laid over the defaults at any depth', () => {
  const strings = mergeStrings({ words: { start: 'Los' }, recipes: { notebook: { name: 'Heft' } } });
  assert.equal(strings.words.start, 'Los');
  assert.equal(strings.words.pause, DEFAULT_STRINGS.words.pause);
  assert.equal(strings.recipes.notebook.name, 'Heft');
  assert.equal(strings.recipes.notebook.description, DEFAULT_STRINGS.recipes.notebook.description);
});

test('what is no string of ours, or no locale, is left out', () => {
  const given = {
    locale: 'no such locale',
    words: { start: 3, other: 'x' },
    states: 'x',
  } as unknown as StringsInput;
  assert.deepEqual(mergeStrings(given), DEFAULT_STRINGS);
  assert.deepEqual(mergeStrings(null), DEFAULT_STRINGS);
});

test('a text keeps the names that have no value', () => {
  assert.equal(fill('{step} of {total}', { step: '1' }), '1 of {total}');
});

test('the time left follows the last two evaluations, which count everything', () => {
  const evaluations = [
    { step: 200, elapsedMs: 10_000 },
    { step: 400, elapsedMs: 30_000 },
  ];
  assert.deepEqual(remainingTime(500, 1000, 1e6, evaluations), { ms: 50_000, isLowerBound: false });
});

test('before two evaluations the pace of the steps bounds the time from below', () => {
  assert.deepEqual(remainingTime(0, 100, 4, [{ step: 1, elapsedMs: 900 }]), {
    ms: 25_000,
    isLowerBound: true,
  });
  assert.equal(remainingTime(0, 100, null, []), null);
  assert.equal(remainingTime(0, 100, 0, []), null);
});

test('a coarse clock that sees no time between two evaluations is asked about earlier ones', () => {
  const evaluations = [
    { step: 10, elapsedMs: 0 },
    { step: 20, elapsedMs: 100 },
    { step: 30, elapsedMs: 100 },
  ];
  assert.deepEqual(remainingTime(30, 130, 1e6, evaluations), { ms: 500, isLowerBound: false });
  const still = evaluations.slice(1);
  assert.deepEqual(remainingTime(30, 130, 100, still), { ms: 1000, isLowerBound: true });
});

test('no time is left, and none is told, where all steps are made', () => {
  assert.equal(remainingTime(100, 100, 4, []), null);
});

test('a change too small to be shown has no minus', () => {
  const formats = new NumberFormats(DEFAULT_STRINGS);
  assert.deepEqual(
    [-1e-5, 0, 1e-5].map((change) => formats.points(change)),
    ['+0.00', '+0.00', '+0.00'],
  );
  assert.equal(formats.points(-0.0123), '\u22121.23');
});
