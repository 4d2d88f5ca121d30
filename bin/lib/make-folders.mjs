/** Makes a folder and those above it. */

import { existsSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';

/**
 * Makes what is missing of a path of folders; returns the first that was, undefined where none was. Not by mkdir's own
 * `recursive`, which never ends in a file system that takes no folders, as /proc (Node 22 and before).
 */
export async function makeFolders(folder) {
  const missing = [];
  for (let at = folder; !existsSync(at); at = path.dirname(at)) missing.unshift(at);
  for (const each of missing) {
    await mkdir(each).catch((error) => {
      // Another process was faster.
      if (error.code !== 'EEXIST' || !statSync(each, { throwIfNoEntry: false })?.isDirectory()) throw error;
    });
  }
  return missing[0];
}
