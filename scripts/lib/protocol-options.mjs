/** What `npm run protocol` may be asked for: one recipe, one number of labels, so many draws of them. */

import { commandToGoOn } from './invocation.mjs';
import { UsageError } from './main.mjs';
import { parseWholeNumber } from './options.mjs';
import { DATA_OPTIONS } from './run-data.mjs';
import { importSource } from './source-modules.mjs';
import {
  checkSettings,
  describeSetting,
  optionTable,
  parseCommand,
  parseValidation,
  repairsHelp,
  settingOptions,
  table,
} from './train-options.mjs';

const { DEFAULT_SETTINGS } = await importSource('src/protocol/settings.ts');

const USUAL_DRAWS = 10;
const MOST_DRAWS = 1000;
const MOST_JOBS = 64;

/** Settings that the protocol fixes: which labels are drawn, and that test images are looked at once. */
const FIXED = ['seed', 'balanced', 'evalEvery'];

const COMMAND_OPTIONS = {
  draws: {
    type: 'string',
    value: 'N',
    note: 'draws of labels, by the seeds 1 to N (default 10; with --resume those there are)',
  },
  out: {
    type: 'string',
    value: 'FOLDER',
    note: 'where protocol.json, sweep.json, sweep.csv, sweep.svg and the runs go',
  },
  resume: { type: 'boolean', note: 'go on with what is in --out, by the settings that it was begun with' },
  'add-to': {
    type: 'string',
    value: 'FILE',
    note: 'take over the draws of an earlier protocol.json of the same settings, and train only those that it lacks',
  },
  jobs: { type: 'string', value: 'N', note: 'runs at once (default 1)' },
  ...DATA_OPTIONS,
  help: { type: 'boolean', note: 'this text' },
};

const RUN_OPTIONS = settingOptions((setting) => !FIXED.includes(setting));

/** The settings with the recipe's number of labels, unless given; checked. */
function withLabels(settings) {
  const { labels } = checkSettings(settings);
  return { ...settings, labels };
}

/**
 * The options; null where the help was asked for. Of a protocol that goes on `settings` and `draws` hold what was given
 * alone: the rest is in its folder. Throws a UsageError.
 */
export function parseProtocolOptions(args) {
  const { given, own } = parseCommand('protocol', args, RUN_OPTIONS, COMMAND_OPTIONS);
  if (own.help) return null;
  if (own.out === undefined) throw new UsageError('Say where the runs go: --out runs/p100.');
  const isResumed = own.resume === true;
  const fixed = { balanced: true, evalEvery: 0 };
  const settings = isResumed
    ? { ...given, ...fixed }
    : withLabels({ recipe: DEFAULT_SETTINGS.recipe, ...given, ...fixed });
  const draws = parseWholeNumber('draws', own.draws, 1, MOST_DRAWS);
  return {
    out: own.out,
    addTo: own['add-to'],
    isResumed,
    resumeCommand: commandToGoOn('protocol', args),
    settings,
    draws: draws ?? (isResumed ? undefined : USUAL_DRAWS),
    jobs: parseWholeNumber('jobs', own.jobs, 1, MOST_JOBS),
    data: own.data,
    validation: parseValidation(own.validation),
  };
}

export function protocolHelp() {
  return `npm run protocol -- --recipe few-labels --labels 100 --draws 10 --out runs/p100
npm run protocol -- --resume --out runs/p100

Trains a recipe once for each of several draws of labels, as many of each class, all other training images without
labels, and looks at the test images once, after the last step. protocol.json has every draw with the images that were
labelled, the mean, the deviation over draws and the worst. Ctrl-C ends with a checkpoint; --resume goes on.

The command:
${optionTable(COMMAND_OPTIONS)}

Settings:
${table(Object.entries(RUN_OPTIONS).map(describeSetting))}

${repairsHelp()}`;
}
