/**
 * A lock between processes: a file that holds the owner's process id. A lock whose owner is gone is
 * taken over. Imports only `node:`.
 */

import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 100;

/** A file still empty after this long was left by a process that ended before it wrote its id. */
const UNSIGNED_MS = 5000;

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

async function tryTake(lockPath) {
  try {
    await writeFile(lockPath, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

async function isStale(lockPath) {
  const [text, found] = await Promise.all([readFile(lockPath, 'utf8'), stat(lockPath)]);
  return text === '' ? Date.now() - found.mtimeMs > UNSIGNED_MS : !isAlive(Number(text));
}

async function removeIfStale(lockPath) {
  try {
    if (!(await isStale(lockPath))) return;
    // Renamed first: of several processes that see a dead owner only one can move the file away.
    const aside = `${lockPath}.${process.pid}`;
    await rename(lockPath, aside);
    await rm(aside, { force: true });
  } catch (error) {
    // Given back meanwhile, by its owner or by another that saw it was stale.
    if (error.code !== 'ENOENT') throw error;
  }
}

/** Runs `work` while holding the lock; waits for another holder, saying so once through `log`. */
export async function withLock(lockPath, work, log = () => {}) {
  await mkdir(path.dirname(lockPath), { recursive: true });
  let hasSaidSo = false;
  while (!(await tryTake(lockPath))) {
    await removeIfStale(lockPath);
    if (!hasSaidSo) log(`waiting for another process that holds ${lockPath}`);
    hasSaidSo = true;
    await delay(POLL_MS);
  }
  try {
    return await work();
  } finally {
    await rm(lockPath, { force: true });
  }
}
