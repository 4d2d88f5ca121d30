/**
 * How many multiply-adds a second a device makes, as an order of magnitude: what tells adapters apart that say nothing
 * of themselves. Computes nothing that anybody reads.
 */

import type { FailureWatch } from '../../device/failure-watch.js';

const THREADS = 64;
const GROUPS = 256;
const ROUNDS = 512;
/** Of vec4f, independent of each other, so that their latency is hidden. */
const CHAINS = 4;
const MULTIPLY_ADDS = THREADS * GROUPS * ROUNDS * CHAINS * 4;

/** One measurement takes at least so long: clocks are coarse, and a submit costs time. */
const TARGET_MS = 4;
const MOST_REPEATS = 256;
/** Measurements; the fastest counts, as a clock may still be rising. */
const MEASUREMENTS = 3;

const CODE = `@group(0) @binding(0) var<storage, read_write> out: array<vec4f, ${THREADS}>;
@compute @workgroup_size(${THREADS})
fn main(@builtin(local_invocation_index) thread: u32) {
  let x = vec4f(f32(thread) * 1e-6) + 0.999f;
  ${Array.from({ length: CHAINS }, (_, chain) => `var sum_${chain} = x + ${chain}f;`).join('\n  ')}
  for (var i = 0u; i < ${ROUNDS}u; i++) {
    ${Array.from({ length: CHAINS }, (_, chain) => `sum_${chain} = fma(sum_${chain}, x, x);`).join('\n    ')}
  }
  out[thread] = ${Array.from({ length: CHAINS }, (_, chain) => `sum_${chain}`).join(' + ')};
}`;

export interface PeakOptions {
  readonly device: GPUDevice;
  readonly watch: FailureWatch;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
}

/** Multiply-adds a second as a whole power of four, so that two measurements of one device nearly always agree. */
export function peakClass(multiplyAdds: number, ms: number): number {
  return Math.round(Math.log2((1000 * multiplyAdds) / Math.max(ms, 1e-3)) / 2);
}

/** The class of a device's peak. Leaves nothing behind. Rejects where the device goes. */
export async function measurePeak({ device, watch, now }: PeakOptions): Promise<number> {
  const label = 'peak';
  const module = device.createShaderModule({ label, code: CODE });
  const pipeline = await watch.guard(
    device.createComputePipelineAsync({ label, layout: 'auto', compute: { module } }),
  );
  const out = device.createBuffer({ label, size: THREADS * 16, usage: GPUBufferUsage.STORAGE });
  const bindGroup = device.createBindGroup({
    label,
    layout: pipeline.getBindGroupLayout(0),
    entries: [{ binding: 0, resource: { buffer: out } }],
  });
  const run = async (repeats: number): Promise<number> => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    for (let i = 0; i < repeats; i++) pass.dispatchWorkgroups(GROUPS);
    pass.end();
    const startedAt = now();
    device.queue.submit([encoder.finish()]);
    await watch.guard(device.queue.onSubmittedWorkDone());
    return now() - startedAt;
  };
  try {
    let repeats = 1;
    let ms = await run(repeats);
    while (ms < TARGET_MS && repeats < MOST_REPEATS) ms = await run((repeats *= 2));
    for (let i = 1; i < MEASUREMENTS; i++) ms = Math.min(ms, await run(repeats));
    return peakClass(repeats * MULTIPLY_ADDS, ms);
  } finally {
    out.destroy();
  }
}
