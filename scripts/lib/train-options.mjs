/**
 * The options of `npm run train`: one for every setting of `src/protocol/settings.ts`, and those of the
 * command itself. Values are checked by the worker's own code, so that both refuse the same.
 */

import { UsageError } from './main.mjs';
import { parseNumber, parseOptions, parseWholeNumber } from './options.mjs';
import { DATA_OPTIONS } from './run-data.mjs';
import { importSource } from './source-modules.mjs';

const { DEFAULT_SETTINGS, SETTING_RANGES, defaultSettings, hasRepairs } =
  await importSource('src/protocol/settings.ts');
const { DATA_LIMITS } = await importSource('src/worker/data/dataset.ts');
const { ENGINE_CHOICES } = await importSource('src/protocol/engines.ts');
const { RECIPES, RECIPE_NAMES } = await importSource('src/recipe/recipes.ts');
const { REPAIRS, readRepairs, writeRepairs } = await importSource('src/recipe/repairs.ts');
const { differingSettings, resolveSettings } = await importSource('src/protocol/check-settings.ts');

const ENGINE_NOTES = {
  auto: 'the faster of webgpu and wasm, measured, on a real GPU, else wasm',
  webgpu: 'the fused engine on WebGPU',
  wasm: "this project's own kernels, on the CPU",
  'tfjs-webgpu': 'TensorFlow.js on WebGPU',
  'tfjs-webgl': 'TensorFlow.js on WebGL',
  'tfjs-wasm': 'TensorFlow.js on WebAssembly, on the CPU',
  'tfjs-cpu': 'TensorFlow.js in plain JavaScript, very slow',
};

const REPAIR_NOTES = {
  statistics: 'batch statistics of a whole batch of labelled images instead of a tenth of one',
  logsumexp: "real or fake by the logsumexp of the classes' logits instead of one more logit",
  'feature-matching': "feature matching in the generator's loss",
  beta1: 'beta1 of both networks 0.5, unless it is given',
  average: 'evaluation by averaged weights',
  kernels: "the generator's kernels divide by their stride",
};

const SETTING_NOTES = {
  recipe: 'what is trained, see below',
  engine: 'what computes it, see below',
  seed: 'key of every random draw',
  steps: 'updates in all; with --resume the new total',
  labels: 'training images whose label is used',
  balanced: 'the same number of labelled images of each digit',
  batch: "images a step, which the recipe's groups of rows are shares of",
  evalEvery: 'steps between evaluations on the test images; 0: only after the last',
  discriminatorLr: "the discriminator's learning rate",
  discriminatorBeta1: 'its first Adam decay',
  discriminatorBeta2: 'its second Adam decay',
  generatorLr: "the generator's learning rate",
  generatorBeta1: 'its first Adam decay',
  generatorBeta2: 'its second Adam decay',
  dropout: 'dropout rate while training',
  repairs: 'what is mended of the notebook, see below',
  threads: 'compute threads of the engine wasm; 0: one less than there are cores, 8 at most',
  subgroups: 'let the engine webgpu add up by subgroups, where the adapter has them; other last bits',
  float16:
    'let the engine webgpu store activations as float16, where the adapter has it; other values from the fourth digit on',
};

const NEGATION_NOTES = {
  balanced: 'labelled images as they are drawn, of whichever digits',
};

const COMMAND_OPTIONS = {
  out: {
    type: 'string',
    value: 'FOLDER',
    note: 'where run.json, metrics.jsonl, samples.png and the checkpoint go',
  },
  resume: {
    type: 'string',
    value: 'FOLDER|FILE',
    note: 'go on from a folder in place, or from a checkpoint file into --out',
  },
  force: { type: 'boolean', note: 'overwrite the run in an existing folder' },
  ...DATA_OPTIONS,
  export: {
    type: 'boolean',
    note: 'also write every network as a TensorFlow.js LayersModel, into FOLDER/model',
  },
  help: { type: 'boolean', note: 'this text' },
};

export function toOptionName(setting) {
  return setting.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** How a command line gives a setting this value. */
export function settingWords(setting, value) {
  const name = toOptionName(setting);
  if (typeof value !== 'boolean') return `--${name} ${value}`;
  return value ? `--${name}` : `--no-${name}`;
}

/** Whether a recipe has it unless told. */
function isEverOn(setting) {
  return RECIPE_NAMES.some((name) => defaultSettings(name)[setting] === true);
}

function optionsOf([setting, value]) {
  const name = toOptionName(setting);
  if (typeof value !== 'boolean') return [[name, { type: 'string', setting }]];
  const on = [name, { type: 'boolean', setting }];
  // `parseArgs` of Node 20.11 knows no negation.
  return isEverOn(setting) ? [on, [`no-${name}`, { type: 'boolean', setting, isNegation: true }]] : [on];
}

/** Options of the settings, with their types and the settings' names; one that switches off what another switches on. */
const SETTING_OPTIONS = Object.fromEntries(Object.entries(DEFAULT_SETTINGS).flatMap(optionsOf));

/** The one text for these repairs; what names none is for the check of settings to refuse. */
function toRepairs(given) {
  const repairs = readRepairs(given);
  return repairs === null ? given : writeRepairs(repairs);
}

/** The value of a setting's option: a number where the text is one; other text is for the check of settings to name. */
function toValue(setting, given) {
  if (typeof given === 'boolean') return given;
  if (setting === 'repairs') return toRepairs(given);
  return Object.hasOwn(SETTING_RANGES, setting) ? parseNumber(given) : given;
}

function resolve(given) {
  try {
    return resolveSettings(given);
  } catch (error) {
    throw new UsageError(error.message, { cause: error });
  }
}

/**
 * Refuses settings that the worker would refuse, in its words, and repairs of a recipe that has none; returns all
 * settings, with defaults.
 */
export function checkSettings(given) {
  const settings = resolve(given);
  const { recipe, repairs } = settings;
  if (given.repairs === undefined || hasRepairs(recipe) || given.repairs === repairs) return settings;
  throw new UsageError(
    `--repairs ${given.repairs} means nothing to the recipe ${recipe}; recipes with repairs: ` +
      `${RECIPE_NAMES.filter(hasRepairs).join(', ')}.`,
  );
}

/** Images for validation; undefined where none were asked for. */
export function parseValidation(text) {
  return parseWholeNumber('validation', text, 1, DATA_LIMITS.test.max);
}

/**
 * Options from the command line: `given` holds the settings that were named, and only those; the
 * rest are the command's own. Throws a UsageError for an unknown option or a bad value.
 */
export function parseTrainOptions(args) {
  const { given, own } = parseCommand('train', args, SETTING_OPTIONS, COMMAND_OPTIONS);
  // Of which recipe a checkpoint is, it says itself.
  if (own.resume === undefined) checkSettings(given);
  else resolve(given);
  const validation = parseValidation(own.validation);
  return { given, ...own, ...(validation !== undefined && { validation }) };
}

/**
 * Refuses settings that contradict the checkpoint's. The total of steps and the engine may change:
 * they say how far and where a run goes on, not what it is.
 */
export function checkAgainstCheckpoint(given, settings) {
  for (const [setting, value] of Object.entries(given)) {
    if (setting === 'steps' || setting === 'engine' || value === settings[setting]) continue;
    throw new UsageError(
      `${settingWords(setting, value)} contradicts the checkpoint, whose ${setting} is ${settings[setting]}: ` +
        'leave it out to go on, or start a new run without --resume.',
    );
  }
}

/** The options of those settings that `isOption` says yes to. */
export function settingOptions(isOption) {
  return Object.fromEntries(Object.entries(SETTING_OPTIONS).filter(([, { setting }]) => isOption(setting)));
}

/**
 * What a command line gives: `given` holds the settings that were named, and only those, `own` the values of the
 * command's own options. Throws a UsageError.
 */
export function parseCommand(command, args, settings, commandOptions, env) {
  const all = { ...settings, ...commandOptions };
  const options = Object.entries(all).map(([name, { type, multiple = false }]) => [name, { type, multiple }]);
  const values = parseOptions(command, args, Object.fromEntries(options), env);
  const given = {};
  const own = {};
  for (const [name, value] of Object.entries(values)) {
    const { setting, isNegation = false } = all[name];
    if (setting === undefined) {
      own[name] = value;
      continue;
    }
    if (Object.hasOwn(given, setting)) {
      const option = toOptionName(setting);
      throw new UsageError(`--${option} and --no-${option} exclude each other: leave one out.`);
    }
    given[setting] = isNegation ? !value : toValue(setting, value);
  }
  return { given, own };
}

/** Lines of a help text about a command's own options. */
export function optionTable(options) {
  return table(
    Object.entries(options).map(([name, { value, note }]) => [
      `--${name}${value === undefined ? '' : ` ${value}`}`,
      note,
    ]),
  );
}

/** Lines of a help text: names and notes in two columns. */
export function table(rows) {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, note]) => `  ${name.padEnd(width)}  ${note}`).join('\n');
}

/** What gives name and note of a setting's option, for a command with these defaults. */
export function settingDescriber(defaults) {
  return ([option, { type, setting, isNegation = false }]) => {
    if (isNegation) return [`--${option}`, NEGATION_NOTES[setting]];
    const range = SETTING_RANGES[setting];
    const allowed = range === undefined ? '' : `, ${range.min} to ${range.max}`;
    const byDefault = type === 'boolean' ? '' : ` (default ${defaults[setting]}${allowed})`;
    const word = setting === 'repairs' ? ' LIST' : ' NAME';
    const value = type === 'boolean' ? '' : range === undefined ? word : ' N';
    return [`--${option}${value}`, `${SETTING_NOTES[setting]}${byDefault}`];
  };
}

/** Name and note of a setting's option, with the general default. */
export const describeSetting = settingDescriber(DEFAULT_SETTINGS);

/** Name and note of a recipe. */
export function describeRecipe(name) {
  const own = defaultSettings(name);
  const defaults = differingSettings(own, DEFAULT_SETTINGS)
    .filter((key) => key !== 'recipe')
    .map((key) => settingWords(key, own[key]));
  return [name, RECIPES[name].summary + (defaults.length === 0 ? '' : ` (default ${defaults.join(' ')})`)];
}

/** What repairs there are, as a part of a help text. */
export function repairsHelp() {
  return `Repairs, of ${RECIPE_NAMES.filter(hasRepairs).join(', ')}: all, none, or some with commas between them:
${table(REPAIRS.map((repair) => [repair, REPAIR_NOTES[repair]]))}`;
}

/** The engines in two columns. */
export function engineTable() {
  return table(ENGINE_CHOICES.map((name) => [name, ENGINE_NOTES[name]]));
}

export function trainHelp() {
  return `npm run train -- --out runs/a [options]
npm run train -- --resume runs/a [--steps N]

Trains without a window, in headless Chromium, on the same worker as the page. Into --out go run.json,
metrics.jsonl, samples.png and checkpoint.safetensors, renewed at every evaluation. Ctrl-C ends with a
checkpoint.

The command:
${optionTable(COMMAND_OPTIONS)}

Settings:
${table(Object.entries(SETTING_OPTIONS).map(describeSetting))}

Recipes:
${table(RECIPE_NAMES.map(describeRecipe))}

${repairsHelp()}

Engines:
${engineTable()}`;
}
