/** The comparison with the reference finds what it is for, in whole tensors and in sampled ones. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NamedTensor } from '../../src/worker/model/parameters.js';
import { compareParameters, compareTensor, expectWithin, isWithin } from '../reference/compare.js';
import { fixedPositions, hash32, signedSums } from '../reference/inputs.js';
import { parseReference, type ReferenceTensor } from '../reference/load.js';

const LR = 1e-3;
const POSITIONS = 1024;

/** Values in [-1, 1) of an integer hash. */
function tensor(size: number): NamedTensor {
  return {
    shape: [size],
    values: Float32Array.from({ length: size }, (_, i) => hash32(i + 1) / 2 ** 31 - 1),
  };
}

function changed(
  { shape, values }: NamedTensor,
  change: (value: number, index: number) => number,
): NamedTensor {
  return { shape, values: values.map(change) };
}

/** As store.py keeps it. */
function kept({ shape, values }: NamedTensor): ReferenceTensor {
  const isWhole = values.length <= 4096;
  return {
    shape,
    norm: Math.hypot(...values),
    values: isWhole ? values : Float32Array.from(fixedPositions(POSITIONS, values.length), (i) => values[i]!),
    signedSums: isWhole ? null : Float32Array.from(signedSums(values, 16)),
    zeroScale: null,
  };
}

const small = tensor(800);
const large = tensor(30_000);
const sampled = new Set(fixedPositions(POSITIONS, 30_000));

for (const [size, whole] of [
  ['small', small],
  ['large', large],
] as const) {
  test(`a ${size} tensor equal to the reference but for rounding passes`, () => {
    const rounded = changed(whole, (value, i) => value * (1 + (i % 2 ? 1e-7 : -1e-7)));
    assert.ok(isWithin(compareTensor('t', rounded, kept(whole), 1e-6)));
  });

  test(`a ${size} tensor’s relative error is measured within a factor of two`, () => {
    const noisy = changed(whole, (value, i) => value + (hash32(i * 7 + 3) / 2 ** 31 - 1) * 1e-3);
    const { error } = compareTensor('t', noisy, kept(whole), 1e-4);
    assert.ok(error > 0.5e-3 && error < 2e-3, String(error));
  });

  test(`a ${size} tensor with one sign flipped, one value not finite, or all doubled fails`, () => {
    const reference = kept(whole);
    const defects = [
      changed(whole, (value, i) => (i === 77 ? -value : value)),
      changed(whole, (value, i) => (i === 78 ? NaN : value)),
      changed(whole, (value) => 2 * value),
    ];
    for (const defect of defects) assert.ok(!isWithin(compareTensor('t', defect, reference, 1e-3)));
  });
}

test('a defect that no kept position sees is found by the signed sums', () => {
  const hidden = changed(large, (value, i) => (sampled.has(i) || i < 20_000 ? value : value * 1.02));
  assert.ok(!isWithin(compareTensor('t', hidden, kept(large), 1e-3)));
});

test('a missing tensor, another shape and too few values fail with the reason', () => {
  const reference = kept(small);
  const defects = [undefined, { ...small, shape: [20, 40] }, { shape: [800], values: new Float32Array(799) }];
  const reasons = [/no such tensor/, /\[20,40\]/, /799 values/];
  defects.forEach((defect, i) => {
    const comparison = compareTensor('t', defect, reference, 1e-3);
    assert.ok(!isWithin(comparison));
    assert.match(comparison.measure, reasons[i]!);
  });
});

test('a tensor of zeros must be zero, one that is zero in theory may hold what rounding leaves', () => {
  const zeros = { shape: [3], values: new Float32Array(3) };
  const tiny = { shape: [3], values: Float32Array.of(0, 1e-12, 0) };
  assert.ok(isWithin(compareTensor('t', zeros, kept(zeros), 1e-4)));
  assert.ok(!isWithin(compareTensor('t', tiny, kept(zeros), 1e-4)));
  const theory = { ...kept(zeros), zeroScale: 50 };
  const noise = (size: number): NamedTensor => ({ shape: [3], values: Float32Array.of(0, size, 0) });
  assert.ok(isWithin(compareTensor('t', noise(1e-5), theory, 1e-3)));
  assert.ok(!isWithin(compareTensor('t', noise(1e-2), theory, 1e-3)));
});

/** The large tensor with one element in so many off by `error`. */
function off(every: number, error: number): NamedTensor {
  return changed(large, (value, i) => (i % every === 0 ? value + error : value));
}

/** Whether parameters pass after so many updates, with the second in place of the first. */
function passes(expected: NamedTensor, actual: NamedTensor, updates = 1): boolean {
  const others = tensor(2000);
  const reference = new Map([
    ['p', kept(expected)],
    ['others', kept(others)],
  ]);
  const engine = new Map([
    ['p', actual],
    ['others', others],
  ]);
  return compareParameters(`after${updates}`, engine, reference, LR, updates).every(isWithin);
}

test('parameters pass with one element in 3,000 gone the other way and fail with one in 200', () => {
  assert.ok(passes(large, large));
  assert.ok(passes(large, off(3000, 2 * LR)));
  assert.ok(!passes(large, off(200, 2 * LR)));
});

test('parameters pass after three updates with one element in 100 a little off, and fail with one in 30 or far off', () => {
  assert.ok(passes(large, off(100, 0.1 * LR), 3));
  assert.ok(!passes(large, off(30, 0.1 * LR), 3));
  assert.ok(!passes(large, off(100, 6 * LR), 3));
});

test('parameters fail where one is missing, was not updated, or only beside the kept positions', () => {
  assert.ok(!compareParameters('after1', new Map(), new Map([['p', kept(small)]]), LR, 1).every(isWithin));
  const few = tensor(11);
  assert.ok(passes(few, few));
  assert.ok(
    !passes(
      few,
      changed(few, (value) => value + LR),
    ),
  );
  assert.ok(
    !passes(
      few,
      changed(few, (value, i) => (i === 5 ? NaN : value)),
    ),
  );
  assert.ok(
    !passes(
      large,
      changed(large, (value, i) => (sampled.has(i) ? value : value + LR / 4)),
    ),
  );
});

test('a check of nothing fails, and a failed one lists what is off, by how much and what was allowed', () => {
  assert.throws(() => expectWithin([]), /Nothing was compared/);
  const comparisons = [
    compareTensor('good', small, kept(small), 1e-4),
    compareTensor(
      'fake/logits',
      changed(small, (value) => 2 * value),
      kept(small),
      1e-4,
    ),
  ];
  assert.throws(() => expectWithin(comparisons), {
    message: '1 of 2 comparisons fail:\n  fake/logits: relative L2 error 1.0e+0, limit 1.0e-4',
  });
});

test('data cut short are refused', () => {
  const index = {
    wholeLimit: 4096,
    positions: 1024,
    projections: 16,
    digests: {},
    cases: { c: { tensors: { t: { shape: [8], norm: 1, offset: 4 } } } },
    adam: {},
  };
  assert.throws(() => parseReference(JSON.stringify(index), new ArrayBuffer(44)), /shorter than index\.json/);
  assert.doesNotThrow(() => parseReference(JSON.stringify(index), new ArrayBuffer(48)));
});
