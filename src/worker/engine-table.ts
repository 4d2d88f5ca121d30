/**
 * The engines of this build, in the order in which `auto` looks at them, what each needs, and how
 * it is made. Nothing of an engine is loaded before it is created.
 */

import type { EngineEntry, Probe } from './choose-engine.js';
import type { EngineInput } from './engine/engine.js';

/** What a software adapter calls itself where `isFallbackAdapter` does not tell. */
const SOFTWARE_NAMES = /swiftshader|llvmpipe|lavapipe|microsoft basic render/i;

/** An adapter in its own words; may be empty. */
function describeAdapter({ vendor, architecture, device, description }: GPUAdapterInfo): string {
  if (description !== '') return description;
  return [vendor, architecture, device].filter((part) => part !== '').join(' ');
}

/** Looks for an adapter of `gpu`, which is `navigator.gpu`. */
export async function probeWebGpu(gpu: GPU | undefined): Promise<Probe> {
  if (gpu === undefined) return { isUsable: false, reason: 'noWebGpu', detail: '' };
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) return { isUsable: false, reason: 'noAdapter', detail: '' };
  const { info } = adapter;
  const detail = describeAdapter(info);
  const names = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`;
  return { isUsable: true, isSoftware: info.isFallbackAdapter || SOFTWARE_NAMES.test(names), detail };
}

async function probeWasm(): Promise<Probe> {
  if (typeof WebAssembly === 'object') return { isUsable: true, isSoftware: false, detail: '' };
  return { isUsable: false, reason: 'failedToStart', detail: 'WebAssembly is switched off' };
}

async function probeNothing(): Promise<Probe> {
  return { isUsable: true, isSoftware: false, detail: '' };
}

async function createTfjs(backend: 'webgpu' | 'webgl' | 'wasm' | 'cpu', input: EngineInput): ReturnType<EngineEntry['create']> {
  const { createTfjsEngine } = await import('./engine/tfjs/index.js');
  return createTfjsEngine(backend, input);
}

export const ENGINES: readonly EngineEntry[] = [
  {
    name: 'tfjs-webgpu',
    isAutomatic: true,
    runsOn: 'gpu',
    evaluationSlice: 500,
    probe: () => probeWebGpu(navigator.gpu),
    create: (input) => createTfjs('webgpu', input),
  },
  {
    name: 'tfjs-wasm',
    isAutomatic: true,
    runsOn: 'cpu',
    evaluationSlice: 200,
    probe: probeWasm,
    create: (input) => createTfjs('wasm', input),
  },
  {
    name: 'tfjs-cpu',
    isAutomatic: true,
    runsOn: 'cpu',
    evaluationSlice: 50,
    probe: probeNothing,
    create: (input) => createTfjs('cpu', input),
  },
  {
    // Its JavaScript alone costs more than a step on wasm, so `auto` never takes it.
    name: 'tfjs-webgl',
    isAutomatic: false,
    runsOn: 'gpu',
    evaluationSlice: 500,
    probe: probeNothing,
    create: (input) => createTfjs('webgl', input),
  },
];
