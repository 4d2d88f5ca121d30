/**
 * Locks between processes. A lock is a folder that holds `owner.json`, renamed into place whole, so of
 * several processes one succeeds and a reader never meets half a lock. Imports only `node:`.
 *
 * A lock whose owner has ended is removed by one process only: the one that holds a second lock, named
 * after the very record that was read, and finds that record still there. Every record is unique, so a
 * process that read it long ago finds another one and leaves it alone. That second lock is an ordinary
 * one, and so survives the death of its owner alike.
 *
 * What lies in a lock's place and was not written here, a person's own file say, is never touched.
 */

import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { interruptionSignal } from './interruption.mjs';
import { hasEnded, startOf } from './processes.mjs';

const POLL_MS = 100;

/** A wait shorter than this is not worth a line. */
const SILENT_MS = 1000;

/** Each try but the last met a lock that another process gave back meanwhile; so many do not happen. */
const MOST_TRIES = 1000;

const RECORD = 'owner.json';

/** A rename onto a lock: what POSIX systems say, and what Windows says for a folder that exists. */
const TAKEN = ['ENOTEMPTY', 'EEXIST', 'ENOTDIR'];
const TAKEN_OR_FORBIDDEN = ['EPERM', 'EACCES'];

/** Something lies in the place of a lock that is none: a person's own file or folder. */
export class ForeignLockError extends Error {
  name = 'ForeignLockError';

  constructor(lockPath, options) {
    super(
      `${lockPath} is in the way of a lock, but is none that a command wrote, so it is not removed. Move it away.`,
      options,
    );
  }
}

let ownStart;

async function makeRecord() {
  ownStart ??= startOf(process.pid);
  const owner = { pid: process.pid, start: await ownStart, host: os.hostname(), token: randomUUID() };
  return JSON.stringify(owner);
}

/** A name beside the lock that no other process and no other try uses. */
function besideLock(lockPath) {
  return `${lockPath}.${process.pid}-${randomUUID().slice(0, 8)}`;
}

/** Puts the record in place as the lock; false where there is one already. */
async function tryPut(lockPath, record) {
  const staging = besideLock(lockPath);
  await mkdir(staging);
  try {
    await writeFile(path.join(staging, RECORD), record);
    await rename(staging, lockPath);
    return true;
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    if (TAKEN.includes(error.code)) return false;
    if (process.platform === 'win32' && TAKEN_OR_FORBIDDEN.includes(error.code)) return false;
    throw error;
  }
}

/** The record of the lock as text; null where there is no lock. Throws a ForeignLockError where a file lies there. */
async function readRecord(lockPath) {
  try {
    return await readFile(path.join(lockPath, RECORD), 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    if (['ENOTDIR', 'EISDIR'].includes(error.code)) throw new ForeignLockError(lockPath, { cause: error });
    throw error;
  }
}

/** The owner that a record names; null for text that no process of this version wrote. */
function parseRecord(text) {
  try {
    const { pid, start, host } = JSON.parse(text);
    return Number.isInteger(pid) && pid > 0 && typeof host === 'string' ? { pid, start, host } : null;
  } catch {
    return null;
  }
}

async function hasOnlyRecord(folder) {
  const names = await readdir(folder);
  return names.every((name) => name === RECORD);
}

/** Whether a record of nobody is what a crash of the machine leaves of a lock: nothing was written yet. */
async function isBlankLock(lockPath, record) {
  // Gone again, it is none of a person's.
  return /^\0*$/.test(record) && hasOnlyRecord(lockPath).catch(() => true);
}

/** Processes of another machine cannot be looked at, so theirs count as running. */
async function isGone(owner) {
  if (owner === null) return true;
  return owner.host === os.hostname() && (await hasEnded(owner.pid, owner.start));
}

/** Removes a folder that held a record, unless it holds anything else. */
async function removeRecord(folder) {
  if (!(await hasOnlyRecord(folder))) return;
  await rm(path.join(folder, RECORD), { force: true });
  await rmdir(folder);
}

/** Renamed first: the lock is never seen without its record. */
async function removeLock(lockPath) {
  const aside = besideLock(lockPath);
  await rename(lockPath, aside);
  await removeRecord(aside);
}

/** Whether a name is the lock's or one of those beside it that taking it and giving it back make. */
export function isLockName(name, lockName) {
  if (!name.startsWith(lockName)) return false;
  return /^(\.stale-[\da-f]{12})*(\.\d+-[\da-f]{8})?$/.test(name.slice(lockName.length));
}

/** Removes the lock if it still has this record, of an owner that is gone; else the one who is at it. */
async function removeStale(lockPath, record) {
  const digest = createHash('sha256').update(record).digest('hex').slice(0, 12);
  const { owner, release } = await tryLock(`${lockPath}.stale-${digest}`);
  if (release === undefined) return owner;
  try {
    if ((await readRecord(lockPath)) === record) await removeLock(lockPath);
  } finally {
    await release();
  }
  return null;
}

/** What processes left beside the lock that ended in the middle of taking it or giving it back. */
async function removeLeftovers(lockPath) {
  const folder = path.dirname(lockPath);
  const prefix = `${path.basename(lockPath)}.`;
  for (const name of await readdir(folder)) {
    if (!name.startsWith(prefix)) continue;
    const file = path.join(folder, name);
    const [, pid] = /^(\d+)-[\da-f]{8}$/.exec(name.slice(prefix.length)) ?? [];
    if (pid !== undefined && (await hasEnded(Number(pid), null))) {
      await removeRecord(file).catch(() => {});
    } else if (/^stale-[\da-f]{12}$/.test(name.slice(prefix.length))) {
      const { release } = await tryLock(file).catch(() => ({}));
      await release?.();
    }
  }
}

/**
 * Takes the lock if it is free or its owner is gone. Returns `release`, which gives it back if it is
 * still this one; or `owner`, who holds it: `pid` and `host`. The lock's folder must exist. Throws a ForeignLockError
 * where something else lies in its place.
 */
export async function tryLock(lockPath) {
  const mine = await makeRecord();
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const record = await readRecord(lockPath);
    if (record === null) {
      if (!(await tryPut(lockPath, mine))) continue;
      const release = async () => {
        // A person may have removed it, and put something else there.
        if ((await readRecord(lockPath).catch(() => null)) === mine) await removeLock(lockPath);
      };
      // Litter beside a lock is no reason to refuse it.
      await removeLeftovers(lockPath).catch(() => {});
      return { release };
    }
    const owner = parseRecord(record);
    if (owner === null && !(await isBlankLock(lockPath, record))) throw new ForeignLockError(lockPath);
    if (!(await isGone(owner))) return { owner };
    const remover = await removeStale(lockPath, record);
    if (remover !== null) return { owner: remover };
  }
  throw new ForeignLockError(lockPath);
}

/** Who holds a lock, in words. */
export function describeOwner({ pid, host }) {
  return `process ${pid}${host === os.hostname() ? '' : ` on ${host}`}`;
}

/**
 * Runs `work` while holding the lock. Waits for another holder, which `log` is told after a moment; a
 * wish to stop, or `signal`, ends the wait and rejects with its reason.
 */
export async function withLock(lockPath, work, { log = console.error, signal = interruptionSignal } = {}) {
  await mkdir(path.dirname(lockPath), { recursive: true });
  const sinceMs = performance.now();
  let hasSaidSo = false;
  for (;;) {
    signal.throwIfAborted();
    const { owner, release } = await tryLock(lockPath);
    if (release !== undefined) {
      try {
        return await work();
      } finally {
        await release();
      }
    }
    if (!hasSaidSo && performance.now() - sinceMs >= SILENT_MS) {
      hasSaidSo = true;
      log(`Waiting for ${describeOwner(owner)}, which holds ${lockPath} (Ctrl-C ends the wait) …`);
    }
    await delay(POLL_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}
