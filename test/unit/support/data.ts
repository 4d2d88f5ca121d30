/** Tiny data sets, as objects and as the files a server would give. */

import type { Dataset, ImageSet } from '../../../src/worker/data/dataset.js';

export const TRAIN_COUNT = 60;
export const TEST_COUNT = 25;

/** Deterministic bytes that are neither constant nor periodic in the image size. */
function fillBytes(count: number, seed: number): Uint8Array<ArrayBuffer> {
  let word = seed;
  return Uint8Array.from({ length: count }, () => {
    word = (Math.imul(word, 1664525) + 1013904223) >>> 0;
    return word >>> 24;
  });
}

function makeSet(count: number, seed: number): ImageSet {
  return {
    count,
    images: fillBytes(count * 784, seed),
    labels: Uint8Array.from({ length: count }, (_, i) => (i * 7 + seed) % 10),
  };
}

/** 60 training and 25 test images of 28 x 28, six of each class in the training set. */
export function tinyDataset(trainCount = TRAIN_COUNT): Dataset {
  return {
    imageShape: [28, 28, 1],
    classes: 10,
    outside: 'edge',
    classNames: Array.from({ length: 10 }, (_, label) => String(label)),
    train: makeSet(trainCount, 1),
    test: makeSet(TEST_COUNT, 2),
  };
}

function idxFile(magic: number, dimensions: readonly number[], body: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 + 4 * dimensions.length + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic);
  dimensions.forEach((size, i) => view.setUint32(4 + 4 * i, size));
  bytes.set(body, 4 + 4 * dimensions.length);
  return bytes;
}

export function imagesFile(images: Uint8Array, shape: readonly number[] = [28, 28]): Uint8Array<ArrayBuffer> {
  const size = shape.reduce((product, length) => product * length, 1);
  return idxFile(0x800 + 1 + shape.length, [images.length / size, ...shape], images);
}

export function labelsFile(labels: Uint8Array): Uint8Array<ArrayBuffer> {
  return idxFile(0x801, [labels.length], labels);
}

export type Files = Record<string, Uint8Array<ArrayBuffer> | number>;

/** The four files of the tiny data set, not packed. */
export function tinyFiles(dataset = tinyDataset()): Files {
  return {
    'train-images.gz': imagesFile(dataset.train.images),
    'train-labels.gz': labelsFile(dataset.train.labels),
    'test-images.gz': imagesFile(dataset.test.images),
    'test-labels.gz': labelsFile(dataset.test.labels),
  };
}

/** A `fetch` that serves `files` by name; a number is a status to answer with. */
export function fetchOf(files: Files): typeof fetch {
  return async (input, init) => {
    init?.signal?.throwIfAborted();
    const url = input instanceof Request ? input.url : String(input);
    const file = files[url.slice(url.lastIndexOf('/') + 1)] ?? 404;
    if (typeof file === 'number') return new Response('not here', { status: file });
    return new Response(file, { headers: { 'content-length': String(file.length) } });
  };
}
