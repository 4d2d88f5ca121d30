/** The wasm engine in Node: binaries from the build's cache, relaxed SIMD switched on. */

import { readFileSync } from 'node:fs';
import v8 from 'node:v8';
import type { EngineInput } from '../../../src/worker/engine/engine.js';
import type { Simd } from '../../../src/worker/engine/wasm/features.js';
import { binaryName, instantiate } from '../../../src/worker/engine/wasm/kernels.js';
import type { SpawnThread } from '../../../src/worker/engine/wasm/threads/team.js';
import type { TileColumns } from '../../../src/worker/engine/wasm/threads/tile-choice.js';
import { startWasmEngine, type WasmEngine } from '../../../src/worker/engine/wasm/wasm-engine.js';

// Node 20 has it behind a flag; browsers have it on. To be removed with Node 20.
v8.setFlagsFromString('--experimental-wasm-relaxed-simd');

export interface NodeChoices {
  readonly simd?: Simd;
  readonly isShared?: boolean;
  /** 1 where absent; more need shared memory, and `spawn` of `wasm-threads.ts`. */
  readonly threads?: number;
  readonly spawn?: SpawnThread;
  readonly tileColumns?: TileColumns;
  /** Another binary than the build's. */
  readonly bytes?: Uint8Array<ArrayBuffer>;
}

export function kernelBytes(simd: Simd, isShared: boolean): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(readFileSync(`.cache/kernels/${binaryName(simd, isShared)}`));
}

/** The caller disposes it. */
export async function nodeWasmEngine(
  input: EngineInput,
  {
    simd = 'relaxed',
    isShared = false,
    threads = 1,
    spawn,
    tileColumns,
    bytes = kernelBytes(simd, isShared),
  }: NodeChoices = {},
): Promise<WasmEngine> {
  const module = await WebAssembly.compile(bytes);
  const helpers = spawn === undefined ? {} : { spawn };
  const tile = tileColumns === undefined ? {} : { tileColumns };
  return startWasmEngine(input, { simd, threads, isShared, module, instantiate, ...helpers, ...tile });
}
