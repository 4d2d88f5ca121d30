/** Size and time of change of files: whether what was made from them has to be made again. Reads no contents. */

import { readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { ROOT } from './paths.mjs';

/** Of each file among these files and in these folders, by its path; null for what is not there. Paths are from the root. */
export async function readStamps(paths) {
  const stamps = await Promise.all(paths.map(stampsAt));
  return Object.fromEntries(stamps.flat());
}

async function stampsAt(file) {
  const found = await stat(path.resolve(ROOT, file)).catch(() => null);
  if (found === null) return [[file, null]];
  if (!found.isDirectory()) return [[file, [found.size, found.mtimeMs]]];
  const names = await readdir(path.resolve(ROOT, file));
  return (await Promise.all(names.map((name) => stampsAt(path.join(file, name))))).flat();
}

/** Keeps in `file` the paths that were looked at and their stamps, for `hasSameStamps`. */
export async function keepStamps(file, paths, stamps) {
  await writeFile(file, JSON.stringify({ paths, stamps }));
}

/** Whether all that `keepStamps` was told of is as it was, nothing added, nothing gone; false where it was told nothing. */
export async function hasSameStamps(file) {
  const kept = await readKept(file);
  if (kept === null) return false;
  const found = await readStamps(kept.paths);
  return isDeepStrictEqual(found, kept.stamps);
}

async function readKept(file) {
  try {
    const kept = JSON.parse(await readFile(file, 'utf8'));
    return Array.isArray(kept.paths) ? kept : null;
  } catch {
    return null;
  }
}

/** What was kept counts no more. */
export async function forgetStamps(file) {
  await rm(file, { force: true });
}
