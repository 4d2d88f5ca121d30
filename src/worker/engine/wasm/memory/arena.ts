/**
 * The engine's one memory and who gets which bytes of it. Everything is allocated while an engine is
 * made, one piece after the other, and lives as long as it: a step allocates nothing.
 */

import { TrainerError } from '../../../../protocol/errors.js';
import { formatNumber } from '../../../../protocol/wording.js';

const PAGE_BYTES = 65536;
/** Kernels read whole vectors, and a window a little past its end: nothing ends where memory ends. */
const SLACK_BYTES = 1024;
/** Most that an engine may take. Addresses stay positive as 32-bit integers. */
const MOST_BYTES = 2 ** 31 - PAGE_BYTES;
/** Browsers set the maximum of shared memory aside at once, and some (iOS) have less to give. */
const SHARED_MAXIMA = [MOST_BYTES, 2 ** 30, 2 ** 29, 2 ** 28];

/** Memory that threads share, growing to the largest maximum that is granted. Throws `OutOfMemory`. */
function makeSharedMemory(): { readonly memory: WebAssembly.Memory; readonly mostBytes: number } {
  let cause: unknown;
  for (const mostBytes of SHARED_MAXIMA) {
    try {
      const maximum = mostBytes / PAGE_BYTES;
      const memory = new WebAssembly.Memory({ initial: 1, maximum, shared: true });
      // Where shared memory is not known, that wish is passed over in silence.
      if (!(memory.buffer instanceof SharedArrayBuffer)) throw new RangeError('the memory is not shared');
      return { memory, mostBytes };
    } catch (error) {
      cause = error;
    }
  }
  const megabytes = SHARED_MAXIMA.at(-1)! / 2 ** 20;
  const message = `This browser gives no ${megabytes} MB of memory that threads share. Choose 1 thread.`;
  throw new TrainerError('OutOfMemory', message, { cause });
}

export class Arena {
  readonly memory: WebAssembly.Memory;
  /** The most that it may grow to. */
  readonly mostBytes: number;
  #end = 64;

  /** Throws `OutOfMemory`. @param isShared Whether threads are to see the memory. */
  constructor(isShared: boolean) {
    const { memory, mostBytes } = isShared
      ? makeSharedMemory()
      : { memory: new WebAssembly.Memory({ initial: 1 }), mostBytes: MOST_BYTES };
    this.memory = memory;
    this.mostBytes = mostBytes;
  }

  /** Bytes the memory has now. */
  get sizeBytes(): number {
    return this.memory.buffer.byteLength;
  }

  /** Address of `bytes` bytes, zero at first, a multiple of 64. Throws `OutOfMemory`. */
  allocate(bytes: number): number {
    const address = this.#end;
    this.#end = Math.ceil((address + bytes) / 64) * 64;
    this.#grow(this.#end + SLACK_BYTES);
    return address;
  }

  #grow(bytes: number): void {
    const missing = bytes - this.memory.buffer.byteLength;
    if (missing <= 0) return;
    try {
      if (bytes > this.mostBytes) throw new RangeError(`more than ${this.mostBytes} bytes`);
      this.memory.grow(Math.ceil(missing / PAGE_BYTES));
    } catch (cause) {
      const [needed, present] = [bytes, this.sizeBytes].map((size) => formatNumber(size));
      const advice = 'Use a smaller batch, or fewer or smaller images.';
      const message = `The engine needs ${needed} bytes, has ${present}, and this browser gives it no more. ${advice}`;
      throw new TrainerError('OutOfMemory', message, { cause });
    }
  }

  /** Views of the memory as it is now; a later allocation may leave those of unshared memory empty. */
  floats(address: number, count: number): Float32Array<ArrayBuffer> {
    return new Float32Array(this.memory.buffer, address, count);
  }

  doubles(address: number, count: number): Float64Array<ArrayBuffer> {
    return new Float64Array(this.memory.buffer, address, count);
  }

  words(address: number, count: number): Int32Array<ArrayBuffer> {
    return new Int32Array(this.memory.buffer, address, count);
  }

  bytes(address: number, count: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.memory.buffer, address, count);
  }

  /** Allocates and fills a list of 32-bit integers. */
  storeWords(values: readonly number[] | Uint32Array): number {
    const address = this.allocate(Math.max(4, values.length * 4));
    this.words(address, values.length).set(values);
    return address;
  }

  /** Allocates and fills bytes. */
  storeBytes(values: Uint8Array): number {
    const address = this.allocate(values.length);
    this.bytes(address, values.length).set(values);
    return address;
  }
}
