/**
 * Trains what a run is held against in turns with it: the same labelled images, as many steps as its recipe has for
 * those of the run, on the same engine. The run rests meanwhile, so that its own times stay true. Decides whose turn it
 * is, and what this machine is too slow for; owns the other runs.
 */

import { afterPatience, type StartTimer } from '../../protocol/patience.js';
import type { Report, TrainerState } from '../../protocol/reports.js';
import type { Settings } from '../../protocol/settings.js';
import type { RecipeName } from '../../recipe/recipes.js';
import { baselines, labelsOnlyOf } from '../charts/baselines.js';
import type { TrainerSession } from '../trainer-session.js';
import { comparedRecipes, comparedSettings } from './compared-settings.js';
import { ComparisonRun, type ComparisonRunOptions } from './comparison-run.js';

/** A run that itself takes longer is not held up. */
const MOST_RUN_MS = 15 * 60_000;
/** Another run that would take longer is not trained beside it. */
const MOST_OTHER_MS = 3 * 60_000;
/** Steps that another's pace is told from; its very first has been made by then. */
const PROBE_STEPS = 20;
/** Another that takes longer for its part of a turn, loading included, is left out: it may never answer. */
const TURN_LIMIT_MS = 60_000;
/** Turns in a run at most. */
const TURNS = 20;

export type ComparisonState = 'training' | 'tooSlow' | 'failed';

export interface ComparisonOptions {
  readonly session: TrainerSession;
  readonly createClient: ComparisonRunOptions['createClient'];
  /** A state, an evaluation or whose turn it is is another one. */
  readonly onChange: () => void;
  /** Another clock for time limits than the page's, for tests. */
  readonly startTimer?: StartTimer | undefined;
}

/** Steps from one turn to the next. */
function intervalOf({ evalEvery, steps }: Settings): number {
  return Math.max(evalEvery, Math.ceil(steps / TURNS));
}

export class Comparison {
  readonly #options: ComparisonOptions;
  #isWanted = false;
  readonly #runs = new Map<RecipeName, ComparisonRun>();
  readonly #left = new Map<RecipeName, ComparisonState>();
  /** Step of the run at its last turn. */
  #turnAt = 0;
  /** Settles when the turns so far are over. */
  #turns: Promise<void> = Promise.resolve();
  /** The one that trains now. */
  #turnOf: RecipeName | null = null;
  /** The turn under way after the end of the run. */
  #lastTurn: AbortController | null = null;

  constructor(options: ComparisonOptions) {
    this.#options = options;
  }

  /** Whether others are trained at all. */
  get isWanted(): boolean {
    return this.#isWanted;
  }

  set isWanted(isWanted: boolean) {
    if (isWanted === this.#isWanted) return;
    this.#isWanted = isWanted;
    if (!isWanted) this.end();
    else if (this.#options.session.model.state === 'finished') void this.#takeLastTurn();
    this.#options.onChange();
  }

  /** Whether others are trained beside the run that stands: it then takes longer than its own steps. */
  get takesTurns(): boolean {
    const { settings } = this.#options.session.model;
    if (settings === null) return false;
    return this.#training(settings).some((recipe) => this.#stepOf(recipe) < this.#endOf(recipe, settings));
  }

  /** The one that trains at this moment, while the run rests or after its end; null where none does. */
  get turnOf(): RecipeName | null {
    return this.#turnOf;
  }

  /** How it stands about one that the run is held against; null where none is trained. */
  stateOf(recipe: RecipeName): ComparisonState | null {
    const { settings } = this.#options.session.model;
    if (!this.#isWanted || settings === null || !comparedRecipes(settings).includes(recipe)) return null;
    if (this.#isKnown(recipe, settings)) return null;
    return this.#left.get(recipe) ?? (this.#isRunTooSlow(settings) ? 'tooSlow' : 'training');
  }

  /** A report of the run came; it is in the session's model. */
  reported(report: Report): void {
    const { model } = this.#options.session;
    if (report.type === 'settings' && model.state === 'loading') this.end();
    if (report.type === 'metrics' || report.type === 'evaluation') void this.#takeTurn();
  }

  /** The state of the run is another one. */
  stateChanged(state: TrainerState): void {
    this.#lastTurn?.abort();
    this.#lastTurn = null;
    if (state === 'finished') void this.#takeLastTurn();
    else if (state === 'idle' || state === 'failed') this.end();
  }

  /** Ends all others. */
  end(): void {
    this.#lastTurn?.abort();
    this.#lastTurn = null;
    for (const run of this.#runs.values()) run.end();
    this.#runs.clear();
    this.#left.clear();
    this.#turnAt = 0;
  }

  /** Whether a whole run of it was made on this page already. */
  #isKnown(recipe: RecipeName, settings: Settings): boolean {
    if (this.#runs.has(recipe)) return false;
    const { data } = this.#options.session.model;
    const isLabelsOnly = recipe === labelsOnlyOf(settings.recipe);
    const known = isLabelsOnly ? baselines.of(settings, data) : baselines.withoutGan(settings, data);
    return (known.at(-1)?.step ?? 0) >= comparedSettings(recipe, settings).steps;
  }

  #isRunTooSlow({ steps }: Settings): boolean {
    const { stepsPerSecond } = this.#options.session.model;
    return stepsPerSecond !== null && (1000 * steps) / stepsPerSecond > MOST_RUN_MS;
  }

  /** Those that are behind the run and may go on. */
  #due(): readonly RecipeName[] {
    const { step, settings, state } = this.#options.session.model;
    if (settings === null || (state !== 'running' && state !== 'finished')) return [];
    return this.#training(settings).filter(
      (recipe) => this.#stepOf(recipe) < Math.min(step, this.#endOf(recipe, settings)),
    );
  }

  #training(settings: Settings): readonly RecipeName[] {
    return comparedRecipes(settings).filter((recipe) => this.stateOf(recipe) === 'training');
  }

  #stepOf(recipe: RecipeName): number {
    return this.#runs.get(recipe)?.step ?? 0;
  }

  /** Steps of its own run: fixed when that was made, though those of the run may be raised since. */
  #endOf(recipe: RecipeName, settings: Settings): number {
    return (this.#runs.get(recipe)?.settings ?? comparedSettings(recipe, settings)).steps;
  }

  async #takeTurn(): Promise<void> {
    const { session } = this.#options;
    const { step, settings, isEvaluating, isSpreading } = session.model;
    if (settings === null || step - this.#turnAt < intervalOf(settings) || this.#due().length === 0) return;
    // Neither is broken into.
    if (isEvaluating || isSpreading || !session.mayRest) return;
    this.#turnAt = step;
    await session.takeTurn((signal) => this.#goOn(step, signal));
  }

  /** After the end of the run those that are behind go on to the same step. */
  async #takeLastTurn(): Promise<void> {
    const turn = new AbortController();
    this.#lastTurn = turn;
    const progress = (): number => [...this.#runs.values()].reduce((sum, run) => sum + run.step, 0);
    for (let before = -1; !turn.signal.aborted && before < progress();) {
      before = progress();
      await this.#goOn(this.#options.session.model.step, turn.signal);
    }
  }

  /** Each that is behind goes on to `step`, or as far as it may at once; one turn after the other. */
  #goOn(step: number, signal: AbortSignal): Promise<void> {
    this.#turns = this.#turns.then(() => this.#goOnInTurn(step, signal));
    return this.#turns;
  }

  async #goOnInTurn(step: number, signal: AbortSignal): Promise<void> {
    for (const recipe of this.#due()) {
      // Much may have happened during another's turn.
      if (signal.aborted || !this.#due().includes(recipe)) continue;
      const run = this.#runOf(recipe);
      const end = Math.min(step, run.settings.steps);
      if (run.step < PROBE_STEPS) await this.#goTo(recipe, run, Math.min(end, PROBE_STEPS), signal);
      // One that joins a run in its middle catches up over several turns.
      const goal = Math.min(end, run.step + 2 * intervalOf(run.settings));
      const atOnce = Math.ceil((2 * run.settings.steps) / TURNS);
      for (let before = -1; !run.hasEnded && !signal.aborted && run.step > before && run.step < goal;) {
        before = run.step;
        await this.#goTo(recipe, run, Math.min(goal, before + atOnce), signal);
      }
    }
  }

  async #goTo(recipe: RecipeName, run: ComparisonRun, step: number, signal: AbortSignal): Promise<void> {
    const { startTimer, onChange } = this.#options;
    const cancel = afterPatience(TURN_LIMIT_MS, () => run.end(), { start: startTimer });
    this.#turnOf = recipe;
    onChange();
    await run.goTo(step, signal);
    cancel();
    this.#turnOf = null;
    this.#judge(recipe, run);
    onChange();
  }

  #runOf(recipe: RecipeName): ComparisonRun {
    const found = this.#runs.get(recipe);
    if (found !== undefined) return found;
    const { session, createClient, onChange } = this.#options;
    const { engine, settings: own } = session.model;
    const settings: Settings = {
      ...comparedSettings(recipe, own!),
      engine: engine?.engine ?? own!.engine,
    };
    const run = new ComparisonRun({
      settings,
      createClient,
      onEvaluation: (evaluations) => {
        baselines.remember(settings, session.model.data, evaluations);
        onChange();
      },
    });
    this.#runs.set(recipe, run);
    return run;
  }

  /** Leaves out one that has failed, or that takes too long. */
  #judge(recipe: RecipeName, run: ComparisonRun): void {
    // Ended meanwhile, with all others.
    if (this.#runs.get(recipe) !== run) return;
    const { steps } = run.settings;
    const wholeMs = run.stepsPerSecond === null ? 0 : (1000 * steps) / run.stepsPerSecond;
    const state = run.hasEnded ? 'failed' : wholeMs > MOST_OTHER_MS ? 'tooSlow' : null;
    if (state === null) return;
    this.#left.set(recipe, state);
    run.end();
    // A beginning says nothing of the end.
    baselines.forget(run.settings, this.#options.session.model.data);
  }
}
