/** The fused WebGPU engine's public face. */

export type { WebGpuOptions } from './equipment.js';
export { createWebGpuEngine } from './webgpu-engine.js';
