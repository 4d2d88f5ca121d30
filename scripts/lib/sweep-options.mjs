/** What `npm run sweep` may be asked for, and every refusal that needs no run. */

import { commandLine, pathWord } from './invocation.mjs';
import { UsageError } from './main.mjs';
import { parseList, parseWholeNumber } from './options.mjs';
import { DATA_OPTIONS, dataWords } from './run-data.mjs';
import { importSource } from './source-modules.mjs';
import { parseNumbers } from './sweep-plan.mjs';
import {
  describeRecipe,
  describeSetting,
  engineTable,
  optionTable,
  parseCommand,
  parseValidation,
  repairsHelp,
  settingOptions,
  table,
} from './train-options.mjs';

const { SETTING_RANGES } = await importSource('src/protocol/settings.ts');
const { RECIPE_NAMES } = await importSource('src/recipe/recipes.ts');

/** More at once on one machine, or of one grid, is a slip of the keyboard. */
const MOST_JOBS = 1000;

/** Of `browserName` in WebDriver's words. */
const BROWSERS = ['chrome', 'MicrosoftEdge', 'firefox'];

const COMMAND_OPTIONS = {
  out: {
    type: 'string',
    value: 'FOLDER',
    note: 'where sweep.json, sweep.csv, sweep.svg and a folder a run go',
  },
  recipe: {
    type: 'string',
    value: 'LIST',
    note: 'recipes with commas between them, or all (default few-labels)',
  },
  labels: { type: 'string', value: 'LIST', note: "labelled images, as 20,100,900 (default the recipe's)" },
  seeds: { type: 'string', value: 'LIST', note: 'seeds, as 1-10 or 1,2,5-8 (default 1)' },
  grid: {
    type: 'string',
    value: 'URL',
    note: 'of a Selenium Grid 4; without it the runs go to a browser here',
  },
  jobs: {
    type: 'string',
    value: 'N',
    note: 'runs at once (default 1 here; on a grid, as many as it has slots)',
  },
  ...DATA_OPTIONS,
  resume: { type: 'boolean', note: 'go on with the sweep in --out; lists that are given add runs to it' },
  browser: { type: 'string', value: 'NAME', note: `of the grid: ${BROWSERS.join(', ')} (default chrome)` },
  'site-host': {
    type: 'string',
    value: 'HOST',
    note: "this machine's name or address as the grid's nodes call it (default: the one that reaches the grid)",
  },
  help: { type: 'boolean', note: 'this text' },
};

/** What a run of a sweep has as `npm run train` has it; the others are lists. */
const RUN_OPTIONS = settingOptions((setting) => !['recipe', 'labels', 'seed'].includes(setting));

function parseGrid(text) {
  if (text === undefined) return undefined;
  let url;
  try {
    url = new URL(text);
  } catch {
    url = null;
  }
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new UsageError(`--grid is "${text}"; give the address of a grid, as http://localhost:4444`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new UsageError(
      '--grid holds a user name or a password; this command has no way to give them to a grid. Name one without.',
    );
  }
  return url.href.replace(/\/+$/, '');
}

function parseBrowser(name) {
  if (BROWSERS.includes(name)) return name;
  throw new UsageError(`--browser is "${name}"; allowed are ${BROWSERS.join(', ')}.`);
}

function checkGridOptions({ grid, browser, 'site-host': siteHost }) {
  if (grid !== undefined) return;
  const [stray] =
    Object.entries({ browser, 'site-host': siteHost }).find(([, value]) => value !== undefined) ?? [];
  if (stray !== undefined) throw new UsageError(`--${stray} is of a grid; name the grid by --grid URL.`);
}

/** The command that goes on with the sweep in a folder: on the same data, in the same place. */
function resumeCommand(own) {
  const place = ['grid', 'browser', 'site-host', 'jobs'].filter((option) => own[option] !== undefined);
  return commandLine('sweep', [
    ...['--resume', '--out', pathWord(own.out)],
    ...place.flatMap((option) => [`--${option}`, own[option]]),
    ...dataWords(own),
  ]);
}

/**
 * The options; null where the help was asked for. `settings` and `lists` are for `planSweep`; `jobs` is undefined unless
 * given. Throws a UsageError.
 */
export function parseSweepOptions(args, env) {
  const { given, own } = parseCommand('sweep', args, RUN_OPTIONS, COMMAND_OPTIONS, env);
  if (own.help) return null;
  if (own.out === undefined) {
    throw new UsageError(
      `Say where the sweep goes: --out runs/sweep. See ${commandLine('sweep', ['--help'])}.`,
    );
  }
  checkGridOptions(own);
  const ifGiven = (name, parse) => (own[name] === undefined ? null : parse(own[name]));
  return {
    out: own.out,
    isResumed: own.resume === true,
    resumeCommand: resumeCommand(own),
    settings: given,
    lists: {
      recipes: ifGiven('recipe', (text) => [...new Set(parseList('recipe', text, RECIPE_NAMES))]),
      labels: ifGiven('labels', (text) => parseNumbers('labels', text, SETTING_RANGES.labels)),
      seeds: ifGiven('seeds', (text) => parseNumbers('seeds', text, SETTING_RANGES.seed)),
    },
    grid: parseGrid(own.grid),
    browser: parseBrowser(own.browser ?? 'chrome'),
    siteHost: own['site-host'],
    jobs: parseWholeNumber('jobs', own.jobs, 1, MOST_JOBS),
    data: own.data,
    validation: parseValidation(own.validation),
  };
}

export function sweepHelp() {
  return `npm run sweep -- --labels 20,100,900 --seeds 1-10 --out runs/sweep [options]
npm run sweep -- --resume --out runs/sweep

Trains every recipe with every number of labels and every seed, each run as npm run train does, in a folder of its own
under --out, and sums up: sweep.json, sweep.csv and sweep.svg, renewed at the end of every run. A run that is done is not
done again. Ctrl-C ends with a checkpoint of every run. docs/sweep.md tells how a grid is started.

The command:
${optionTable(COMMAND_OPTIONS)}

Settings, the same for all runs:
${table(Object.entries(RUN_OPTIONS).map(describeSetting))}

Recipes:
${table(RECIPE_NAMES.map(describeRecipe))}

${repairsHelp()}

Engines:
${engineTable()}`;
}
