/**
 * Writes the whole site for a static host. Such a host often cannot send headers, so every page gets the
 * service worker that isolates it.
 */

import { cp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { CommandError } from './command-error.mjs';
import { makeFolders } from './make-folders.mjs';
import { writeData } from './write-data.mjs';

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));

/** Of a built site, what is written by itself and what only a command of the repository uses. */
const LEFT_OUT = ['data', 'headless.html'];

/** The elements that take the attribute. */
const ELEMENTS = /<(sgan-trainer|sgan-benchmark)(?=[\s>])/g;

async function checkFolder(folder) {
  const names = await readdir(folder).catch((error) => {
    if (error.code === 'ENOENT') return [];
    if (error.code === 'ENOTDIR') throw new CommandError(`${folder} is a file; name a folder.`);
    throw error;
  });
  if (names.length > 0) {
    throw new CommandError(
      `${folder} is not empty ("${names[0]}" is in it); name a new folder or an empty one.`,
    );
  }
}

async function isolatePages(folder) {
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.html')) continue;
    const file = path.join(folder, name);
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replaceAll(ELEMENTS, '<$1 isolation-url="./isolation-worker.js"'));
  }
}

/** Writes it into `folder`, which has to be empty or missing; without data where `hasData` is false. */
export async function writeSite(folder, { hasData }) {
  await stat(path.join(DIST, 'index.html')).catch(() => {
    throw new CommandError(`${DIST} holds no site; run "npm run build" first.`);
  });
  await checkFolder(folder);
  await makeFolders(folder);
  // First, since it may fail: a folder with half of it would be in the way of the next try.
  if (hasData) await writeData(path.join(folder, 'data'));
  await cp(DIST, folder, {
    recursive: true,
    filter: (source) => !LEFT_OUT.includes(path.relative(DIST, source)),
  });
  await isolatePages(folder);
}
