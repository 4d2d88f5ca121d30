/**
 * Memory that is used anew. What the records of one stage leave each other lies in one that every stage of a program has,
 * so that little is touched in all and much of it stays in the caches; what programs keep to their end lies in one
 * that every program has, as a program leaves nothing behind but parameters and what is read at once.
 */

import type { Arena } from './arena.js';

/** Whatever hands out memory: for good, for a program, or for a stage. */
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

  /** Address of `bytes` bytes, a multiple of 64, which hold anything at first and belong to the present user. */
  allocate(bytes: number): number {
    const size = Math.ceil(bytes / 64) * 64;
    const block = this.#blocks.find(({ bytes: all, used }) => used + size <= all) ?? this.#grow(size);
    const address = block.address + block.used;
    block.used += size;
    return address;
  }

  /** What was allocated so far is free again. */
  begin(): void {
    for (const block of this.#blocks) block.used = 0;
  }

  #grow(size: number): Block {
    const bytes = Math.max(size, BLOCK_BYTES);
    const block = { address: this.#arena.allocate(bytes), bytes, used: 0 };
    this.#blocks.push(block);
    return block;
  }
}
