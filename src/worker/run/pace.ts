/**
 * A run's use of time: how many steps fit into one chunk between two looks at the commands, how many
 * are made in a second, and when work beside the steps is due. Computes from times it is given;
 * reads no clock. Only steps that are done count: what an engine was merely given says nothing of its speed.
 */

/** A chunk takes at most this long (or is one step), so that a command is heard soon. */
const CHUNK_MS = 40;
/** No engine gains from more steps at a time. */
const MOST_STEPS = 1024;
/** The pace is taken over about the last so many milliseconds of stepping. */
const WINDOW_MS = 2000;

export class Pace {
  #chunk = 1;
  #samples: { readonly steps: number; readonly ms: number }[] = [];
  #hasWarmedUp = false;
  /** Steps asked for that are not done yet, and since when the engine has been at the first of them. */
  #owed = 0;
  #owedSinceMs = 0;

  /** Steps that the next chunk may have. */
  get chunkSteps(): number {
    return this.#chunk;
  }

  /** Steps a second over the last chunks; the first chunk of all, which compiles, counts only alone. */
  get stepsPerSecond(): number {
    const steps = this.#samples.reduce((sum, sample) => sum + sample.steps, 0);
    const ms = this.#samples.reduce((sum, sample) => sum + sample.ms, 0);
    // A clock of coarse resolution can see no time pass; one tick is then the best guess.
    return steps === 0 ? 0 : (1000 * steps) / Math.max(ms, 0.1);
  }

  /** Told when steps are asked of an engine that may owe them for a while. */
  asked(steps: number, nowMs: number): void {
    if (this.#owed === 0) this.#owedSinceMs = nowMs;
    this.#owed += steps;
  }

  /** Told how many of them are done by now; measures those. */
  done(steps: number, nowMs: number): void {
    if (steps === 0) return;
    this.measured(steps, nowMs - this.#owedSinceMs);
    this.#owed = Math.max(0, this.#owed - steps);
    this.#owedSinceMs = nowMs;
  }

  /** Told when the engine owes nothing any more, whatever has come of it. */
  settled(): void {
    this.#owed = 0;
  }

  /** Takes in one chunk. Grows at most twofold: one measure may be off. */
  measured(steps: number, ms: number): void {
    const fitting = Math.floor((CHUNK_MS * steps) / Math.max(ms, 0.01));
    // A chunk cut short by an evaluation must not shrink the next.
    const most = Math.min(MOST_STEPS, 2 * Math.max(steps, this.#chunk));
    this.#chunk = Math.max(1, Math.min(fitting, most));

    if (!this.#hasWarmedUp && this.#samples.length === 1) {
      this.#samples = [];
      this.#hasWarmedUp = true;
    }
    this.#samples.push({ steps, ms });
    let total = this.#samples.reduce((sum, sample) => sum + sample.ms, 0);
    while (this.#samples.length > 1 && total - this.#samples[0]!.ms >= WINDOW_MS) {
      total -= this.#samples.shift()!.ms;
    }
  }
}

/** Work beside the steps takes at most about this share of the time. */
const SIDE_WORK_SHARE = 0.05;

/** When something that the run does now and then, such as showing samples, is due again. */
export class Cadence {
  readonly #everyMs: number;
  #nextAt = -Infinity;

  /** At most once in `everyMs`, less often where it takes long. */
  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  isDue(nowMs: number): boolean {
    return nowMs >= this.#nextAt;
  }

  done(startedAtMs: number, endedAtMs: number): void {
    this.#nextAt = endedAtMs + Math.max(this.#everyMs, (endedAtMs - startedAtMs) / SIDE_WORK_SHARE);
  }
}
