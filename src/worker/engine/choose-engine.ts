/**
 * Which engine a run gets. Knows no engine by name: the table of `engine-table.ts` says in which
 * order `auto` looks, what each needs, and how it is made.
 */

import type { EngineChoice, EngineName, EngineReason, EngineReport } from '../../protocol/engines.js';
import type { Engine, EngineInput } from './engine.js';
import { startRecovering, type ReplayPace } from './recovering-engine.js';
import { TrainerError } from '../../protocol/errors.js';
import type { StartTimer } from '../../protocol/patience.js';
import {
  ABANDONED_START_LIMIT_MS,
  AUTOMATIC_START_LIMIT_MS,
  PROBE_LIMIT_MS,
  REQUESTED_START_LIMIT_MS,
} from '../../protocol/time-limits.js';
import { describeError } from '../../protocol/wording.js';
import { answerWithin, NoAnswer } from './device/answer.js';

/** What a look at the platform found, before anything heavy is loaded. */
export type Probe =
  | {
      readonly isUsable: true;
      readonly isSoftware: boolean;
      readonly detail: string;
      /** Tells what was found from what other machines have; left out where the processor is all there is to it. */
      readonly key?: string;
    }
  | { readonly isUsable: false; readonly reason: EngineReason; readonly detail: string };

export interface EngineEntry {
  readonly name: EngineName;
  /** Whether `auto` considers it. */
  readonly isAutomatic: boolean;
  readonly runsOn: 'gpu' | 'cpu';
  readonly probe: () => Promise<Probe>;
  readonly create: (input: EngineInput) => Promise<Engine>;
  /** Whether a run goes on, on a fresh device or the next engine, when its device is lost. */
  readonly recovers?: true;
}

type PassedOver = EngineReport['passedOver'][number];

/** What was found about one engine, in the table's order: it may be tried, or it is passed over. */
export type Finding =
  | { readonly entry: EngineEntry; readonly isCandidate: true; readonly reason: EngineReason }
  | {
      readonly entry: EngineEntry;
      readonly isCandidate: false;
      readonly reason: EngineReason;
      readonly detail: string;
    };

/** The reasons that stand in an error message, in words. */
const REASON_WORDS: Readonly<Record<EngineReason, string>> = {
  requested: 'it was asked for',
  realAdapter: 'there is a GPU',
  fallback: 'nothing faster can start',
  noWebGpu: 'this browser has no WebGPU',
  noAdapter: 'WebGPU finds no adapter',
  softwareAdapter: 'its adapter is software',
  noWasmSimd: 'this browser has no WebAssembly SIMD',
  failedToStart: 'it failed to start',
  noAnswer: 'it did not answer',
  deviceLost: 'its device was lost',
};

function unavailable(choice: EngineChoice, passedOver: readonly PassedOver[]): TrainerError {
  const what = choice === 'auto' ? 'No engine can start here' : `The engine "${choice}" cannot start here`;
  const why = passedOver
    .map(({ engine, reason, detail }) => {
      const words = REASON_WORDS[reason] + (detail === '' ? '' : ` (${detail})`);
      return choice === 'auto' ? `${engine}: ${words}` : words;
    })
    .join('; ');
  const hint = choice === 'auto' ? 'Try another browser.' : 'Choose "auto" or another engine.';
  return new TrainerError('EngineUnavailable', `${what}: ${why}. ${hint}`);
}

/** Waits at most so long for anything of an engine's making. */
export interface Waiting {
  /** Aborted, with the reason, where the run is given up: nothing more is started then. */
  readonly signal?: AbortSignal | undefined;
  /** Another clock than the thread's, for tests. */
  readonly start?: StartTimer | undefined;
}

function reasonOf(error: unknown): 'noAnswer' | 'failedToStart' {
  return error instanceof NoAnswer ? 'noAnswer' : 'failedToStart';
}

async function look(entry: EngineEntry, choice: EngineChoice, { start }: Waiting): Promise<Finding> {
  let probe: Probe;
  try {
    const what = `The search for what "${entry.name}" needs`;
    probe = await answerWithin(entry.probe(), { what, limitMs: PROBE_LIMIT_MS, start });
  } catch (error) {
    probe = { isUsable: false, reason: reasonOf(error), detail: describeError(error) };
  }
  if (!probe.isUsable) return { entry, isCandidate: false, reason: probe.reason, detail: probe.detail };
  if (choice !== 'auto') return { entry, isCandidate: true, reason: 'requested' };
  if (probe.isSoftware) {
    return { entry, isCandidate: false, reason: 'softwareAdapter', detail: probe.detail };
  }
  return { entry, isCandidate: true, reason: entry.runsOn === 'gpu' ? 'realAdapter' : 'fallback' };
}

/**
 * Looks at the platform for what `choice` may mean. A named engine is the only candidate, a
 * software adapter allowed; `auto` passes software adapters over.
 * Throws `EngineUnavailable` where no candidate is left.
 */
export async function findEngines(
  choice: EngineChoice,
  table: readonly EngineEntry[],
  waiting: Waiting = {},
): Promise<readonly Finding[]> {
  const wanted = table.filter((entry) => (choice === 'auto' ? entry.isAutomatic : entry.name === choice));
  // All at once: engines that ask the same driver wait for it only once.
  const findings = await Promise.all(wanted.map((entry) => look(entry, choice, waiting)));
  if (findings.some((finding) => finding.isCandidate)) return findings;
  const passedOver = findings.map(({ entry, reason, ...finding }) => ({
    engine: entry.name,
    reason,
    detail: finding.isCandidate ? '' : finding.detail,
  }));
  throw unavailable(choice, passedOver);
}

/** An engine that runs, and the report that says why it is this one. The caller disposes the engine. */
export interface StartedEngine {
  readonly engine: Engine;
  readonly report: EngineReport;
}

/** What an engine that outlives its device needs of its surroundings. */
export interface Surroundings {
  /** Told when another engine has taken over. */
  readonly report: (report: EngineReport) => void;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  /** In what portions lost steps are made again. */
  readonly replay: ReplayPace;
}

/** Makes an engine; rejects with `NoAnswer` where nothing comes of it, and frees one that comes too late. */
function createWithin(entry: EngineEntry, input: EngineInput, { start }: Waiting): Promise<Engine> {
  const isChosen = input.settings.engine !== 'auto';
  return answerWithin(entry.create(input), {
    what: `The engine "${entry.name}"`,
    limitMs: isChosen ? REQUESTED_START_LIMIT_MS : AUTOMATIC_START_LIMIT_MS,
    onLate: (engine) => engine.dispose(),
    start,
  });
}

/** Starts an engine that goes on after its device is lost: on a fresh one, then on the candidates after it. */
function startWithRecovery(
  entry: EngineEntry,
  later: readonly EngineEntry[],
  input: EngineInput,
  { report, now, replay }: Surroundings,
  waiting: Waiting,
): Promise<Engine> {
  return startRecovering({
    start: () => createWithin(entry, input, waiting),
    next: later.map((other) => () => createWithin(other, input, waiting)),
    imageShape: input.dataset.imageShape,
    onReplaced: (info, failed, failure) => {
      const passedOver = [{ engine: failed.engine, reason: 'deviceLost', detail: failure.message } as const];
      report({ type: 'engine', ...info, reason: 'deviceLost', passedOver });
    },
    replay,
    now,
  });
}

/**
 * Settles as `starting` does, unless the run is given up: then it waits only a little for what was begun,
 * frees what comes of it, and rejects with the signal's reason.
 */
function unlessGivenUp(starting: Promise<Engine>, { signal, start }: Waiting): Promise<Engine> {
  if (signal === undefined) return starting;
  return new Promise((resolve, reject) => {
    const giveUp = (): void => {
      const freed = starting.then(
        (engine) => engine.dispose(),
        () => undefined,
      );
      const options = { what: 'The engine', limitMs: ABANDONED_START_LIMIT_MS, start };
      const end = (): void => reject(signal.reason as Error);
      answerWithin(freed, options).then(end, end);
    };
    signal.addEventListener('abort', giveUp, { once: true });
    const settle = (then: () => void): void => {
      signal.removeEventListener('abort', giveUp);
      if (!signal.aborted) then();
    };
    starting.then(
      (engine) => settle(() => resolve(engine)),
      (error: unknown) => settle(() => reject(error)),
    );
  });
}

/**
 * Starts the first candidate that starts. Throws `EngineUnavailable` where none does, the
 * signal's reason where the run is given up meanwhile. With `surroundings`, an engine that may be replaced after a failure is.
 */
export async function startEngine(
  choice: EngineChoice,
  findings: readonly Finding[],
  input: EngineInput,
  surroundings: Surroundings | null = null,
  waiting: Waiting = {},
): Promise<StartedEngine> {
  const passedOver: PassedOver[] = [];
  /** What a driver that did not answer was asked for: the next engine on it would wait as long. */
  let silence: string | null = null;
  for (const [index, finding] of findings.entries()) {
    const { entry, reason } = finding;
    if (!finding.isCandidate) {
      passedOver.push({ engine: entry.name, reason, detail: finding.detail });
      continue;
    }
    if (silence !== null && entry.runsOn === 'gpu') {
      passedOver.push({ engine: entry.name, reason: 'noAnswer', detail: silence });
      continue;
    }
    waiting.signal?.throwIfAborted();
    const later = findings.slice(index + 1).flatMap((other) => (other.isCandidate ? [other.entry] : []));
    try {
      const starting =
        entry.recovers === true && surroundings !== null
          ? startWithRecovery(entry, later, input, surroundings, waiting)
          : createWithin(entry, input, waiting);
      const engine = await unlessGivenUp(starting, waiting);
      return { engine, report: { type: 'engine', ...engine.info, reason, passedOver } };
    } catch (error) {
      if (waiting.signal?.aborted === true) throw error;
      const detail = describeError(error);
      if (error instanceof NoAnswer && entry.runsOn === 'gpu') silence = detail;
      passedOver.push({ engine: entry.name, reason: reasonOf(error), detail });
    }
  }
  throw unavailable(choice, passedOver);
}
