/** What `npm run sweep` shows: a line for what begins and ends, and now and then where all runs are. */

import { unmeasuredRows } from './finished-rows.mjs';
import { formatTable } from './text-table.mjs';
import { formatDuration } from './train-display.mjs';
import { summarise } from './sweep-results.mjs';

/** Lines on where the runs are come at most this often. */
const PROGRESS_MS = 30_000;
const MOST_NAMES = 3;

/** Of a run that ends before its first evaluation there is none. */
const percent = (accuracy) => (accuracy === null ? '–' : `${(100 * accuracy).toFixed(2)} %`);

function stepOf({ step, steps }) {
  return `step ${step.toLocaleString('en')} of ${steps.toLocaleString('en')}`;
}

/** Of runs that have finished; of many the first are named. */
function withoutAccuracy(names) {
  const others = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} others` : '';
  return (
    `Finished without an accuracy: ${names.slice(0, MOST_NAMES).join(', ')}${others}. ` +
    'A stage that learns without labels has none; with more --steps a run comes to one.'
  );
}

export class SweepDisplay {
  #total;
  #done = 0;
  #active = new Map();
  #nowMs;
  #print;
  #lastProgressMs;

  constructor(total, { nowMs = () => performance.now(), print = console.log } = {}) {
    this.#total = total;
    this.#nowMs = nowMs;
    this.#print = print;
    this.#lastProgressMs = nowMs();
  }

  line(text) {
    this.#print(text);
  }

  /** `done` runs have finished before. */
  begun(done) {
    this.#done = done;
    const left = this.#total - done;
    this.line(`${this.#total} runs, ${done} of them done; ${left === 0 ? 'none is' : `${left} are`} left.`);
  }

  runBegun({ name }, place, step) {
    if (this.#active.size === 0) this.#lastProgressMs = this.#nowMs();
    this.#active.set(name, { step, steps: 0, testAccuracy: null });
    const from = step === 0 ? '' : ` from step ${step.toLocaleString('en')}`;
    this.line(`${name}: goes to ${place.name}${from}`);
  }

  runEnded({ name }, end, row) {
    this.#active.delete(name);
    if (end.state === 'finished') {
      this.#done++;
      this.line(
        `${name}: finished in ${formatDuration(row.elapsedMs)}, test accuracy ${percent(row.testAccuracy)} ` +
          `(${this.#done} of ${this.#total} done)`,
      );
    } else if (end.state === 'stopped') this.line(`${name}: stopped at ${stepOf(row)}`);
    else if (end.isFinal) this.line(`${name}: failed at ${stepOf(row)}: ${end.words}`);
    else this.line(`${name}: lost its place at ${stepOf(row)}, goes to another: ${end.words}`);
  }

  /** `change` is what a run has come to: step, steps, test accuracy. */
  runProgress({ name }, change) {
    const run = this.#active.get(name);
    if (run === undefined) return;
    Object.assign(run, change);
    if (this.#nowMs() - this.#lastProgressMs < PROGRESS_MS) return;
    this.#lastProgressMs = this.#nowMs();
    const runs = [...this.#active].map(([other, { testAccuracy, ...where }]) => {
      const accuracy = testAccuracy === null ? '' : ` (${percent(testAccuracy)})`;
      return `${other} at ${stepOf(where)}${accuracy}`;
    });
    this.line(`${this.#done} of ${this.#total} done; ${runs.join(', ')}`);
  }

  stop() {
    this.#active.clear();
  }

  /** The table of what there is, and where it lies. */
  ended(rows, name) {
    const summary = summarise(rows);
    const cells = summary.map(
      ({ recipe, labels, runs, finished, mean, standardDeviation, least, greatest }) => [
        recipe,
        labels.toLocaleString('en'),
        `${finished} of ${runs}`,
        ...[mean, standardDeviation, least, greatest].map(percent),
      ],
    );
    const heading = ['recipe', 'labels', 'finished', 'mean', 'deviation', 'least', 'greatest'];
    this.line(`\n${formatTable([heading, ...cells])}\n`);
    const unmeasured = unmeasuredRows(rows).map((row) => row.name);
    if (unmeasured.length > 0) this.line(withoutAccuracy(unmeasured));
    for (const row of rows) if (row.error !== null) this.line(`${row.name} failed: ${row.error}`);
    this.line(`The results are in ${name}: sweep.json, sweep.csv, sweep.svg`);
  }
}

/** What a run shows of itself in a sweep: notes; the rest is in its folder. */
export function runDisplay(display, run) {
  return {
    line: (text) => {
      if (text.startsWith('Note:')) display.line(`${run.name}: ${text}`);
    },
    stage: () => {},
    end: () => {},
    total: (steps, step) => display.runProgress(run, { steps, step }),
    progress: (step) => display.runProgress(run, { step }),
    evaluated: ({ testAccuracy }) => display.runProgress(run, { testAccuracy }),
    stop: () => {},
  };
}
