/** What `npm run protocol` may be asked for: one recipe, one number of labels, so many draws of them. */

import { UsageError } from './main.mjs';
import { parseOptions, parseWholeNumber } from './options.mjs';
import { importSource } from './source-modules.mjs';
import {
  SETTING_OPTIONS,
  checkSettings,
  describeSetting,
  parseValidation,
  repairsHelp,
  table,
  toValue,
} from './train-options.mjs';

const { DEFAULT_SETTINGS } = await importSource('src/protocol/settings.ts');

const MOST_DRAWS = 1000;
const MOST_JOBS = 64;

/** Settings that the protocol fixes: which labels are drawn, and that test images are looked at once. */
const FIXED = ['seed', 'balanced', 'evalEvery'];

const COMMAND_OPTIONS = {
  draws: { type: 'string', value: 'N', note: 'draws of labels, by the seeds 1 to N (default 10)' },
  out: { type: 'string', value: 'FOLDER', note: 'where protocol.json, sweep.csv, sweep.svg and the runs go' },
  resume: { type: 'boolean', note: 'go on with what is in --out' },
  jobs: { type: 'string', value: 'N', note: 'runs at once (default 1)' },
  validation: {
    type: 'string',
    value: 'N',
    note: 'evaluate on the last N training images, which are then not trained on: for choosing settings',
  },
  help: { type: 'boolean', note: 'this text' },
};

const RUN_OPTIONS = Object.fromEntries(
  Object.entries(SETTING_OPTIONS).filter(([, { setting }]) => !FIXED.includes(setting)),
);

/** The options; null where the help was asked for. Throws a UsageError. */
export function parseProtocolOptions(args) {
  const all = { ...RUN_OPTIONS, ...COMMAND_OPTIONS };
  const types = Object.fromEntries(Object.entries(all).map(([name, { type }]) => [name, { type }]));
  const values = parseOptions('protocol', args, types);
  if (values.help) return null;
  if (values.out === undefined) throw new UsageError('Say where the runs go: --out runs/p100.');
  const given = { recipe: DEFAULT_SETTINGS.recipe };
  for (const [name, value] of Object.entries(values)) {
    const { setting } = RUN_OPTIONS[name] ?? {};
    if (setting !== undefined) given[setting] = toValue(setting, value);
  }
  const settings = { ...given, balanced: true, evalEvery: 0 };
  const { labels } = checkSettings(settings);
  const draws = parseWholeNumber('draws', values.draws ?? '10', 1, MOST_DRAWS);
  return {
    out: values.out,
    isResumed: values.resume === true,
    settings: { ...settings, labels },
    draws,
    jobs: parseWholeNumber('jobs', values.jobs, 1, MOST_JOBS),
    validation: parseValidation(values.validation),
  };
}

export function protocolHelp() {
  return `npm run protocol -- --recipe few-labels --labels 100 --draws 10 --out runs/p100
npm run protocol -- --recipe few-labels --labels 100 --draws 10 --resume --out runs/p100

Trains a recipe once for each of several draws of labels, as many of each class, all other training images without
labels, and looks at the test images once, after the last step. protocol.json has every draw with the images that were
labelled, the mean, the deviation over draws and the worst. Ctrl-C ends with a checkpoint; --resume goes on.

The command:
${table(
  Object.entries(COMMAND_OPTIONS).map(([name, { value, note }]) => [
    `--${name}${value === undefined ? '' : ` ${value}`}`,
    note,
  ]),
)}

Settings:
${table(Object.entries(RUN_OPTIONS).map(describeSetting))}

${repairsHelp()}`;
}
