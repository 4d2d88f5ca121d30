/**
 * The counter-based random streams: Philox4x32-10 keyed by the run's seed, counter (block, step,
 * stream, 0). Any element of any step can be drawn without the ones before it, and integers and
 * uniform floats are bit-equal on every engine. Owns the numbering of the streams.
 */

import { philox, wordToIndex, wordToNormal, wordToUniform } from './philox.js';

/** What a stream is used for: the top byte of its number. */
export const STREAM_USES = {
  split: 1,
  initialise: 2,
  labelledIndex: 3,
  unlabelledIndex: 4,
  latent: 5,
  dropout: 6,
  sampleLatent: 7,
  landmarkIndex: 8,
  view: 9,
  noise: 10,
  readLatent: 11,
} as const;
export type StreamUse = keyof typeof STREAM_USES;

/**
 * Number of a stream: use, then up to three bytes that tell streams of one use apart
 * (`initialise`: network, instance, layer; `dropout` and `noise`: phase, pass, layer; indices and latents of a step:
 * phase, group of the pool; `view`: phase, group; others: nothing). Phases are counted within their stage: stages
 * have no step in common.
 */
export function streamNumber(use: StreamUse, a = 0, b = 0, c = 0): number {
  return ((STREAM_USES[use] << 24) | (a << 16) | (b << 8) | c) >>> 0;
}

/** The two key words of a seed, 0 to 2^53 - 1: low 32 bits, then the rest. */
export function seedKey(seed: number): readonly [number, number] {
  return [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0];
}

/** All streams of one seed. Stateless: the same arguments give the same values. */
export class RandomStreams {
  readonly #key0: number;
  readonly #key1: number;
  readonly #block = new Uint32Array(4);

  constructor(seed: number) {
    [this.#key0, this.#key1] = seedKey(seed);
  }

  /** `count` raw words: element i is word i & 3 of block i >> 2. uint32. */
  words(stream: number, step: number, count: number): Uint32Array<ArrayBuffer> {
    const padded = new Uint32Array((count + 3) & ~3);
    for (let block = 0; block * 4 < count; block++) {
      philox(block, step, stream, 0, this.#key0, this.#key1, padded, block * 4);
    }
    return padded.subarray(0, count);
  }

  /** `count` indices in [0, bound), with replacement. */
  indices(stream: number, step: number, count: number, bound: number): Uint32Array<ArrayBuffer> {
    const words = this.words(stream, step, count);
    for (let i = 0; i < count; i++) words[i] = wordToIndex(words[i]!, bound);
    return words;
  }

  /** `count` float32 uniform in [low, high): low + (high - low) u, rounded to float32. */
  uniform(stream: number, step: number, count: number, low: number, high: number): Float32Array<ArrayBuffer> {
    const words = this.words(stream, step, count);
    const values = new Float32Array(count);
    for (let i = 0; i < count; i++) values[i] = low + (high - low) * wordToUniform(words[i]!);
    return values;
  }

  /**
   * Writes `count` about normal values (mean 0, deviation 1, at most 3.46 either way) into `out`: element i is the
   * sum of the four bytes of word i & 3 of block i >> 2, less its mean 510, times float32(1 / sqrt(65535 / 3)), rounded
   * once. Whole numbers until then, so every engine has the same bits.
   */
  normals(stream: number, step: number, count: number, out: Float32Array): void {
    const block = this.#block;
    for (let first = 0; first < count; first += 4) {
      philox(first >>> 2, step, stream, 0, this.#key0, this.#key1, block, 0);
      const end = Math.min(4, count - first);
      for (let i = 0; i < end; i++) out[first + i] = wordToNormal(block[i]!);
    }
  }

  /**
   * Writes `count` dropout factors into `out`: 0 where the element is dropped, 1 / (1 - rate)
   * where it is kept. Element i is half i & 7 of block i >> 3 (low half of each word first) and is
   * dropped when that 16-bit number is below round(rate x 65536).
   */
  dropoutMask(stream: number, step: number, count: number, rate: number, out: Float32Array): void {
    const threshold = Math.round(rate * 65536);
    const kept = 1 / (1 - rate);
    const block = this.#block;
    for (let first = 0; first < count; first += 8) {
      philox(first >>> 3, step, stream, 0, this.#key0, this.#key1, block, 0);
      const end = Math.min(8, count - first);
      for (let i = 0; i < end; i++) {
        const word = block[i >> 1]!;
        const half = i & 1 ? word >>> 16 : word & 0xffff;
        out[first + i] = half < threshold ? 0 : kept;
      }
    }
  }

  /** A permutation of 0 .. count - 1 (Fisher-Yates from the end; draw j serves position count - 1 - j). */
  permutation(stream: number, step: number, count: number): Uint32Array<ArrayBuffer> {
    const words = this.words(stream, step, count);
    const order = Uint32Array.from({ length: count }, (_, i) => i);
    for (let position = count - 1, j = 0; position > 0; position--, j++) {
      const other = wordToIndex(words[j]!, position + 1);
      const held = order[position]!;
      order[position] = order[other]!;
      order[other] = held;
    }
    return order;
  }
}
