/** The fused WebGPU engine's public face. */

export { createWebGpuEngine, type WebGpuOptions } from './webgpu-engine.js';
