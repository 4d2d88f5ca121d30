/** Makes a folder and those above it. */

import { existsSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';

/**
 * The folders of a path that there are not, the first first. Throws where not even the root is there: a drive of Windows, say.
 * `system` tells what there is, and whose paths these are.
 */
export function missingFolders(folder, system = { exists: existsSync, dirname: path.dirname }) {
  const missing = [];
  for (let at = folder; !system.exists(at); at = system.dirname(at)) {
    if (system.dirname(at) === at) {
      // As the system's own, by which callers know what to tell.
      const error = new Error(`ENOENT: there is no ${at}`);
      throw Object.assign(error, { code: 'ENOENT', syscall: 'mkdir' });
    }
    missing.unshift(at);
  }
  return missing;
}

/**
 * Makes what is missing of a path of folders; returns the first that was, undefined where none was. Not by mkdir's own
 * `recursive`, which never ends in a file system that takes no folders, as /proc (Node 22 and before).
 */
export async function makeFolders(folder) {
  const missing = missingFolders(folder);
  for (const each of missing) {
    await mkdir(each).catch((error) => {
      // Another process was faster.
      if (error.code !== 'EEXIST' || !statSync(each, { throwIfNoEntry: false })?.isDirectory()) throw error;
    });
  }
  return missing[0];
}
