/**
 * The IDX format of the MNIST files: bytes in, images or labels out, every fault of one file named. Knows
 * nothing of where the bytes come from, nor of other files. Format: https://yann.lecun.com/exdb/mnist/
 * (big-endian); images of several channels have those as a fourth dimension.
 */

import { TrainerError } from '../../protocol/errors.js';
import { formatNumber } from '../../protocol/wording.js';
import { DATA_LIMITS, type Dataset } from './dataset.js';

export type IdxKind = 'images' | 'labels';

/** How files begin: 0, 0, the type of the elements, the number of dimensions. Grey images have none of channels. */
const MAGIC: Readonly<Record<IdxKind, readonly number[]>> = {
  images: [0x00000803, 0x00000804],
  labels: [0x00000801],
};

/** The types of elements that IDX has beside unsigned bytes (8), by their number. */
const OTHER_TYPES: Readonly<Record<number, string>> = {
  0x09: 'signed bytes',
  0x0b: '16-bit integers',
  0x0c: '32-bit integers',
  0x0d: '32-bit floats',
  0x0e: '64-bit floats',
};

/** A file that promises more is damaged, or means harm. */
const MOST_ITEMS = DATA_LIMITS.train.max;

export function invalidData(file: string, found: string, cause?: unknown): TrainerError {
  return new TrainerError('DataInvalid', `${file}: ${found}`, cause === undefined ? {} : { cause });
}

/** Whether bytes begin as an IDX file does: 0, 0, a type of elements, some dimensions. */
export function startsAsIdx(bytes: Uint8Array): boolean {
  const [first, second, type, dimensions] = bytes;
  const isType = type === 8 || Object.hasOwn(OTHER_TYPES, type ?? 0);
  return first === 0 && second === 0 && isType && dimensions !== undefined && dimensions > 0;
}

const hexadecimal = (magic: number): string => `0x${magic.toString(16).padStart(8, '0')}`;

function describeMagic(found: number): string {
  if (MAGIC.images.includes(found)) return ' That is a file of images.';
  if (MAGIC.labels.includes(found)) return ' That is a file of labels.';
  const type = OTHER_TYPES[found >>> 8];
  return type === undefined ? '' : ` Its elements are ${type}; only unsigned bytes can be read.`;
}

interface IdxHeader {
  readonly dimensions: readonly number[];
  /** What they say in words. */
  readonly content: string;
  readonly headerBytes: number;
  /** Of the whole file. */
  readonly totalBytes: number;
}

/** What is wrong with [height, width, channels] of images, as the end of a sentence about them; null: nothing. */
export function shapeProblem([height, width, channels]: Dataset['imageShape']): string | null {
  const { pixels, channels: colours } = DATA_LIMITS;
  const isSize = (size: number): boolean => size >= pixels.min && size <= pixels.max;
  if (!isSize(height) || !isSize(width)) {
    const allowed = `${pixels.min} to ${pixels.max} pixels each way`;
    return `are ${formatNumber(height)} x ${formatNumber(width)}; allowed are ${allowed}.`;
  }
  if (Object.hasOwn(colours, channels)) return null;
  const allowed = Object.entries(colours).map(([count, words]) => `${count} (${words})`);
  return `have ${formatNumber(channels)} channels; allowed are ${allowed.join(' and ')}.`;
}

/** The header of a file, once it is known to be one that can be read. Throws `DataInvalid` naming `file`. */
export function readHeader(file: string, bytes: Uint8Array, kind: IdxKind): IdxHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4) {
    throw invalidData(file, `cut off: ${bytes.length} bytes where an IDX file begins with a header.`);
  }
  const found = view.getUint32(0);
  if (!MAGIC[kind].includes(found)) {
    const expected = `${kind} have ${MAGIC[kind].map(hexadecimal).join(' or ')}`;
    throw invalidData(file, `magic number ${hexadecimal(found)} where ${expected}.${describeMagic(found)}`);
  }
  const count = found & 0xff;
  const headerBytes = 4 + 4 * count;
  if (bytes.length < headerBytes) {
    throw invalidData(file, `cut off: ${bytes.length} bytes, its header alone has ${headerBytes}.`);
  }
  const dimensions = Array.from({ length: count }, (_, i) => view.getUint32(4 + 4 * i));
  const [items, ...shape] = dimensions as [number, ...number[]];
  const [height = 0, width = 0, channels = 1] = shape;
  const problem = kind === 'images' ? shapeProblem([height, width, channels]) : null;
  if (problem !== null) throw invalidData(file, `its images ${problem}`);
  if (items > MOST_ITEMS) {
    const most = formatNumber(MOST_ITEMS);
    throw invalidData(
      file,
      `its header promises ${formatNumber(items)} ${kind}; at most ${most} can be read.`,
    );
  }
  const size = kind === 'images' ? ` of ${shape.join(' x ')}` : '';
  const content = `${formatNumber(items)} ${kind}${size}`;
  const totalBytes = headerBytes + dimensions.reduce((product, dimension) => product * dimension, 1);
  return { dimensions, content, headerBytes, totalBytes };
}

/** Throws where a file has not the length that its header promises. */
function checkLength(file: string, bytes: Uint8Array, { content, totalBytes }: IdxHeader): void {
  if (bytes.length === totalBytes) return;
  const fault = bytes.length < totalBytes ? 'cut off' : 'too long';
  throw invalidData(
    file,
    `${fault}: ${content} make ${formatNumber(totalBytes)} bytes, found ${formatNumber(bytes.length)}.`,
  );
}

/**
 * Images of an IDX file: [count, height, width, channels] bytes, a view on `bytes`, not a copy.
 * Throws `DataInvalid` naming `file`.
 */
export function parseImages(
  file: string,
  bytes: Uint8Array<ArrayBuffer>,
): {
  readonly count: number;
  readonly imageShape: Dataset['imageShape'];
  readonly images: Uint8Array<ArrayBuffer>;
} {
  const header = readHeader(file, bytes, 'images');
  checkLength(file, bytes, header);
  const [count, height, width, channels = 1] = header.dimensions as [number, number, number, number?];
  return { count, imageShape: [height, width, channels], images: bytes.subarray(header.headerBytes) };
}

/** Labels of an IDX file: [count] bytes, 0 to 99, a view on `bytes`. Throws `DataInvalid` naming `file`. */
export function parseLabels(
  file: string,
  bytes: Uint8Array<ArrayBuffer>,
): { readonly count: number; readonly labels: Uint8Array<ArrayBuffer> } {
  const header = readHeader(file, bytes, 'labels');
  checkLength(file, bytes, header);
  const labels = bytes.subarray(header.headerBytes);
  const mostClasses = DATA_LIMITS.classes.max;
  const wrong = labels.findIndex((label) => label >= mostClasses);
  if (wrong !== -1) {
    throw invalidData(
      file,
      `label ${labels[wrong]} at index ${formatNumber(wrong)}; allowed are 0 to ${mostClasses - 1}.`,
    );
  }
  return { count: header.dimensions[0]!, labels };
}
