/** Commands of this machine: where they are, and processes that end with a test. */

import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The first of these commands that there is, by name in PATH or by path; undefined where there is none. */
export function findCommand(...names) {
  const folders = (process.env.PATH ?? '').split(path.delimiter).filter((folder) => folder !== '');
  return names
    .flatMap((name) => (path.isAbsolute(name) ? [name] : folders.map((folder) => path.join(folder, name))))
    .find(isExecutable);
}

/** Starts a process; `end` kills it and resolves when it is gone. What it says comes with an error. */
export function startProcess(command, args, { env = {}, stdio = [] } = {}) {
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe', ...stdio],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (text) => (output = (output + text).slice(-4000)));
  }
  const ended = new Promise((resolve) => {
    child.once('error', resolve);
    child.once('close', resolve);
  });
  return {
    child,
    ended,
    get output() {
      return output;
    },
    end: async () => {
      child.kill();
      await ended;
    },
  };
}
