/**
 * Folders and files in the cache that end with the process that made them, each named after it. What a
 * process left that was killed goes when the next one comes by.
 */

import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { CACHE } from './paths.mjs';
import { hasEnded } from './processes.mjs';

/** What folders of `withTemporaryFolder` are for; a leftover is known by its purpose. */
const PURPOSES = ['unit-tests', 'bench', 'time-to-accuracy'];

const FOLDER = new RegExp(`^(${PURPOSES.join('|')})-(?<pid>\\d+)(-\\w{6})?$`);

/** Where the holder of a lock makes `target` before it is renamed into place. */
export function stagingOf(target) {
  return `${target}.${process.pid}`;
}

async function removeMatching(folder, pattern, isLeftover) {
  const names = await readdir(folder).catch((error) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  for (const name of names) {
    const found = pattern.exec(name);
    if (found === null || !(await isLeftover(Number(found.groups.pid)))) continue;
    await rm(path.join(folder, name), { recursive: true, force: true });
  }
}

/** For the holder of the lock: removes the stagings of `target`, all of them left by dead processes. */
export async function removeStagings(target) {
  const name = path.basename(target).replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  await removeMatching(path.dirname(target), new RegExp(`^${name}\\.(?<pid>\\d+)$`), () => true);
}

/** Removes what killed processes left of `withTemporaryFolder` and `withCountsFile`. */
export async function removeLeftovers(cache = CACHE) {
  const isLeftover = (pid) => hasEnded(pid, null);
  await removeMatching(cache, FOLDER, isLeftover);
  await removeMatching(path.join(cache, 'counts'), /^\w+-(?<pid>\d+)\.json$/, isLeftover);
}

/** Runs `work` with a folder of its own in the cache, removed when it is done. `purpose` is one of those above. */
export async function withTemporaryFolder(purpose, work) {
  if (!PURPOSES.includes(purpose))
    throw new Error(`No leftover of "${purpose}" would be removed: name it above.`);
  await mkdir(CACHE, { recursive: true });
  await removeLeftovers();
  const folder = await mkdtemp(path.join(CACHE, `${purpose}-${process.pid}-`));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs `work` with the path of a file in the cache that another process writes, removed when it is done. */
export async function withCountsFile(name, work) {
  const file = path.join(CACHE, 'counts', `${name}-${process.pid}.json`);
  await mkdir(path.dirname(file), { recursive: true });
  await removeLeftovers();
  try {
    return await work(file);
  } finally {
    await rm(file, { force: true });
  }
}
