/** Adapters that offer too little, and recipes and data that are too large for one: nothing here is allocated. */

import { planStages } from '../../src/worker/engine/webgpu/stage-programs.js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveSettings } from '../../src/protocol/check-settings.js';
import type { SettingsInput } from '../../src/protocol/settings.js';
import { buildRecipe } from '../../src/recipe/build-recipe.js';
import type { DataShape } from '../../src/recipe/recipe.js';
import { openDevice } from '../../src/worker/engine/webgpu/device.js';
import { foldGroups } from '../../src/worker/engine/webgpu/kernels/fold-groups.js';
import { checkStorageBuffers, type BufferNeed } from '../../src/worker/engine/webgpu/limits.js';
import { bufferNeeds } from '../../src/worker/engine/webgpu/needs.js';

/** WebGPU's defaults. */
const DEFAULT_LIMITS = {
  maxStorageBuffersPerShaderStage: 8,
  maxStorageBufferBindingSize: 2 ** 27,
  maxBufferSize: 2 ** 28,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupStorageSize: 16_384,
  maxComputeWorkgroupsPerDimension: 65_535,
};
const MNIST: DataShape = { imageShape: [28, 28, 1], classes: 10 };
const LARGE: DataShape = { imageShape: [128, 128, 3], classes: 2 };

function needsOf(shape: DataShape, trainCount: number, settings: SettingsInput = {}): readonly BufferNeed[] {
  const recipe = buildRecipe(resolveSettings(settings), shape);
  const sizes = { imageShape: shape.imageShape, trainCount, testCount: 10_000, pooledCount: trainCount };
  return bufferNeeds(recipe, sizes, planStages(recipe).programs);
}

/** A GPU whose adapter has these limits and never comes to open a device. */
function gpuWith(limits: Partial<typeof DEFAULT_LIMITS>): { gpu: GPU; asked: Record<string, number>[] } {
  const asked: Record<string, number>[] = [];
  const adapter = {
    limits: { ...DEFAULT_LIMITS, ...limits },
    info: {},
    requestDevice: ({ requiredLimits }: { requiredLimits: Record<string, number> }) => {
      asked.push(requiredLimits);
      return Promise.reject(new Error('asked for'));
    },
  };
  return { gpu: { requestAdapter: () => Promise.resolve(adapter) } as unknown as GPU, asked };
}

async function refuses(
  needs: readonly BufferNeed[],
  limits: Partial<typeof DEFAULT_LIMITS>,
  message: string | RegExp,
): Promise<void> {
  const { gpu, asked } = gpuWith(limits);
  await assert.rejects(openDevice(gpu, needs), { name: 'EngineUnavailable', message });
  assert.deepEqual(asked, []);
}

test('the notebook on MNIST asks any adapter for no more than it needs', async () => {
  const { gpu, asked } = gpuWith({ maxBufferSize: 2 ** 32, maxStorageBufferBindingSize: 2 ** 32 });
  await assert.rejects(openDevice(gpu, needsOf(MNIST, 60_000)), /asked for/);
  assert.deepEqual(asked, [
    {
      maxStorageBuffersPerShaderStage: 8,
      maxStorageBufferBindingSize: 47_040_000,
      maxBufferSize: 47_040_000,
    },
  ]);
});

test('a data set larger than a binding is refused with its size and the limit', () =>
  refuses(
    needsOf(LARGE, 1_000_000),
    { maxStorageBufferBindingSize: 2 ** 32 - 4, maxBufferSize: 2 ** 33 },
    'The 1,000,000 training images take 49,152,000,000 bytes; the GPU adapter offers 4,294,967,292 ' +
      '(maxStorageBufferBindingSize). Use fewer or smaller images, or the engine "tfjs-wasm".',
  ));

test('test images are named where they are what is too large', async () => {
  await refuses(needsOf(LARGE, 20), {}, /^The 10,000 test images take 491,520,000 bytes; .* 134,217,728 /);
});

test('activations of a large batch of large images are refused as such', () =>
  refuses(
    needsOf(LARGE, 1000, { batch: 1024 }),
    { maxBufferSize: 2 ** 30, maxStorageBufferBindingSize: 2 ** 30 },
    /^The activations of a train step \(buffer "activations \d"\) take [\d,]+ bytes; the GPU adapter offers 1,073,741,824 \(max\w+\)\. Use a smaller batch or smaller images, or the engine "tfjs-wasm"\.$/,
  ));

test('activations of an evaluation count too, where the batch is small', () =>
  refuses(
    needsOf(LARGE, 100, { batch: 10 }).filter(({ what }) => !/test images|parameters/.test(what)),
    { maxStorageBufferBindingSize: 2 ** 25 },
    /^The activations of an evaluation \(buffer "activations \d"\) take [\d,]+ bytes; .* offers 33,554,432 /,
  ));

test('the lower of the limits of buffers and of bindings is the one that is named', () =>
  refuses(
    needsOf(MNIST, 60_000),
    { maxBufferSize: 40_000_000 },
    'The 60,000 training images take 47,040,000 bytes; the GPU adapter offers 40,000,000 ' +
      '(maxBufferSize, 268,435,456 elsewhere). Use the engine "wasm".',
  ));

test('an adapter below the usual limits is told of as such, without advice on the batch', () =>
  refuses(
    needsOf(LARGE, 100, { batch: 1024 }).filter(({ what }) => !what.includes('images')),
    { maxStorageBufferBindingSize: 2 ** 26 },
    /^The activations of a train step .* offers 67,108,864 \(maxStorageBufferBindingSize, 134,217,728 elsewhere\)\. Use the engine "wasm"\.$/,
  ));

for (const [limit, offered, words] of [
  ['maxComputeInvocationsPerWorkgroup', 128, 'needs 256 threads in a workgroup; the GPU adapter offers 128'],
  ['maxComputeWorkgroupSizeX', 128, 'needs 256 threads across a workgroup; the GPU adapter offers 128'],
  [
    'maxComputeWorkgroupStorageSize',
    8192,
    'needs 16,384 bytes of workgroup memory; the GPU adapter offers 8,192',
  ],
  [
    'maxComputeWorkgroupsPerDimension',
    1024,
    'needs 65,535 workgroups in a dimension; the GPU adapter offers 1,024',
  ],
] as const) {
  test(`an adapter of too low a ${limit} is refused by its name`, () =>
    refuses(
      needsOf(MNIST, 60_000),
      { [limit]: offered },
      `The engine ${words} (${limit}). Use the engine "wasm".`,
    ));
}

test('too few storage buffers are named as such, whatever the batch', async () => {
  await refuses(
    needsOf(MNIST, 60_000),
    { maxStorageBuffersPerShaderStage: 4 },
    'The engine needs 8 storage buffers at once; the GPU adapter offers 4 (maxStorageBuffersPerShaderStage). ' +
      'Use the engine "wasm".',
  );
  assert.throws(() => checkStorageBuffers('The kernel "draw"', 9, DEFAULT_LIMITS), {
    name: 'EngineUnavailable',
    message:
      'The kernel "draw" needs 9 storage buffers at once; the GPU adapter offers 8 (maxStorageBuffersPerShaderStage). ' +
      'Use the engine "wasm".',
  });
});

const KERNEL = `@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  out[group.x] = thread;
}`;

test('dispatches within the limit are left as they are', () =>
  assert.deepEqual(foldGroups(KERNEL, [65_535, 3, 65_535]), {
    text: KERNEL,
    workgroups: [65_535, 3, 65_535],
  }));

test('more workgroups than a dimension has are spread over all of them', () => {
  for (const [blocks, most, workgroups] of [
    [[196_608, 1, 1], 65_535, [65_535, 4, 1]],
    [[1, 262_144, 4], 65_535, [65_535, 17, 1]],
    [[5, 3, 2], 4, [4, 4, 2]],
  ] as const) {
    const folded = foldGroups(KERNEL, blocks, most);
    assert.deepEqual(folded.workgroups, workgroups);
    assert.match(folded.text, /let group = vec3u\(/);
    assert.ok(workgroups[0] * workgroups[1] * workgroups[2] >= blocks[0] * blocks[1] * blocks[2]);
  }
});

test('a kernel that does not know its workgroup is not folded', () =>
  assert.throws(() => foldGroups('fn main() {}', [65_536, 1, 1]), RangeError));
