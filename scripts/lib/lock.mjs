/**
 * A lock between processes: a file that holds the owner's process id. A lock whose owner is gone is
 * taken over. Imports only `node:`.
 */

import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 100;

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

async function tryTake(lockPath) {
  let handle;
  try {
    handle = await open(lockPath, 'wx');
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
  await handle.writeFile(String(process.pid));
  await handle.close();
  return true;
}

async function removeIfStale(lockPath) {
  const owner = Number(await readFile(lockPath, 'utf8').catch(() => ''));
  // An empty file belongs to a process that is about to write its id.
  if (owner === 0 || isAlive(owner)) return;
  // Renamed first: of several processes that saw the dead owner only one can move the file away.
  const aside = `${lockPath}.${process.pid}`;
  await rename(lockPath, aside).then(
    () => rm(aside, { force: true }),
    () => {},
  );
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
