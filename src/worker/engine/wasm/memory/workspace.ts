/**
 * Memory for what the records of one stage leave each other: every stage of a program has the same, so that little is
 * touched in all and much of it stays in the caches.
 */

import type { Arena } from './arena.js';

/** Whatever hands out memory: for good, or for a stage. */
export type Allocator = Pick<Arena, 'allocate'>;

/** Bytes that are taken from the arena at a time, at least. */
const BLOCK_BYTES = 1 << 20;

interface Block {
  readonly address: number;
  readonly bytes: number;
  used: number;
}

export class Workspace implements Allocator {
  readonly #arena: Arena;
  readonly #blocks: Block[] = [];

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** Address of `bytes` bytes, a multiple of 64, which hold anything at first and belong to the present stage. */
  allocate(bytes: number): number {
    const size = Math.ceil(bytes / 64) * 64;
    const block = this.#blocks.find(({ bytes: all, used }) => used + size <= all) ?? this.#grow(size);
    const address = block.address + block.used;
    block.used += size;
    return address;
  }

  /** What was allocated so far is free again. */
  beginStage(): void {
    for (const block of this.#blocks) block.used = 0;
  }

  #grow(size: number): Block {
    const bytes = Math.max(size, BLOCK_BYTES);
    const block = { address: this.#arena.allocate(bytes), bytes, used: 0 };
    this.#blocks.push(block);
    return block;
  }
}
