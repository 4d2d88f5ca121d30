/** The engines by name, and what the worker tells of the one it chose. */

export const ENGINE_NAMES = ['webgpu', 'wasm', 'tfjs-webgpu', 'tfjs-webgl', 'tfjs-wasm', 'tfjs-cpu'] as const;

export type EngineName = (typeof ENGINE_NAMES)[number];

/** `auto` lets the worker choose; see `EngineReport` for what it says about the choice. */
export type EngineChoice = EngineName | 'auto';

export const ENGINE_CHOICES = ['auto', ...ENGINE_NAMES] as const;

/** Why an engine was passed over or chosen; `detail` is the platform's own words, may be empty. */
export const ENGINE_REASONS = [
  'requested',
  'realAdapter',
  'measured',
  'noWebGpu',
  'noAdapter',
  'softwareAdapter',
  'noWasmSimd',
  'failedToStart',
  'noAnswer',
  'fallback',
  'deviceLost',
] as const;

export type EngineReason = (typeof ENGINE_REASONS)[number];

/** Why an engine that computes on threads has fewer of them than it was to have. */
export const THREAD_LIMITS = [
  'notIsolated',
  'noSharedMemory',
  'sharedMemoryRefused',
  'pageThread',
  'notStarted',
] as const;

export type ThreadLimit = (typeof THREAD_LIMITS)[number];

/** That there are fewer threads than were asked for, or than the processor has room for. */
export interface FewerThreads {
  readonly threads: number;
  readonly wanted: number;
  readonly limit: ThreadLimit;
}

export interface EngineReport {
  readonly type: 'engine';
  readonly engine: EngineName;
  /** What the engine runs on: the GPU adapter's description, or the CPU feature set. */
  readonly adapter: string;
  readonly isSoftware: boolean;
  /** How the engine cuts its products on this adapter, by their role; left out by engines that choose nothing. */
  readonly tiles?: Readonly<Record<string, string>>;
  /** Features of the GPU that kernels use and bits depend on; left out where there are none. */
  readonly features?: readonly string[];
  /** Left out where all threads compute, and by engines that have none. */
  readonly fewerThreads?: FewerThreads;
  readonly reason: EngineReason;
  /** Engines looked at before this one, in order, and why each was passed over. */
  readonly passedOver: readonly {
    readonly engine: EngineName;
    readonly reason: EngineReason;
    readonly detail: string;
  }[];
  /** Where `auto` compared engines by steps that they made, how many each made a second. */
  readonly measured?: readonly { readonly engine: EngineName; readonly stepsPerSecond: number }[];
}
