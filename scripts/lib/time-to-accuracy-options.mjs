/** What `npm run time-to-accuracy` may be asked for. */

import { resolveGiven } from './invocation.mjs';
import { UsageError } from './main.mjs';
import { parseNumber, parseOptions, parseWholeNumber } from './options.mjs';
import { importSource } from './source-modules.mjs';

const { SETTING_RANGES, defaultSettings } = await importSource('src/protocol/settings.ts');

/** Those that PyTorch's script is a copy of. */
const RECIPES = ['few-labels', 'few-labels-fast'];
const EVAL_EVERY = 100;
const MOST_THREADS = 32;
const usual = Object.fromEntries(RECIPES.map((name) => [name, defaultSettings(name)]));

export const HELP = `npm run time-to-accuracy -- [options]

Trains a recipe for few labels on the engine wasm until the test images are read as well as is asked for, then the same
recipe in eager PyTorch with as many threads, one after the other, and says how long each took.

  --recipe NAME    ${RECIPES.join(' or ')} (default ${RECIPES[0]})
  --reach LIST     per cent of the test images, the last of which ends a run (default 98,99)
  --threads LIST   compute threads (default 1,2)
  --labels N       labelled images, as many of each class (default ${usual[RECIPES[0]].labels})
  --seed N         key of the draws (default ${usual[RECIPES[0]].seed})
  --steps N        updates in all, which the stages have shares of (default ${RECIPES.map((name) => usual[name].steps).join(' or ')})
  --eval-every N   steps between evaluations (default ${EVAL_EVERY})
  --python FOLDER  with a virtual environment for PyTorch: FOLDER/pytorch (default: the python3 on PATH)
  --json FILE      where the figures go as well
  --help           this text`;

const OPTIONS = {
  recipe: { type: 'string', default: RECIPES[0] },
  reach: { type: 'string', default: '98,99' },
  threads: { type: 'string', default: '1,2' },
  labels: { type: 'string' },
  seed: { type: 'string' },
  steps: { type: 'string' },
  'eval-every': { type: 'string' },
  python: { type: 'string' },
  json: { type: 'string' },
  help: { type: 'boolean' },
};

/** Shares from per cent, rising, each once. */
function parseReach(text) {
  const numbers = text.split(',').map(parseNumber);
  if (numbers.every((value) => value > 0 && value <= 100)) {
    return [...new Set(numbers)].sort((a, b) => a - b).map((value) => value / 100);
  }
  throw new UsageError(
    `--reach is "${text}"; allowed are numbers above 0 up to 100, with commas between them.`,
  );
}

/** The options; null where the help was asked for. Throws a UsageError. */
export function parseTimeToAccuracyOptions(args) {
  const given = parseOptions('time-to-accuracy', args, OPTIONS);
  if (given.help) return null;
  const { recipe } = given;
  if (!RECIPES.includes(recipe)) {
    throw new UsageError(`--recipe is "${recipe}"; PyTorch's script is a copy of ${RECIPES.join(' and ')}.`);
  }
  const defaults = { ...usual[recipe], evalEvery: EVAL_EVERY };
  const number = (name, setting, least = SETTING_RANGES[setting].min) =>
    parseWholeNumber(name, given[name], least, SETTING_RANGES[setting].max) ?? defaults[setting];
  return {
    reach: parseReach(given.reach),
    threads: given.threads.split(',').map((text) => parseWholeNumber('threads', text, 1, MOST_THREADS)),
    settings: {
      recipe,
      engine: 'wasm',
      labels: number('labels', 'labels'),
      seed: number('seed', 'seed'),
      steps: number('steps', 'steps'),
      evalEvery: number('eval-every', 'evalEvery', 1),
    },
    python: resolveGiven(given.python),
    json: resolveGiven(given.json),
  };
}
