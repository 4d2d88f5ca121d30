import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync, inflateSync } from 'node:zlib';
import { encodePng, enlarge, type Picture } from '../../../src/ui/element/png.js';
import { picturePng } from '../../../src/ui/element/saved-files.js';

const picture: Picture = {
  width: 3,
  height: 2,
  rgba: Uint8ClampedArray.from({ length: 24 }, (_, i) => (i * 97 + 13) % 256),
};

/** CRC-32, which a gzip file ends with, before its size. */
const crc32 = (bytes: Uint8Array): number => gzipSync(bytes).readUInt32LE(gzipSync(bytes).length - 8);

/** The pixels of a PNG file of ours, read by the format's own rules; throws where it breaks one. */
function decode(file: Uint8Array): Picture {
  const bytes = Buffer.from(file);
  assert.equal(bytes.subarray(0, 8).toString('latin1'), '\x89PNG\r\n\x1a\n');
  const chunks = new Map<string, Buffer>();
  let offset = 8;
  while (offset < bytes.length) {
    const length = bytes.readUInt32BE(offset);
    const body = bytes.subarray(offset + 4, offset + 8 + length);
    assert.equal(bytes.readUInt32BE(offset + 8 + length), crc32(body));
    chunks.set(body.subarray(0, 4).toString('latin1'), body.subarray(4));
    offset += length + 12;
  }
  assert.deepEqual([...chunks.keys()], ['IHDR', 'IDAT', 'IEND']);
  const header = chunks.get('IHDR')!;
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  assert.deepEqual([...header.subarray(8)], [8, 6, 0, 0, 0]);
  const rows = inflateSync(chunks.get('IDAT')!);
  assert.equal(rows.length, height * (4 * width + 1));
  const rgba = new Uint8ClampedArray(4 * width * height);
  for (let y = 0; y < height; y++) {
    const row = rows.subarray(y * (4 * width + 1), (y + 1) * (4 * width + 1));
    assert.equal(row[0], 2, 'the filter "up"');
    for (let x = 0; x < 4 * width; x++) {
      const above = y === 0 ? 0 : rgba[(y - 1) * 4 * width + x]!;
      rgba[y * 4 * width + x] = (row[x + 1]! + above) % 256;
    }
  }
  return { width, height, rgba };
}

test('a picture survives as PNG byte for byte, without a canvas', () => {
  assert.deepEqual(decode(encodePng(picture)), picture);
});

test('a picture is enlarged pixel by pixel', () => {
  const { width, height, rgba } = enlarge(picture, 4);
  assert.deepEqual([width, height], [12, 8]);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = 4 * (Math.floor(y / 4) * 3 + Math.floor(x / 4));
      const to = 4 * (y * width + x);
      assert.deepEqual(rgba.subarray(to, to + 4), picture.rgba.subarray(from, from + 4));
    }
  }
});

test('a saved picture has the bytes of the grid, so large that an image has 112 pixels or more', () => {
  for (const [cellWidth, cellHeight, scale] of [
    [28, 28, 4],
    [20, 12, 6],
    [12, 20, 6],
    [64, 64, 2],
    [128, 128, 1],
  ] as const) {
    const grid = { ...picture, columns: 1, rows: 1, cellWidth, cellHeight };
    assert.deepEqual(decode(picturePng(grid)), enlarge(picture, scale));
  }
});
