import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_SETTINGS, SETTING_RANGES, type SettingsInput } from '../../src/protocol/settings.js';
import { overrideSettings, resolveSettings } from '../../src/protocol/check-settings.js';

/** What crosses the wire need not be what the types say. */
const resolve = (input: unknown): unknown => resolveSettings(input as SettingsInput);

const refusal = (message: RegExp) => (error: unknown) =>
  error instanceof Error && error.name === 'InvalidSettings' && message.test(error.message);

test('nothing given means the notebook, frozen', () => {
  const settings = resolveSettings({});
  assert.deepEqual(settings, DEFAULT_SETTINGS);
  assert.ok(Object.isFrozen(settings));
});

test('undefined counts as left out', () => {
  assert.deepEqual(resolveSettings({ seed: undefined, recipe: undefined }), DEFAULT_SETTINGS);
});

test('a recipe brings its own defaults, and what is given wins over them', () => {
  assert.equal(resolveSettings({ recipe: 'notebook-as-run' }).dropout, 0);
  assert.equal(resolveSettings({ recipe: 'notebook-as-run', dropout: 0.25 }).dropout, 0.25);
});

test('repairs are one text for each choice, and no others are allowed', () => {
  const repairsOf = (repairs: string): string =>
    resolveSettings({ recipe: 'notebook-repaired', repairs }).repairs;
  assert.equal(repairsOf('kernels, statistics'), 'statistics,kernels');
  assert.equal(resolveSettings({ recipe: 'notebook-repaired' }).repairs, 'all');
  assert.equal(DEFAULT_SETTINGS.repairs, 'none');
  for (const wrong of ['', 'kernel', 'all,kernels', true, 3, null, ['kernels']]) {
    assert.throws(
      () => resolve({ recipe: 'notebook-repaired', repairs: wrong }),
      refusal(/^Setting "repairs" is .*; allowed: all, none, or some of statistics, logsumexp, /),
    );
  }
});

test('both ends of every range are allowed', () => {
  for (const [field, { min, max }] of Object.entries(SETTING_RANGES)) {
    for (const value of [min, max]) {
      const settings = resolveSettings({ [field]: value }) as unknown as Record<string, unknown>;
      assert.equal(settings[field], value);
    }
  }
});

test('a value outside its range is refused with field, value and range', () => {
  assert.throws(
    () => resolve({ batch: 9 }),
    refusal(/^Setting "batch" is 9; allowed: whole numbers from 10 to 1,024\.$/),
  );
  assert.throws(
    () => resolve({ labels: 1_000_001 }),
    refusal(/"labels" is 1,000,001; allowed: whole numbers from 1 to 1,000,000\./),
  );
  assert.throws(
    () => resolve({ dropout: 0.95 }),
    refusal(/"dropout" is 0\.95; allowed: numbers from 0 to 0\.9\./),
  );
  assert.throws(() => resolve({ seed: -1 }), refusal(/"seed" is -1; .* from 0 to 9,007,199,254,740,991\./));
});

test('every field refuses what is no number of its kind', () => {
  for (const [field, { integer }] of Object.entries(SETTING_RANGES)) {
    for (const value of [NaN, Infinity, '10', null, true, [10], {}, 10n, ...(integer ? [10.5] : [])]) {
      assert.throws(
        () => resolve({ [field]: value }),
        refusal(new RegExp(`^Setting "${field}" is `)),
        String(value),
      );
    }
  }
});

test('unknown recipes, engines and switches are refused with those that exist', () => {
  assert.throws(() => resolve({ recipe: 'note' }), refusal(/"recipe" is "note"; allowed: few-labels, /));
  assert.throws(() => resolve({ engine: 'cuda' }), refusal(/"engine" is "cuda"; allowed: auto, /));
  assert.throws(() => resolve({ balanced: 1 }), refusal(/"balanced" is 1; allowed: true, false\./));
  assert.throws(() => resolve({ subgroups: 'on' }), refusal(/"subgroups" is "on"; allowed: true, false\./));
  assert.throws(() => resolve({ float16: 'on' }), refusal(/"float16" is "on"; allowed: true, false\./));
});

test('an unknown field is refused by its name, inherited names included', () => {
  assert.throws(() => resolve({ epochs: 3 }), refusal(/no setting "epochs"; settings: recipe, engine, seed/));
  assert.throws(() => resolve({ toString: 3 }), refusal(/no setting "toString"/));
});

test('settings that are no object are refused', () => {
  for (const input of [null, undefined, 3, 'notebook', []]) {
    assert.throws(() => resolve(input), refusal(/^Settings must be an object, got /), String(input));
  }
});

test('a long value is cut in the message', () => {
  assert.throws(
    () => resolve({ recipe: 'x'.repeat(5000) }),
    (error: Error) => error.message.length < 300,
  );
});

test('a checkpoint’s engine and steps can be changed, checked as any, its other settings cannot', () => {
  const settings = resolveSettings({ seed: 5 });
  assert.deepEqual(overrideSettings(settings, { steps: 7 }), { ...settings, steps: 7 });
  assert.deepEqual(overrideSettings(settings, { engine: undefined }), settings);
  assert.throws(() => overrideSettings(settings, { steps: 0 }), refusal(/"steps" is 0/));
  assert.throws(
    () => overrideSettings(settings, { seed: 6 } as SettingsInput),
    refusal(/^Setting "seed" is the checkpoint's; only "engine" and "steps"/),
  );
});
