/** Which runs a sweep has, and what is refused before any of them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSweepOptions, sweepHelp } from '../../../scripts/lib/sweep-options.mjs';
import { parseNumbers, planSweep } from '../../../scripts/lib/sweep-plan.mjs';

const plan = (args, earlier) => planSweep(parseSweepOptions(['--out', 'runs/sweep', ...args], {}), earlier);
const namesOf = ({ runs }) => runs.map(({ name }) => name);

test('lists of numbers take ranges, keep their order and drop what comes twice', () => {
  const range = { min: 0, max: 100 };
  assert.deepEqual(parseNumbers('seeds', '1-3,7, 2 - 4', range), [1, 2, 3, 7, 4]);
  for (const text of ['5-', '3-1', '1-101', 'x', '1,,2', '-1', '1.5', '0-9007199254740991']) {
    assert.throws(
      () => parseNumbers('seeds', text, range),
      /--seeds is ".*"; give whole numbers from 0 to 100 /,
    );
  }
});

test('a sweep is every recipe with every number of labels and every seed, in this order', () => {
  const { runs, settings } = plan([
    '--recipe',
    'labels-only,notebook',
    '--labels',
    '20,100',
    '--seeds',
    '1-2',
  ]);
  assert.deepEqual(namesOf({ runs }), [
    'labels-only-labels20-seed1',
    'labels-only-labels20-seed2',
    'labels-only-labels100-seed1',
    'labels-only-labels100-seed2',
    'notebook-labels20-seed1',
    'notebook-labels20-seed2',
    'notebook-labels100-seed1',
    'notebook-labels100-seed2',
  ]);
  assert.deepEqual(runs[0], {
    name: 'labels-only-labels20-seed1',
    recipe: 'labels-only',
    labels: 20,
    seed: 1,
  });
  assert.deepEqual(settings, {});
});

test('what is not given is the default of the recipe, and other settings are the same for all runs', () => {
  const { runs, settings } = plan(['--steps', '40', '--balanced']);
  assert.deepEqual(runs, [
    { name: 'few-labels-labels100-seed1', recipe: 'few-labels', labels: 100, seed: 1 },
  ]);
  assert.deepEqual(settings, { steps: 40, balanced: true });
});

test('settings that the worker would refuse are refused in its words', () => {
  assert.throws(() => plan(['--batch', '9']), /"batch" is 9; allowed: whole numbers from 10 to 1,024/);
  assert.throws(() => plan(['--recipe', 'gan']), /--recipe is "gan"; allowed are few-labels, .* and all/);
  assert.throws(() => plan(['--labels', '1-101', '--seeds', '1-100']), /These are 10100 runs/);
});

test('options of a grid without one, and addresses and browsers that are none, are refused', () => {
  const parse = (...args) => parseSweepOptions(['--out', 'a', ...args], {});
  assert.throws(() => parse('--browser', 'firefox'), /--browser is of a grid; name the grid by --grid URL/);
  assert.throws(() => parse('--site-host', 'me'), /--site-host is of a grid/);
  assert.throws(() => parse('--grid', 'http://me:secret@hub'), /--grid holds a user name or a password/);
  assert.throws(() => parse('--grid', 'localhost:4444'), /--grid is "localhost:4444"; give the address/);
  assert.throws(
    () => parse('--grid', 'http://hub', '--browser', 'opera'),
    /--browser is "opera"; allowed are chrome/,
  );
  assert.throws(() => parse('--jobs', '0'), /--jobs is "0"; allowed are whole numbers from 1/);
  assert.throws(() => parseSweepOptions([], {}), /Say where the sweep goes: --out runs\/sweep/);
  assert.equal(parse('--grid', 'http://hub:4444/').grid, 'http://hub:4444');
  assert.equal(parseSweepOptions(['--help'], {}), null);
  assert.match(sweepHelp(), /--seeds LIST .*labels-only .*tfjs-wasm/s);
});

test('a sweep that goes on keeps its runs and adds those of the lists that are given', () => {
  const earlier = plan(['--recipe', 'labels-only', '--labels', '20', '--seeds', '1-2', '--batch', '20']);
  assert.deepEqual(plan(['--resume'], earlier), earlier);
  const longer = plan(['--resume', '--seeds', '2-3', '--steps', '50', '--batch', '20'], earlier);
  assert.deepEqual(
    namesOf(longer),
    [1, 2, 3].map((seed) => `labels-only-labels20-seed${seed}`),
  );
  assert.deepEqual(longer.settings, { batch: 20, steps: 50 });
});

test('a sweep that goes on is not made another one', () => {
  const earlier = plan(['--batch', '20']);
  assert.throws(
    () => plan(['--resume', '--batch', '30'], earlier),
    /--batch 30 contradicts the sweep, whose batch is 20/,
  );
  assert.throws(
    () => plan(['--resume', '--generator-lr', '0.1'], earlier),
    /--generator-lr 0.1 contradicts the sweep, which was begun without it/,
  );
});
