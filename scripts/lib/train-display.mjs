/** What `npm run train` shows: a progress bar on a terminal, plain lines elsewhere. */

import cliProgress from 'cli-progress';

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

/** One evaluation as a line. */
export function formatEvaluation({ step, trainAccuracy, testAccuracy, discriminatorLoss, generatorLoss }) {
  const percent = (share) => `${(100 * share).toFixed(2)} %`;
  const losses = [
    `discriminator loss ${discriminatorLoss.toFixed(4)}`,
    ...(generatorLoss === null ? [] : [`generator loss ${generatorLoss.toFixed(4)}`]),
  ];
  const accuracies = [`test accuracy ${percent(testAccuracy)}`, `train accuracy ${percent(trainAccuracy)}`];
  return `step ${step}: ${[...accuracies, ...losses].join(', ')}`;
}

export class TrainDisplay {
  #bars = null;
  #bar = null;
  #nowMs;
  #step = 0;
  #steps = 0;
  #pace = 0;
  /** Where the time left is measured from: the first step that this process saw. */
  #since = null;
  #lastLineMs = 0;

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

  /** The total, known or changed. */
  total(steps, step) {
    this.#steps = steps;
    this.#step = Math.max(step, this.#step);
    if (this.#bars === null) return;
    this.#bar ??= this.#bars.create(steps, this.#step, this.#payload());
    this.#bar.setTotal(steps);
  }

  progress(step, stepsPerSecond) {
    this.#step = step;
    this.#pace = stepsPerSecond;
    this.#since ??= { step, ms: this.#nowMs() };
    if (this.#bar !== null) this.#bar.update(step, this.#payload());
    else this.#plainLine();
  }

  stop() {
    this.#bars?.stop();
    this.#bar = null;
  }

  #plainLine() {
    if (this.#nowMs() - this.#lastLineMs < PLAIN_LINE_MS) return;
    this.#lastLineMs = this.#nowMs();
    const { pace, left } = this.#payload();
    console.log(`step ${this.#step} of ${this.#steps}, ${pace}, ${left}`);
  }

  /** Time left by the clock, evaluations and checkpoints included. */
  #payload() {
    const done = this.#since === null ? 0 : this.#step - this.#since.step;
    const leftMs = done === 0 ? null : ((this.#nowMs() - this.#since.ms) / done) * (this.#steps - this.#step);
    return { pace: formatPace(this.#pace), left: leftMs === null ? '– left' : `${formatDuration(leftMs)} left` };
  }
}
