import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fixedTurns, type Pacing } from '../../../src/protocol/benchmark/pacing.js';
import { imagesWithin } from '../../../src/worker/benchmark/measure.js';
import { Turns } from '../../../src/worker/benchmark/turns.js';

/** Takes turns of these lengths until nobody wants one, or `most` were taken; gives whose they were. */
function play(turns: Turns, lengths: readonly number[], spread = 0.2, most = 1000): number[] {
  const order: number[] = [];
  let now = 0;
  for (let at = turns.next(now); at !== null && order.length < most; at = turns.next(now)) {
    order.push(at);
    now += lengths[at]!;
    // Samples that never agree, unless `spread` is 0.
    turns.took(at, lengths[at]!, [1 - spread, 1, 1 + spread]);
  }
  return order;
}

const BUDGET: Pacing = {
  budgetMs: 10_000,
  leastTurns: 3,
  mostTurns: 1000,
  steadyWithin: 0.01,
  evaluationMs: null,
};
const countOf = (order: readonly number[], index: number): number =>
  order.filter((at) => at === index).length;

describe('turns of a fixed number', () => {
  it('go round and round, however long they are', () => {
    const turns = new Turns(fixedTurns(3), [10, 5000, 100], 0);
    assert.deepEqual(play(turns, [10, 5000, 100]), [0, 1, 2, 0, 1, 2, 0, 1, 2]);
  });

  it('leave out who has failed', () => {
    const turns = new Turns(fixedTurns(2), [1, 1, 1], 0);
    turns.drop(1);
    assert.deepEqual(play(turns, [1, 1, 1]), [0, 2, 0, 2]);
  });
});

describe('turns within a budget', () => {
  it('share the time, so that a slow one keeps nobody waiting', () => {
    const order = play(new Turns(BUDGET, [100, 100, 2000], 10_000), [100, 100, 2000]);
    const slow = countOf(order, 2);
    assert.ok(slow >= 1 && slow <= 3, String(slow));
    assert.ok(countOf(order, 0) >= 20, String(countOf(order, 0)));
    assert.ok(Math.abs(countOf(order, 0) - countOf(order, 1)) <= 1);
    const [before, after] = [order.indexOf(2), order.lastIndexOf(0)];
    assert.ok(before < after, 'the fast ones go on around it');
  });

  it('give everyone one, also who takes longer than all the time', () => {
    const order = play(new Turns(BUDGET, [100, 60_000], 10_000), [100, 60_000]);
    assert.equal(countOf(order, 1), 1);
    assert.ok(countOf(order, 0) >= 1);
  });

  it('end for a contender once its median is known well enough, not before it has had enough of them', () => {
    const turns = new Turns(BUDGET, [100, 100], 10_000);
    const order = play(turns, [100, 100], 0);
    assert.equal(countOf(order, 0), BUDGET.leastTurns);
    assert.equal(turns.taken, 2 * BUDGET.leastTurns);
    assert.equal(turns.leftMs(1000), 0);
  });

  it('never begin one that would end after the time is up', () => {
    let now = 0;
    const turns = new Turns(BUDGET, [700], 10_000);
    for (let at = turns.next(now); at !== null; at = turns.next(now)) {
      now += 700;
      turns.took(at, 700, [1, 2, 3]);
    }
    assert.ok(now <= 10_000 && now > 9000, String(now));
  });

  it('tell how long they take at most', () => {
    const turns = new Turns(BUDGET, [100, 100], 10_000);
    assert.equal(turns.leftMs(4000), 6000);
    assert.equal(new Turns(fixedTurns(5), [100, 200], 0).leftMs(0), 1500);
    assert.equal(new Turns({ ...BUDGET, mostTurns: 10 }, [100], 10_000).leftMs(0), 1000);
  });
});

describe('an evaluation', () => {
  it('classifies as many images as its time allows, all where there is no limit', () => {
    assert.equal(imagesWithin(null, 50, 100, 10_000), 10_000);
    assert.equal(imagesWithin(1000, 50, 100, 10_000), 2000);
    assert.equal(imagesWithin(1000, 5, 100, 10_000), 10_000);
    assert.equal(imagesWithin(10, 50, 100, 10_000), 100);
  });
});
