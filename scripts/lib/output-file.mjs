/** Files that a command writes at its end, asked for before its long part. */

import { constants } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { UsageError } from './main.mjs';

/** Makes the folder of a file that is to be written; throws a UsageError where that cannot be done. */
export async function prepareOutput(option, file) {
  const folder = path.dirname(file);
  try {
    await mkdir(folder, { recursive: true });
    const found = await stat(file).catch(() => null);
    if (found?.isDirectory()) throw new Error('it is a folder');
    await access(found === null ? folder : file, constants.W_OK);
  } catch (error) {
    throw new UsageError(`--${option} ${file} cannot be written (${error.message}). Name another file.`, {
      cause: error,
    });
  }
}
