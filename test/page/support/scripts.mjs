/** Runs the project's scripts as child processes and listens to what they say. */

import { spawn } from 'node:child_process';

/**
 * Starts `node scripts/NAME.mjs ...args`. `output` is what it has printed so far, `said(pattern)`
 * resolves with the match once that matches (and rejects if the script ends without), `ended` resolves
 * with exit code and output.
 */
export function startScript(name, args, env = {}) {
  const child = spawn(process.execPath, [`scripts/${name}.mjs`, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const script = { child, output: '' };
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
    child.once('close', (code) => resolve({ code, output: script.output }));
  });
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
      void script.ended.then(({ code, output }) =>
        reject(new Error(`scripts/${name}.mjs ended with ${code} and never said ${pattern}:\n${output}`)),
      );
    });
  return script;
}

/** Exit code and output of a script that ends by itself. */
export function runScript(name, args, env) {
  return startScript(name, args, env).ended;
}
