/**
 * Measures contenders side by side: each makes its first step and is held against the reference, then they take
 * turns, at last each evaluates and has its operations timed. One that fails is told of and left out. Runs in
 * a worker or on Dawn for Node.
 */

import { CONTENDERS, type Contender } from '../../protocol/benchmark/contenders.js';
import type { Pacing } from '../../protocol/benchmark/pacing.js';
import type { BenchmarkEvent, BenchmarkOrders, ProgressStage } from '../../protocol/benchmark/orders.js';
import { excessesOf } from '../../protocol/benchmark/figures.js';
import { emptyResult, type BenchmarkResult, type Difference } from '../../protocol/benchmark/report.js';
import { driftOf, median, spreadOf } from '../../protocol/benchmark/statistics.js';
import { DEVICE_SILENCE_LIMIT_MS } from '../../protocol/time-limits.js';
import { describeError } from '../../protocol/wording.js';
import type { NamedTensors } from '../model/parameters.js';
import type { BenchEngine } from './bench-engine.js';
import { differenceOf } from './correctness.js';
import type { CallCounter } from './count-calls.js';
import { createContender, type BenchGround } from './create-contender.js';
import type { NamedArray } from './step-inputs.js';
import { Turns } from './turns.js';
import { watchDevices } from './watch-devices.js';

/** What a step computes on the reference, and from what. */
export interface Reference {
  readonly step: NamedTensors;
  /** null where the yardsticks do not know the recipe. */
  readonly inputs: readonly NamedArray[] | null;
  /** Gives the same of a first step with other draws; null where there are no more. */
  readonly next: (() => Promise<Reference>) | null;
}

export interface MeasureOptions extends BenchmarkOrders {
  readonly ground: BenchGround;
  /** null: nothing can be checked. */
  readonly reference: Reference | null;
  /** Called once a round: whatever takes turns with the contenders. */
  readonly alongside: () => void;
  readonly emit: (event: BenchmarkEvent) => void;
  /** Makes a contender; for tests. */
  readonly create?: typeof createContender;
  readonly now?: () => number;
}

/** A turn takes about so long where a step is shorter. */
const TURN_MS = 100;
const MOST_STEPS = 250;
/** Of a clock that sees no time pass over so many steps nothing is to be had; they took this long at least. */
const MOST_UNSEEN_STEPS = 10_000;
const LEAST_MS = 1e-3;
/**
 * Chunks whose JavaScript is timed, and their steps at least: of a GPU's chunk, 40 ms, that is a few; a software
 * adapter makes one step in a second, and one submit a step would be timed with it.
 */
const JS_CHUNKS = 5;
const JS_CHUNK_STEPS = 8;
/** Longer chunks, two of which are under way, would have a slow device taken for one that is silent. */
const MOST_JS_CHUNK_MS = DEVICE_SILENCE_LIMIT_MS / 4;
/** A step that takes more of a contender's share than this gets no warm-up beside its first. */
const SLOW_SHARE = 0.25;
/** Classified before an evaluation is timed, so that its compiling is not; tells how many can be. */
const EVALUATION_WARM_UP = 100;
/** However long the starts took, this share of the budget is for the turns. */
const TURNS_SHARE = 1 / 3;
/**
 * An activation within rounding of its kink may fall to the other side of it, which moves a gradient of a large batch
 * by a thousandth or two: a yardstick whose gradients alone are off, by no more than this, has another step to be right in.
 */
const KINK_REACH = 1e-2;
/** Evaluations take their time so many times: with what warms them up, and the operations after them. */
const AFTER_TURNS = 1.3;
/** Results are told of at most so often while turns are taken. */
const EMIT_MS = 250;

/** One contender at work, and what is known of it. */
class Running {
  readonly #engine: BenchEngine;
  readonly #counter: CallCounter | null;
  readonly #now: () => number;
  readonly isOnGpu: boolean;
  readonly jsMs: number[] = [];
  result: BenchmarkResult;
  /** Milliseconds of a step, by the newest timing. */
  stepMs: number;

  constructor(
    engine: BenchEngine,
    result: BenchmarkResult,
    counter: CallCounter | null,
    stepMs: number,
    now: () => number,
  ) {
    this.#engine = engine;
    this.#counter = counter;
    this.#now = now;
    this.isOnGpu = CONTENDERS[result.engine].runsOn !== 'cpu';
    this.result = result;
    this.stepMs = stepMs;
  }

  get engine(): BenchEngine {
    return this.#engine;
  }

  get stepsPerTurn(): number {
    return Math.max(1, Math.min(MOST_STEPS, Math.floor(TURN_MS / this.stepMs)));
  }

  /** Milliseconds that a turn is going to take. */
  get turnMs(): number {
    return this.stepsPerTurn * this.stepMs;
  }

  /** Makes a turn's steps and gives the time of each sample, in milliseconds a step. */
  async takeTurn(): Promise<readonly number[]> {
    const wanted = this.stepsPerTurn;
    // The GPU is kept busy over a whole turn; on the CPU every step can be timed by itself.
    const stepsPerCall = this.isOnGpu ? wanted : 1;
    const samples: number[] = [];
    let made = 0;
    while (made < wanted) {
      const { steps, ms, js } = await this.#sample(stepsPerCall);
      samples.push(ms / steps);
      this.jsMs.push(js / steps);
      made += steps;
    }
    this.stepMs = median(samples);
    this.result = { ...this.result, steps: this.result.steps + made };
    return samples;
  }

  /** Goes on until the clock has moved: some are so coarse that they see no step pass. */
  async #sample(
    stepsPerCall: number,
  ): Promise<{ readonly steps: number; readonly ms: number; readonly js: number }> {
    const startedAt = this.#now();
    let [steps, ms, js] = [0, 0, 0];
    do {
      js += await this.#engine.steps(stepsPerCall);
      steps += stepsPerCall;
      ms = this.#now() - startedAt;
    } while (ms <= 0 && steps < MOST_UNSEEN_STEPS);
    return { steps, ms: Math.max(ms, LEAST_MS), js };
  }

  /** Makes an untimed turn, in which the calls to the device are counted. */
  async warmUp(): Promise<void> {
    this.#counter?.reset();
    const steps = this.stepsPerTurn;
    await this.#engine.steps(steps);
    if (this.#counter === null) return;
    const { dispatches, submits, uploadedBytes } = this.#counter.counts;
    this.#counter.stopCounting();
    this.result = {
      ...this.result,
      dispatchesPerStep: dispatches / steps,
      submitsPerStep: submits / steps,
      uploadedBytesPerStep: uploadedBytes / steps,
    };
  }

  get memoryBytes(): number | null {
    return this.#counter?.bufferBytes ?? this.#engine.memoryBytes?.() ?? null;
  }
}

async function timed<T>(now: () => number, work: () => Promise<T>): Promise<readonly [ms: number, value: T]> {
  const startedAt = now();
  const value = await work();
  return [now() - startedAt, value];
}

/** Images that fit into an evaluation's time, from what the first ones took; all without a limit. */
export function imagesWithin(
  limitMs: number | null,
  warmUpMs: number,
  warmUpImages: number,
  all: number,
): number {
  if (limitMs === null || warmUpMs <= 0) return all;
  const fitting = Math.floor((limitMs * warmUpImages) / warmUpMs);
  return fitting >= all ? all : Math.max(warmUpImages, Math.floor(fitting / 100) * 100);
}

class Measurement {
  readonly #options: MeasureOptions;
  readonly #now: () => number;
  readonly #create: typeof createContender;
  readonly #latestCounter: (() => CallCounter) | null;
  readonly #startedAt: number;
  readonly #running: (Running | null)[] = [];
  #turns: Turns | null = null;

  constructor(options: MeasureOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#create = options.create ?? createContender;
    const { gpu } = options.ground;
    this.#latestCounter = gpu === undefined ? null : watchDevices(gpu);
    this.#startedAt = this.#now();
  }

  async run(): Promise<void> {
    const { contenders, wantsOperations } = this.#options;
    try {
      for (const index of contenders.keys()) {
        this.#tell('start', index);
        this.#running.push(null);
        await this.#attempt(index, () => this.#start(index));
      }
      await this.#takeTurns();
      for (const index of this.#alive()) {
        this.#tell('evaluation', index);
        await this.#attempt(index, () => this.#evaluate(this.#running[index]!));
      }
      if (!wantsOperations) return;
      for (const index of this.#alive()) {
        if (this.#running[index]!.engine.profile === undefined) continue;
        this.#tell('operations', index);
        await this.#attempt(index, () => this.#profile(this.#running[index]!));
      }
    } finally {
      for (const running of this.#running) running?.engine.dispose();
    }
  }

  get #pacing(): Pacing {
    return this.#options.pacing;
  }

  #alive(): readonly number[] {
    return [...this.#running.keys()].filter((index) => this.#running[index] !== null);
  }

  #tell(stage: ProgressStage, contender: number | null): void {
    const { emit } = this.#options;
    emit({
      type: 'progress',
      progress: { stage, contender, leftMs: this.#leftMs(stage, contender), turns: this.#turns?.taken ?? 0 },
    });
  }

  /** Milliseconds that evaluations and operations are going to take, about. */
  #afterTurnsMs(): number {
    const { evaluationMs } = this.#pacing;
    return AFTER_TURNS * this.#alive().length * (evaluationMs ?? 0);
  }

  #leftMs(stage: ProgressStage, contender: number | null): number | null {
    const { budgetMs, evaluationMs } = this.#pacing;
    const now = this.#now();
    if (stage === 'operations') return null;
    if (stage === 'evaluation') {
      // One after the other, and the operations after them.
      const left = this.#alive().filter((index) => index >= (contender ?? 0)).length;
      return evaluationMs === null ? null : AFTER_TURNS * left * evaluationMs;
    }
    if (this.#turns !== null) return this.#turns.leftMs(now) + this.#afterTurnsMs();
    if (budgetMs === null) return null;
    // Whatever the starts take, the turns and what follows them have their time.
    const least =
      TURNS_SHARE * budgetMs + AFTER_TURNS * this.#options.contenders.length * (evaluationMs ?? 0);
    return Math.max(least, budgetMs - (now - this.#startedAt));
  }

  /** Does a contender's work; one that fails is freed and left out, with what it said. */
  async #attempt(index: number, work: () => Promise<void>, isTold = true): Promise<void> {
    const { contenders, emit } = this.#options;
    try {
      await work();
    } catch (error) {
      const running = this.#running[index];
      this.#running[index] = null;
      this.#turns?.drop(index);
      // A device that is gone may refuse this too.
      try {
        running?.engine.dispose();
      } catch {
        // There is nothing more to free.
      }
      const result = running?.result ?? emptyResult(contenders[index]!);
      emit({ type: 'result', index, result: { ...result, failure: describeError(error) } });
      return;
    }
    if (isTold) emit({ type: 'result', index, result: this.#running[index]!.result });
  }

  async #start(index: number): Promise<void> {
    const { contenders, ground } = this.#options;
    const contender = contenders[index]!;
    const startedAt = this.#now();
    let engine = await this.#create(contender, ground, true);
    try {
      const [stepMs] = await timed(this.#now, () => engine.steps(1));
      const firstStepMs = this.#now() - startedAt;
      if (contender.engine === 'webgpu') {
        // Now with the adapter's own tiles.
        engine.dispose();
        engine = await this.#create(contender, ground, false);
      }
      const { runsOn } = CONTENDERS[contender.engine];
      const counter = runsOn === 'webgpu' && this.#latestCounter !== null ? this.#latestCounter() : null;
      const difference = await this.#differenceOf(contender, engine);
      const running = new Running(
        engine,
        { ...emptyResult(contender), firstStepMs, difference },
        counter,
        stepMs,
        this.#now,
      );
      this.#running[index] = running;
      await this.#warmUp(running);
      running.result = { ...running.result, memoryBytes: running.memoryBytes };
    } catch (error) {
      if (this.#running[index] === null) engine.dispose();
      throw error;
    }
  }

  async #warmUp(running: Running): Promise<void> {
    const { budgetMs } = this.#pacing;
    const shareMs = budgetMs === null ? Infinity : budgetMs / this.#options.contenders.length;
    const isSlow = running.stepMs > SLOW_SHARE * shareMs;
    if (!isSlow) {
      // The second step warms up, the third tells how many make a turn.
      await running.engine.steps(1);
      const [ms] = await timed(this.#now, () => running.engine.steps(1));
      running.stepMs = Math.max(ms, LEAST_MS);
    }
    // What is not counted and slow has no time for it.
    if (!isSlow || running.isOnGpu) await running.warmUp();
  }

  async #differenceOf(contender: Contender, engine: BenchEngine): Promise<Difference | null> {
    const { reference, ground } = this.#options;
    const { inspect } = engine;
    if (reference === null || inspect === undefined) return null;
    const { isYardstick } = CONTENDERS[contender.engine];
    if (isYardstick && reference.inputs === null) return null;
    const differenceFrom = async ({ step, inputs }: Reference): Promise<Difference> =>
      differenceOf(await inspect(inputs), step, ground.input.recipe, isYardstick);
    const first = await differenceFrom(reference);
    let next = isYardstick ? reference.next : null;
    for (let difference = first; ;) {
      const excesses = excessesOf({ difference });
      if (excesses.length === 0) return difference;
      const isByKink = excesses.every(([kind, value]) => kind === 'gradients' && value <= KINK_REACH);
      if (next === null || !isByKink) return first;
      const other = await next();
      difference = await differenceFrom(other);
      next = other.next;
    }
  }

  async #takeTurns(): Promise<void> {
    const { alongside, emit } = this.#options;
    const { budgetMs } = this.#pacing;
    const begun = this.#now();
    const deadline =
      budgetMs === null
        ? Infinity
        : Math.max(this.#startedAt + budgetMs - this.#afterTurnsMs(), begun + TURNS_SHARE * budgetMs);
    const turns = new Turns(
      this.#pacing,
      this.#running.map((running) => running?.turnMs ?? 0),
      deadline,
    );
    this.#turns = turns;
    this.#running.forEach((running, index) => {
      if (running === null) turns.drop(index);
    });
    let told = -Infinity;
    let untilAlongside = 0;
    for (let index = turns.next(begun); index !== null; index = turns.next(this.#now())) {
      const at = index;
      const isDue = this.#now() - told >= EMIT_MS;
      if (isDue) {
        told = this.#now();
        this.#tell('turns', at);
      }
      await this.#attempt(at, () => this.#takeTurn(at, turns), isDue);
      if (--untilAlongside > 0) continue;
      untilAlongside = this.#alive().length;
      alongside();
    }
    for (const index of this.#alive()) emit({ type: 'result', index, result: this.#running[index]!.result });
  }

  async #takeTurn(index: number, turns: Turns): Promise<void> {
    const running = this.#running[index]!;
    // Whoever computes on the CPU finds its caches full of the others' numbers, unlike in a run, and unlike the
    // yardsticks in processes of their own. A slow step fills them itself.
    if (!running.isOnGpu && running.stepMs < TURN_MS) await running.engine.steps(1);
    const [ms, samples] = await timed(this.#now, () => running.takeTurn());
    turns.took(index, ms, samples);
    const all = turns.samplesOf(index);
    running.result = { ...running.result, msPerStep: spreadOf(all), drift: driftOf(all) };
    if (running.isOnGpu) running.result = { ...running.result, jsMsPerStep: median(running.jsMs) };
  }

  async #evaluate(running: Running): Promise<void> {
    const { engine } = running;
    const { evaluationMs: limitMs } = this.#pacing;
    const all = this.#options.ground.input.dataset.test.count;
    const chunkSteps = Math.max(running.stepsPerTurn, JS_CHUNK_STEPS);
    const chunkMs = running.stepMs * chunkSteps;
    // Without the time for it, what the turns told of JavaScript stands.
    const isTooLong = chunkMs > MOST_JS_CHUNK_MS || (limitMs !== null && chunkMs * JS_CHUNKS > limitMs);
    if (engine.chunksJsMs !== undefined && !isTooLong) {
      const chunks = await engine.chunksJsMs(chunkSteps, JS_CHUNKS);
      running.result = { ...running.result, jsMsPerStep: median(chunks) / chunkSteps };
    }
    const first = Math.min(EVALUATION_WARM_UP, all);
    const [compiledMs, correctOfFirst] = await timed(this.#now, () => engine.evaluate(first));
    // Too slow to be asked again: what it took stands.
    const isSlow = limitMs !== null && compiledMs > limitMs;
    const [warmUpMs] = isSlow ? [compiledMs] : await timed(this.#now, () => engine.evaluate(first));
    const images = isSlow ? first : imagesWithin(limitMs, warmUpMs, first, all);
    const [evaluationMs, evaluationCorrect] = isSlow
      ? ([compiledMs, correctOfFirst] as const)
      : await timed(this.#now, () => engine.evaluate(images));
    running.result = {
      ...running.result,
      evaluationMs,
      evaluationImages: images,
      evaluationCorrect,
      memoryBytes: running.memoryBytes,
    };
  }

  async #profile(running: Running): Promise<void> {
    const { operations, timedBy } = await running.engine.profile!();
    running.result = { ...running.result, operations, operationsTimedBy: timedBy };
  }
}

/** Measures, and emits what it knows as it comes to know it; disposes what it made. */
export function measure(options: MeasureOptions): Promise<void> {
  return new Measurement(options).run();
}
