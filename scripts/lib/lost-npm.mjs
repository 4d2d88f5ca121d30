/**
 * Whether the npm that runs this script is gone. A signal that reaches npm alone may end npm and the
 * shell it runs a script in, and leave the script behind, in its first moments too. Imports only `node:`.
 */

import path from 'node:path';
import { describeProcess } from './processes.mjs';

const POLL_MS = 500;

const RUNNERS = /\b(npm|npx|pnpm|yarn|bun)\b/;

/** On Linux it takes the orphans of a session; elsewhere the first process takes all. */
const SESSION_MANAGER = /\bsystemd\b/;

/** Taken at once: npm may be gone before the script has read its options. */
const parent = process.ppid;

/** A script that another one started, with npm somewhere above, may outlive its parent. */
function isRunByNpm() {
  const { npm_lifecycle_script: script } = process.env;
  return script !== undefined && script.includes(path.basename(process.argv[1] ?? ''));
}

/** Whether a process is one that orphans are given to, and not npm or the shell of its script. */
function isAdopter(pid, found) {
  if (found === null) return false;
  const isOfNpm = found.command.includes(process.env.npm_lifecycle_script) || RUNNERS.test(found.command);
  return !isOfNpm && (pid === 1 || SESSION_MANAGER.test(found.command));
}

/** Calls `onLost` once npm, or the shell it runs this script in, has gone; at once where it had before. */
export async function watchForLostNpm(onLost) {
  if (!isRunByNpm()) return;
  const first = await describeProcess(parent);
  const above = first === null ? null : await describeProcess(first.parent);
  if (process.ppid !== parent || isAdopter(parent, first) || isAdopter(first?.parent, above)) {
    onLost();
    return;
  }
  const isLost = async () => {
    if (process.ppid !== parent) return true;
    // Npm itself, where a shell is between: killed, it leaves the shell to another parent.
    const now = await describeProcess(parent);
    return now !== null && first !== null && now.parent !== first.parent;
  };
  const look = async () => {
    if (await isLost()) onLost();
    else setTimeout(look, POLL_MS).unref();
  };
  setTimeout(look, POLL_MS).unref();
}
