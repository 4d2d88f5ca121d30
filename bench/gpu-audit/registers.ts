/** The registers, LDS and memory that one wave of 64 lanes sees. */

import type { Assembly } from './assembly.js';

export const LANES = 64;
const LDS_WORDS = 16_384;
/** Vector registers of a wave at most. */
export const VECTORS = 256;

/** Scalar registers by number; 106 and 107 are vcc, 126 and 127 exec. */
export const VCC = 106;
export const EXEC = 126;
const SCALARS = 128;

/** What is at the address that `s_getpc_b64` gives for the first byte of the code. */
export const CODE_ADDRESS = 0x4000_0000;
/** Marks the second word of a descriptor of the shader's bindings; the first is the binding. */
export const DESCRIPTOR_MARK = 0xb1d1_b1d1;

export interface WaveInput {
  readonly assembly: Assembly;
  /** What the host has written, by binding. */
  readonly buffers: readonly Uint32Array<ArrayBuffer>[];
  readonly group: readonly [number, number, number];
  /** Threads of a group by axis. */
  readonly threads: readonly [number, number, number];
  /** Which wave of its group. */
  readonly wave: number;
  /** Axes of the group's number that the shader takes, in order. */
  readonly axes: readonly number[];
}

export class Registers {
  readonly scalars = new Uint32Array(SCALARS);
  readonly vectors: readonly Uint32Array<ArrayBuffer>[];
  readonly lds = new Uint32Array(LDS_WORDS);
  readonly #input: WaveInput;
  /** The scalar condition code. */
  scc = 0;

  constructor(input: WaveInput) {
    this.#input = input;
    this.vectors = Array.from({ length: VECTORS }, () => new Uint32Array(LANES));
    const { group, threads, wave, axes } = input;
    const [across, down, deep] = threads;
    const all = across * down * deep;
    for (let lane = 0; lane < LANES; lane++) {
      const thread = wave * LANES + lane;
      this.vectors[0]![lane] = thread % across;
      this.vectors[1]![lane] = Math.floor(thread / across) % down;
      this.vectors[2]![lane] = Math.floor(thread / (across * down));
    }
    const live = Math.min(LANES, all - wave * LANES);
    this.scalars[EXEC] = live >= 32 ? 0xffff_ffff : 2 ** live - 1;
    this.scalars[EXEC + 1] = live <= 32 ? 0 : live === 64 ? 0xffff_ffff : 2 ** (live - 32) - 1;
    // Registers 0 and 1 point to scratch memory, 2 to the descriptors; then the group, then the wave's place in it.
    axes.forEach((axis, index) => (this.scalars[3 + index] = group[axis]!));
    this.scalars[3 + axes.length] = (wave << 6) | Math.ceil(all / LANES);
  }

  isActive(lane: number): boolean {
    return ((this.scalars[EXEC + (lane >> 5)]! >>> (lane & 31)) & 1) === 1;
  }

  /** The word of a buffer at a byte; 0 outside of it, as the hardware has it. */
  word(descriptor: number, bytes: number): number {
    const mark = this.scalars[descriptor + 1]!;
    const base = this.scalars[descriptor]!;
    if (mark === DESCRIPTOR_MARK) return this.#input.buffers[base]?.[bytes >>> 2] ?? 0;
    const { words, offsetBytes } = this.#input.assembly.constants;
    return words[(base - CODE_ADDRESS - offsetBytes + bytes) >>> 2] ?? 0;
  }
}
