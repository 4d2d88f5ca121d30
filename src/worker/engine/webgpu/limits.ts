/**
 * What an adapter may offer too little of: sizes of buffers, how many one kernel binds, and workgroups. Buffers are
 * bound whole, so that none may be larger than a binding.
 */

import { TrainerError } from '../../../protocol/errors.js';
import { formatNumber } from '../../../protocol/wording.js';

/** WebGPU binds and copies in multiples of this; also the width of one vec4f. */
const GRANULE_BYTES = 16;

/** The least that every kernel here counts on: WebGPU's defaults, which some adapters stay below. */
const KERNEL_NEEDS = {
  maxStorageBuffersPerShaderStage: { what: 'storage buffers at once', least: 8 },
  maxComputeInvocationsPerWorkgroup: { what: 'threads in a workgroup', least: 256 },
  maxComputeWorkgroupSizeX: { what: 'threads across a workgroup', least: 256 },
  maxComputeWorkgroupStorageSize: { what: 'bytes of workgroup memory', least: 16_384 },
  maxComputeWorkgroupsPerDimension: { what: 'workgroups in a dimension', least: 65_535 },
} as const;

/** WebGPU's defaults of the sizes: an adapter that offers less runs little of anything. */
const DEFAULT_SIZES = { maxStorageBufferBindingSize: 2 ** 27, maxBufferSize: 2 ** 28 } as const;

const OTHER_ENGINE = 'Use the engine "wasm".';

/** A buffer that a run needs. */
export interface BufferNeed {
  /** In words, to begin a message with. */
  readonly what: string;
  readonly bytes: number;
  /** What makes it smaller. */
  readonly remedy: string;
}

type SizeLimits = Pick<GPUSupportedLimits, keyof typeof DEFAULT_SIZES>;

/** A limit that a browser does not name is at its default. */
export type OfferedLimits = SizeLimits &
  Partial<Pick<GPUSupportedLimits, keyof typeof KERNEL_NEEDS>> &
  Pick<GPUSupportedLimits, 'maxStorageBuffersPerShaderStage'>;

/** Size of the buffer that holds `bytes` bytes. */
export function bufferBytes(bytes: number): number {
  return Math.max(GRANULE_BYTES, Math.ceil(bytes / GRANULE_BYTES) * GRANULE_BYTES);
}

/**
 * Throws `EngineUnavailable` where a buffer is larger than the limits allow: names the largest such. Of an adapter
 * that stays below WebGPU's defaults it says so: a smaller batch is no remedy for that.
 */
export function checkBuffers(needs: readonly BufferNeed[], offered: SizeLimits): void {
  const name =
    offered.maxStorageBufferBindingSize <= offered.maxBufferSize
      ? 'maxStorageBufferBindingSize'
      : 'maxBufferSize';
  const most = offered[name];
  const largest = needs.reduce((other, need) => (need.bytes > other.bytes ? need : other));
  const bytes = bufferBytes(largest.bytes);
  if (bytes <= most) return;
  const usual = DEFAULT_SIZES[name];
  const limit = most < usual ? `${name}, ${formatNumber(usual)} elsewhere` : name;
  const remedy = most < usual ? OTHER_ENGINE : `${largest.remedy}, or the engine "tfjs-wasm".`;
  throw new TrainerError(
    'EngineUnavailable',
    `${largest.what} take ${formatNumber(bytes)} bytes; the GPU adapter offers ${formatNumber(most)} ` +
      `(${limit}). ${remedy}`,
  );
}

function tooFew(what: string, limit: keyof typeof KERNEL_NEEDS, needed: number, most: number): TrainerError {
  return new TrainerError(
    'EngineUnavailable',
    `${what} needs ${formatNumber(needed)} ${KERNEL_NEEDS[limit].what}; the GPU adapter offers ` +
      `${formatNumber(most)} (${limit}). ${OTHER_ENGINE}`,
  );
}

/** Throws `EngineUnavailable` where `what` binds more storage buffers at once than the limits allow. */
export function checkStorageBuffers(
  what: string,
  needed: number,
  { maxStorageBuffersPerShaderStage: most }: Pick<OfferedLimits, 'maxStorageBuffersPerShaderStage'>,
): void {
  if (needed > most) throw tooFew(what, 'maxStorageBuffersPerShaderStage', needed, most);
}

/** Throws `EngineUnavailable` where the adapter stays below what every kernel counts on: names the limit. */
function checkKernels(offered: OfferedLimits): void {
  for (const limit of Object.keys(KERNEL_NEEDS) as (keyof typeof KERNEL_NEEDS)[]) {
    const { least } = KERNEL_NEEDS[limit];
    const most = offered[limit] ?? least;
    if (most < least) throw tooFew('The engine', limit, least, most);
  }
}

/**
 * The limits to ask an adapter for. Throws `EngineUnavailable` where it offers less than the kernels or the buffers
 * need. Asking for less than the default is allowed and gives the default.
 */
export function limitsToAsk(needs: readonly BufferNeed[], offered: OfferedLimits): Record<string, number> {
  checkKernels(offered);
  checkBuffers(needs, offered);
  const largest = bufferBytes(Math.max(...needs.map(({ bytes }) => bytes)));
  return {
    maxStorageBuffersPerShaderStage: offered.maxStorageBuffersPerShaderStage,
    maxStorageBufferBindingSize: largest,
    maxBufferSize: largest,
  };
}
