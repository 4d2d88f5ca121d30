/**
 * What an adapter may offer too little of: sizes of buffers, and how many one kernel binds. Buffers are bound
 * whole, so that none may be larger than a binding.
 */

import { TrainerError } from '../../../protocol/errors.js';
import { formatNumber } from '../../../protocol/wording.js';

/** WebGPU binds and copies in multiples of this; also the width of one vec4f. */
const GRANULE_BYTES = 16;

/** The least that every kernel here can count on, by WebGPU's defaults. */
const STORAGE_BUFFERS = 8;

/** A buffer that a run needs. */
export interface BufferNeed {
  /** In words, to begin a message with. */
  readonly what: string;
  readonly bytes: number;
  /** What makes it smaller. */
  readonly remedy: string;
}

export type OfferedLimits = Pick<
  GPUSupportedLimits,
  'maxStorageBufferBindingSize' | 'maxBufferSize' | 'maxStorageBuffersPerShaderStage'
>;

/** Size of the buffer that holds `bytes` bytes. */
export function bufferBytes(bytes: number): number {
  return Math.max(GRANULE_BYTES, Math.ceil(bytes / GRANULE_BYTES) * GRANULE_BYTES);
}

/** Throws `EngineUnavailable` where a buffer is larger than the limits allow: names the largest such. */
export function checkBuffers(
  needs: readonly BufferNeed[],
  { maxStorageBufferBindingSize, maxBufferSize }: Omit<OfferedLimits, 'maxStorageBuffersPerShaderStage'>,
): void {
  const [name, most] =
    maxStorageBufferBindingSize <= maxBufferSize
      ? ['maxStorageBufferBindingSize', maxStorageBufferBindingSize]
      : ['maxBufferSize', maxBufferSize];
  const largest = needs.reduce((other, need) => (need.bytes > other.bytes ? need : other));
  const bytes = bufferBytes(largest.bytes);
  if (bytes <= most) return;
  throw new TrainerError(
    'EngineUnavailable',
    `${largest.what} take ${formatNumber(bytes)} bytes; the GPU adapter offers ${formatNumber(most)} ` +
      `(${name}). ${largest.remedy}, or the engine "tfjs-wasm".`,
  );
}

/** Throws `EngineUnavailable` where `what` binds more storage buffers at once than the limits allow. */
export function checkStorageBuffers(
  what: string,
  needed: number,
  { maxStorageBuffersPerShaderStage: most }: Pick<OfferedLimits, 'maxStorageBuffersPerShaderStage'>,
): void {
  if (needed <= most) return;
  throw new TrainerError(
    'EngineUnavailable',
    `${what} needs ${needed} storage buffers at once; the GPU adapter offers ${most} ` +
      '(maxStorageBuffersPerShaderStage). Use the engine "wasm".',
  );
}

/**
 * The limits to ask an adapter for. Throws `EngineUnavailable` where it offers less than the buffers need.
 * Asking for less than the default is allowed and gives the default.
 */
export function limitsToAsk(needs: readonly BufferNeed[], offered: OfferedLimits): Record<string, number> {
  checkStorageBuffers('The engine', STORAGE_BUFFERS, offered);
  checkBuffers(needs, offered);
  const largest = bufferBytes(Math.max(...needs.map(({ bytes }) => bytes)));
  return {
    maxStorageBuffersPerShaderStage: offered.maxStorageBuffersPerShaderStage,
    maxStorageBufferBindingSize: largest,
    maxBufferSize: largest,
  };
}
