/**
 * Which engine a run gets. Knows no engine by name: the table of `engine-table.ts` says in which
 * order `auto` looks, what each needs, and how it is made.
 */

import type { EngineChoice, EngineName, EngineReason } from '../../protocol/engines.js';
import { TrainerError } from '../../protocol/errors.js';
import { PROBE_LIMIT_MS } from '../../protocol/time-limits.js';
import { describeError } from '../../protocol/wording.js';
import { isContender, passedOverFor, startContender } from './compare-engines.js';
import { answerWithin, NoAnswer } from './device/answer.js';
import type { EngineEntry, Finding, PassedOver, Probe } from './engine-entry.js';
import type { EngineInput } from './engine.js';
import {
  createWithin,
  reasonOf,
  startWithRecovery,
  unlessGivenUp,
  type StartedEngine,
  type Surroundings,
  type Waiting,
} from './start-engine.js';

/** The reasons that stand in an error message, in words. */
const REASON_WORDS: Readonly<Record<EngineReason, string>> = {
  requested: 'it was asked for',
  realAdapter: 'there is a GPU',
  measured: 'it was the fastest when it was measured',
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
  const reason = entry.runsOn === 'gpu' ? 'realAdapter' : 'fallback';
  return { entry, isCandidate: true, reason, key: probe.key };
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

/**
 * Starts the first candidate that starts; of several contenders, where surroundings let them be compared, the fastest. Throws
 * `EngineUnavailable` where none does, the signal's reason where the run is given up meanwhile. With `surroundings`, an
 * engine that may be replaced after a failure is.
 */
export async function startEngine(
  choice: EngineChoice,
  findings: readonly Finding[],
  input: EngineInput,
  surroundings: Surroundings | null = null,
  waiting: Waiting = {},
): Promise<StartedEngine> {
  const passedOver: PassedOver[] = [];
  /** What a GPU's driver that did not answer was asked for: the next engine on it would wait as long. */
  let silence: string | null = null;
  const tried = new Map<EngineName, PassedOver>();
  const contenders = findings.filter(isContender);
  const measuring = surroundings?.measuring;
  if (measuring !== undefined && choice === 'auto' && contenders.length > 1) {
    const { started, failures } = await startContender(
      findings,
      contenders,
      input,
      { ...surroundings!, measuring },
      waiting,
    );
    if (started !== null) return started;
    for (const failure of failures) tried.set(failure.name, passedOverFor(failure));
    const silent = failures.find(({ name, error }) => {
      const isOnGpu = contenders.some(({ entry }) => entry.name === name && entry.runsOn === 'gpu');
      return isOnGpu && error instanceof NoAnswer;
    });
    if (silent !== undefined) silence = describeError(silent.error);
  }
  for (const [index, finding] of findings.entries()) {
    const { entry, reason } = finding;
    const known = tried.get(entry.name);
    if (known !== undefined) {
      passedOver.push(known);
      continue;
    }
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
      const engine = await unlessGivenUp(starting, (late) => late.dispose(), waiting);
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
