/** The report that grows while a benchmark runs: what each of its events makes of it. Pure. */

import type { Contender } from '../../protocol/benchmark/contenders.js';
import { PRESETS } from '../../protocol/benchmark/pacing.js';
import type { BenchmarkEvent, Survey } from '../../protocol/benchmark/orders.js';
import {
  emptyResult,
  REPORT_SCHEMA,
  REPORT_VERSION,
  type BenchmarkReport,
  type MachineDescription,
} from '../../protocol/benchmark/report.js';
import { stageTold } from '../../protocol/benchmark/stages.js';
import { ownBatch, type BenchmarkSettings } from './settings.js';

export interface Beginning {
  readonly name: string;
  readonly date: Date;
  readonly machine: MachineDescription;
  readonly survey: Survey;
  readonly settings: BenchmarkSettings;
  /** In the order of the worker's indices. */
  readonly contenders: readonly Contender[];
  /** Those that were not asked, with the reason. */
  readonly refused: readonly { readonly contender: Contender; readonly reason: string }[];
}

/** A report before anything is measured. */
export function beginReport(beginning: Beginning): BenchmarkReport {
  const { name, date, machine, survey, settings, contenders, refused } = beginning;
  return {
    schema: REPORT_SCHEMA,
    version: REPORT_VERSION,
    name,
    date: date.toISOString(),
    machine,
    adapter: survey.adapter,
    recipe: settings.recipe,
    stage: stageTold(settings.recipe, settings.stage),
    batch: settings.batch ?? ownBatch(settings.recipe),
    preset: settings.preset,
    pacing: PRESETS[settings.preset],
    // The worker tells the real figures before its first result.
    arithmetic: { multiplyAdds: 1 },
    run: { steps: 0, evaluations: 0, testImages: 0 },
    peaks: { adapter: null, microKernel: null },
    wasHidden: false,
    isComplete: false,
    results: [
      ...contenders.map((contender) => emptyResult(contender)),
      ...refused.map(({ contender, reason }) => emptyResult(contender, reason)),
    ],
  };
}

export function reportAfter(report: BenchmarkReport, event: BenchmarkEvent): BenchmarkReport {
  switch (event.type) {
    case 'ground':
      return { ...report, ...event.ground };
    case 'peaks':
      return { ...report, peaks: event.peaks };
    case 'result':
      return { ...report, results: report.results.with(event.index, event.result) };
    case 'done':
      return { ...report, isComplete: true };
    case 'survey':
    case 'progress':
    case 'error':
      return report;
    default:
      return event satisfies never;
  }
}
