/** Memory of the wasm engine that stages share. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Arena } from '../../src/worker/engine/wasm/memory/arena.js';
import { Workspace } from '../../src/worker/engine/wasm/memory/workspace.js';

/** Sizes that fit a block, fill one, and need one of their own. */
const SIZES = [100, 700_000, 400_000, 64, 3_000_000, 1 << 20, 300_000];

describe('the workspace of a program', () => {
  it('gives the pieces of a stage apart from each other, and none of what the arena gave others', () => {
    const arena = new Arena(false);
    const workspace = new Workspace(arena);
    const pieces = SIZES.map((bytes) => ({ address: workspace.allocate(bytes), bytes }));
    pieces.push({ address: arena.allocate(100), bytes: 100 });
    pieces.sort((a, b) => a.address - b.address);
    pieces.forEach(({ address }, index) => {
      assert.equal(address % 64, 0);
      if (index > 0) assert.ok(address >= pieces[index - 1]!.address + pieces[index - 1]!.bytes);
    });
  });

  it('gives the next stage the same memory again', () => {
    const arena = new Arena(false);
    const workspace = new Workspace(arena);
    const first = SIZES.map((bytes) => workspace.allocate(bytes));
    const { sizeBytes } = arena;
    workspace.begin();
    assert.deepEqual(
      SIZES.map((bytes) => workspace.allocate(bytes)),
      first,
    );
    assert.equal(arena.sizeBytes, sizeBytes);
  });
});
