/** What `npm run repairs` may be asked for, and which choices of repairs it measures. */

import { UsageError } from './main.mjs';
import { parseWholeNumber } from './options.mjs';
import { importSource } from './source-modules.mjs';
import { parseNumbers } from './sweep-plan.mjs';
import {
  checkSettings,
  optionTable,
  parseCommand,
  parseValidation,
  repairsHelp,
  settingDescriber,
  settingOptions,
  table,
} from './train-options.mjs';

const { SETTING_RANGES } = await importSource('src/protocol/settings.ts');
const { REPAIRS, writeRepairs } = await importSource('src/recipe/repairs.ts');

export const RECIPE = 'notebook-repaired';
const MOST_JOBS = 64;

/** Settings that are lists here, or that the table fixes: the repairs, labels drawn class by class, images looked at once. */
const FIXED = [
  'recipe',
  'repairs',
  'discriminatorBeta1',
  'generatorBeta1',
  'labels',
  'seed',
  'balanced',
  'evalEvery',
];

const COMMAND_OPTIONS = {
  out: {
    type: 'string',
    value: 'FOLDER',
    note: 'where repairs.json, repairs.csv, repairs.md and a sweep for each choice of repairs go',
  },
  labels: { type: 'string', value: 'LIST', note: 'labelled images (default 900,100)' },
  seeds: { type: 'string', value: 'LIST', note: 'seeds, as 1-10 or 1,2,5-8 (default 1-3)' },
  resume: { type: 'boolean', note: 'go on with the table in --out; lists that are given add runs to it' },
  jobs: { type: 'string', value: 'N', note: 'runs at once (default 1)' },
  validation: {
    type: 'string',
    value: 'N',
    note: 'evaluate on the last N training images, which are then not trained on, instead of the test images',
  },
  help: { type: 'boolean', note: 'this text' },
};

const RUN_OPTIONS = settingOptions((setting) => !FIXED.includes(setting));

/**
 * The choices that are measured, each with its folder, its repairs, and the choice that it is held against: every repair
 * by itself against none, all but one against all. A ladder that adds one after the other would take half the runs, but
 * what a rung is worth there depends on those below it.
 */
export const CHOICES = [
  { name: 'none', words: 'none', repairs: [], against: null },
  { name: 'all', words: 'all', repairs: REPAIRS, against: 'none' },
  ...REPAIRS.map((repair) => ({
    name: `only-${repair}`,
    words: `${repair} alone`,
    repairs: [repair],
    against: 'none',
  })),
  ...REPAIRS.map((repair) => ({
    name: `without-${repair}`,
    words: `all but ${repair}`,
    repairs: REPAIRS.filter((other) => other !== repair),
    against: 'all',
  })),
].map((choice) => ({ ...choice, repairs: writeRepairs(choice.repairs) }));

/** What is measured where nothing is said. */
export const USUAL = { labels: [900, 100], seeds: [1, 2, 3] };

const RANGES = { labels: SETTING_RANGES.labels, seeds: SETTING_RANGES.seed };

/**
 * The options; `labels`, `seeds` and `validation` are undefined where they were not given; null where the help was asked
 * for. Throws a UsageError.
 */
export function parseRepairsOptions(args) {
  const { given, own } = parseCommand('repairs', args, RUN_OPTIONS, COMMAND_OPTIONS);
  if (own.help) return null;
  if (own.out === undefined) throw new UsageError('Say where the runs go: --out runs/repairs.');
  const settings = { balanced: true, evalEvery: 0, ...given };
  const ifGiven = (name) =>
    own[name] === undefined ? undefined : parseNumbers(name, own[name], RANGES[name]);
  checkSettings({ ...settings, recipe: RECIPE });
  return {
    out: own.out,
    isResumed: own.resume === true,
    settings,
    labels: ifGiven('labels'),
    seeds: ifGiven('seeds'),
    jobs: parseWholeNumber('jobs', own.jobs, 1, MOST_JOBS),
    validation: parseValidation(own.validation),
  };
}

export function repairsTableHelp() {
  return `npm run repairs -- --steps 3000 --validation 5000 --out runs/repairs
npm run repairs -- --resume --out runs/repairs

Trains ${RECIPE} with none of its repairs, with each by itself, with all but each, and with all, for every number of
labels and every seed, as many labels of each class, and looks at the images of the evaluation once, after the last step.
That are ${CHOICES.length} runs for each number of labels and seed. repairs.md is the table of what each repair buys, repairs.csv and
repairs.json have every run. Ctrl-C ends with a checkpoint; --resume goes on.

The command:
${optionTable(COMMAND_OPTIONS)}

Settings, the same for all runs:
${table(Object.entries(RUN_OPTIONS).map(settingDescriber(checkSettings({ recipe: RECIPE }))))}

${repairsHelp()}`;
}
