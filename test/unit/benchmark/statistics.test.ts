import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { driftOf, median, spreadOf, uncertaintyOf } from '../../../src/protocol/benchmark/statistics.js';
import { logAxis } from '../../../src/ui/benchmark/log-axis.js';

describe('statistics of timings', () => {
  it('take the middle, or the mean of the two in the middle, in whatever order they came', () => {
    assert.equal(median([9, 1, 5]), 5);
    assert.equal(median([9, 1, 5, 7]), 6);
    assert.equal(median([3]), 3);
  });

  it('put a tenth of the samples below and a tenth above, between two by interpolation', () => {
    const spread = spreadOf(Array.from({ length: 11 }, (_, i) => 10 - i));
    assert.deepEqual(spread, { min: 0, p10: 1, median: 5, p90: 9, max: 10 });
    assert.deepEqual(spreadOf([4]), { min: 4, p10: 4, median: 4, p90: 4, max: 4 });
    assert.equal(spreadOf([0, 1]).p90, 0.9);
  });

  it('know a median better with more samples, and do not mind a few that were disturbed', () => {
    assert.equal(uncertaintyOf([5, 5]), Infinity);
    const steady = Array.from({ length: 17 }, (_, i) => 10 + 0.02 * (i - 8));
    const known = uncertaintyOf(steady);
    // 1.4826 x 1.2533 x 0.08 / (sqrt(17) x 10)
    assert.ok(Math.abs(known - 0.0036) < 1e-4, String(known));
    assert.ok(uncertaintyOf([...steady, ...steady, ...steady, ...steady]) < 0.6 * known);
    assert.ok(uncertaintyOf([...steady, 500, 500]) < 1.3 * known);
    assert.equal(uncertaintyOf([7, 7, 7]), 0);
  });

  it('tell a drift from the first third to the last, and none of a few samples', () => {
    assert.equal(driftOf([1, 1, 1, 2, 2, 2, 3, 3]), null);
    assert.equal(driftOf([1, 1, 1, 2, 2, 2, 3, 3, 3]), 3);
  });
});

describe('a logarithmic axis', () => {
  it('places equal ratios at equal distances, within its ends', () => {
    const { place, min, max } = logAxis([1, 100])!;
    assert.ok(Math.abs(place(10) - 0.5) < 1e-12);
    assert.equal(place(min), 0);
    assert.equal(place(max), 1);
    assert.equal(place(max * 5), 1);
    assert.ok(Math.abs(place(10) - place(1) - (place(100) - place(10))) < 1e-12);
  });

  it('names round values that lie on it, some also where it is short', () => {
    assert.deepEqual(logAxis([1, 1000])!.ticks, [1, 10, 100, 1000]);
    assert.deepEqual(logAxis([2, 40])!.ticks, [3, 10, 30]);
    assert.deepEqual(logAxis([20, 90])!.ticks, [20, 50, 100]);
  });

  it('has room for one value in its middle, and is none for no values', () => {
    assert.ok(Math.abs(logAxis([7])!.place(7) - 0.5) < 1e-12);
    assert.equal(logAxis([]), null);
    assert.equal(logAxis([0, NaN, Infinity]), null);
  });
});
