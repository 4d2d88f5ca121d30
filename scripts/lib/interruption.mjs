/** Ctrl-C and SIGTERM as a wish to stop well; a second one as a wish to stop now. */

import { constants } from 'node:os';

/**
 * npm hands a Ctrl-C on to a script that has had it from the terminal already: two signals this close
 * are one wish.
 */
const SAME_WISH_MS = 1000;

const PARENT_POLL_MS = 500;

/**
 * Calls `onLost` once the shell that npm runs a script in is gone. A signal that reaches npm alone ends
 * npm and that shell, and leaves the script behind; a script started without npm may outlive its parent.
 */
function watchForLostNpm(onLost) {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onLost();
  }, PARENT_POLL_MS);
  timer.unref();
}

/**
 * Calls `onFirst(signal)` at the first SIGINT or SIGTERM and ends the process at a second. `signal` is
 * the first one's name, null before; `exitCode` is what a process that it ended has by convention.
 */
export function listenForInterruption(onFirst) {
  const interruption = { signal: null, exitCode: 0 };
  let firstMs = 0;
  const listener = (signal) => {
    const exitCode = 128 + constants.signals[signal];
    if (interruption.signal === null) {
      Object.assign(interruption, { signal, exitCode });
      firstMs = performance.now();
      onFirst(signal);
    } else if (performance.now() - firstMs > SAME_WISH_MS) process.exit(exitCode);
  };
  process.on('SIGINT', listener);
  process.on('SIGTERM', listener);
  watchForLostNpm(() => {
    if (interruption.signal === null) listener('SIGTERM');
  });
  return interruption;
}
