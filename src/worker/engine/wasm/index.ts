/** The wasm engine's public face: made for the platform at hand, or with choices forced; and what it spreads labels with. */

import type { FindNeighbours } from '../../spread/neighbours.js';
import type { StartIterations } from '../../spread/iterations.js';
import type { EngineInput } from '../engine.js';
import { searchNeighbours } from './neighbour-search.js';
import { onPlatform, type WasmChoices } from './platform.js';
import { startSpreadIterations } from './spread-iterations.js';
import { startWasmEngine, type WasmEngine } from './wasm-engine.js';

/**
 * Makes the engine at step 0 of the input's seed, on the threads of its settings; on one, where memory
 * cannot be shared or not enough of it. The caller disposes it. Rejects with `EngineUnavailable` where
 * WebAssembly has no SIMD or the kernels cannot be loaded.
 */
export async function createWasmEngine(input: EngineInput, choices: WasmChoices = {}): Promise<WasmEngine> {
  return onPlatform(input.settings.threads, choices, (platform) => startWasmEngine(input, platform));
}

/** A search on threads and memory of its own, which are freed with its end; `threads` as in the settings. */
export function wasmNeighbours(threads: number, choices: WasmChoices = {}): FindNeighbours {
  return (rows, nearest, slices) =>
    onPlatform(threads, choices, (platform) => searchNeighbours(rows, nearest, slices, platform));
}

/** Iterations on threads and memory of their own; `threads` as in the settings. */
export function wasmIterations(threads: number, choices: WasmChoices = {}): StartIterations {
  return (graph) => onPlatform(threads, choices, (platform) => startSpreadIterations(graph, platform));
}

export type { WasmChoices, WasmEngine };
