/** What this browser has for a benchmark: the adapter in full, and which contenders can run, or why not. */

import { pageContenders, CONTENDERS, type Contender } from '../../protocol/benchmark/contenders.js';
import type { Survey } from '../../protocol/benchmark/orders.js';
import type { AdapterDescription } from '../../protocol/benchmark/report.js';
import { PROBE_LIMIT_MS } from '../../protocol/time-limits.js';
import { describeError } from '../../protocol/wording.js';
import { feature } from '../../browser/feature.js';
import { answerWithin } from '../engine/device/answer.js';
import { findGpu, hasWasmSimd, isSoftwareAdapter, readAdapterInfo } from '../engine/device/platform.js';
import { sharingLimit } from '../engine/wasm/features.js';

/** Features that change how an engine computes, or what can be measured. */
const FEATURES = ['timestamp-query', 'subgroups', 'shader-f16'] as const;
/** Limits that the engines' kernels come near to, or would gain by. */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupsPerDimension',
] as const satisfies readonly (keyof GPUSupportedLimits)[];

export function describeAdapterFully(adapter: GPUAdapter): AdapterDescription {
  const info = readAdapterInfo(adapter);
  const { vendor, architecture, device, description } = info;
  const limits = LIMITS.map((name) => [name, feature(() => adapter.limits[name])] as const);
  return {
    vendor,
    architecture,
    device,
    description,
    isSoftware: isSoftwareAdapter(info),
    features: FEATURES.filter((name) => feature(() => adapter.features.has(name)) === true),
    limits: Object.fromEntries(limits.filter(([, value]) => typeof value === 'number')) as Record<
      string,
      number
    >,
  };
}

/** The adapter that the engines take, or why there is none. */
export async function findAdapter(
  gpu: GPU | undefined,
): Promise<
  | { readonly adapter: GPUAdapter; readonly refusal: null }
  | { readonly adapter: null; readonly refusal: string }
> {
  if (gpu === undefined) return { adapter: null, refusal: 'This browser offers no WebGPU.' };
  try {
    const adapter = await answerWithin(gpu.requestAdapter({ powerPreference: 'high-performance' }), {
      what: 'The search for a GPU',
      limitMs: PROBE_LIMIT_MS,
    });
    if (adapter !== null) return { adapter, refusal: null };
    return { adapter: null, refusal: 'WebGPU finds no adapter on this machine.' };
  } catch (error) {
    return { adapter: null, refusal: describeError(error) };
  }
}

function webGlRefusal(): string | null {
  const gl = feature(() => new OffscreenCanvas(1, 1).getContext('webgl2'));
  gl?.getExtension('WEBGL_lose_context')?.loseContext();
  return gl === undefined ? 'This browser offers no WebGL 2 in workers.' : null;
}

function threadRefusal(): string | null {
  switch (sharingLimit()) {
    case null:
      return null;
    case 'notIsolated':
      return 'Threads need a page that is cross-origin isolated; this one is not.';
    default:
      return 'This browser gives workers no memory that threads can share.';
  }
}

/** Asks in a worker. Loads nothing heavy. */
export async function surveyBrowser(): Promise<Survey> {
  const cores = feature(() => navigator.hardwareConcurrency) ?? 1;
  const { adapter, refusal: noAdapter } = await findAdapter(findGpu());
  const noWebGl = webGlRefusal();
  const noSimd = hasWasmSimd() ? null : 'This browser’s WebAssembly has no SIMD.';
  const noThreads = threadRefusal();
  const refusalOf = ({ engine, threads }: Contender): string | null => {
    if (CONTENDERS[engine].runsOn === 'webgpu') return noAdapter;
    if (CONTENDERS[engine].runsOn === 'webgl') return noWebGl;
    if (engine === 'tfjs-cpu') return null;
    return noSimd ?? (threads !== null && threads > 1 ? noThreads : null);
  };
  return {
    cores,
    isIsolated: feature(() => globalThis.crossOriginIsolated) === true,
    adapter: adapter && describeAdapterFully(adapter),
    contenders: pageContenders(cores).map((contender) => ({ contender, refusal: refusalOf(contender) })),
  };
}
