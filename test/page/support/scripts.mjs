/** Runs the project's scripts as child processes and listens to what they say. */

import { spawn } from 'node:child_process';
import { inRoot } from '../../../scripts/lib/paths.mjs';
import { makeTinyData } from './tiny-data.mjs';

/** A script that takes longer hangs: it is ended, so that no test waits for it without bound. */
const LIMIT_MS = 300_000;

/** Words about the data of such a run. */
export const TINY_DATA = ['--data', await makeTinyData()];

/** Options of `npm run train` for a run of the notebook that takes next to nothing. */
export const TINY_RUN = [
  ...TINY_DATA,
  ...['--recipe', 'notebook', '--engine', 'wasm', '--threads', '2'],
  ...['--batch', '10'],
];

/** npm's own words for the script that runs this test are not for the ones that it starts. */
function environment(env) {
  const own = Object.entries(process.env).filter(([name]) => !/^npm_|^INIT_CWD$/.test(name));
  return { ...Object.fromEntries(own), ...env };
}

/**
 * Starts `node scripts/NAME.mjs ...args`. `output` is what it has printed so far, `said(pattern)`
 * resolves with the match once that matches (and rejects if the script ends without), `ended` resolves
 * with exit code and output when it has ended and whoever else had its output, too.
 */
export function startScript(name, args, env = {}) {
  return startCommand(process.execPath, [inRoot('scripts', `${name}.mjs`), ...args], { env });
}

/** Starts a command as `startScript` does. */
export function startCommand(command, args, { env = {}, cwd = process.cwd() } = {}) {
  const child = spawn(command, args, { cwd, env: environment(env), stdio: ['ignore', 'pipe', 'pipe'] });
  const script = { child, output: '' };
  const words = [command, ...args].join(' ');
  const listeners = new Set();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (text) => {
      script.output += text;
      for (const listener of listeners) listener();
    });
  }
  script.ended = new Promise((resolve, reject) => {
    child.once('error', reject);
    const limit = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${words} has not ended after ${LIMIT_MS / 1000} s:\n${script.output}`));
    }, LIMIT_MS);
    child.once('close', (code, signal) => {
      clearTimeout(limit);
      resolve({ code, signal, output: script.output });
    });
  });
  // Met by whoever awaits it; a test that failed before has its own error.
  script.ended.catch(() => {});
  script.said = (pattern) =>
    new Promise((resolve, reject) => {
      const listener = () => {
        const match = pattern.exec(script.output);
        if (match === null) return;
        listeners.delete(listener);
        resolve(match);
      };
      listeners.add(listener);
      listener();
      void script.ended.then(
        ({ code, output }) =>
          reject(new Error(`${words} ended with ${code} and never said ${pattern}:\n${output}`)),
        reject,
      );
    });
  return script;
}

/** Exit code and output of a script that ends by itself. */
export function runScript(name, args, env) {
  return startScript(name, args, env).ended;
}
