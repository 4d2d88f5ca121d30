/** Settings on the page: what is allowed, what is asked for next, and their place in the address. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_SETTINGS, type Settings } from '../../../src/protocol/settings.js';
import { NextSettings } from '../../../src/ui/settings/next-settings.js';
import { parseTyped } from '../../../src/ui/settings/parse-typed.js';
import {
  completeSettings,
  differingSettings,
  isAllowed,
  settingProblem,
  SETTING_NAMES,
} from '../../../src/protocol/check-settings.js';
import { settingsFromUrl, settingsToUrl } from '../../../src/ui/settings/url-settings.js';
import { resolveSettings } from '../../../src/protocol/check-settings.js';

function makeNext() {
  const changes: Settings[] = [];
  const problems: string[] = [];
  const next = new NextSettings({
    onChange: (settings) => changes.push(settings),
    onProblem: (message) => problems.push(message),
  });
  return { next, changes, problems };
}

test('the recipe’s defaults come before the notebook’s, as in the worker', () => {
  for (const input of [{}, { recipe: 'notebook-as-run' }, { recipe: 'labels-only', labels: 100 }] as const) {
    assert.deepEqual(completeSettings(input), resolveSettings(input));
  }
  assert.equal(completeSettings({ recipe: 'notebook-as-run' }).dropout, 0);
});

test('the page allows exactly what the worker allows', () => {
  const values = [
    NaN,
    -1,
    0,
    0.5,
    1,
    9,
    10,
    10.5,
    1024,
    60_000,
    60_001,
    1_000_000,
    1_000_001,
    2 ** 53,
    '1',
    true,
    'auto',
    'notebook',
  ];
  for (const name of SETTING_NAMES) {
    for (const value of values) {
      const accepts = (): boolean => {
        try {
          resolveSettings({ [name]: value });
          return true;
        } catch {
          return false;
        }
      };
      assert.equal(isAllowed(name, value), accepts(), `${name} = ${String(value)}`);
    }
  }
});

test('a problem names the setting, the value met and what is allowed', () => {
  assert.equal(
    settingProblem('labels', 0),
    'Setting "labels" is 0; allowed: whole numbers from 1 to 1,000,000.',
  );
  assert.match(settingProblem('recipe', 'mine')!, /"recipe" is "mine"; allowed: few-labels, /);
  assert.match(settingProblem('lables', 900)!, /no setting "lables"; settings: .*labels/);
  assert.equal(settingProblem('labels', 900), null);
});

test('numbers are read as people type them', () => {
  assert.equal(parseTyped(' 20,000 '), 20_000);
  assert.equal(parseTyped('1e-3'), 0.001);
  assert.equal(parseTyped('ten'), 'ten');
  assert.equal(parseTyped(' '), '');
});

test('what is not allowed keeps the value before it, the rest is taken', () => {
  const { next, changes, problems } = makeNext();
  next.merge({ labels: 50, seed: -1 });
  assert.equal(next.complete.labels, 50);
  assert.equal(next.complete.seed, DEFAULT_SETTINGS.seed);
  assert.equal(problems.length, 1);
  assert.equal(changes.length, 1);
});

test('undefined takes a setting back to its default; no change tells nobody', () => {
  const { next, changes } = makeNext();
  next.set('labels', 50);
  next.set('labels', 50);
  next.set('labels', undefined);
  assert.deepEqual(
    changes.map(({ labels }) => labels),
    [50, DEFAULT_SETTINGS.labels],
  );
  assert.equal(next.complete.labels, DEFAULT_SETTINGS.labels);
});

test('a changed recipe brings its defaults, but not over what was asked for', () => {
  const { next } = makeNext();
  next.set('recipe', 'notebook-as-run');
  assert.equal(next.complete.dropout, 0);
  next.set('dropout', 0.3);
  next.set('recipe', 'notebook');
  assert.equal(next.complete.dropout, 0.3);
});

test('what was refused is remembered until that setting is given anew, which is told', () => {
  const { next, changes } = makeNext();
  next.merge({ steps: -5, labels: 50, seed: 'one', other: 3 });
  assert.deepEqual(
    [...next.refused],
    [
      ['steps', -5],
      ['seed', 'one'],
    ],
  );
  next.set('batch', 10);
  assert.equal(next.refused.size, 2);
  next.set('steps', DEFAULT_SETTINGS.steps);
  next.set('seed', undefined);
  assert.equal(next.refused.size, 0);
  assert.equal(changes.length, 4);
  next.set('steps', 0);
  next.replace();
  assert.equal(next.refused.size, 0);
  assert.equal(changes.length, 5);
});

test('settings that are no object are a problem', () => {
  const { next, problems } = makeNext();
  next.merge(null);
  next.merge('x');
  assert.equal(problems.length, 2);
});

test('the differences of two settings are named', () => {
  assert.deepEqual(differingSettings(DEFAULT_SETTINGS, { ...DEFAULT_SETTINGS, seed: 2, steps: 5 }), [
    'seed',
    'steps',
  ]);
});

test('an address holds what differs from the recipe’s defaults, and reads back the same', () => {
  const inputs = [
    {},
    { recipe: 'notebook-as-run' },
    { recipe: 'notebook-as-run', dropout: 0.5 },
    { recipe: 'notebook-repaired' },
    { recipe: 'notebook-repaired', repairs: 'none' },
    { recipe: 'notebook-repaired', repairs: 'statistics,beta1', generatorBeta1: 0.7 },
    { engine: 'tfjs-wasm', batch: 10, generatorLr: 0.0003, balanced: false, seed: 0 },
  ] as const;
  for (const input of inputs) {
    const settings = completeSettings(input);
    const parameters = settingsToUrl(settings, new URLSearchParams());
    assert.deepEqual(completeSettings(settingsFromUrl(parameters)), settings);
    assert.equal([...parameters].length, Object.keys(input).length);
  }
});

test('repairs of a recipe that has none go from the address', () => {
  const parameters = new URLSearchParams('recipe=notebook&repairs=kernels');
  const settings = completeSettings(settingsFromUrl(parameters));
  assert.equal(settings.repairs, 'none');
  assert.equal(settingsToUrl(settings, parameters).toString(), 'recipe=notebook');
});

test('an address keeps parameters that are not ours', () => {
  const parameters = settingsToUrl(DEFAULT_SETTINGS, new URLSearchParams('autostart&labels=100'));
  assert.equal(parameters.toString(), 'autostart=');
});

test('a setting that was refused stays in the address as it was asked for', () => {
  const { next } = makeNext();
  const parameters = new URLSearchParams('steps=-5&labels=50&dropout=0.5x');
  next.merge(settingsFromUrl(parameters));
  assert.equal(settingsToUrl(next.complete, parameters, next.refused).toString(), parameters.toString());
  next.set('steps', 50);
  assert.equal(
    settingsToUrl(next.complete, parameters, next.refused).toString(),
    'steps=50&labels=50&dropout=0.5x',
  );
});

test('numbers of an address are read as those of the form: never as something else', () => {
  const read = (query: string): unknown => settingsFromUrl(new URLSearchParams(query));
  assert.deepEqual(read('steps=20.000&generatorLr=0,001&labels=1,000&seed=0x10'), {
    steps: '20.000',
    generatorLr: 0.001,
    labels: 1000,
    seed: '0x10',
  });
});

test('values of an address that are of the wrong kind come through, so that they can be named', () => {
  const settings = settingsFromUrl(new URLSearchParams('labels=many&balanced=perhaps&recipe=mine&seed='));
  assert.deepEqual(settings, { labels: 'many', balanced: 'perhaps', recipe: 'mine', seed: '' });
});

test('an engine of a checkpoint was not asked for, one that was stays so', () => {
  const { next } = makeNext();
  const loaded = completeSettings({ engine: 'tfjs-cpu', seed: 9 });
  assert.equal(next.askedEngine, undefined);
  next.takeOver(loaded, next.askedEngine);
  assert.deepEqual(next.complete, loaded);
  assert.equal(next.askedEngine, undefined);
  // Also the one that the checkpoint had.
  next.set('engine', 'tfjs-cpu');
  assert.equal(next.askedEngine, 'tfjs-cpu');
  next.takeOver(loaded, next.askedEngine);
  assert.equal(next.askedEngine, 'tfjs-cpu');
  next.takeOver(loaded, undefined);
  next.replace();
  next.set('engine', 'tfjs-cpu');
  assert.equal(next.askedEngine, 'tfjs-cpu');
});
