/**
 * The stages of a run, or of the one to come, as a person counts them: those that follow each other under one key are
 * one. Knows no words.
 */

import type { RecipeContext } from '../../recipe/recipe-entry.js';
import { RECIPES } from '../../recipe/recipes.js';
import { allMetricNames } from '../../recipe/metrics.js';
import type { RunReport, StageDescription } from '../../protocol/reports.js';
import type { Settings } from '../../protocol/settings.js';

/** The metric of recipes that label images themselves: the share that they are sure of. */
export const CONFIDENT_SHARE = 'confidentShare';

/** What of a `RunReport` the stages are told from. */
export type StagePlan = Pick<RunReport, 'stages' | 'metrics'>;

/** Steps that share a key. */
export interface StageSpan {
  readonly key: string;
  /** Updates done before its first step and after its last. */
  readonly first: number;
  readonly end: number;
}

/** The number of stages and their steps do not depend on it. */
const ANY_DATA: RecipeContext['data'] = { imageShape: [28, 28, 1], classes: 10 };

let planned: { readonly settings: Settings; readonly plan: StagePlan } | null = null;

/** The stages of the run that these settings would make. */
export function planStages(settings: Settings): StagePlan {
  if (planned?.settings === settings) return planned.plan;
  const { stages } = RECIPES[settings.recipe].build({
    settings,
    data: ANY_DATA,
    scheduleSteps: settings.steps,
    share: (share) => Math.floor(share * settings.batch),
    channels: (count) => count,
  });
  const plan: StagePlan = {
    metrics: allMetricNames({ stages }),
    stages: stages.map(({ key, steps, accuracy, before }) => ({
      key,
      steps,
      isMeasured: accuracy !== null,
      spreadsLabels: before?.kind === 'spread',
    })),
  };
  planned = { settings, plan };
  return plan;
}

/** The stages of a run of so many steps; the last goes on to its end, those beyond it are left out. */
export function stageSpans(stages: readonly StageDescription[], steps: number): readonly StageSpan[] {
  const spans: { key: string; first: number; end: number }[] = [];
  let first = 0;
  for (const stage of stages) {
    if (first >= steps) break;
    const end = Math.min(steps, first + stage.steps);
    const last = spans.at(-1);
    if (last?.key === stage.key) last.end = end;
    else spans.push({ key: stage.key, first, end });
    first += stage.steps;
  }
  const last = spans.at(-1);
  if (last !== undefined && first <= steps) last.end = steps;
  return spans;
}

/** The one that the next step is of, the last at the end of a run; null where there are none. */
export function spanAt(spans: readonly StageSpan[], step: number): StageSpan | null {
  return spans.find(({ end }) => step < end) ?? spans.at(-1) ?? null;
}

/** Steps before the first that has an accuracy. */
export function unmeasuredStepsOf(stages: readonly StageDescription[]): number {
  const first = stages.findIndex(({ isMeasured }) => isMeasured);
  return stages.slice(0, Math.max(0, first)).reduce((sum, { steps }) => sum + steps, 0);
}
