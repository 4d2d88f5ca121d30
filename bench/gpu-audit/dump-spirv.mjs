/**
 * Lets Dawn compile WGSL files, so that it prints the SPIR-V that it gives a Vulkan driver. A process of its own: a
 * driver is chosen by the environment, and the text comes on the standard output of the process. Usage:
 * dump-spirv.mjs FILE.wgsl ...
 */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { create, globals } from 'webgpu';

Object.assign(globalThis, globals);

const BINDING = /@binding\((\d+)\) var<storage, (read|read_write)>/g;

const gpu = create(['enable-dawn-features=dump_shaders']);
const adapter = await gpu.requestAdapter();
if (adapter === null) {
  console.error(
    'Dawn found no adapter: it refuses drivers that are too old, of lavapipe that of Mesa 22 for one.',
  );
  process.exit(1);
}
/** Those that the settings `subgroups` and `float16` ask for. */
const FEATURES = ['subgroups', 'shader-f16'];
const { maxStorageBufferBindingSize, maxBufferSize } = adapter.limits;
const device = await adapter.requestDevice({
  requiredLimits: { maxStorageBufferBindingSize, maxBufferSize },
  requiredFeatures: FEATURES.filter((name) => adapter.features.has(name)),
});

for (const file of process.argv.slice(2)) {
  const code = await readFile(file, 'utf8');
  const entries = [...code.matchAll(BINDING)].map(([, binding, access]) => ({
    binding: Number(binding),
    visibility: globalThis.GPUShaderStage.COMPUTE,
    buffer: { type: access === 'read' ? 'read-only-storage' : 'storage' },
  }));
  const layout = device.createPipelineLayout({
    bindGroupLayouts: [device.createBindGroupLayout({ entries })],
  });
  const module = device.createShaderModule({ code: `// FILE ${path.basename(file)}\n${code}` });
  await device.createComputePipelineAsync({ layout, compute: { module } });
}
// Dawn's threads would keep the process.
process.exit(0);
