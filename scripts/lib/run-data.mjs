/** The data of a run: the site's or those of a folder, with the last training images kept for validation where asked. */

import path from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { ensureData } from './data.mjs';
import { pathWord, resolveGiven } from './invocation.mjs';
import { UsageError } from './main.mjs';
import { readWhole } from './run-folder.mjs';
import { importSource } from './source-modules.mjs';

const { DATA_FILES } = await importSource('src/worker/data/load.ts');
const { Unpacker } = await importSource('src/worker/data/unpack.ts');
const { parseImages, parseLabels } = await importSource('src/worker/data/idx.ts');
const { assembleDataset } = await importSource('src/worker/data/assemble.ts');
const { fingerprintOf } = await importSource('src/worker/data/fingerprint.ts');

const SITE_FOLDER = '/data/';
const IMAGES = { kind: 'images', train: 'train-images.gz', test: 'test-images.gz' };
const LABELS = { kind: 'labels', train: 'train-labels.gz', test: 'test-labels.gz' };

/** Options of commands that train, about what they train on. */
export const DATA_OPTIONS = {
  data: {
    type: 'string',
    value: 'FOLDER',
    note: `train on the images in a folder instead of MNIST: ${DATA_FILES.join(', ')}, IDX files, compressed by gzip or not`,
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
    ...(data === undefined ? [] : ['--data', pathWord(data)]),
    ...(validation === undefined ? [] : ['--validation', String(validation)]),
  ];
}

/** The options about data: those given, else those that were remembered. */
export function dataOf(given, remembered = {}) {
  return {
    data: given.data ?? remembered.data,
    validation: given.validation ?? remembered.validation,
  };
}

/** The same data in words. */
export function describeData({ data, validation }) {
  const images = data === undefined ? 'those of MNIST' : `those in ${data}`;
  return validation === undefined ? images : `${images} with ${validation} for validation`;
}

/** The site's files with the data of `folder`, as the person calls it, in place of its own. Throws a UsageError. */
export async function withData(files, folder) {
  const changed = new Map(files);
  for (const name of DATA_FILES) {
    const file = path.join(resolveGiven(folder), name);
    try {
      changed.set(`${SITE_FOLDER}${name}`, await readWhole(file));
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

/** What `work` makes of data files; what the worker would refuse of them is a UsageError in its words. */
function inWords(work) {
  try {
    return work();
  } catch (error) {
    if (!['DataInvalid', 'OutOfMemory'].includes(error.name)) throw error;
    throw new UsageError(error.message, { cause: error });
  }
}

/** A file as raw IDX, and what it holds, as the worker reads it. Throws a UsageError. */
function unpack(files, name, kind) {
  return inWords(() => {
    const unpacker = new Unpacker(name, kind);
    unpacker.push(files.get(`${SITE_FOLDER}${name}`));
    const bytes = unpacker.finish();
    const parsed = kind === 'images' ? parseImages(name, bytes) : parseLabels(name, bytes);
    return { bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), ...parsed };
  });
}

function checkValidation(validation, count) {
  if (validation < count) return;
  throw new UsageError(
    `--validation ${validation} leaves nothing to train on: there are ${count} training images.`,
  );
}

/**
 * The site's files with the last `count` training images in place of the test images. Throws a UsageError where that
 * leaves none to train on.
 */
export async function withValidation(files, count) {
  const changed = new Map(files);
  const [images, labels] = [IMAGES, LABELS].map(({ train, kind }) => unpack(files, train, kind));
  if (images.count !== labels.count) {
    throw new UsageError(
      `${IMAGES.train} holds ${images.count} images, but ${LABELS.train} has ${labels.count} labels.`,
    );
  }
  checkValidation(count, images.count);
  const pack = (cut) => promisify(gzip)(cut, { level: 1 });
  for (const [{ train, test }, { bytes, count: all }, content] of [
    [IMAGES, images, images.images],
    [LABELS, labels, labels.labels],
  ]) {
    const header = bytes.length - content.length;
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

/** The data files alone, of MNIST where no folder is named. */
async function readDataFiles({ data }) {
  return withData(new Map(), data ?? (await ensureData()));
}

/**
 * The labels of the images that the options have a run train on, and of those that it is evaluated on. Throws a UsageError
 * where the files are none that a run can have.
 */
export async function readLabels({ data, validation }) {
  const files = await readDataFiles({ data });
  const [all, test] = [LABELS.train, LABELS.test].map((name) => unpack(files, name, LABELS.kind).labels);
  if (validation === undefined) return { train: all, evaluated: test };
  checkValidation(validation, all.length);
  const end = all.length - validation;
  return { train: all.subarray(0, end), evaluated: all.subarray(end) };
}

/** The fingerprint of the data that the options name, as checkpoints have it. Throws a UsageError. */
export async function readFingerprint(options) {
  const files = await dataReader(() => readDataFiles(options), { validation: options.validation })();
  const [train, test] = ['train', 'test'].map((set) => ({
    imagesFile: IMAGES[set],
    imagesBytes: new Uint8Array(unpack(files, IMAGES[set], IMAGES.kind).bytes),
    labelsFile: LABELS[set],
    labelsBytes: new Uint8Array(unpack(files, LABELS[set], LABELS.kind).bytes),
  }));
  return fingerprintOf(inWords(() => assembleDataset(train, test)));
}
