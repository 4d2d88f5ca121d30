/** How every script begins and ends: the right Node and dependencies first, then its work, errors as one clear line. */

import { nodeProblem } from '../../bin/lib/node-version.mjs';
import { ensureInstalled } from './install.mjs';
import { interruption, interruptionSignal, watchSurroundings } from './interruption.mjs';
import { ForeignLockError } from './lock.mjs';

/** An error whose message is all a person needs: a wrong option, a taken folder, a missing browser. */
export class UsageError extends Error {
  name = 'UsageError';
}

/**
 * Installs what is missing, then runs `work`, whose result (a number or nothing) is the exit code.
 * The script's other modules are imported inside `work`, once what they need is there.
 */
export async function main(work) {
  const problem = nodeProblem();
  if (problem !== null) {
    console.error(problem);
    process.exitCode = 1;
    return;
  }
  watchSurroundings();
  try {
    await ensureInstalled();
    process.exitCode = (await work(process.argv.slice(2))) ?? 0;
  } catch (error) {
    // What waited for a lock, say, when the person stopped it.
    const isInterrupted = interruptionSignal.aborted && error === interruptionSignal.reason;
    const isTold = isInterrupted || error instanceof UsageError || error instanceof ForeignLockError;
    console.error(isTold ? error.message : (error?.stack ?? error));
    process.exitCode = isInterrupted ? interruption().exitCode : 1;
  }
}
