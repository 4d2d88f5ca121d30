/**
 * The train steps of a recipe's stages: which stages share one, and each made ready before the first step that needs it.
 * All lie in the same buffers, since no two run at once.
 */

import { inStage, type Recipe } from '../../../recipe/recipe.js';
import { operationMultiplyAdds } from '../plan/costs.js';
import { asStored, planTrainStep, type PlannedProgram } from '../plan/plan.js';
import type { ReadyProgram, SharedMemory } from './program.js';

/** The different train steps of a recipe, and which of them each stage makes. */
export interface StagePlan {
  readonly programs: readonly PlannedProgram[];
  /** Index into `programs` by stage. */
  readonly programOf: readonly number[];
}

/** Stages with the very same phases share a program. `firstStep` stands in for the first stage's; `float16` is the setting. */
export function planStages(recipe: Recipe, float16 = false, firstStep?: PlannedProgram): StagePlan {
  const { stages } = recipe;
  const firstAlike = stages.map(({ phases }) => stages.findIndex((other) => other.phases === phases));
  const planned = [...new Set(firstAlike)];
  return {
    programs: planned.map((stage) => {
      const isGiven = stage === 0 && firstStep !== undefined;
      return asStored(isGiven ? firstStep : planTrainStep(inStage(recipe, stage)), float16);
    }),
    programOf: firstAlike.map((stage) => planned.indexOf(stage)),
  };
}

/** Index of the program with the most arithmetic in a step. */
export function heaviestOf(programs: readonly PlannedProgram[]): number {
  const work = programs.map(({ program }) =>
    program.operations.reduce((sum, operation) => sum + operationMultiplyAdds(operation), 0),
  );
  return work.indexOf(Math.max(...work));
}

export interface StageProgramsOptions {
  readonly plan: StagePlan;
  /** By program. */
  readonly shared: readonly SharedMemory[];
  readonly prepare: (planned: PlannedProgram, shared: SharedMemory) => Promise<ReadyProgram>;
}

export class StagePrograms {
  readonly #options: StageProgramsOptions;
  /** By program. */
  readonly #ready = new Map<number, Promise<ReadyProgram>>();

  constructor(options: StageProgramsOptions) {
    this.#options = options;
  }

  /** Where everything of a stage's program lies. */
  sharedOf(stage: number): SharedMemory {
    const { plan, shared } = this.#options;
    return shared[plan.programOf[stage]!]!;
  }

  plannedOf(stage: number): PlannedProgram {
    const { plan } = this.#options;
    return plan.programs[plan.programOf[stage]!]!;
  }

  /** The stage's program, compiled at the first call. Rejects, each time, where the device refuses it. */
  ready(stage: number): Promise<ReadyProgram> {
    const { plan, prepare } = this.#options;
    const program = plan.programOf[stage]!;
    const known = this.#ready.get(program);
    if (known !== undefined) return known;
    const ready = prepare(plan.programs[program]!, this.sharedOf(stage));
    this.#ready.set(program, ready);
    return ready;
  }

  /** Begins to compile the program of a stage, where there is such a stage; whoever asks for it hears of a failure. */
  prepareAhead(stage: number): void {
    if (stage >= this.#options.plan.programOf.length) return;
    this.ready(stage).catch(() => undefined);
  }
}
