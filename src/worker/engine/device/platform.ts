/** What the platform offers, asked without loading tfjs. */

/** What a software adapter calls itself where `isFallbackAdapter` does not tell. */
const SOFTWARE_NAMES = /swiftshader|llvmpipe|lavapipe|microsoft basic render/i;

/** An adapter in its own words; may be empty. */
export function describeAdapter({ vendor, architecture, device, description }: GPUAdapterInfo): string {
  if (description !== '') return description;
  return [vendor, architecture, device].filter((part) => part !== '').join(' ');
}

/** Whether a GPU's name is that of a renderer on the CPU. */
export function isSoftwareName(name: string): boolean {
  return SOFTWARE_NAMES.test(name);
}

export function isSoftwareAdapter(info: GPUAdapterInfo): boolean {
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
