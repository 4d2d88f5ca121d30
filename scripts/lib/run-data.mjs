/** The data of a run: the site's or those of a folder, with the last training images kept for validation where asked. */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { ensureData } from './data.mjs';
import { resolveGiven } from './invocation.mjs';
import { UsageError } from './main.mjs';
import { importSource } from './source-modules.mjs';

const { DATA_FILES } = await importSource('src/worker/data/load.ts');

const SITE_FOLDER = '/data/';
const IMAGES = { header: 16, train: 'train-images.gz', test: 'test-images.gz' };
const LABELS = { header: 8, train: 'train-labels.gz', test: 'test-labels.gz' };

/** Options of commands that train, about what they train on. */
export const DATA_OPTIONS = {
  data: {
    type: 'string',
    value: 'FOLDER',
    note: `train on the images in a folder instead of MNIST: ${DATA_FILES.join(', ')}, IDX files compressed by gzip`,
  },
  validation: {
    type: 'string',
    value: 'N',
    note: 'evaluate on the last N training images, which are then not trained on, instead of the test images',
  },
};

/** The words of a command line that name the same data. */
export function dataWords({ data, validation }) {
  return [
    ...(data === undefined ? [] : ['--data', data]),
    ...(validation === undefined ? [] : ['--validation', String(validation)]),
  ];
}

/** The site's files with the data of `folder`, as the person calls it, in place of its own. Throws a UsageError. */
export async function withData(files, folder) {
  const changed = new Map(files);
  for (const name of DATA_FILES) {
    const file = path.join(resolveGiven(folder), name);
    try {
      changed.set(`${SITE_FOLDER}${name}`, await readFile(file));
    } catch (error) {
      throw new UsageError(
        `--data ${folder}: ${file} cannot be read (${error.message}). The folder has to hold ${DATA_FILES.join(', ')}.`,
        { cause: error },
      );
    }
  }
  return changed;
}

/** An IDX file of the items first to end - 1 of another, whose header has so many bytes. */
export function cutIdx(bytes, header, first, end) {
  const count = bytes.readUInt32BE(4);
  const size = (bytes.length - header) / count;
  const cut = Buffer.concat([
    bytes.subarray(0, header),
    bytes.subarray(header + first * size, header + end * size),
  ]);
  cut.writeUInt32BE(end - first, 4);
  return cut;
}

async function unpack(files, name) {
  try {
    return await promisify(gunzip)(files.get(`${SITE_FOLDER}${name}`));
  } catch (error) {
    throw new UsageError(`${name} cannot be unpacked (${error.message}); compress it by gzip.`, {
      cause: error,
    });
  }
}

/**
 * The site's files with the last `count` training images in place of the test images. Throws a UsageError where that
 * leaves none to train on.
 */
export async function withValidation(files, count) {
  const changed = new Map(files);
  for (const { header, train, test } of [IMAGES, LABELS]) {
    const bytes = await unpack(files, train);
    const all = bytes.readUInt32BE(4);
    if (count >= all) {
      throw new UsageError(
        `--validation ${count} leaves nothing to train on: there are ${all} training images.`,
      );
    }
    const pack = (cut) => promisify(gzip)(cut, { level: 1 });
    changed.set(`${SITE_FOLDER}${train}`, await pack(cutIdx(bytes, header, 0, all - count)));
    changed.set(`${SITE_FOLDER}${test}`, await pack(cutIdx(bytes, header, all - count, all)));
  }
  return changed;
}

/** What `readFiles` reads, with the data that the options ask for. */
export function dataReader(readFiles, { data, validation }) {
  return async () => {
    const files = await readFiles();
    const own = data === undefined ? files : await withData(files, data);
    return validation === undefined ? own : await withValidation(own, validation);
  };
}

/** The labels of the images that the options have a run train on, and of those that it is evaluated on. */
export async function readLabels({ data, validation = 0 }) {
  const files = await withData(new Map(), data ?? (await ensureData()));
  const labelsOf = async (name) => (await unpack(files, name)).subarray(LABELS.header);
  const [all, test] = [await labelsOf(LABELS.train), await labelsOf(LABELS.test)];
  const end = all.length - validation;
  return { train: all.subarray(0, end), evaluated: validation === 0 ? test : all.subarray(end) };
}
