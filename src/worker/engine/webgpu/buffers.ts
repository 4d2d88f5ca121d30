/**
 * The engine's GPU buffers by name, every one labelled, made here and freed here. Counts their bytes.
 */

import type { BufferKey } from './kernels/shader.js';
import { bufferBytes, checkBuffers } from './limits.js';

export type Contents = Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer>;

export class BufferPool {
  readonly #device: GPUDevice;
  readonly #buffers = new Map<BufferKey, GPUBuffer>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Bytes of all buffers. */
  get bytes(): number {
    return [...this.#buffers.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * Makes a storage buffer of at least `bytes` (zeroed), rounded up to whole vectors. Throws `EngineUnavailable`
   * where it cannot be bound.
   */
  make(key: BufferKey, bytes: number): GPUBuffer {
    if (this.#buffers.has(key)) throw new Error(`The buffer "${key}" exists already.`);
    const need = { what: `The contents of the buffer "${key}"`, bytes, remedy: 'Use smaller images' };
    checkBuffers([need], this.#device.limits);
    const buffer = this.#device.createBuffer({
      label: key,
      size: bufferBytes(bytes),
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
    this.#buffers.set(key, buffer);
    return buffer;
  }

  /** Makes a buffer that holds `data`. */
  fill(key: BufferKey, data: Contents): GPUBuffer {
    const buffer = this.make(key, data.byteLength);
    this.write(key, data);
    return buffer;
  }

  /** Writes `data` from the start of a buffer. */
  write(key: BufferKey, data: Contents): void {
    const buffer = this.get(key);
    const whole = data.byteLength - (data.byteLength % 4);
    this.#device.queue.writeBuffer(buffer, 0, data.buffer, data.byteOffset, whole);
    if (whole < data.byteLength) {
      const rest = new Uint8Array(4);
      rest.set(new Uint8Array(data.buffer, data.byteOffset + whole, data.byteLength - whole));
      this.#device.queue.writeBuffer(buffer, whole, rest);
    }
  }

  get(key: BufferKey): GPUBuffer {
    const buffer = this.#buffers.get(key);
    if (buffer === undefined) throw new Error(`There is no buffer "${key}".`);
    return buffer;
  }

  has(key: BufferKey): boolean {
    return this.#buffers.has(key);
  }

  /** Frees some buffers by name; those that do not exist are left out. */
  free(keys: Iterable<BufferKey>): void {
    for (const key of keys) {
      this.#buffers.get(key)?.destroy();
      this.#buffers.delete(key);
    }
  }

  dispose(): void {
    this.free([...this.#buffers.keys()]);
  }
}
