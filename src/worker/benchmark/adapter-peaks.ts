/**
 * What an adapter reaches at best: the rate of fused multiply-adds on values in registers, as the inner
 * loop of a matrix product has them, and of a copy from one large buffer to another.
 */

import type { BenchmarkPeaks } from '../../protocol/benchmark/report.js';
import { makeDispatchTimer, type SingleDispatch } from './time-dispatch.js';

const GROUPS = 4096;
const GROUP_SIZE = 64;
const LOOPS = 128;
/** Independent accumulators of a thread, so that no multiply-add waits for the one before it. */
const ACCUMULATORS = 8;
const FLOPS = GROUPS * GROUP_SIZE * LOOPS * ACCUMULATORS * 4 * 2;

const names = Array.from({ length: ACCUMULATORS }, (_, index) => `sum${index}`);
const MULTIPLY_ADDS = `
@group(0) @binding(0) var<storage, read> given: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> result: array<vec4f>;
@compute @workgroup_size(${GROUP_SIZE})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let a = given[0];
  let b = given[1];
${names.map((name, index) => `  var ${name} = a * ${index}.0 + f32(id.x);`).join('\n')}
  for (var i = 0u; i < ${LOOPS}u; i++) {
${names.map((name) => `    ${name} = fma(${name}, a, b);`).join('\n')}
  }
  result[id.x] = ${names.join(' + ')};
}`;

const COPY_BYTES = 64 * 2 ** 20;
const COPY_GROUP_SIZE = 256;
const COPY = `
@group(0) @binding(0) var<storage, read> given: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> result: array<vec4f>;
@compute @workgroup_size(${COPY_GROUP_SIZE})
fn main(@builtin(global_invocation_id) id: vec3u) {
  result[id.x] = given[id.x];
}`;

function makeDispatch(
  device: GPUDevice,
  code: string,
  buffers: readonly GPUBuffer[],
  groups: number,
): SingleDispatch {
  const pipeline = device.createComputePipeline({
    layout: 'auto',
    compute: { module: device.createShaderModule({ code }) },
  });
  const bindGroup = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  return { pipeline, bindGroup, workgroups: [groups, 1, 1] };
}

/** Measures on a device of its own, which is destroyed. */
export async function measurePeaks(adapter: GPUAdapter): Promise<NonNullable<BenchmarkPeaks['adapter']>> {
  const device = await adapter.requestDevice({ label: 'peaks' });
  try {
    const buffers = ['read', 'written'].map((label) =>
      device.createBuffer({ label, size: COPY_BYTES, usage: GPUBufferUsage.STORAGE }),
    );
    const copyGroups = COPY_BYTES / 16 / COPY_GROUP_SIZE;
    const { time } = makeDispatchTimer(device);
    const flopMs = await time(makeDispatch(device, MULTIPLY_ADDS, buffers, GROUPS));
    const copyMs = await time(makeDispatch(device, COPY, buffers, copyGroups));
    if (flopMs === 0 || copyMs === 0) throw new Error('The clock sees no time pass.');
    return { gflops: FLOPS / (flopMs * 1e6), gigabytesPerSecond: (2 * COPY_BYTES) / (copyMs * 1e6) };
  } finally {
    device.destroy();
  }
}
