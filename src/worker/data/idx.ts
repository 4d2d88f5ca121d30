/**
 * The IDX format of the MNIST files: bytes in, images or labels out, every fault named. Knows
 * nothing of where the bytes come from. Format: https://yann.lecun.com/exdb/mnist/ (big-endian).
 */

import { TrainerError } from '../../protocol/errors.js';
import { formatNumber } from '../../protocol/wording.js';

export type IdxKind = 'images' | 'labels';

/** How the two kinds of files begin: 0, 0, the type of the elements, the number of dimensions. */
const MAGIC: Readonly<Record<IdxKind, number>> = { images: 0x00000803, labels: 0x00000801 };

/** The types of elements that IDX has beside unsigned bytes (8), by their number. */
const OTHER_TYPES: Readonly<Record<number, string>> = {
  0x09: 'signed bytes',
  0x0b: '16-bit integers',
  0x0c: '32-bit integers',
  0x0d: '32-bit floats',
  0x0e: '64-bit floats',
};

/** More than fit a tab; a file that promises more is damaged, or means harm. */
const MOST_ITEMS = 1_000_000;

/** [height, width] of the images this build takes, and the number of their classes. */
export const IMAGE_SIZE: readonly [number, number] = [28, 28];
export const CLASSES = 10;

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
  if (found === MAGIC.images) return ' That is a file of images.';
  if (found === MAGIC.labels) return ' That is a file of labels.';
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

/** The header of a file, once it is known to be one that can be read. Throws `DataInvalid` naming `file`. */
export function readHeader(file: string, bytes: Uint8Array, kind: IdxKind): IdxHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4) {
    throw invalidData(file, `cut off: ${bytes.length} bytes where an IDX file begins with a header.`);
  }
  const [found, magic] = [view.getUint32(0), MAGIC[kind]];
  if (found !== magic) {
    const expected = `${kind} have ${hexadecimal(magic)}`;
    throw invalidData(file, `magic number ${hexadecimal(found)} where ${expected}.${describeMagic(found)}`);
  }
  const count = magic & 0xff;
  const headerBytes = 4 + 4 * count;
  if (bytes.length < headerBytes) {
    throw invalidData(file, `cut off: ${bytes.length} bytes, its header alone has ${headerBytes}.`);
  }
  const dimensions = Array.from({ length: count }, (_, i) => view.getUint32(4 + 4 * i));
  const [items, height, width] = dimensions as [number, number, number];
  if (kind === 'images') {
    if (height !== IMAGE_SIZE[0] || width !== IMAGE_SIZE[1]) {
      throw invalidData(file, `its images are ${height} x ${width}, expected ${IMAGE_SIZE.join(' x ')}.`);
    }
    if (items === 0) throw invalidData(file, 'it holds no images.');
  }
  if (items > MOST_ITEMS) {
    const most = formatNumber(MOST_ITEMS);
    throw invalidData(
      file,
      `its header promises ${formatNumber(items)} ${kind}; at most ${most} can be read.`,
    );
  }
  const size = kind === 'images' ? ` of ${height} x ${width}` : '';
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
 * Images of an IDX file: [count, 28, 28, 1] bytes, a view on `bytes`, not a copy.
 * Throws `DataInvalid` naming `file`.
 */
export function parseImages(
  file: string,
  bytes: Uint8Array<ArrayBuffer>,
): { readonly count: number; readonly images: Uint8Array<ArrayBuffer> } {
  const header = readHeader(file, bytes, 'images');
  checkLength(file, bytes, header);
  return { count: header.dimensions[0]!, images: bytes.subarray(header.headerBytes) };
}

/** Labels of an IDX file: [count] bytes, 0 to 9, a view on `bytes`. Throws `DataInvalid` naming `file`. */
export function parseLabels(
  file: string,
  bytes: Uint8Array<ArrayBuffer>,
): { readonly count: number; readonly labels: Uint8Array<ArrayBuffer> } {
  const header = readHeader(file, bytes, 'labels');
  checkLength(file, bytes, header);
  const labels = bytes.subarray(header.headerBytes);
  const wrong = labels.findIndex((label) => label >= CLASSES);
  if (wrong !== -1) {
    throw invalidData(
      file,
      `label ${labels[wrong]} at index ${formatNumber(wrong)}; allowed are 0 to ${CLASSES - 1}.`,
    );
  }
  return { count: header.dimensions[0]!, labels };
}
