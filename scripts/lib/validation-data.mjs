/**
 * Data for choosing settings: the last training images stand in for the test images, and are not trained on, so that
 * the test images stay unseen until the settings are chosen.
 */

import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { UsageError } from './main.mjs';

const IMAGES = { header: 16, train: '/data/train-images.gz', test: '/data/test-images.gz' };
const LABELS = { header: 8, train: '/data/train-labels.gz', test: '/data/test-labels.gz' };

/** An IDX file of the items first to end - 1 of another, whose header has so many bytes. */
function cutIdx(bytes, header, first, end) {
  const count = bytes.readUInt32BE(4);
  const size = (bytes.length - header) / count;
  const cut = Buffer.concat([
    bytes.subarray(0, header),
    bytes.subarray(header + first * size, header + end * size),
  ]);
  cut.writeUInt32BE(end - first, 4);
  return cut;
}

/**
 * The site's files with the last `count` training images in place of the test images. Throws a UsageError where that
 * leaves none to train on.
 */
export async function withValidation(files, count) {
  const changed = new Map(files);
  for (const { header, train, test } of [IMAGES, LABELS]) {
    const bytes = await promisify(gunzip)(files.get(train));
    const all = bytes.readUInt32BE(4);
    if (count >= all) {
      throw new UsageError(
        `--validation ${count} leaves nothing to train on: there are ${all} training images.`,
      );
    }
    const pack = (cut) => promisify(gzip)(cut, { level: 1 });
    changed.set(train, await pack(cutIdx(bytes, header, 0, all - count)));
    changed.set(test, await pack(cutIdx(bytes, header, all - count, all)));
  }
  return changed;
}

/** How the site's files are read: with so many images for validation, or as they are. */
export function dataReader(readFiles, validation) {
  return validation === undefined ? readFiles : async () => withValidation(await readFiles(), validation);
}
