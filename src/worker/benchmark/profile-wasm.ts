/** Time by operation of the wasm engine's train step, as rates. */

import { profileStep } from '../engine/wasm/profile.js';
import type { WasmEngine } from '../engine/wasm/wasm-engine.js';
import type { StepProfile } from './bench-engine.js';

/** In the plan's order, of an engine with one thread. Bytes are not counted: most of them stay in the caches. */
export async function profileWasm(engine: WasmEngine): Promise<StepProfile> {
  const operations = (await profileStep(engine)).map(({ name, kind, ms, multiplyAdds }) => ({
    name,
    kind,
    ms,
    multiplyAdds,
    gflops: multiplyAdds === 0 || ms === 0 ? null : (2 * multiplyAdds) / (ms * 1e6),
    gigabytesPerSecond: null,
  }));
  return { operations, timedBy: 'clock' };
}
