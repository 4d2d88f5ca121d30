/** Starts the fastest of the engines that `auto` compares, and says why it is this one. */

import type { EngineName, EngineReport } from '../../protocol/engines.js';
import { MEASURING_LIMIT_MS } from '../../protocol/time-limits.js';
import { describeError } from '../../protocol/wording.js';
import { answerWithin } from './device/answer.js';
import type { Candidate, EngineEntry, Finding, PassedOver } from './engine-entry.js';
import type { EngineInput } from './engine.js';
import { measureSpeed, startFastest, type ContestResult, type Measuring } from './fastest-engine.js';
import {
  createWithin,
  reasonOf,
  startWithRecovery,
  unlessGivenUp,
  type StartedEngine,
  type Surroundings,
  type Waiting,
} from './start-engine.js';

/** Whether an engine may be compared with others. */
export function isContender(finding: Finding): finding is Candidate {
  return finding.isCandidate && finding.entry.isContender === true;
}

/** Why one that failed in the comparison is passed over. */
export function passedOverFor({ name, error }: ContestResult['failures'][number]): PassedOver {
  return { engine: name, reason: reasonOf(error), detail: describeError(error) };
}

/** What tells one comparison from another: the GPU, the cores, the work, the build. */
function contestKey(
  contenders: readonly Candidate[],
  { recipe, settings, dataset }: EngineInput,
  { cores, version }: Measuring,
): string {
  const adapters = contenders.flatMap(({ key }) => key ?? []);
  const work = [recipe.name, settings.batch, ...dataset.imageShape];
  return JSON.stringify([adapters, cores, settings.threads, work, version]);
}

interface Compared {
  readonly started: StartedEngine | null;
  readonly failures: ContestResult['failures'];
}

/** Compares the contenders, or remembers how they compared, and starts the fastest. */
export async function startContender(
  findings: readonly Finding[],
  contenders: readonly Candidate[],
  input: EngineInput,
  surroundings: Surroundings & { readonly measuring: Measuring },
  waiting: Waiting,
): Promise<Compared> {
  const { measuring, now } = surroundings;
  const { signal, start } = waiting;
  const names = contenders.map(({ entry }) => entry.name);
  const entryOf = (name: EngineName): EngineEntry =>
    contenders.find(({ entry }) => entry.name === name)!.entry;
  const store = await measuring.store();
  const key = contestKey(contenders, input, measuring);
  const contest = startFastest({
    names,
    start: (name) => createWithin(entryOf(name), input, waiting),
    measure: (engine, name) =>
      answerWithin(measureSpeed(engine, { ...measuring, now, signal }), {
        what: `The engine "${name}", asked for steps,`,
        limitMs: MEASURING_LIMIT_MS,
        start,
      }),
    known: await store.read(key),
    signal,
  });
  const { winner, speeds, failures } = await unlessGivenUp(
    contest,
    (result) => result.winner?.engine.dispose(),
    waiting,
  );
  if (winner === null) return { started: null, failures };
  if (failures.length === 0) await store.write(key, speeds);
  const index = findings.findIndex(({ entry }) => entry.name === winner.name);
  const finding = findings[index]!;
  const later = findings.slice(index + 1).flatMap((other) => (other.isCandidate ? [other.entry] : []));
  let { engine } = winner;
  if (finding.entry.recovers === true) {
    try {
      const starting = startWithRecovery(finding.entry, later, input, surroundings, waiting, engine);
      engine = await unlessGivenUp(starting, (late) => late.dispose(), waiting);
    } catch (error) {
      if (signal?.aborted === true) throw error;
      return { started: null, failures: [...failures, { name: winner.name, error }] };
    }
  }
  const unfit = findings
    .slice(0, index)
    .flatMap(({ entry, reason, ...other }) =>
      other.isCandidate ? [] : [{ engine: entry.name, reason, detail: other.detail }],
    );
  const measured = names.flatMap((name) => {
    const stepsPerSecond = speeds[name];
    return stepsPerSecond === undefined ? [] : [{ engine: name, stepsPerSecond }];
  });
  const isCompared = measured.length > 1;
  const report: EngineReport = {
    type: 'engine',
    ...engine.info,
    reason: isCompared && failures.length === 0 ? 'measured' : finding.reason,
    passedOver: [...unfit, ...failures.map(passedOverFor)],
    ...(isCompared && { measured }),
  };
  return { started: { engine, report }, failures };
}
