/** Command-line options of the scripts: every wrong one is one clear line. */

import { parseArgs } from 'node:util';
import { commandLine } from './invocation.mjs';
import { UsageError } from './main.mjs';
import { importSource } from './source-modules.mjs';

const { parseTyped } = await importSource('src/ui/settings/parse-typed.ts');

/** Node's message without its advice on arguments that no script here takes. */
function describeParseError({ message }) {
  const ambiguous = /^Option '(.*)' argument is ambiguous/.exec(message);
  if (ambiguous !== null)
    return `Option '${ambiguous[1]}' needs a value, and one that begins with a dash after "=".`;
  return `${message.split(/\. |\n/)[0].replace(/\.$/, '')}.`;
}

/**
 * Options that npm has too, or that it hands on to what it runs (node-gyp takes `jobs` and `python`): a person may have
 * them in an .npmrc, for all projects.
 */
const NPM_OPTIONS = ['force', 'help', 'browser', 'jobs', 'python', 'json'];

/** An option that stood before `--`: npm took it and tells of it in the environment only. */
function findKeptByNpm(options, env) {
  return Object.keys(options)
    .filter((name) => !NPM_OPTIONS.includes(name))
    .find((name) => {
      const [, negated] = /^no-(.*)/.exec(name) ?? [];
      const value = env[`npm_config_${(negated ?? name).replaceAll('-', '_')}`];
      return negated === undefined ? value !== undefined : value === '';
    });
}

function seeHelp(script) {
  return `See ${commandLine(script, ['--help'])}.`;
}

/** No option means anything without its value: an empty one is a variable that was never set. */
function checkValues(script, values) {
  for (const [name, value] of Object.entries(values)) {
    const isEmpty = [value].flat().some((given) => typeof given === 'string' && given.trim() === '');
    if (isEmpty) throw new UsageError(`--${name} has an empty value. ${seeHelp(script)}`);
  }
}

/**
 * Parses `args` by Node's `parseArgs`; `script` names the npm script for the messages. npm keeps
 * options that stand before `--` for itself and hands on at most their values, so an option found in
 * the environment and a stray argument are both a missing `--`.
 */
export function parseOptions(script, args, options, env = process.env) {
  const kept = findKeptByNpm(options, env);
  if (kept !== undefined) {
    throw new UsageError(
      `npm has kept --${kept} for itself: write the options after "--", as in ${commandLine(script, [`--${kept}`])}.`,
    );
  }
  let parsed;
  try {
    parsed = parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`${describeParseError(error)} ${seeHelp(script)}`);
  }
  const [stray] = parsed.positionals;
  if (stray !== undefined) {
    throw new UsageError(
      `"${stray}" belongs to no option. npm keeps the options that stand before "--" for itself: ` +
        `write the options after it, as in ${commandLine(script, ['--option', stray])}.`,
    );
  }
  checkValues(script, parsed.values);
  return parsed.values;
}

/** The number that a text says, as the page's form reads it: `20.000`, which may be twenty, is none, and stays text. */
export function parseNumber(text) {
  return parseTyped(text);
}

/** A whole number in a range, from text; undefined stays undefined. */
export function parseWholeNumber(name, text, min, max) {
  if (text === undefined) return undefined;
  const value = parseNumber(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new UsageError(`--${name} is "${text}"; allowed are whole numbers from ${min} to ${max}.`);
}

/** The values of a comma-separated list, each among `allowed`; `all` stands for every one of them. */
export function parseList(name, text, allowed) {
  const values = text === 'all' ? allowed : text.split(',');
  const unknown = values.find((value) => !allowed.includes(value));
  if (unknown === undefined) return values;
  throw new UsageError(`--${name} is "${unknown}"; allowed are ${allowed.join(', ')} and all.`);
}

/** Throws where there is no recipe or no engine of these names. */
export async function checkNames({ recipe, engine }) {
  const { RECIPE_NAMES } = await importSource('src/recipe/recipes.ts');
  const { ENGINE_CHOICES } = await importSource('src/protocol/engines.ts');
  for (const [option, name, allowed] of [
    ['recipe', recipe, RECIPE_NAMES],
    ['engine', engine, ENGINE_CHOICES],
  ]) {
    if (allowed.includes(name)) continue;
    throw new UsageError(`--${option} is "${name}"; allowed are ${allowed.join(', ')}.`);
  }
}
