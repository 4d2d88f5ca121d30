/** Which runs a sweep has: every recipe with every number of labels and every seed. Owns names and lists, no files. */

import { resolveGiven } from './invocation.mjs';
import { UsageError } from './main.mjs';
import { importSource } from './source-modules.mjs';
import { checkSettings, settingWords } from './train-options.mjs';

const { DEFAULT_SETTINGS } = await importSource('src/protocol/settings.ts');
const { recipe: DEFAULT_RECIPE, seed: DEFAULT_SEED } = DEFAULT_SETTINGS;

/** A list that is longer is a slip of the keyboard. */
const MOST_RUNS = 10_000;

/** Settings that may change when a sweep goes on: how far and where its runs go, not what they are. */
const CHANGEABLE = ['steps', 'engine'];

/** Whole numbers from a list such as `1-10,20`, each once, in the order given. */
export function parseNumbers(name, text, { min, max }) {
  const refuse = () => {
    throw new UsageError(
      `--${name} is "${text}"; give whole numbers from ${min} to ${max} with commas between them, and ranges as 1-10, ` +
        `${MOST_RUNS} numbers at most.`,
    );
  };
  const numbers = new Set();
  for (const part of text.split(',')) {
    const [, first, last = first] = /^\s*(\d+)(?:\s*-\s*(\d+))?\s*$/.exec(part) ?? refuse();
    const [from, to] = [Number(first), Number(last)];
    if (from < min || to > max || to < from || to - from >= MOST_RUNS) refuse();
    for (let number = from; number <= to; number++) numbers.add(number);
    if (numbers.size > MOST_RUNS) refuse();
  }
  return [...numbers];
}

/** The name of a run, which is its folder's, too. */
export function nameOf({ recipe, labels, seed }) {
  return `${recipe}-labels${labels}-seed${seed}`;
}

/**
 * The runs of these lists; `labels` is null for each recipe's default. `settings` are the others that were given, the
 * same for all. A run is its name, recipe, labels and seed. Throws a UsageError in the words of the worker.
 */
function planRuns({ recipes, labels, seeds, settings }) {
  const runs = recipes.flatMap((recipe) =>
    (labels ?? [checkSettings({ ...settings, recipe }).labels]).flatMap((count) =>
      seeds.map((seed) => ({ recipe, labels: count, seed })),
    ),
  );
  if (runs.length > MOST_RUNS) {
    throw new UsageError(`These are ${runs.length} runs; a sweep has ${MOST_RUNS} at most. Make it several.`);
  }
  for (const run of runs) checkSettings({ ...settings, ...run });
  return runs.map((run) => ({ name: nameOf(run), ...run }));
}

/** Settings of a run as `npm run train` would be given them. */
export function settingsOf({ recipe, labels, seed }, settings) {
  return { ...settings, recipe, labels, seed };
}

/** The refusal of a setting that would make other runs of those there are; `what` goes on. */
export function contradiction(setting, value, before, what = 'sweep') {
  return new UsageError(
    `${settingWords(setting, value)} contradicts the ${what}, ` +
      `${before === undefined ? 'which was begun without it' : `whose ${setting} is ${before}`}: ` +
      `leave it out to go on, or name another folder for another ${what}.`,
  );
}

/** Throws where a setting that is given would make other runs of those begun by the settings `before`; `what` goes on. */
export function checkUnchanged(given, before, what) {
  for (const [setting, value] of Object.entries(given)) {
    if (CHANGEABLE.includes(setting) || value === before[setting]) continue;
    throw contradiction(setting, value, before[setting], what);
  }
}

/** Distinct values of all runs, in order. */
export function valuesOf(runs, key) {
  return [...new Set(runs.map((run) => run[key]))];
}

/**
 * What the runs train on: the folder, absolute, and the number of images for validation, each left out where there is none.
 * A sweep that goes on keeps what it was begun with, unless told; that the images are the same is checked when it runs.
 */
function planData({ data, validation }, earlier) {
  return {
    ...earlier?.data,
    ...(data !== undefined && { data: resolveGiven(data) }),
    ...(validation !== undefined && { validation }),
  };
}

/**
 * The plan of a sweep: `settings` that all runs have, `runs`, and the `data` they have. `lists` are recipes, labels and
 * seeds, each null where it was not given. `earlier` is the plan of a sweep that goes on, else null: its runs stay, lists that are not
 * given are its own, and settings that would make other runs of them throw a UsageError.
 */
export function planSweep({ lists, settings: given, data, validation }, earlier = null) {
  const known = earlier?.runs ?? [];
  if (earlier !== null) checkUnchanged(given, earlier.settings);
  const settings = { ...earlier?.settings, ...given };
  const isExtended = earlier === null || Object.values(lists).some((list) => list !== null);
  const names = new Set(known.map(({ name }) => name));
  const planned = isExtended
    ? planRuns({
        recipes: lists.recipes ?? (earlier === null ? [DEFAULT_RECIPE] : valuesOf(known, 'recipe')),
        labels: lists.labels ?? (earlier === null ? null : valuesOf(known, 'labels')),
        seeds: lists.seeds ?? (earlier === null ? [DEFAULT_SEED] : valuesOf(known, 'seed')),
        settings,
      })
    : [];
  return {
    settings,
    runs: [...known, ...planned.filter(({ name }) => !names.has(name))],
    data: planData({ data, validation }, earlier),
  };
}
