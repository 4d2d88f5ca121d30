/** What the platform offers, asked without loading tfjs. */

import { feature } from '../../../browser/feature.js';

/** What a software adapter calls itself where `isFallbackAdapter` does not tell. */
const SOFTWARE_NAMES = /swiftshader|llvmpipe|lavapipe|microsoft basic render/i;

/** What an adapter says of itself; each may be empty. */
export type AdapterInfo = Pick<
  GPUAdapterInfo,
  'vendor' | 'architecture' | 'device' | 'description' | 'isFallbackAdapter'
>;

/** `navigator.gpu`; undefined also where looking at it throws. */
export function findGpu(): GPU | undefined {
  return feature(() => navigator.gpu);
}

/** `adapter.info`, which older and hardened browsers lack in whole or in part. */
export function readAdapterInfo(adapter: GPUAdapter): AdapterInfo {
  const text = (name: 'vendor' | 'architecture' | 'device' | 'description'): string =>
    feature(() => adapter.info[name]) ?? '';
  const isFallbackAdapter =
    feature(() => adapter.info.isFallbackAdapter) ??
    // Where it stood before it moved into `info`.
    feature(() => (adapter as { readonly isFallbackAdapter?: boolean }).isFallbackAdapter);
  return {
    vendor: text('vendor'),
    architecture: text('architecture'),
    device: text('device'),
    description: text('description'),
    isFallbackAdapter: isFallbackAdapter === true,
  };
}

/**
 * Asks for the fast adapter. A browser that has just started its GPU process may say that there is none, and have
 * one when it is asked again.
 */
export async function requestAdapter(gpu: GPU): Promise<GPUAdapter | null> {
  const options = { powerPreference: 'high-performance' } as const;
  return (await gpu.requestAdapter(options)) ?? (await gpu.requestAdapter(options));
}

/** What tells one adapter from another. */
export interface AdapterIdentity {
  readonly info: AdapterInfo;
  /** By name, in the order of the names. */
  readonly limits: readonly (readonly [name: string, value: number])[];
  readonly features: readonly string[];
}

function readLimits({ limits }: GPUAdapter): AdapterIdentity['limits'] {
  const found: (readonly [string, number])[] = [];
  // The limits are accessors of a prototype: no other loop sees them.
  for (const name in limits) {
    const value: unknown = limits[name as keyof GPUSupportedLimits];
    if (typeof value === 'number') found.push([name, value]);
  }
  return found.sort(([a], [b]) => (a < b ? -1 : 1));
}

export function readIdentity(adapter: GPUAdapter): AdapterIdentity {
  return {
    info: readAdapterInfo(adapter),
    limits: feature(() => readLimits(adapter)) ?? [],
    features: [...(feature(() => adapter.features) ?? [])].sort(),
  };
}

/** Whether the adapter says what it is. Some browsers give empty words alone. */
export function isNamed({ vendor, architecture, device, description }: AdapterInfo): boolean {
  return [vendor, architecture, device, description].some((part) => part !== '');
}

/** The adapter as part of a key: its words, and where it has none all else that is known of it. */
export function adapterKey({ info, limits, features }: AdapterIdentity): string {
  const { vendor, architecture, device, description } = info;
  return JSON.stringify(isNamed(info) ? [vendor, architecture, device, description] : { limits, features });
}

/** An adapter in its own words; may be empty. */
export function describeAdapter({ vendor, architecture, device, description }: AdapterInfo): string {
  if (description !== '') return description;
  return [vendor, architecture, device].filter((part) => part !== '').join(' ');
}

/** Whether a GPU's name is that of a renderer on the CPU. */
export function isSoftwareName(name: string): boolean {
  return SOFTWARE_NAMES.test(name);
}

export function isSoftwareAdapter(info: AdapterInfo): boolean {
  const { vendor, architecture, device, description } = info;
  return info.isFallbackAdapter || isSoftwareName([vendor, architecture, device, description].join(' '));
}

/** A module whose one function uses a SIMD instruction (i8x16.splat, then popcnt). */
const SIMD_MODULE = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123],
  ...[3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11],
);

/** Whether WebAssembly is there and has SIMD. */
export function hasWasmSimd(): boolean {
  return typeof WebAssembly === 'object' && WebAssembly.validate(SIMD_MODULE);
}

/** Cores that an engine's threads may compute on: one where they cannot share memory. */
export function coresForThreads(): number {
  if (feature(() => globalThis.crossOriginIsolated) !== true) return 1;
  return feature(() => navigator.hardwareConcurrency) ?? 1;
}
