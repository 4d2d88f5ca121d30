/** What `npm run train` shows: a progress bar on a terminal, plain lines elsewhere. */

import cliProgress from 'cli-progress';
import { importSource } from './source-modules.mjs';

const { remainingTime } = await importSource('src/ui/words/time-left.ts');

/** Without a terminal, a line of progress comes at most this often. */
const PLAIN_LINE_MS = 30_000;

const BAR_FORMAT = '{bar} step {value} of {total} | {pace} | {left}';

/** `2 h 05 min`, `4 min 10 s`, `12 s`. */
export function formatDuration(ms) {
  const totalSeconds = Math.round(ms / 1000);
  const hours = Math.floor(totalSeconds / 3600);
  const minutes = Math.floor((totalSeconds % 3600) / 60);
  const seconds = totalSeconds % 60;
  const padded = (value) => String(value).padStart(2, '0');
  if (hours > 0) return `${hours} h ${padded(minutes)} min`;
  if (minutes > 0) return `${minutes} min ${padded(seconds)} s`;
  return `${seconds} s`;
}

function formatPace(stepsPerSecond) {
  if (!(stepsPerSecond > 0)) return '– steps/s';
  return stepsPerSecond >= 1
    ? `${stepsPerSecond.toPrecision(3)} steps/s`
    : `${(1 / stepsPerSecond).toPrecision(3)} s a step`;
}

/** `discriminatorLoss` as `discriminator loss`. */
function spelledOut(name) {
  return name.replaceAll(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
}

/** How labels were spread before a stage, as a line. */
export function formatSpread({ step, trust, leftOut, leftOutRight, usedShare }) {
  const used = { all: 'all', surest: `the surest ${(100 * usedShare).toFixed(0)} %`, none: 'none' }[trust];
  return `step ${step}: spread the labels; of ${leftOut} left out ${leftOutRight} were found again; ${used} of the spread labels serve`;
}

/** One evaluation as a line, with the losses of these names. */
export function formatEvaluation({ step, trainAccuracy, testAccuracy, losses }, lossNames) {
  const percent = (share) => `${(100 * share).toFixed(2)} %`;
  const accuracies = [`test accuracy ${percent(testAccuracy)}`, `train accuracy ${percent(trainAccuracy)}`];
  // A stage need not have all of them.
  const present = lossNames.filter((name) => losses[name] !== undefined);
  const shown = present.map((name) => `${spelledOut(name)} ${losses[name].toFixed(4)}`);
  return `step ${step}: ${[...accuracies, ...shown].join(', ')}`;
}

function formatTimeLeft(remaining) {
  if (remaining === null) return '– left';
  return `${remaining.isLowerBound ? 'at least ' : ''}${formatDuration(remaining.ms)} left`;
}

export class TrainDisplay {
  #bars = null;
  #bar = null;
  #nowMs;
  #step = 0;
  #steps = 0;
  #stepsPerSecond = null;
  #evaluations = [];
  #lastLineMs;

  constructor({ isTerminal = process.stdout.isTTY === true, nowMs = () => performance.now() } = {}) {
    this.#nowMs = nowMs;
    this.#lastLineMs = nowMs();
    if (!isTerminal) return;
    this.#bars = new cliProgress.MultiBar(
      { format: BAR_FORMAT, stream: process.stdout, barsize: 24, hideCursor: true, gracefulExit: false },
      cliProgress.Presets.shades_classic,
    );
  }

  /** A line that stays, above the bar where there is one. */
  line(text) {
    if (this.#bar === null) console.log(text);
    else this.#bars.log(`${text}\n`);
  }

  /** What is being done. */
  stage(text) {
    this.line(text);
  }

  /** The last line. */
  end(text) {
    this.stop();
    this.line(text);
  }

  /** The total, known or changed; `step` updates are done. */
  total(steps, step) {
    this.#steps = steps;
    this.#step = step;
    if (this.#bars === null) return;
    this.#bar ??= this.#bars.create(steps, step, this.#payload());
    this.#bar.setTotal(steps);
  }

  progress(step, stepsPerSecond) {
    this.#step = step;
    this.#stepsPerSecond = stepsPerSecond;
    if (this.#bar !== null) this.#bar.update(step, this.#payload());
    else this.#plainLine();
  }

  /** `lossNames`: what networks descend, see `RunReport.losses`. */
  evaluated(report, lossNames) {
    // The time left is measured between the last two.
    this.#evaluations = [...this.#evaluations.slice(-1), report];
    this.line(formatEvaluation(report, lossNames));
  }

  /** Takes the bar away; lines go on. */
  stop() {
    this.#bars?.stop();
    this.#bars = null;
    this.#bar = null;
  }

  #plainLine() {
    if (this.#nowMs() - this.#lastLineMs < PLAIN_LINE_MS) return;
    this.#lastLineMs = this.#nowMs();
    const { pace, left } = this.#payload();
    console.log(`step ${this.#step} of ${this.#steps}, ${pace}, ${left}`);
  }

  #payload() {
    const remaining = remainingTime(this.#step, this.#steps, this.#stepsPerSecond, this.#evaluations);
    return { pace: formatPace(this.#stepsPerSecond), left: formatTimeLeft(remaining) };
  }
}
