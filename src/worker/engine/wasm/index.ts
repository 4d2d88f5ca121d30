/** The wasm engine's public face: made for the platform at hand, or with choices forced. */

import { TrainerError } from '../../../protocol/errors.js';
import type { EngineInput } from '../engine.js';
import { canShareMemory, defaultThreads, findSimd, type Simd } from './features.js';
import { compileBinary, instantiate } from './kernels.js';
import { startWasmEngine, type WasmEngine } from './wasm-engine.js';

/** Choices that the platform else makes; tests and benchmarks force them. */
export interface WasmChoices {
  readonly simd?: Simd;
  readonly threads?: number;
  readonly isShared?: boolean;
}

/** Whether this thread may wait for others: a page's own thread may not. */
function canWait(): boolean {
  return !('Window' in globalThis);
}

/**
 * Makes the engine at step 0 of the input's seed, on the threads of its settings. The caller disposes
 * it. Rejects with `EngineUnavailable` where WebAssembly has no SIMD or the kernels cannot be loaded.
 */
export async function createWasmEngine(input: EngineInput, choices: WasmChoices = {}): Promise<WasmEngine> {
  const simd = choices.simd ?? findSimd();
  if (simd === null) {
    throw new TrainerError('EngineUnavailable', 'WebAssembly has no SIMD here; use a newer browser.');
  }
  const isShared = choices.isShared ?? (canShareMemory() && canWait());
  const wanted = choices.threads ?? input.settings.threads;
  const threads = wanted === 0 ? defaultThreads(navigator.hardwareConcurrency) : wanted;
  const module = await compileBinary(simd, isShared);
  return startWasmEngine(input, { simd, threads, isShared, module, instantiate });
}

export type { WasmEngine };
