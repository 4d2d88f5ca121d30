/** What the system tells of its processes: whether one still runs, its parent, its command. Imports only `node:`. */

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

async function describeOnLinux(pid) {
  const [stat, boot, command] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'utf8'),
    readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
    readFile(`/proc/${pid}/cmdline`, 'utf8'),
  ]);
  // The name stands in brackets and may hold any character. Fields 3, 4 and 22 of proc(5).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, parent] = fields;
  const start = `${boot.trim()} ${fields[19]}`;
  return { state, parent: Number(parent), start, command: command.replaceAll('\0', ' ') };
}

async function describeByPs(pid) {
  const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };
  const { stdout } = await run('ps', ['-o', 'stat=,ppid=,lstart=,command=', '-p', String(pid)], { env });
  // lstart: "Sun Nov 29 13:07:39 2026".
  const found = /^(?<state>\S+)\s+(?<parent>\d+)\s+(?<start>(?:\S+\s+){4}\S+)\s+(?<command>.*)$/.exec(
    stdout.trim(),
  );
  const { state, parent, start, command } = found.groups;
  return { state, parent: Number(parent), start, command };
}

/** State, parent, start and command of a process; null where it has gone, or Windows does not tell. */
export async function describeProcess(pid) {
  if (process.platform === 'win32') return null;
  return (process.platform === 'linux' ? describeOnLinux : describeByPs)(pid).catch(() => null);
}

/** When a process started, in words that only compare equal for the same process; null where untold. */
export async function startOf(pid) {
  return (await describeProcess(pid))?.start ?? null;
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
  const found = await describeProcess(pid);
  if (found === null) return false;
  // A zombie computes no more; its parent may never ask for its exit code.
  if (/^[ZX]/.test(found.state)) return true;
  return start !== null && found.start !== start;
}
