/**
 * The fastest of several engines by steps that each has made on this machine, or had made when it was measured before.
 * Knows no engine by name, and leaves what it hands out where it was before it was measured.
 */

import type { EngineName } from '../../protocol/engines.js';
import type { Store } from './device/lasting-store.js';
import type { Engine } from './engine.js';

/** Steps a second by engine. */
export type Speeds = Readonly<Partial<Record<EngineName, number>>>;

/** How engines are compared: where it is remembered, and what tells this machine and build from others. */
export interface Measuring {
  readonly store: () => Promise<Store<Speeds>>;
  /** Cores that threads may compute on. */
  readonly cores: number;
  readonly version: string;
  /** Resolves after the commands that have arrived were given to the trainer. */
  readonly yieldToCommands: () => Promise<void>;
}

/** An engine makes steps for so long. */
const MEASURED_MS = 500;
/** Steps are asked for in chunks of about this time, as in a run. */
const CHUNK_MS = 40;

export interface MeasureOptions extends Pick<Measuring, 'yieldToCommands'> {
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Steps a second, the first one, which compiles and warms up, left out. Only steps that are done count. The engine
 * is at the state that it came with afterwards. Rejects with the signal's reason where the run is given up.
 */
export async function measureSpeed(
  engine: Engine,
  { now, yieldToCommands, signal }: MeasureOptions,
): Promise<number> {
  const before = await engine.exportState();
  const make = async (steps: number): Promise<number> => {
    const startedAt = now();
    await engine.advance(steps);
    await engine.flush();
    const ms = now() - startedAt;
    await yieldToCommands();
    signal?.throwIfAborted();
    return ms;
  };
  await make(1);
  let steps = 0;
  let total = 0;
  for (let chunk = 1; total < MEASURED_MS;) {
    // A clock that sees no time pass must not keep this going for ever.
    const ms = Math.max(await make(chunk), 0.1);
    steps += chunk;
    total += ms;
    if (2 * ms <= CHUNK_MS) chunk *= 2;
  }
  await engine.importState(before);
  return (1000 * steps) / total;
}

export interface Contest {
  /** Those to compare, the likeliest to win first. */
  readonly names: readonly EngineName[];
  readonly start: (name: EngineName) => Promise<Engine>;
  readonly measure: (engine: Engine, name: EngineName) => Promise<number>;
  /** What was measured before. */
  readonly known: Speeds | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ContestResult {
  /** The fastest that started, which the caller disposes; null where none did. */
  readonly winner: { readonly name: EngineName; readonly engine: Engine } | null;
  readonly speeds: Speeds;
  /** Those that did not start, or failed while they were measured. */
  readonly failures: readonly { readonly name: EngineName; readonly error: unknown }[];
}

/** Starts the fastest. Engines that are not handed out are disposed of. Rejects only where the run is given up. */
export async function startFastest({
  names,
  start,
  measure,
  known,
  signal,
}: Contest): Promise<ContestResult> {
  // A database may hold anything.
  const isKnown = names.every((name) => Number.isFinite(known?.[name]));
  const order = isKnown ? names.toSorted((a, b) => known![b]! - known![a]!) : names;
  const failures: { name: EngineName; error: unknown }[] = [];
  const speeds: Partial<Record<EngineName, number>> = isKnown ? { ...known } : {};
  let winner: ContestResult['winner'] = null;
  for (const name of order) {
    let engine: Engine | null = null;
    try {
      signal?.throwIfAborted();
      engine = await start(name);
      if (isKnown) return { winner: { name, engine }, speeds, failures };
      speeds[name] = await measure(engine, name);
    } catch (error) {
      engine?.dispose();
      if (signal?.aborted === true) {
        winner?.engine.dispose();
        throw error;
      }
      failures.push({ name, error });
      continue;
    }
    if (winner !== null && speeds[winner.name]! >= speeds[name]) {
      engine.dispose();
      continue;
    }
    winner?.engine.dispose();
    winner = { name, engine };
  }
  return { winner, speeds, failures };
}
