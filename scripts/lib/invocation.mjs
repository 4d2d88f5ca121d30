/**
 * How a command was called: from which folder, and how a person there calls another one. npm runs
 * scripts in the project's folder, wherever the person stands. Imports only `node:`.
 */

import path from 'node:path';
import { ROOT } from './paths.mjs';

/** Words that mean themselves to every POSIX shell. */
const PLAIN_WORD = /^[\w%+:,./@-]+$/;

/** The folder the person stands in. */
export function calledFrom({ env = process.env, cwd = process.cwd() } = {}) {
  const { INIT_CWD: initial, npm_lifecycle_event: script } = env;
  return script !== undefined && initial && cwd === ROOT ? initial : cwd;
}

/** A path from the command line as an absolute one; undefined stays undefined. */
export function resolveGiven(given, call) {
  return given === undefined ? undefined : path.resolve(calledFrom(call), given);
}

/** A word as a POSIX shell takes it for this very text. */
export function quoteWord(text) {
  return PLAIN_WORD.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** A path that no command takes for an option. */
export function pathWord(file) {
  return file.startsWith('-') ? `./${file}` : file;
}

function isInRoot(folder) {
  const relative = path.relative(ROOT, folder);
  return relative === '' || (!relative.startsWith('..') && !path.isAbsolute(relative));
}

/** The command line that goes on with what `args` began: with all its options, since those left out have other defaults. */
export function commandToGoOn(script, args) {
  return commandLine(script, [...args.filter((word) => word !== '--resume'), '--resume']);
}

/** The command line that runs an npm script of ours from where the person stands, quoted. */
export function commandLine(script, words = [], call) {
  const prefix = isInRoot(calledFrom(call)) ? [] : ['--prefix', ROOT];
  const name = script === 'start' ? ['start'] : ['run', script];
  const options = words.length === 0 ? [] : ['--', ...words];
  return ['npm', ...prefix, ...name, ...options].map(quoteWord).join(' ');
}
