/**
 * The body of a data file as raw IDX, while it arrives: gzip or not is told by its first bytes, whatever
 * names or headers say. Believes the IDX header as soon as it is there, and unpacks nothing beyond what
 * that promises. Not `DecompressionStream`: browsers take no second member with it.
 */

import { FlateErrorCode, Gunzip, type FlateError } from 'fflate';
import { TrainerError } from '../../protocol/errors.js';
import { describeStart, formatNumber } from '../../protocol/wording.js';
import { crc32 } from '../../protocol/crc32.js';
import { invalidData, readHeader, startsAsIdx, type IdxKind } from './idx.js';

/** Bytes by which every file is known: all of an IDX header of images with channels. */
const JUDGED_BYTES = 20;

/** Of gzip bytes, at once: deflate makes at most 1,032 of one, so that these make 17 MB. */
const SLICE_BYTES = 16_384;

/** After each member of a gzip file: CRC-32 and length of what it unpacks to. */
const TRAILER_BYTES = 8;

/** Zeros after a member by which fflate tells that no other member follows; it then throws `InvalidHeader`. */
const ENDING_ZEROS = 4;

/** Zeros in which a member may end: those of a trailer, and one of an empty member's deflate data. */
const MOST_OWN_ZEROS = 9;

function isNoHeader(error: unknown): boolean {
  return (error as Partial<FlateError>).code === FlateErrorCode.InvalidHeader;
}

/** Joins chunks into one array. */
function join(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.length;
  }
  return joined;
}

/** Raw IDX bytes, at most as many as their header promises. */
class IdxBytes {
  readonly #file: string;
  readonly #kind: IdxKind;
  /** For messages: the file itself, or what is packed in it. */
  readonly #what: 'it' | 'its gzip data';
  #chunks: Uint8Array[] = [];
  #length = 0;
  #promised = Infinity;

  constructor(file: string, kind: IdxKind, what: 'it' | 'its gzip data') {
    this.#file = file;
    this.#kind = kind;
    this.#what = what;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#promised === Infinity && this.#length >= JUDGED_BYTES) this.#judge();
    if (this.#length <= this.#promised) return;
    const promised = formatNumber(this.#promised);
    throw invalidData(this.#file, `too long: its header promises ${promised} bytes, ${this.#what} has more.`);
  }

  finish(): Uint8Array<ArrayBuffer> {
    if (this.#length === 0) throw invalidData(this.#file, `${this.#what} is empty.`);
    if (this.#promised === Infinity) this.#judge();
    return join(this.#chunks);
  }

  #judge(): void {
    const start = join(this.#chunks);
    this.#chunks = [start];
    if (!startsAsIdx(start)) {
      throw invalidData(this.#file, `${this.#what} is not IDX; it begins with ${describeStart(start)}.`);
    }
    this.#promised = readHeader(this.#file, start, this.#kind).totalBytes;
  }
}

/**
 * Members of gzip, one after another, each checked against its own trailer. Zeros may follow the last, as on tapes. They
 * are kept back until something else follows them, since only the end of the file tells what they are.
 */
class GzipMembers {
  readonly #onBytes: (bytes: Uint8Array) => void;
  readonly #gunzip: Gunzip;
  /** The newest bytes of the file, and where they end in it: a trailer and the header after it lie in them. */
  #recent = new Uint8Array(0);
  #end = 0;
  #checksum = 0;
  #unpacked = 0;
  /** Zeros at the end of what has arrived. */
  #keptZeros = 0;

  constructor(onBytes: (bytes: Uint8Array) => void) {
    this.#onBytes = onBytes;
    this.#gunzip = new Gunzip((bytes) => {
      this.#checksum = crc32(bytes, this.#checksum);
      this.#unpacked += bytes.length;
      this.#onBytes(bytes);
    });
    this.#gunzip.onmember = (begin) => this.#closeMember(begin);
  }

  /** Takes the next bytes of the file. */
  push(bytes: Uint8Array): void {
    let length = bytes.length;
    while (bytes[length - 1] === 0) length--;
    if (length > 0) {
      while (this.#keptZeros > 0) {
        const zeros = Math.min(this.#keptZeros, SLICE_BYTES);
        this.#keptZeros -= zeros;
        this.#pushInSlices(new Uint8Array(zeros));
      }
      this.#pushInSlices(bytes.subarray(0, length));
    }
    this.#keptZeros += bytes.length - length;
  }

  /** Checks that the file ends with a member, or with zeros after one. */
  finish(): void {
    const before = this.#end;
    const mostOwnZeros = Math.min(this.#keptZeros, MOST_OWN_ZEROS);
    for (let zeros = 1; zeros <= mostOwnZeros + ENDING_ZEROS; zeros++) {
      try {
        this.#pushSlice(new Uint8Array(1));
      } catch (error) {
        // Of what made it end, less than all was zeros: something else follows the member.
        if (!isNoHeader(error) || zeros < ENDING_ZEROS) throw error;
        this.#closeMember(before + zeros - ENDING_ZEROS);
        return;
      }
    }
    throw new Error('The gzip data is cut off.');
  }

  #pushInSlices(bytes: Uint8Array): void {
    for (let offset = 0; offset < bytes.length; offset += SLICE_BYTES) {
      this.#pushSlice(bytes.subarray(offset, offset + SLICE_BYTES));
    }
  }

  #pushSlice(bytes: Uint8Array): void {
    this.#recent = join([this.#recent.subarray(-SLICE_BYTES), bytes]);
    this.#end += bytes.length;
    this.#gunzip.push(bytes);
  }

  /** Checks the member that ends before byte `end` of the file. */
  #closeMember(end: number): void {
    const { buffer, length } = this.#recent;
    const trailer = length - (this.#end - end) - TRAILER_BYTES;
    if (trailer < 0) throw new Error('A member of the gzip data has no trailer.');
    const view = new DataView(buffer, trailer, TRAILER_BYTES);
    if (view.getUint32(0, true) !== this.#checksum || view.getUint32(4, true) !== this.#unpacked >>> 0) {
      throw new Error('The checksum of the gzip data is another one.');
    }
    this.#checksum = 0;
    this.#unpacked = 0;
  }
}

export class Unpacker {
  readonly #file: string;
  readonly #kind: IdxKind;
  #start = new Uint8Array(0);
  #received = 0;
  #gzip: GzipMembers | null = null;
  #idx: IdxBytes | null = null;

  constructor(file: string, kind: IdxKind) {
    this.#file = file;
    this.#kind = kind;
  }

  /** Takes the next bytes of the body. Throws `DataInvalid` naming the file, or `OutOfMemory`. */
  push(bytes: Uint8Array): void {
    this.#received += bytes.length;
    if (this.#idx !== null) {
      this.#unpack(bytes);
      return;
    }
    this.#start = join([this.#start, bytes]);
    if (this.#start.length < JUDGED_BYTES) return;
    this.#begin();
    this.#unpack(this.#start);
  }

  /** The whole file, once its body has ended. Throws as `push` does. */
  finish(): Uint8Array<ArrayBuffer> {
    if (this.#received === 0) throw invalidData(this.#file, 'it is empty.');
    if (this.#idx === null) {
      this.#begin();
      this.#unpack(this.#start);
    }
    try {
      this.#gzip?.finish();
      return this.#idx!.finish();
    } catch (error) {
      throw this.#errorOf(error);
    }
  }

  #begin(): void {
    const isGzip = this.#start[0] === 0x1f && this.#start[1] === 0x8b;
    if (!isGzip && !startsAsIdx(this.#start)) {
      throw invalidData(
        this.#file,
        `it is neither gzip nor IDX; it begins with ${describeStart(this.#start)}.`,
      );
    }
    const idx = new IdxBytes(this.#file, this.#kind, isGzip ? 'its gzip data' : 'it');
    this.#idx = idx;
    if (isGzip) this.#gzip = new GzipMembers((bytes) => idx.push(bytes));
  }

  #unpack(bytes: Uint8Array): void {
    try {
      (this.#gzip ?? this.#idx!).push(bytes);
    } catch (error) {
      throw this.#errorOf(error);
    }
  }

  #errorOf(error: unknown): unknown {
    if (error instanceof TrainerError) return error;
    if (error instanceof RangeError) {
      const advice = 'Close other tabs and try again.';
      return new TrainerError('OutOfMemory', `${this.#file}: there is no memory to unpack it. ${advice}`, {
        cause: error,
      });
    }
    const size = formatNumber(this.#received);
    const orElse = isNoHeader(error) ? ', or something else follows it' : '';
    return invalidData(
      this.#file,
      `its gzip data is damaged or cut off${orElse} (${size} bytes read).`,
      error,
    );
  }
}
