/**
 * One headless run from its options to its exit code: begins or goes on, follows the reports, records,
 * stops well when interrupted. Owns the order of things; the pieces are beside it.
 */

import { existsSync } from 'node:fs';
import path from 'node:path';
import { claimFolder } from './claimed-folder.mjs';
import { HeadlessTrainer } from './headless-trainer.mjs';
import { interruption, interruptionSignal } from './interruption.mjs';
import { resolveGiven } from './invocation.mjs';
import { UsageError } from './main.mjs';
import { isCheckpoint, readResumedRun } from './resumed-run.mjs';
import { describeEnd, describeEngine, describeRun } from './run-description.mjs';
import { CHECKPOINT, RUN, checkFolder, planFolders, resumeCommand } from './run-folder.mjs';
import { RunRecorder } from './run-recorder.mjs';
import { ensureSiteFiles } from './site.mjs';
import { formatSpread, TrainDisplay } from './train-display.mjs';
import { dataOf, dataReader, dataWords, describeData } from './run-data.mjs';

const STAGE_WORDS = {
  engine: 'Starting the engine …',
  data: 'Reading the data …',
  model: 'Making the networks …',
  firstStep: 'Making the first step …',
};

const NOTE_WORDS = {
  checkpointWithoutDigest:
    'The checkpoint is of an older build, without a digest: damage to it may go unseen.',
};

/** States in which nothing is computed. */
const RESTING = ['ready', 'paused', 'finished', 'failed'];

/**
 * Where a run takes place, unless told otherwise: in a browser of this machine, shown on the terminal, until the
 * person stops it. `makeTrainer` makes a `HeadlessTrainer`, `readFiles` the site's files (null where the trainer
 * has a site), `machine` tells what run.json is to say of the place beside the browser.
 */
function ownSurroundings(options) {
  return {
    display: new TrainDisplay(),
    makeTrainer: (given) => new HeadlessTrainer(given),
    // In memory: another build, while this one trains, takes its files away.
    readFiles: dataReader(ensureSiteFiles, options),
    signal: interruptionSignal,
    machine: () => ({}),
  };
}

const NOTHING_BEFORE = { step: 0, isFinished: false, evaluations: [], sessions: [], data: {}, problems: [] };

class TrainRun {
  /** Names of the losses that networks descend. */
  #lossNames = [];
  #options;
  #folders;
  #resumed;
  #display;
  #surroundings;
  #trainer;
  #recorder;
  #settings = null;
  #engineReport = null;
  #evaluation = null;
  #step;
  #stage = null;
  #isReplaying = false;
  #browser = '';
  /** Whether `start` was called, and so whether a rest is the end of this process' work. */
  #hasBegun = false;
  #isFolderBegun = false;
  /** Settles with the state report of the rest, or with what makes going on impossible. */
  #rested;
  #settleRest;

  constructor(options, folders, resumed, surroundings) {
    this.#surroundings = surroundings;
    this.#display = surroundings.display;
    this.#options = options;
    this.#folders = folders;
    this.#resumed = resumed;
    this.#step = resumed.step;
    this.#rested = new Promise((resolve, reject) => {
      this.#settleRest = { resolve, reject };
    });
    // Awaited once the run has begun; until then other calls meet the same failure.
    this.#rested.catch(() => {});
    this.#recorder = new RunRecorder({
      folder: folders.out,
      evaluations: resumed.evaluations,
      onFailure: (error) => this.#settleRest.reject(this.#writingFailed(error)),
    });
    this.#trainer = surroundings.makeTrainer({
      onUpload: (name, bytes) => this.#recorder.takeUpload(name, bytes),
    });
    this.#recorder.attach(this.#trainer);
    this.#trainer.on('report', (report) => this.#onReport(report));
    this.#trainer.on('death', (error) => this.#settleRest.reject(error));
  }

  /** Resolves with the exit code. */
  async run() {
    const { signal } = this.#surroundings;
    const onInterrupted = () => this.#onInterrupted();
    signal.addEventListener('abort', onInterrupted);
    try {
      await this.#load();
      if (this.#isInterrupted) return this.#stopBefore();
      if (this.#resumed.isFinished) {
        await this.#export();
        return 0;
      }
      return await this.#goToRest();
    } catch (error) {
      this.#display.stop();
      if (this.#isInterrupted && !this.#hasBegun) return this.#stopBefore();
      const hint = this.#howToGoOn();
      throw new UsageError(`${error.message}${hint === '' ? '' : `\n${hint}`}`, { cause: error });
    } finally {
      signal.removeEventListener('abort', onInterrupted);
      this.#display.stop();
      await this.#trainer.close();
    }
  }

  get #isInterrupted() {
    return this.#surroundings.signal.aborted;
  }

  #stopBefore() {
    this.#display.end('Stopped before the run began; nothing was written.');
    return interruption().exitCode;
  }

  /** Ends early at a wish to stop. */
  async #load() {
    if (this.#isInterrupted) return;
    const files = await this.#surroundings.readFiles();
    if (this.#isInterrupted) return;
    await this.#trainer.open(files);
    this.#browser = await this.#trainer.browserVersion();
    const { bytes } = this.#resumed;
    const { engine, steps } = this.#options.given;
    if (bytes === undefined || this.#isInterrupted) return;
    await this.#trainer.load(bytes, { engine, steps }).catch((error) => {
      throw this.#withData(error);
    });
  }

  /** A refusal of the checkpoint with the data that it was held against, which may be the wrong ones. */
  #withData(error) {
    if (error.name !== 'InvalidCheckpoint') return error;
    const damaged = this.#resumed.problems.find(({ name }) => name === RUN);
    const why = damaged === undefined ? '' : ` ${RUN}, which would name them, ${damaged.words}.`;
    return new UsageError(
      `${error.message} It was held against ${describeData(this.#options)}; others are named by --data and --validation.${why}`,
      { cause: error },
    );
  }

  #writingFailed(error) {
    return new UsageError(`Writing to ${this.#folders.name} failed: ${error.message}`, { cause: error });
  }

  async #goToRest() {
    this.#hasBegun = true;
    // A run that was loaded has its settings.
    await this.#trainer.start(this.#resumed.bytes === undefined ? this.#options.given : {});
    const { state, step, error } = await this.#rested;
    this.#beginFolder();
    if (state === 'failed') {
      await this.#recorder.finish().catch(() => {});
      throw new Error(`The run failed after step ${step}: ${error.message}`, { cause: error });
    }
    await this.#recorder.finish().catch((error) => {
      throw this.#writingFailed(error);
    });
    if (this.#options.export) await this.#export();
    if (state === 'finished') {
      const { name } = this.#folders;
      this.#display.end(describeEnd({ settings: this.#settings, evaluation: this.#evaluation, out: name }));
      return 0;
    }
    this.#display.end(`Stopped after step ${step} of ${this.#settings.steps}. ${this.#howToGoOn()}`);
    return interruption().exitCode;
  }

  async #export() {
    const files = await this.#recorder.exportModel();
    this.#display.line(`Exported ${files.join(', ')}`);
  }

  #onInterrupted() {
    this.#display.stage('Stopping with a checkpoint (a second Ctrl-C stops without) …');
    // What goes wrong with it comes through `#rested` too.
    if (this.#hasBegun) this.#trainer.pause().catch(() => {});
  }

  /** Makes the folder this run's, once there is a run: a bad setting leaves an old one untouched. */
  #beginFolder() {
    if (this.#isFolderBegun) return;
    this.#isFolderBegun = true;
    const run = describeRun({
      settings: this.#settings,
      data: resolveGiven(this.#options.data),
      validation: this.#options.validation,
      engineReport: this.#engineReport,
      browser: this.#browser,
      machine: this.#surroundings.machine(),
      fromStep: this.#resumed.step,
      sessions: this.#resumed.sessions,
    });
    const { isInPlace } = this.#folders;
    const { problems } = this.#resumed;
    const wordsOf = (name) => problems.find((problem) => problem.name === name).words;
    if (!isInPlace) {
      for (const { name, words } of problems)
        this.#display.line(`Note: ${name} beside the checkpoint ${words}.`);
    }
    this.#recorder.begin(run, {
      isFresh: !isInPlace,
      damaged: isInPlace ? problems.map(({ name }) => name) : [],
      onAside: (name, newName) =>
        this.#display.line(`Note: ${name} ${wordsOf(name)}. As it was it is kept as ${newName}.`),
    });
  }

  #onReport(report) {
    switch (report.type) {
      case 'engine':
        this.#engineReport = report;
        this.#display.line(describeEngine(report));
        break;
      case 'settings':
        this.#settings = report.settings;
        this.#display.total(report.settings.steps, this.#step);
        if (report.scheduleSteps !== null && report.settings.steps > report.scheduleSteps) {
          this.#display.line(
            `Note: the schedule of the learning rates ends at step ${report.scheduleSteps}, as the run was begun; the last ones hold.`,
          );
        }
        break;
      case 'run':
        this.#lossNames = report.losses;
        break;
      case 'loading':
        if (this.#stage !== report.stage) this.#display.stage(STAGE_WORDS[report.stage]);
        this.#stage = report.stage;
        break;
      case 'replay':
        if (report.isUnderWay && !this.#isReplaying) {
          this.#display.line(`Making ${report.stepsTotal} steps again, which went with the device …`);
        }
        this.#isReplaying = report.isUnderWay;
        break;
      case 'note':
        this.#display.line(NOTE_WORDS[report.note]);
        break;
      case 'metrics':
        this.#step = report.step;
        this.#display.progress(report.step, report.stepsPerSecond);
        break;
      case 'spread':
        this.#display.line(formatSpread(report));
        break;
      case 'evaluation':
        this.#evaluation = report;
        this.#display.evaluated(report, this.#lossNames);
        this.#recorder.evaluated(report);
        break;
      case 'state':
        this.#onState(report);
        break;
    }
  }

  #onState(report) {
    if (!this.#hasBegun) return;
    if (report.state === 'running') this.#beginFolder();
    if (RESTING.includes(report.state)) this.#settleRest.resolve(report);
  }

  #howToGoOn() {
    const { out, name } = this.#folders;
    return this.#isFolderBegun && existsSync(path.join(out, CHECKPOINT))
      ? `To go on: ${resumeCommand(name, dataWords(this.#options))}`
      : '';
  }
}

/**
 * Runs what `parseTrainOptions` returned, in `ownSurroundings` unless told; resolves with the exit code. Rejects with a
 * UsageError, whose `cause` is what ended the run.
 */
export async function train(options, surroundings = null) {
  const folders = planFolders(options);
  const release = await claimFolder(folders);
  try {
    await checkFolder(folders, options.force === true, isCheckpoint);
    return await trainIn(folders, options, surroundings);
  } finally {
    await release();
  }
}

async function trainIn(folders, given, surroundings) {
  const { checkpoint } = folders;
  const resumed = checkpoint === undefined ? NOTHING_BEFORE : await readResumedRun(checkpoint, given.given);
  // Its data, unless other data are named.
  const options = { ...given, ...dataOf(given, resumed.data) };
  if (resumed.isFinished && options.export !== true) {
    throw new UsageError(
      `${checkpoint} has finished its ${resumed.step} steps; --steps N goes on to N in all.`,
    );
  }
  return await new TrainRun(options, folders, resumed, surroundings ?? ownSurroundings(options)).run();
}
