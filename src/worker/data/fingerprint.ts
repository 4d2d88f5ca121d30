/**
 * A short name for the content of a data set, so that a checkpoint is not resumed on other data.
 * Guards against mistakes, not against forgery.
 */

import type { Dataset } from './dataset.js';

/**
 * MurmurHash3 x86 32-bit (Austin Appleby, public domain) of bytes, except that each byte after the
 * last whole word is mixed in as a word of its own.
 */
function murmur3(bytes: Uint8Array<ArrayBuffer>, seed: number): number {
  let hash = seed | 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const whole = bytes.length & ~3;
  const mix = (word: number): void => {
    let key = Math.imul(word, 0xcc9e2d51);
    key = (key << 15) | (key >>> 17);
    hash ^= Math.imul(key, 0x1b873593);
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  };
  for (let offset = 0; offset < whole; offset += 4) mix(view.getUint32(offset, true));
  for (let offset = whole; offset < bytes.length; offset++) mix(bytes[offset]!);
  hash ^= bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

const known = new WeakMap<Dataset, string>();

/** 32 hexadecimal digits over shapes, images and labels of both sets; computed once a data set. */
export function fingerprintOf(dataset: Dataset): string {
  const found = known.get(dataset);
  if (found !== undefined) return found;
  const { train, test, imageShape, classes } = dataset;
  const seed = [...imageShape, classes].reduce((hash, size) => Math.imul(hash, 31) + size, 17);
  const fingerprint = [train.images, train.labels, test.images, test.labels]
    .map((bytes) => murmur3(bytes, seed).toString(16).padStart(8, '0'))
    .join('');
  known.set(dataset, fingerprint);
  return fingerprint;
}
