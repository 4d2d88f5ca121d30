import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseImages, parseLabels } from '../../src/worker/data/idx.js';
import { imagesFile, labelsFile } from './support/data.js';

const images = imagesFile(Uint8Array.from({ length: 3 * 784 }, (_, i) => i % 251));
const labels = labelsFile(Uint8Array.of(3, 0, 9));

const refuses = (parse: () => unknown, message: string): void =>
  assert.throws(parse, { name: 'DataInvalid', message });

function withHeader(file: Uint8Array<ArrayBuffer>, position: number, value: number): Uint8Array<ArrayBuffer> {
  const changed = file.slice();
  new DataView(changed.buffer).setUint32(position, value);
  return changed;
}

test('images and labels are read as they lie in the file, without a copy', () => {
  const read = parseImages('i', images);
  assert.equal(read.count, 3);
  assert.equal(read.images.length, 3 * 784);
  assert.equal(read.images[252], 1);
  assert.equal(read.images.buffer, images.buffer);
  assert.deepEqual([...parseLabels('l', labels).labels], [3, 0, 9]);
});

test('a wrong magic number is named, and so is the file it belongs to', () => {
  refuses(
    () => parseImages('train-images.gz', labels),
    'train-images.gz: magic number 0x00000801 where images have 0x00000803 or 0x00000804. That is a file of labels.',
  );
  refuses(
    () => parseLabels('train-labels.gz', images),
    'train-labels.gz: magic number 0x00000803 where labels have 0x00000801. That is a file of images.',
  );
  refuses(
    () => parseImages('i', withHeader(images, 0, 0x00000d03)),
    'i: magic number 0x00000d03 where images have 0x00000803 or 0x00000804. Its elements are 32-bit floats; only unsigned bytes can be read.',
  );
  refuses(
    () => parseLabels('l', withHeader(labels, 0, 0x00000b01)),
    'l: magic number 0x00000b01 where labels have 0x00000801. Its elements are 16-bit integers; only unsigned bytes can be read.',
  );
  refuses(
    () => parseLabels('l', withHeader(labels, 0, 0x12345678)),
    'l: magic number 0x12345678 where labels have 0x00000801.',
  );
});

test('a file cut off anywhere is refused with the bytes it should have', () => {
  refuses(
    () => parseImages('i', images.slice(0, 3)),
    'i: cut off: 3 bytes where an IDX file begins with a header.',
  );
  refuses(() => parseImages('i', images.slice(0, 12)), 'i: cut off: 12 bytes, its header alone has 16.');
  refuses(
    () => parseImages('i', images.slice(0, -1)),
    'i: cut off: 3 images of 28 x 28 make 2,368 bytes, found 2,367.',
  );
  refuses(() => parseLabels('l', labels.slice(0, -2)), 'l: cut off: 3 labels make 11 bytes, found 9.');
});

test('bytes after the end are refused', () => {
  refuses(
    () => parseLabels('l', Uint8Array.of(...labels, 1)),
    'l: too long: 3 labels make 11 bytes, found 12.',
  );
});

test('images are of the size and the channels that the header says', () => {
  for (const [shape, imageShape] of [
    [
      [12, 20, 3],
      [12, 20, 3],
    ],
    [
      [8, 128, 1],
      [8, 128, 1],
    ],
    [
      [128, 8],
      [128, 8, 1],
    ],
  ]) {
    const size = shape!.reduce((product, length) => product * length, 1);
    const read = parseImages('i', imagesFile(new Uint8Array(2 * size).fill(9), shape));
    assert.deepEqual(read.imageShape, imageShape);
    assert.equal(read.count, 2);
    assert.equal(read.images.length, 2 * size);
    assert.ok(read.images.every((byte) => byte === 9));
  }
});

test('images of other sizes or channels are refused with what is allowed', () => {
  for (const [shape, words] of [
    [[7, 28], '7 x 28'],
    [[28, 129], '28 x 129'],
    [[129, 64, 3], '129 x 64'],
    [[28, 0], '28 x 0'],
  ] as const) {
    refuses(
      () => parseImages('i', imagesFile(new Uint8Array(0), shape)),
      `i: its images are ${words}; allowed are 8 to 128 pixels each way.`,
    );
  }
  for (const channels of [0, 2, 4]) {
    refuses(
      () => parseImages('i', imagesFile(new Uint8Array(0), [28, 28, channels])),
      `i: its images have ${channels} channels; allowed are 1 (grey) and 3 (red, green, blue).`,
    );
  }
});

test('a file with channels that is cut off says what it should hold', () => {
  const file = imagesFile(new Uint8Array(2 * 720), [12, 20, 3]);
  refuses(() => parseImages('i', file.slice(0, 19)), 'i: cut off: 19 bytes, its header alone has 20.');
  refuses(
    () => parseImages('i', file.slice(0, -1)),
    'i: cut off: 2 images of 12 x 20 x 3 make 1,460 bytes, found 1,459.',
  );
});

test('a header that promises more than a tab can hold is refused before it is believed', () => {
  refuses(
    () => parseImages('i', withHeader(images, 4, 0xffffffff)),
    'i: its header promises 4,294,967,295 images; at most 1,000,000 can be read.',
  );
});

test('a label above 99 is refused with its place', () => {
  refuses(
    () => parseLabels('l', labelsFile(Uint8Array.of(1, 99, 100))),
    'l: label 100 at index 2; allowed are 0 to 99.',
  );
});
