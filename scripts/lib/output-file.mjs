/** Files and folders that a command writes at its end, asked for before its long part. */

import { constants } from 'node:fs';
import { access, mkdtemp, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { makeFolders } from '../../bin/lib/make-folders.mjs';
import { UsageError } from './main.mjs';

/** Makes the folder of a file that is to be written; throws a UsageError where that cannot be done. */
export async function prepareOutput(option, file) {
  const folder = path.dirname(file);
  try {
    await makeFolders(folder);
    const found = await stat(file).catch(() => null);
    if (found?.isDirectory()) throw new Error('it is a folder');
    await access(found === null ? folder : file, constants.W_OK);
  } catch (error) {
    throw new UsageError(`--${option} ${file} cannot be written (${error.message}). Name another file.`, {
      cause: error,
    });
  }
}

/** Makes a folder that files are to be written into; throws a UsageError where that cannot be done. */
export async function prepareFolder(option, folder) {
  try {
    await makeFolders(folder);
    // Permissions alone do not tell of a file system that is read-only.
    await rmdir(await mkdtemp(path.join(folder, '.writable-')));
  } catch (error) {
    throw new UsageError(
      `--${option} ${folder} cannot be written into (${error.message}). Name another folder.`,
      {
        cause: error,
      },
    );
  }
}
