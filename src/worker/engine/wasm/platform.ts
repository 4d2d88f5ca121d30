/** What kernels run on here: instructions, threads and memory, as the platform has them or as tests and benchmarks choose. */

import { feature } from '../../../browser/feature.js';
import type { ThreadLimit } from '../../../protocol/engines.js';
import { TrainerError } from '../../../protocol/errors.js';
import { defaultThreads, findSimd, sharingLimit, type Simd } from './features.js';
import { compileBinary, instantiate, type Kernels } from './kernels.js';
import { Arena } from './memory/arena.js';
import type { Scratch } from './memory/scratch.js';
import { Team, type SpawnThread } from './threads/team.js';
import type { TileColumns } from './threads/tile-choice.js';

/** Choices that the platform else makes. */
export interface WasmChoices {
  readonly simd?: Simd;
  readonly threads?: number;
  readonly isShared?: boolean;
}

export interface WasmPlatform {
  readonly simd: Simd;
  /** Compute threads asked for, this one included; more than one needs shared memory. */
  readonly threads: number;
  readonly isShared: boolean;
  /** Why memory is not shared, for the engine's report; null or left out where that was a choice. */
  readonly limit?: ThreadLimit | null;
  readonly module: WebAssembly.Module;
  readonly instantiate: (module: WebAssembly.Module, memory: WebAssembly.Memory) => Promise<Kernels>;
  readonly spawn?: SpawnThread;
  /** Of the micro-kernel's tiles; left out where the faster ones are to be found by measuring. */
  readonly tileColumns?: TileColumns;
  /** How long threads wait for one another before one is taken for dead. */
  readonly patienceMs?: number;
}

/**
 * Starts something on the threads that the settings ask for (0: as many as there are cores to spare); on one, where
 * memory cannot be shared or not enough of it. Rejects with `EngineUnavailable` where WebAssembly has no SIMD or the
 * kernels cannot be loaded.
 */
export async function onPlatform<Started>(
  settingsThreads: number,
  choices: WasmChoices,
  start: (platform: WasmPlatform) => Promise<Started>,
): Promise<Started> {
  const simd = choices.simd ?? findSimd();
  if (simd === null) {
    throw new TrainerError('EngineUnavailable', 'WebAssembly has no SIMD here; use a newer browser.');
  }
  const wanted = choices.threads ?? settingsThreads;
  const threads = wanted === 0 ? defaultThreads(feature(() => navigator.hardwareConcurrency)) : wanted;
  const startOn = async (isShared: boolean, limit: ThreadLimit | null): Promise<Started> => {
    const module = await compileBinary(simd, isShared);
    return start({ simd, threads, isShared, limit, module, instantiate });
  };
  const limit = choices.isShared === undefined ? sharingLimit() : null;
  const isShared = choices.isShared ?? limit === null;
  try {
    return await startOn(isShared, limit);
  } catch (error) {
    const isShort = error instanceof TrainerError && error.kind === 'OutOfMemory';
    // Memory of one thread is given out as it is taken, and there may be more of it.
    if (!isShort || !isShared || choices.isShared !== undefined) throw error;
    return startOn(false, 'sharedMemoryRefused');
  }
}

/**
 * Memory and a team of this thread alone, which `work` makes something of and lets grow: a failure disposes the team.
 */
export async function startTeam<Started>(
  platform: WasmPlatform,
  scratch: Scratch,
  work: (arena: Arena, team: Team) => Promise<Started>,
): Promise<Started> {
  const arena = new Arena(platform.isShared);
  const kernels = await platform.instantiate(platform.module, arena.memory);
  const team = new Team(arena, kernels, scratch, platform.patienceMs);
  if (platform.tileColumns !== undefined) team.fixTile(platform.tileColumns);
  try {
    return await work(arena, team);
  } catch (error) {
    team.dispose();
    throw error;
  }
}
