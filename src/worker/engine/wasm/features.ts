/**
 * Which of the four binaries this platform can run, found by validating a module of one function that
 * uses the feature; nothing is compiled or loaded. Tests and benchmarks force a choice.
 */

import { feature } from '../../../browser/feature.js';
import type { ThreadLimit } from '../../../protocol/engines.js';

/** The instructions of a binary. */
export type Simd = 'plain' | 'relaxed';

/** A module with one function of type () -> v128 and this body. */
function vectorModule(...body: readonly number[]): Uint8Array<ArrayBuffer> {
  const code = [0, ...body, 11];
  return Uint8Array.of(
    ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0],
    ...[10, code.length + 2, 1, code.length, ...code],
  );
}

/** i32.const 0, then i8x16.splat. */
const SPLAT = [65, 0, 253, 15];
const SIMD_MODULE = vectorModule(...SPLAT);
/** f32x4.relaxed_madd of three splats: opcode 0x105 as LEB128. */
const RELAXED_MODULE = vectorModule(...SPLAT, ...SPLAT, ...SPLAT, 253, 0x85, 0x02);

function isValid(module: Uint8Array<ArrayBuffer>): boolean {
  return typeof WebAssembly === 'object' && WebAssembly.validate(module);
}

/** The best instructions that WebAssembly has here, null where it has no SIMD at all. */
export function findSimd(): Simd | null {
  if (!isValid(SIMD_MODULE)) return null;
  return isValid(RELAXED_MODULE) ? 'relaxed' : 'plain';
}

/** Why memory cannot be shared with workers here; null where it can. */
export function sharingLimit(): ThreadLimit | null {
  if (feature(() => globalThis.crossOriginIsolated) !== true) return 'notIsolated';
  // WebKitGTK has none, though isolated.
  if (feature(() => SharedArrayBuffer) === undefined) return 'noSharedMemory';
  // A page's own thread may not wait for others.
  return 'Window' in globalThis ? 'pageThread' : null;
}

/** Compute threads, the training worker one of them, where nothing is asked for. */
export function defaultThreads(cores: number | undefined): number {
  return Math.max(1, Math.min(8, (cores ?? 1) - 1));
}
