/** MNIST cut short, for runs that are to load and to be evaluated at once. */

import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync, gunzipSync } from 'node:zlib';
import { ensureData } from '../../../scripts/lib/data.mjs';
import { CACHE } from '../../../scripts/lib/paths.mjs';
import { cutIdx } from '../../../scripts/lib/run-data.mjs';

/** Enough for the 900 labelled images of the notebook. */
const TRAIN_IMAGES = 1200;
const TEST_IMAGES = 200;

/** Makes the folder where there is none, in one move, since several files of tests run at once; returns its path. */
export async function makeTinyData() {
  const folder = path.join(CACHE, `tiny-mnist-${TRAIN_IMAGES}-${TEST_IMAGES}`);
  const staging = `${folder}-${process.pid}`;
  const data = await ensureData();
  await mkdir(staging, { recursive: true });
  for (const [set, count] of Object.entries({ train: TRAIN_IMAGES, test: TEST_IMAGES })) {
    for (const [kind, header] of Object.entries({ images: 16, labels: 8 })) {
      const name = `${set}-${kind}.gz`;
      const bytes = gunzipSync(await readFile(path.join(data, name)));
      await writeFile(path.join(staging, name), gzipSync(cutIdx(bytes, header, 0, count)));
    }
  }
  await rename(staging, folder).catch(() => rm(staging, { recursive: true }));
  return folder;
}
