/**
 * The safetensors file format, as much of it as is needed here: float32, uint32, uint8 and float16 tensors by
 * name, and string metadata. Checks that a file is whole and well formed, not what it means.
 * Format: https://github.com/huggingface/safetensors/blob/v0.5.3/README.md
 */

import { describeStart, describeValue, formatNumber, shorten } from '../../protocol/wording.js';
import { parseJson } from './parse-json.js';

/** Halves are their bits, since no array has such numbers everywhere. */
const DTYPES = { F32: Float32Array, U32: Uint32Array, U8: Uint8Array, F16: Uint16Array } as const;

type Dtype = keyof typeof DTYPES;

/** Of the format: a header may not be longer. */
const LONGEST_HEADER = 100_000_000;

export interface StoredTensor {
  readonly shape: readonly number[];
  readonly values: InstanceType<(typeof DTYPES)[Dtype]>;
}

export interface Safetensors {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The name that the format has for a tensor's numbers. */
export function dtypeOf({ values }: StoredTensor): Dtype {
  const names = Object.keys(DTYPES) as Dtype[];
  return names.find((name) => values instanceof DTYPES[name])!;
}

function isDtype(value: unknown): value is Dtype {
  return typeof value === 'string' && Object.hasOwn(DTYPES, value);
}

/** The file's bytes: tensors in the map's order, without gaps; the same content gives the same bytes. */
export function writeSafetensors({ tensors, metadata }: Safetensors): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let end = 0;
  for (const [name, tensor] of tensors) {
    const { shape, values } = tensor;
    header[name] = { dtype: dtypeOf(tensor), shape, data_offsets: [end, end + values.byteLength] };
    end += values.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  // The format pads the header with spaces so that the tensors start aligned.
  const headerLength = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + headerLength + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true);
  bytes.fill(0x20, 8, 8 + headerLength);
  bytes.set(json, 8);
  let offset = 8 + headerLength;
  for (const { values } of tensors.values()) {
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), offset);
    offset += values.byteLength;
  }
  return bytes;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((entry) => Number.isSafeInteger(entry) && entry >= 0);
}

function readHeader(bytes: Uint8Array<ArrayBuffer>): { header: Record<string, unknown>; dataStart: number } {
  if (bytes.length < 8) {
    throw new Error(`it has ${bytes.length} bytes; a safetensors file begins with an 8-byte length`);
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > LONGEST_HEADER) {
    throw new Error(`it is not a safetensors file; it begins with ${describeStart(bytes)}`);
  }
  const dataStart = 8 + Number(length);
  if (dataStart > bytes.length) {
    throw new Error(
      `it is cut off: its header ends at byte ${formatNumber(dataStart)} of ${formatNumber(bytes.length)}`,
    );
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, dataStart));
  } catch {
    throw new Error('it is not a safetensors file; its header is not JSON');
  }
  const header = parseJson(text, 'header');
  if (!isRecord(header)) throw new Error('it is not a safetensors file; its header is not an object');
  return { header, dataStart };
}

/** A shape, cut to a readable length. */
export function describeShape(shape: readonly number[]): string {
  return `[${shape.slice(0, 8).join(', ')}${shape.length > 8 ? ', …' : ''}]`;
}

function readMetadata(metadata: unknown = {}): Record<string, string> {
  if (!isRecord(metadata)) throw new Error('its metadata is not an object');
  const wrong = Object.entries(metadata).find(([, value]) => typeof value !== 'string');
  if (wrong !== undefined) throw new Error(`its metadata ${describeValue(wrong[0])} is not a string`);
  return metadata as Record<string, string>;
}

/**
 * Tensors (copies) in the order of their bytes, and metadata. Throws an `Error` whose message
 * continues "The file cannot be read: ".
 */
export function readSafetensors(bytes: Uint8Array<ArrayBuffer>): Safetensors {
  const { header, dataStart } = readHeader(bytes);
  const { __metadata__: metadata, ...entries } = header;
  const found = Object.entries(entries).map(([name, entry]) => {
    const called = `its tensor ${describeValue(name)}`;
    if (!isRecord(entry)) throw new Error(`${called} is not described`);
    const { dtype, shape, data_offsets: offsets } = entry;
    if (!isDtype(dtype)) {
      const found = typeof dtype === 'string' ? shorten(dtype) : describeValue(dtype);
      throw new Error(`${called} is ${found}; only ${Object.keys(DTYPES).join(', ')} can be read`);
    }
    if (!isCounts(shape) || !isCounts(offsets) || offsets.length !== 2) {
      throw new Error(`${called} has no valid shape or offsets`);
    }
    const [begin, end] = offsets as [number, number];
    const size = shape.reduce((product, dimension) => product * dimension, 1);
    if (end - begin !== size * DTYPES[dtype].BYTES_PER_ELEMENT) {
      throw new Error(`${called} of shape ${describeShape(shape)} has ${end - begin} bytes`);
    }
    return { name, dtype, shape, begin, end } as const;
  });
  found.sort((a, b) => a.begin - b.begin || a.end - b.end);

  const tensors = new Map<string, StoredTensor>();
  let position = 0;
  for (const { name, dtype, shape, begin, end } of found) {
    if (begin !== position)
      throw new Error(`its tensor ${describeValue(name)} begins at byte ${begin} instead of ${position}`);
    if (dataStart + end > bytes.length) {
      throw new Error(
        `it is cut off in tensor ${describeValue(name)}: ${formatNumber(dataStart + end)} bytes needed, ` +
          `${formatNumber(bytes.length)} found`,
      );
    }
    // A copy: the file's bytes need not be aligned for a typed array.
    const { buffer } = bytes.slice(dataStart + begin, dataStart + end);
    tensors.set(name, { shape, values: new DTYPES[dtype](buffer) });
    position = end;
  }
  if (dataStart + position !== bytes.length) {
    throw new Error(
      `it has ${formatNumber(bytes.length - dataStart - position)} bytes after its last tensor`,
    );
  }
  return { tensors, metadata: readMetadata(metadata) };
}
