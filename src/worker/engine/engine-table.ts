/**
 * The engines of this build, in the order in which `auto` looks at them, what each needs, and how
 * it is made. Nothing of an engine is loaded before it is created.
 */

import type { EngineEntry, Probe } from './engine-entry.js';
import type { Engine, EngineInput } from './engine.js';
import {
  adapterKey,
  describeAdapter,
  findGpu,
  hasWasmSimd,
  isSoftwareAdapter,
  readIdentity,
  requestAdapter,
} from './device/platform.js';

/** Looks once for all that ask at the same moment: a second request may be answered otherwise than the first. */
function together<T>(look: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<T> | null = null;
  return () => {
    if (underWay !== null) return underWay;
    queueMicrotask(() => (underWay = null));
    return (underWay = look());
  };
}

/** Looks for an adapter of `gpu`, which is `findGpu()`. */
export async function probeWebGpu(gpu: GPU | undefined): Promise<Probe> {
  if (gpu === undefined) return { isUsable: false, reason: 'noWebGpu', detail: '' };
  const adapter = await requestAdapter(gpu);
  if (adapter === null) return { isUsable: false, reason: 'noAdapter', detail: '' };
  const identity = readIdentity(adapter);
  const { info } = identity;
  const detail = describeAdapter(info);
  return { isUsable: true, isSoftware: isSoftwareAdapter(info), detail, key: adapterKey(identity) };
}

const probeGpu = together(() => probeWebGpu(findGpu()));

async function probeWasm(): Promise<Probe> {
  if (hasWasmSimd()) return { isUsable: true, isSoftware: false, detail: '' };
  return { isUsable: false, reason: 'noWasmSimd', detail: '' };
}

async function probeNothing(): Promise<Probe> {
  return { isUsable: true, isSoftware: false, detail: '' };
}

async function createTfjs(backend: 'webgpu' | 'webgl' | 'wasm' | 'cpu', input: EngineInput): Promise<Engine> {
  const { createTfjsEngine } = await import('./tfjs/index.js');
  return createTfjsEngine(backend, input);
}

async function createWebGpu(input: EngineInput): Promise<Engine> {
  const { createWebGpuEngine } = await import('./webgpu/index.js');
  return createWebGpuEngine(input);
}

async function createWasm(input: EngineInput): Promise<Engine> {
  const { createWasmEngine } = await import('./wasm/index.js');
  return createWasmEngine(input);
}

export const ENGINES: readonly EngineEntry[] = [
  {
    name: 'webgpu',
    isAutomatic: true,
    runsOn: 'gpu',
    probe: probeGpu,
    create: createWebGpu,
    isContender: true,
    recovers: true,
  },
  {
    name: 'tfjs-webgpu',
    isAutomatic: true,
    runsOn: 'gpu',
    probe: probeGpu,
    create: (input) => createTfjs('webgpu', input),
  },
  {
    name: 'wasm',
    isAutomatic: true,
    runsOn: 'cpu',
    probe: probeWasm,
    create: createWasm,
    isContender: true,
  },
  {
    name: 'tfjs-wasm',
    isAutomatic: true,
    runsOn: 'cpu',
    probe: probeWasm,
    create: (input) => createTfjs('wasm', input),
  },
  {
    name: 'tfjs-cpu',
    isAutomatic: true,
    runsOn: 'cpu',
    probe: probeNothing,
    create: (input) => createTfjs('cpu', input),
  },
  {
    // Its JavaScript alone costs more than a step on wasm, so `auto` never takes it.
    name: 'tfjs-webgl',
    isAutomatic: false,
    runsOn: 'gpu',
    probe: probeNothing,
    create: (input) => createTfjs('webgl', input),
  },
];
