/**
 * Pictures as PNG files, from their bytes: what a canvas gives back may be changed on purpose, where a
 * browser keeps pages from telling people apart by it.
 */

import { zlibSync } from 'fflate';
import { crc32 } from '../../protocol/crc32.js';
import type { ImageGrid } from '../../protocol/reports.js';

/** Row-major RGBA, 4 x width x height bytes. */
export type Picture = Pick<ImageGrid, 'width' | 'height' | 'rgba'>;

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const BIT_DEPTH = 8;
const RGBA = 6;
/** The row filter that keeps the difference to the row above: nothing at all in most rows of an enlarged picture. */
const UP = 2;

/** A chunk: length, type and data, and the CRC of the last two. */
function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(data.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(data, 8);
  view.setUint32(data.length + 8, crc32(bytes.subarray(4, data.length + 8)));
  return bytes;
}

function header({ width, height }: Picture): Uint8Array {
  const bytes = new Uint8Array(13);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  bytes.set([BIT_DEPTH, RGBA], 8);
  return bytes;
}

/** The rows, each after the name of its filter. */
function filtered({ width, height, rgba }: Picture): Uint8Array {
  const stride = 4 * width;
  const rows = new Uint8Array(height * (stride + 1));
  for (let y = 0; y < height; y++) {
    const start = y * (stride + 1);
    rows[start] = UP;
    for (let x = 0; x < stride; x++) {
      const above = y === 0 ? 0 : rgba[(y - 1) * stride + x]!;
      rows[start + 1 + x] = rgba[y * stride + x]! - above;
    }
  }
  return rows;
}

/** A PNG file (ISO/IEC 15948) of the picture, 8 bits a channel, with alpha. */
export function encodePng(picture: Picture): Uint8Array<ArrayBuffer> {
  const parts = [
    Uint8Array.from(SIGNATURE),
    chunk('IHDR', header(picture)),
    chunk('IDAT', zlibSync(filtered(picture))),
    chunk('IEND', new Uint8Array(0)),
  ];
  const file = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    file.set(part, offset);
    offset += part.length;
  }
  return file;
}

/** The picture with each pixel `scale` times as wide and high. */
export function enlarge({ width, height, rgba }: Picture, scale: number): Picture {
  // A copy, since a view of words may begin at whole words alone.
  const from = new Uint32Array(rgba.slice().buffer);
  const to = new Uint32Array(width * height * scale * scale);
  const stride = width * scale;
  for (let y = 0; y < height; y++) {
    const row = y * scale * stride;
    for (let x = 0; x < width; x++) {
      to.fill(from[y * width + x]!, row + x * scale, row + (x + 1) * scale);
    }
    for (let copy = 1; copy < scale; copy++) to.copyWithin(row + copy * stride, row, row + stride);
  }
  return { width: stride, height: height * scale, rgba: new Uint8ClampedArray(to.buffer) };
}
