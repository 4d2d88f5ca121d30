/**
 * Which engine a run gets. Knows no engine by name: the table of `engine-table.ts` says in which
 * order `auto` looks, what each needs, and how it is made.
 */

import type { EngineChoice, EngineName, EngineReason, EngineReport } from '../../protocol/engines.js';
import type { Engine, EngineInput } from './engine.js';
import { startRecovering } from './recovering-engine.js';
import { TrainerError } from '../../protocol/errors.js';
import { describeError } from '../../protocol/wording.js';

/** What a look at the platform found, before anything heavy is loaded. */
export type Probe =
  | { readonly isUsable: true; readonly isSoftware: boolean; readonly detail: string }
  | { readonly isUsable: false; readonly reason: EngineReason; readonly detail: string };

export interface EngineEntry {
  readonly name: EngineName;
  /** Whether `auto` considers it. */
  readonly isAutomatic: boolean;
  readonly runsOn: 'gpu' | 'cpu';
  /** Test images classified between two looks at the commands; about as long as a step, or shorter. */
  readonly evaluationSlice: number;
  /**
   * Whether several slices may go into one call, as many as a chunk of steps takes time, by measurement.
   * Only where an image's logits do not depend on its slice: elsewhere a resumed run has to evaluate
   * in the very same ones.
   */
  readonly joinsSlices?: true;
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

async function look(entry: EngineEntry, choice: EngineChoice): Promise<Finding> {
  let probe: Probe;
  try {
    probe = await entry.probe();
  } catch (error) {
    probe = { isUsable: false, reason: 'failedToStart', detail: describeError(error) };
  }
  if (!probe.isUsable) return { entry, isCandidate: false, reason: probe.reason, detail: probe.detail };
  if (choice !== 'auto') return { entry, isCandidate: true, reason: 'requested' };
  if (probe.isSoftware) {
    return { entry, isCandidate: false, reason: 'softwareAdapter', detail: probe.detail };
  }
  return { entry, isCandidate: true, reason: entry.runsOn === 'gpu' ? 'realAdapter' : 'fallback' };
}

const toPassedOver = (finding: Finding, detail: string): PassedOver => ({
  engine: finding.entry.name,
  reason: finding.isCandidate ? 'failedToStart' : finding.reason,
  detail,
});

/**
 * Looks at the platform for what `choice` may mean. A named engine is the only candidate, a
 * software adapter allowed; `auto` passes software adapters over.
 * Throws `EngineUnavailable` where no candidate is left.
 */
export async function findEngines(
  choice: EngineChoice,
  table: readonly EngineEntry[],
): Promise<readonly Finding[]> {
  const wanted = table.filter((entry) => (choice === 'auto' ? entry.isAutomatic : entry.name === choice));
  const findings: Finding[] = [];
  for (const entry of wanted) findings.push(await look(entry, choice));
  if (findings.some((finding) => finding.isCandidate)) return findings;
  const passedOver = findings.map((finding) =>
    toPassedOver(finding, finding.isCandidate ? '' : finding.detail),
  );
  throw unavailable(choice, passedOver);
}

/** An engine that runs, and the report that says why it is this one. The caller disposes the engine. */
export interface StartedEngine {
  readonly engine: Engine;
  readonly entry: EngineEntry;
  readonly report: EngineReport;
}

/** What an engine that outlives its device needs of its surroundings. */
export interface Surroundings {
  /** Told when another engine has taken over. */
  readonly report: (report: EngineReport) => void;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
}

/** Starts an engine that goes on after its device is lost: on a fresh one, then on the candidates after it. */
function startWithRecovery(
  entry: EngineEntry,
  later: readonly EngineEntry[],
  input: EngineInput,
  { report, now }: Surroundings,
): Promise<Engine> {
  return startRecovering({
    start: () => entry.create(input),
    next: later.map((other) => () => other.create(input)),
    imageShape: input.dataset.imageShape,
    onReplaced: (info, failed, failure) => {
      const passedOver = [{ engine: failed.engine, reason: 'deviceLost', detail: failure.message } as const];
      report({ type: 'engine', ...info, reason: 'deviceLost', passedOver });
    },
    now,
  });
}

/**
 * Starts the first candidate that starts. Throws `EngineUnavailable` where none does. With
 * `surroundings`, an engine that may be replaced after a failure is.
 */
export async function startEngine(
  choice: EngineChoice,
  findings: readonly Finding[],
  input: EngineInput,
  surroundings: Surroundings | null = null,
): Promise<StartedEngine> {
  const passedOver: PassedOver[] = [];
  for (const [index, finding] of findings.entries()) {
    if (!finding.isCandidate) {
      passedOver.push(toPassedOver(finding, finding.detail));
      continue;
    }
    const { entry, reason } = finding;
    const later = findings.slice(index + 1).flatMap((other) => (other.isCandidate ? [other.entry] : []));
    try {
      const engine =
        entry.recovers === true && surroundings !== null
          ? await startWithRecovery(entry, later, input, surroundings)
          : await entry.create(input);
      return { engine, entry, report: { type: 'engine', ...engine.info, reason, passedOver } };
    } catch (error) {
      passedOver.push(toPassedOver(finding, describeError(error)));
    }
  }
  throw unavailable(choice, passedOver);
}
