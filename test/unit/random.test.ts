/** The random generator against its authors' published vectors; the streams against their definition. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RandomStreams, seedKey, STREAM_USES, streamNumber } from '../../src/worker/random/streams.js';
import { philox, wordToIndex, wordToUniform } from '../../src/worker/random/philox.js';

/** Philox4x32-10 known answers: Random123 1.14.0, tests/kat_vectors; counter, key, output. */
const KNOWN_ANSWERS = [
  {
    counter: [0, 0, 0, 0],
    key: [0, 0],
    output: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  },
  {
    counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    key: [0xffffffff, 0xffffffff],
    output: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    key: [0xa4093822, 0x299f31d0],
    output: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
] as const;

function block(counter: readonly [number, number, number, number], key: readonly [number, number]): number[] {
  const out = new Uint32Array(6);
  philox(...counter, ...key, out, 1);
  assert.deepEqual([out[0], out[5]], [0, 0], 'nothing is written beside the block');
  return Array.from(out.subarray(1, 5));
}

/** The same generator with 64-bit products, from the paper's definition. */
function philoxByDefinition(counter: readonly number[], key: readonly number[], rounds = 10): number[] {
  const mask = 0xffffffffn;
  let [c0, c1, c2, c3] = counter.map(BigInt) as [bigint, bigint, bigint, bigint];
  let [k0, k1] = key.map(BigInt) as [bigint, bigint];
  for (let round = 0; round < rounds; round++) {
    const product0 = 0xd2511f53n * c0;
    const product1 = 0xcd9e8d57n * c2;
    [c0, c1, c2, c3] = [
      (product1 >> 32n) ^ c1 ^ k0,
      product1 & mask,
      (product0 >> 32n) ^ c3 ^ k1,
      product0 & mask,
    ];
    k0 = (k0 + 0x9e3779b9n) & mask;
    k1 = (k1 + 0xbb67ae85n) & mask;
  }
  return [c0, c1, c2, c3].map(Number);
}

const SEEDS = [0, 1, 12345, 2 ** 32, 2 ** 53 - 1];

describe('Philox4x32-10', () => {
  it('gives the published answers', () => {
    for (const { counter, key, output } of KNOWN_ANSWERS) assert.deepEqual(block(counter, key), [...output]);
  });

  it('is its definition, computed with 64-bit products', () => {
    for (let i = 0; i < 200; i++) {
      const word = (salt: number): number => Math.imul(i * 7 + salt, 0x9e3779b1) >>> 0;
      const counter = [word(1), word(2), word(3), word(4)] as const;
      const key = [word(5), word(6)] as const;
      assert.deepEqual(block(counter, key), philoxByDefinition(counter, key));
    }
  });

  it('would be told apart from one with a round less', () => {
    const { counter, key, output } = KNOWN_ANSWERS[2];
    assert.notDeepEqual(philoxByDefinition(counter, key, 9), [...output]);
  });

  it('is keyed by all 53 bits of a seed', () => {
    assert.deepEqual(seedKey(0), [0, 0]);
    assert.deepEqual(seedKey(2 ** 32 + 5), [5, 1]);
    assert.deepEqual(seedKey(2 ** 53 - 1), [0xffffffff, 0x1fffff]);
    const firstWords = SEEDS.map((seed) => new RandomStreams(seed).words(1, 0, 1)[0]!);
    assert.equal(new Set(firstWords).size, SEEDS.length);
  });
});

describe('a stream', () => {
  it('is drawn block by block from the counter (block, step, stream, 0)', () => {
    const words = new RandomStreams(2 ** 40 + 9).words(77, 1234, 11);
    assert.equal(words.length, 11);
    for (let i = 0; i < 11; i++) {
      assert.equal(words[i], block([i >> 2, 1234, 77, 0], seedKey(2 ** 40 + 9))[i & 3]);
    }
  });

  it('does not depend on how much of it is drawn, or on what was drawn before', () => {
    const streams = new RandomStreams(3);
    const all = streams.words(5, 6, 100);
    streams.words(9, 9, 9);
    assert.deepEqual(streams.words(5, 6, 42), all.slice(0, 42));
    assert.equal(streams.words(5, 6, 0).length, 0);
  });

  it('has a number that no other use, pass or layer has', () => {
    const numbers = Object.keys(STREAM_USES).flatMap((use) =>
      [0, 1, 255].flatMap((a) =>
        [0, 1, 255].flatMap((b) => [0, 255].map((c) => streamNumber(use as 'split', a, b, c))),
      ),
    );
    assert.equal(new Set(numbers).size, numbers.length);
    assert.ok(numbers.every((number) => Number.isInteger(number) && number >= 0 && number < 2 ** 32));
    assert.equal(streamNumber('dropout', 1, 2, 3), 0x06010203);
  });

  it('turns words into indices by the high word of the product, in range to the last', () => {
    for (const word of [0, 1, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff]) {
      for (const bound of [1, 2, 900, 59_100, 60_000, 2 ** 31]) {
        assert.equal(wordToIndex(word, bound), Number((BigInt(word) * BigInt(bound)) >> 32n));
      }
    }
    const words = new RandomStreams(8).words(3, 1, 50);
    const indices = new RandomStreams(8).indices(3, 1, 50, 900);
    assert.deepEqual(
      Array.from(indices),
      Array.from(words, (word) => wordToIndex(word, 900)),
    );
  });

  it('turns words into floats by their top 24 bits, never 1', () => {
    assert.equal(wordToUniform(0), 0);
    assert.equal(wordToUniform(0xff), 0);
    assert.equal(wordToUniform(0xffffffff), 1 - 2 ** -24);
    const values = new RandomStreams(8).uniform(3, 1, 50, -1, 1);
    const words = new RandomStreams(8).words(3, 1, 50);
    assert.deepEqual(
      Array.from(values),
      Array.from(words, (word) => Math.fround(-1 + 2 * (word >>> 8) * 2 ** -24)),
    );
  });

  it('drops by 16 bits an element, low halves first', () => {
    for (const [rate, count] of [
      [0.5, 19],
      [0.3, 8],
      [0, 9],
    ] as const) {
      const mask = new Float32Array(count + 1).fill(-1);
      new RandomStreams(21).dropoutMask(4, 2, count, rate, mask);
      assert.equal(mask[count], -1, 'nothing is written beyond the count');
      for (let i = 0; i < count; i++) {
        const word = block([i >> 3, 2, 4, 0], seedKey(21))[(i & 7) >> 1]!;
        const half = i & 1 ? word >>> 16 : word & 0xffff;
        assert.equal(
          mask[i],
          half < Math.round(rate * 65536) ? 0 : Math.fround(1 / (1 - rate)),
          `element ${i}`,
        );
      }
    }
  });

  it('permutes: every index once, another order for another seed', () => {
    const order = new RandomStreams(1).permutation(9, 0, 1000);
    assert.deepEqual(
      Array.from(order).sort((a, b) => a - b),
      Array.from({ length: 1000 }, (_, i) => i),
    );
    assert.deepEqual(new RandomStreams(1).permutation(9, 0, 1000), order);
    assert.notDeepEqual(new RandomStreams(2).permutation(9, 0, 1000), order);
    assert.deepEqual(Array.from(new RandomStreams(1).permutation(9, 0, 1)), [0]);
    assert.equal(new RandomStreams(1).permutation(9, 0, 0).length, 0);
  });
});

describe('the statistics of a stream', () => {
  const COUNT = 40_000;
  /** Five deviations: a right generator passes for these fixed seeds, a skewed one does not. */
  const LIMIT = 5;

  /** How many deviations the mean of `values` lies from `mean`, given their deviation. */
  function deviations(values: ArrayLike<number>, mean: number, deviation: number): number {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += values[i]!;
    return Math.abs(sum / values.length - mean) / (deviation / Math.sqrt(values.length));
  }

  /** Chi-square of the counts of equally likely cells, in deviations from its mean. */
  function unevenness(cells: ArrayLike<number>, total: number): number {
    const expected = total / cells.length;
    let chi = 0;
    for (let i = 0; i < cells.length; i++) chi += (cells[i]! - expected) ** 2 / expected;
    return Math.abs(chi - (cells.length - 1)) / Math.sqrt(2 * (cells.length - 1));
  }

  for (const seed of SEEDS) {
    it(`are those of independent uniform draws (seed ${seed})`, () => {
      const streams = new RandomStreams(seed);
      const uniform = streams.uniform(11, 3, COUNT, -1, 1);
      assert.ok(deviations(uniform, 0, Math.sqrt(1 / 3)) < LIMIT);
      const products = uniform.subarray(1).map((value, i) => value * uniform[i]!);
      assert.ok(deviations(products, 0, 1 / 3) < LIMIT, 'neighbours are not correlated');
      const nextStep = streams.uniform(11, 4, COUNT, -1, 1);
      assert.ok(
        deviations(
          uniform.map((value, i) => value * nextStep[i]!),
          0,
          1 / 3,
        ) < LIMIT,
        'nor steps',
      );
      const otherStream = streams.uniform(12, 3, COUNT, -1, 1);
      assert.ok(
        deviations(
          uniform.map((value, i) => value * otherStream[i]!),
          0,
          1 / 3,
        ) < LIMIT,
        'nor streams',
      );

      const cells = new Uint32Array(100);
      streams.indices(13, 0, COUNT, 100).forEach((index) => cells[index]!++);
      assert.ok(unevenness(cells, COUNT) < LIMIT);

      const mask = new Float32Array(COUNT);
      streams.dropoutMask(14, 0, COUNT, 0.5, mask);
      assert.ok(deviations(mask, 1, 1) < LIMIT);

      const places = new Uint32Array(10);
      for (let step = 0; step < 4000; step++) places[streams.permutation(15, step, 10).indexOf(0)]!++;
      assert.ok(unevenness(places, 4000) < LIMIT);
    });
  }

  it('would show a generator whose low bit is stuck', () => {
    const cells = new Uint32Array(100);
    new RandomStreams(1).indices(13, 0, COUNT, 100).forEach((index) => cells[index & ~1]!++);
    assert.ok(unevenness(cells, COUNT) > LIMIT);
  });
});
