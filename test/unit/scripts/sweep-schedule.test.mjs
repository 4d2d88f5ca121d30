/** Who trains where: places that come and go, runs that are lost, failed and stopped. No browser, no clock. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MOST_LOSSES, runSchedule } from '../../../scripts/lib/sweep-schedule.mjs';

/** `count` places, each named by a number; `most` is how many were taken at once. */
function makePlaces(count) {
  const free = Array.from({ length: count }, (_, index) => index);
  let wake = () => {};
  const places = {
    most: 0,
    async take(signal) {
      while (free.length === 0 && !signal.aborted) {
        await new Promise((resolve) => {
          wake = resolve;
          signal.addEventListener('abort', resolve);
        });
      }
      if (signal.aborted) return null;
      const name = free.shift();
      places.most = Math.max(places.most, count - free.length);
      const release = () => {
        free.push(name);
        wake();
      };
      return { name, release };
    },
  };
  return places;
}

/** Runs the schedule on `work(run, place, try)`; resolves with what was done, in order. */
async function follow({ runs, places = makePlaces(2), work, signal = new AbortController().signal }) {
  const tries = [];
  const ends = [];
  const schedule = runSchedule({
    runs,
    places,
    signal,
    work: async (run, place) => {
      tries.push([run, place.name]);
      return work(run, place, tries.filter(([other]) => other === run).length);
    },
    onEnd: (run, { state, isFinal }) => ends.push([run, state, isFinal]),
  });
  const error = await schedule.catch((reason) => reason);
  return { tries, ends, error };
}

const tick = () => new Promise((resolve) => setImmediate(resolve));

test('every run is done once, as many at once as there are places', async () => {
  const places = makePlaces(2);
  const { tries, ends } = await follow({
    runs: ['a', 'b', 'c', 'd', 'e'],
    places,
    work: async () => {
      await tick();
      return { state: 'finished' };
    },
  });
  assert.deepEqual(tries.map(([run]) => run).sort(), ['a', 'b', 'c', 'd', 'e']);
  assert.ok(ends.every(([, state, isFinal]) => state === 'finished' && isFinal));
  assert.equal(places.most, 2);
});

test('a run whose place is lost goes to another one, before runs that have not begun', async () => {
  const { tries, ends } = await follow({
    runs: ['a', 'b', 'c'],
    places: makePlaces(1),
    work: async (run, _, attempt) =>
      run === 'a' && attempt === 1 ? { state: 'lost', hasProgressed: true } : { state: 'finished' },
  });
  assert.deepEqual(
    tries.map(([run]) => run),
    ['a', 'a', 'b', 'c'],
  );
  assert.deepEqual(ends[0], ['a', 'lost', false]);
});

test('the last run is taken up again too, when it is lost while nothing waits', async () => {
  const { tries } = await follow({
    runs: ['a'],
    work: async (_, __, attempt) => {
      await tick();
      return attempt < 3 ? { state: 'lost', hasProgressed: true } : { state: 'finished' };
    },
  });
  assert.equal(tries.length, 3);
});

test('a run that gets no further on several places is given up; progress counts anew', async () => {
  const { tries, ends } = await follow({
    runs: ['a'],
    work: async (_, __, attempt) => ({ state: 'lost', hasProgressed: attempt === 2 }),
  });
  assert.equal(tries.length, 1 + MOST_LOSSES);
  assert.deepEqual(ends.at(-1), ['a', 'lost', true]);
});

test('a place that takes no run at all is not held against the run', async () => {
  const { tries, ends } = await follow({
    runs: ['a'],
    work: async (_, __, attempt) =>
      attempt <= 2 * MOST_LOSSES ? { state: 'lost', isPlaceBroken: true } : { state: 'finished' },
  });
  assert.equal(tries.length, 2 * MOST_LOSSES + 1);
  assert.deepEqual(ends.at(-1), ['a', 'finished', true]);
});

test('a run that fails by itself is not tried again, and the others go on', async () => {
  const { ends } = await follow({
    runs: ['a', 'b'],
    places: makePlaces(1),
    work: async (run) => ({ state: run === 'a' ? 'failed' : 'finished' }),
  });
  assert.deepEqual(ends, [
    ['a', 'failed', true],
    ['b', 'finished', true],
  ]);
});

test('a wish to stop begins nothing more and waits for what is under way', async () => {
  const controller = new AbortController();
  const { tries, ends, error } = await follow({
    runs: ['a', 'b', 'c'],
    places: makePlaces(2),
    signal: controller.signal,
    work: async (run) => {
      if (run === 'b') controller.abort();
      await tick();
      await tick();
      return { state: 'stopped' };
    },
  });
  assert.equal(error, undefined);
  assert.deepEqual(
    tries.map(([run]) => run),
    ['a', 'b'],
  );
  assert.equal(ends.length, 2);
});

test('where there will be no place any more, what is under way ends and the reason is told', async () => {
  const places = makePlaces(1);
  const { take } = places;
  let count = 0;
  places.take = (signal) => (++count > 1 ? Promise.reject(new Error('the grid is gone')) : take(signal));
  const { ends, error } = await follow({
    runs: ['a', 'b'],
    places,
    work: async () => {
      await tick();
      return { state: 'finished' };
    },
  });
  assert.deepEqual(ends, [['a', 'finished', true]]);
  assert.match(error.message, /the grid is gone/);
});
