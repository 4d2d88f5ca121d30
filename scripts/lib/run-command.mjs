/** Runs a command of an installed package or of Node, its output shown as it comes. */

import { spawn } from 'node:child_process';
import { ROOT, inRoot } from './paths.mjs';

/** Exit code of `node ...args` in the repository root; 1 where a signal ended it. */
export function runNode(args, env = {}) {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

/** Exit code of an installed package's command, given by the file that implements it. */
export function runPackage(file, args, env) {
  return runNode([inRoot('node_modules', file), ...args], env);
}
