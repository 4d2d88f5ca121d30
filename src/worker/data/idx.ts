/**
 * The IDX format of the MNIST files: bytes in, images or labels out, every fault named. Knows
 * nothing of where the bytes come from. Format: https://yann.lecun.com/exdb/mnist/ (big-endian).
 */

import { TrainerError } from '../../protocol/errors.js';
import { formatNumber } from '../../protocol/wording.js';

const IMAGES_MAGIC = 0x00000803;
const LABELS_MAGIC = 0x00000801;

/** [height, width] of the images this build takes, and the number of their classes. */
export const IMAGE_SIZE: readonly [number, number] = [28, 28];
export const CLASSES = 10;

export function invalidData(file: string, found: string, cause?: unknown): TrainerError {
  return new TrainerError('DataInvalid', `${file}: ${found}`, cause === undefined ? {} : { cause });
}

/** Whether bytes begin as an IDX file of unsigned bytes does (00 00 08, then the dimensions). */
export function startsAsIdx(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 8 && bytes[3]! > 0;
}

const hexadecimal = (magic: number): string => `0x${magic.toString(16).padStart(8, '0')}`;

function readHeader(file: string, bytes: Uint8Array, magic: number, what: string): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4) {
    throw invalidData(file, `cut off: ${bytes.length} bytes where an IDX file begins with a header.`);
  }
  const found = view.getUint32(0);
  if (found !== magic) {
    const swapped =
      found === IMAGES_MAGIC
        ? ' That is a file of images.'
        : found === LABELS_MAGIC
          ? ' That is a file of labels.'
          : '';
    throw invalidData(
      file,
      `magic number ${hexadecimal(found)} where ${what} have ${hexadecimal(magic)}.${swapped}`,
    );
  }
  const dimensions = magic & 0xff;
  if (bytes.length < 4 + 4 * dimensions) {
    throw invalidData(file, `cut off: ${bytes.length} bytes, its header alone has ${4 + 4 * dimensions}.`);
  }
  return Array.from({ length: dimensions }, (_, i) => view.getUint32(4 + 4 * i));
}

function checkLength(file: string, bytes: Uint8Array, header: number, body: number, content: string): void {
  const expected = header + body;
  if (bytes.length === expected) return;
  const fault = bytes.length < expected ? 'cut off' : 'too long';
  throw invalidData(
    file,
    `${fault}: ${content} make ${formatNumber(expected)} bytes, found ${formatNumber(bytes.length)}.`,
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
  const [count, height, width] = readHeader(file, bytes, IMAGES_MAGIC, 'images') as [number, number, number];
  if (height !== IMAGE_SIZE[0] || width !== IMAGE_SIZE[1]) {
    throw invalidData(file, `its images are ${height} x ${width}, expected ${IMAGE_SIZE.join(' x ')}.`);
  }
  if (count === 0) throw invalidData(file, 'it holds no images.');
  const content = `${formatNumber(count)} images of ${height} x ${width}`;
  checkLength(file, bytes, 16, count * height * width, content);
  return { count, images: bytes.subarray(16) };
}

/** Labels of an IDX file: [count] bytes, 0 to 9, a view on `bytes`. Throws `DataInvalid` naming `file`. */
export function parseLabels(
  file: string,
  bytes: Uint8Array<ArrayBuffer>,
): { readonly count: number; readonly labels: Uint8Array<ArrayBuffer> } {
  const [count] = readHeader(file, bytes, LABELS_MAGIC, 'labels') as [number];
  checkLength(file, bytes, 8, count, `${formatNumber(count)} labels`);
  const labels = bytes.subarray(8);
  const wrong = labels.findIndex((label) => label >= CLASSES);
  if (wrong !== -1) {
    throw invalidData(
      file,
      `label ${labels[wrong]} at index ${formatNumber(wrong)}; allowed are 0 to ${CLASSES - 1}.`,
    );
  }
  return { count, labels };
}
