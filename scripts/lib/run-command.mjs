/** Runs a command of an installed package or of Node, its output shown as it comes; it ends with us. */

import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { ROOT, inRoot } from './paths.mjs';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Ends `child` when this process is to end; returns how to leave that off. */
export function endTogether(child) {
  const onExit = () => child.kill();
  const onSignal = (signal) => {
    child.kill(signal);
    process.exitCode = 128 + constants.signals[signal];
    child.once('exit', () => process.exit());
  };
  process.on('exit', onExit);
  for (const signal of SIGNALS) process.once(signal, onSignal);
  return () => {
    process.off('exit', onExit);
    for (const signal of SIGNALS) process.off(signal, onSignal);
  };
}

/** Exit code of `node ...args` in the repository root; 1 where a signal ended it. */
export function runNode(args, env = {}) {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  const leaveOff = endTogether(child);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  }).finally(leaveOff);
}

/** Exit code of an installed package's command, given by the file that implements it. */
export function runPackage(file, args, env) {
  return runNode([inRoot('node_modules', file), ...args], env);
}
