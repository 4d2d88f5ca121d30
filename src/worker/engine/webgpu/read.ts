/** Copies from GPU buffers to the host, through one buffer that is made and freed for it: not for use in a step. */

import { fromHalf } from '../plan/half-floats.js';

/** Copies begin and end at whole words. */
const WORD_BYTES = 4;

export interface ReadSource {
  readonly buffer: GPUBuffer;
  /** Multiples of the elements' size. */
  readonly offsetBytes: number;
  readonly bytes: number;
  /** 2 for float16; 4 unless told. */
  readonly elementBytes?: 2 | 4 | undefined;
}

/** The words that a source lies in. */
function wordsAround({ offsetBytes, bytes }: ReadSource): { readonly first: number; readonly bytes: number } {
  const first = Math.floor(offsetBytes / WORD_BYTES) * WORD_BYTES;
  return { first, bytes: Math.ceil((offsetBytes + bytes - first) / WORD_BYTES) * WORD_BYTES };
}

/** A source's values, out of the words that it lies in. */
function valuesOf(source: ReadSource, words: ArrayBuffer): Float32Array<ArrayBuffer> {
  const { offsetBytes, bytes, elementBytes } = source;
  if (elementBytes !== 2) return new Float32Array(words);
  const halves = new Uint16Array(words, offsetBytes - wordsAround(source).first, bytes / 2);
  return Float32Array.from(halves, fromHalf);
}

/** The contents, as float32, of several ranges at one moment of the queue. Rejects where the device goes away. */
export async function readBuffers(
  device: GPUDevice,
  sources: readonly ReadSource[],
): Promise<readonly Float32Array<ArrayBuffer>[]> {
  const ranges = sources.map(wordsAround);
  const size = ranges.reduce((sum, { bytes }) => sum + bytes, 0);
  const staging = device.createBuffer({
    label: 'read-back',
    size,
    usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
  });
  try {
    const encoder = device.createCommandEncoder();
    let offset = 0;
    for (const [index, { buffer }] of sources.entries()) {
      const { first, bytes } = ranges[index]!;
      encoder.copyBufferToBuffer(buffer, first, staging, offset, bytes);
      offset += bytes;
    }
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const mapped = staging.getMappedRange();
    let first = 0;
    return sources.map((source, index) => {
      const { bytes } = ranges[index]!;
      const words = mapped.slice(first, first + bytes);
      first += bytes;
      return valuesOf(source, words);
    });
  } finally {
    staging.destroy();
  }
}
