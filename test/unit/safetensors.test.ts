import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  readSafetensors,
  writeSafetensors,
  type Safetensors,
} from '../../src/worker/checkpoint/safetensors.js';

const content: Safetensors = {
  tensors: new Map([
    ['a/kernel', { shape: [2, 3], values: Float32Array.of(1, -2, 3.5, 1e-38, -0, 6) }],
    ['b', { shape: [0], values: new Float32Array(0) }],
    ['split', { shape: [2], values: Uint32Array.of(7, 0xffffffff) }],
    ['half', { shape: [2], values: Uint16Array.of(0x3c00, 0xffff) }],
  ]),
  metadata: { format: 'test', note: '{"a": "ü"}' },
};

/** A file with this header and so many bytes of tensors. */
function fileOf(header: unknown, dataBytes: number): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

const entry = (begin: number, end: number, shape: unknown = [(end - begin) / 4], dtype = 'F32'): unknown => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

test('what is written is read back, to the bit', () => {
  const read = readSafetensors(writeSafetensors(content));
  assert.deepEqual(read, content);
  assert.ok(Object.is(read.tensors.get('a/kernel')!.values[4], -0));
});

test('the same content gives the same bytes, with tensors aligned to eight', () => {
  const bytes = writeSafetensors(content);
  assert.deepEqual(bytes, writeSafetensors(content));
  assert.equal(Number(new DataView(bytes.buffer).getBigUint64(0, true)) % 8, 0);
});

test('a file written elsewhere is read: unaligned, its tensors in any order, no metadata', () => {
  const bytes = fileOf({ late: entry(4, 12), early: entry(0, 4) }, 12);
  const padded = new Uint8Array(bytes.length + 1);
  padded.set(bytes, 1);
  const { tensors, metadata } = readSafetensors(padded.subarray(1));
  assert.deepEqual([...tensors.keys()], ['early', 'late']);
  assert.deepEqual(metadata, {});
});

test('a file cut off at any byte is refused', () => {
  const bytes = writeSafetensors(content);
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(
      () => readSafetensors(bytes.slice(0, length)),
      /cut off|begins with an 8-byte length/,
      `${length}`,
    );
  }
});

test('files of other kinds are refused', () => {
  const zip = Uint8Array.of(0x50, 0x4b, 3, 4, 20, 0, 8, 8, 8, 0);
  assert.throws(() => readSafetensors(zip), /not a safetensors file; it begins with 50 4b 03 04/);
  assert.throws(() => readSafetensors(fileOf('{"a": ', 0)), /header is not JSON/);
  assert.throws(() => readSafetensors(fileOf('[1]', 0)), /header is not an object/);
});

test('headers that contradict themselves or the file are refused', () => {
  const refusals: [unknown, number, RegExp][] = [
    [{ a: 3 }, 0, /tensor "a" is not described/],
    [{ a: entry(0, 8, [1], 'F64') }, 8, /tensor "a" is F64; only F32, U32, U8, F16/],
    [{ a: entry(0, 4, [-1]) }, 4, /tensor "a" has no valid shape/],
    [{ a: entry(0, 4, 'x') }, 4, /tensor "a" has no valid shape/],
    [{ a: { dtype: 'F32', shape: [1], data_offsets: [0] } }, 4, /tensor "a" has no valid shape or offsets/],
    [{ a: entry(0, 8, [3]) }, 8, /tensor "a" of shape \[3\] has 8 bytes/],
    [{ a: entry(4, 8) }, 8, /tensor "a" begins at byte 4 instead of 0/],
    [{ a: entry(0, 8), b: entry(4, 12) }, 12, /tensor "b" begins at byte 4 instead of 8/],
    [{ a: entry(0, 4) }, 8, /4 bytes after its last tensor/],
    [{ __metadata__: { a: 1 } }, 0, /metadata "a" is not a string/],
    [{ __metadata__: 'x' }, 0, /metadata is not an object/],
  ];
  for (const [header, size, message] of refusals) {
    assert.throws(() => readSafetensors(fileOf(header, size)), message);
  }
});

test('a name that a header has twice is refused, however it is escaped', () => {
  const entryText = JSON.stringify(entry(0, 4));
  const refuses = (header: string, message: RegExp): void =>
    assert.throws(() => readSafetensors(fileOf(header, 4)), message);
  refuses(`{"a": ${entryText}, "a": ${entryText}}`, /its header names "a" twice/);
  refuses(`{"a": ${entryText}, "\\u0061": ${entryText}}`, /its header names "a" twice/);
  refuses(`{"__metadata__": {"n": "{\\"n\\":", "n": "x"}, "a": ${entryText}}`, /its header names "n" twice/);
  const nested = `{"__metadata__": {"a": "\\"a\\": [}", "shape": "a"}, "a": ${entryText}}`;
  assert.deepEqual([...readSafetensors(fileOf(nested, 4)).tensors.keys()], ['a']);
});

test('names, types and shapes of any length are cut in messages', () => {
  const long = 'x'.repeat(10_000);
  const headers: [unknown, number][] = [
    [{ [long]: 3 }, 0],
    [{ [long]: entry(0, 4, [1], long) }, 4],
    [{ [long]: entry(0, 4, [-1]) }, 4],
    [{ [long]: entry(0, 4, new Array(9999).fill(2)) }, 4],
    [{ [long]: entry(4, 8) }, 8],
    [{ [long]: entry(0, 8) }, 4],
    [{ __metadata__: { [long]: 1 } }, 0],
  ];
  for (const [header, size] of headers) {
    assert.throws(
      () => readSafetensors(fileOf(header, size)),
      ({ message }: Error) => message.includes('…') && message.length < 300,
    );
  }
});
