/** Whether a process still runs, told from a later one that got its number. Imports only `node:`. */

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Place of the state, and of the start in clock ticks, among the fields after a process' name. */
const STATE_FIELD = 0;
const START_FIELD = 19;

async function startOnLinux(pid) {
  const [stat, boot] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'utf8'),
    readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
  ]);
  // The name stands in brackets and may hold any character.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state: fields[STATE_FIELD], start: `${boot.trim()} ${fields[START_FIELD]}` };
}

async function startByPs(pid) {
  const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };
  const { stdout } = await run('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { env });
  const [state, ...start] = stdout.trim().split(/\s+/);
  return { state, start: start.join(' ') };
}

/** Null where this system does not tell (Windows), or the process has gone meanwhile. */
async function describe(pid) {
  if (process.platform === 'win32') return null;
  return (process.platform === 'linux' ? startOnLinux : startByPs)(pid).catch(() => null);
}

/** When a process started, in words that only compare equal for the same process; null where untold. */
export async function startOf(pid) {
  return (await describe(pid))?.start ?? null;
}

/**
 * Whether the process of this number that started then has surely ended: what is not known counts as
 * running. `start` is what `startOf` gave, null to go by the number alone.
 */
export async function hasEnded(pid, start) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is another user's.
    if (error.code === 'ESRCH') return true;
  }
  const found = await describe(pid);
  if (found === null) return false;
  // A zombie computes no more; its parent may never ask for its exit code.
  if (/^[ZX]/.test(found.state)) return true;
  return start !== null && found.start !== start;
}
