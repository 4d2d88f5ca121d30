/**
 * Wishes to stop this process: Ctrl-C, SIGTERM, a closed terminal, an output that nobody reads any
 * more, an npm that has gone. They end a command at once, or, where the command heeds them, are
 * told to it; then a second Ctrl-C or SIGTERM ends it at once. Imports only `node:`.
 */

import { constants } from 'node:os';
import { watchForLostNpm } from './lost-npm.mjs';

/**
 * npm hands a Ctrl-C on to a script that has had it from the terminal already: two signals this close
 * are one wish.
 */
const SAME_WISH_MS = 1000;

/** Not among Windows' signals. */
const SIGPIPE = 13;

const CLOSED_OUTPUT = ['EPIPE', 'EIO'];

const controller = new AbortController();

/** Aborts at the first wish that is heeded; what waits should end with it. */
export const interruptionSignal = controller.signal;

const found = { signal: null, exitCode: 0, sinceMs: 0, isHeeded: false };

/** The first wish: the signal's name, null before; and the exit code of a process that it ended. */
export function interruption() {
  const { signal, exitCode } = found;
  return { signal, exitCode };
}

function exitCodeOf(signal) {
  return 128 + (constants.signals[signal] ?? SIGPIPE);
}

function wish(signal) {
  if (!found.isHeeded) process.exit(exitCodeOf(signal));
  if (found.signal !== null) return;
  Object.assign(found, { signal, exitCode: exitCodeOf(signal), sinceMs: performance.now() });
  controller.abort(new Error(`Interrupted by ${signal}.`));
}

/** A wish that a person may repeat, to have it at once. */
function wishOnceMore(signal) {
  const isRepeated = found.signal !== null && performance.now() - found.sinceMs > SAME_WISH_MS;
  if (isRepeated) process.exit(exitCodeOf(signal));
  wish(signal);
}

/** What every command does: it ends when npm is gone, or when nobody reads what it prints. */
export function watchSurroundings() {
  void watchForLostNpm(() => wish('SIGTERM'));
  process.stdout.on('error', (error) => {
    if (!CLOSED_OUTPUT.includes(error.code)) throw error;
    wish('SIGPIPE');
  });
  // What could be said of it would go there.
  process.stderr.on('error', () => {});
}

/** From now on a wish to stop is told through `interruptionSignal`, and the process goes on. */
export function heedInterruptions() {
  found.isHeeded = true;
  process.on('SIGINT', wishOnceMore);
  process.on('SIGTERM', wishOnceMore);
  // Of a closed terminal several processes tell; nobody is there to repeat it.
  process.on('SIGHUP', wish);
}
