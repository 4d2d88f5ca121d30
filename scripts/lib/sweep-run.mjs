/**
 * A sweep from its options to its exit code: the plan, the folder, the places, the files of results. Each run is one of
 * `npm run train`; who trains where is sweep-schedule.mjs's.
 */

import { setMaxListeners } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { claimFolder } from './claimed-folder.mjs';
import { HeadlessTrainer } from './headless-trainer.mjs';
import { GridPlaces, addressTowards } from './grid-places.mjs';
import { interruption, interruptionSignal } from './interruption.mjs';
import { resolveGiven } from './invocation.mjs';
import { LocalPlaces } from './local-places.mjs';
import { UsageError } from './main.mjs';
import { CHECKPOINT, clearPartialFiles, contentsOf, replaceFile } from './run-folder.mjs';
import { ensureSiteFiles } from './site.mjs';
import { SweepDisplay, runDisplay } from './sweep-display.mjs';
import { planSweep, settingsOf } from './sweep-plan.mjs';
import { RESULTS, SWEEP, fingerprintOfRuns, readPlan, readRow, writeResults } from './sweep-results.mjs';
import { runSchedule } from './sweep-schedule.mjs';
import { train } from './train-run.mjs';
import { serveCorners } from './upload-server.mjs';
import { dataReader, describeData, readFingerprint } from './run-data.mjs';

/** Kinds of errors that a run would meet on every machine. */
const OWN_FAULTS = ['InvalidSettings', 'InvalidCheckpoint', 'DataInvalid', 'NonFiniteLoss', 'WritingFailed'];

/** Kinds of an error and of what caused it. */
function kindsOf(error) {
  const kinds = [];
  for (let cause = error; cause instanceof Object; cause = cause.cause) kinds.push(cause.kind ?? cause.name);
  return kinds;
}

/** Whether a run would fail on every machine as well. A refusal, of a folder that is taken, say, has no cause. */
export function isOwnFault(error) {
  if (error instanceof UsageError && error.cause === undefined) return true;
  return kindsOf(error).some((kind) => OWN_FAULTS.includes(kind));
}

/** What a person reads of an error: not the advice on how to go on with the single run. */
function firstLine(error) {
  return error.message.split('\n')[0];
}

async function makePlan(out, options) {
  const { out: name, isResumed, resumeCommand, what = 'sweep' } = options;
  if (isResumed) return planSweep(options, await readPlan(out, name));
  if (contentsOf(out).length === 0) return planSweep(options);
  const advice = existsSync(path.join(out, SWEEP))
    ? `, or go on with the ${what} in it: ${resumeCommand}`
    : '';
  throw new UsageError(`--out ${name} exists and is not empty. Name another folder${advice}.`);
}

/** The address to listen on and the name that nodes call it by. */
async function siteAddress({ grid, siteHost }) {
  if (siteHost === undefined) {
    const address = await addressTowards(grid);
    return { address, host: address };
  }
  // What a name stands for on the nodes' side is not known here.
  return { address: '0.0.0.0', host: siteHost };
}

async function makePlaces({ grid, browser, jobs, ...options }, files, log) {
  if (grid === undefined) return new LocalPlaces(jobs ?? 1);
  const site = await serveCorners({ files, ...(await siteAddress({ grid, ...options })) });
  return new GridPlaces({ grid, browserName: browser, jobs, site, log });
}

class Sweep {
  #out;
  #name;
  #plan;
  #resumeCommand;
  #rows = new Map();
  #display;
  #files;
  #places;
  #writing = Promise.resolve();

  constructor({ out, name, plan, resumeCommand }) {
    this.#out = out;
    this.#name = name;
    this.#plan = plan;
    this.#resumeCommand = resumeCommand;
    this.#display = new SweepDisplay(plan.runs.length);
  }

  /** Resolves with the exit code. */
  async run(options) {
    await this.#readRows();
    const left = this.#plan.runs.filter(({ name }) => this.#rows.get(name).state !== 'finished');
    await this.#checkData(left, options);
    await this.#write(options.besides);
    this.#display.begun(this.#plan.runs.length - left.length);
    if (left.length > 0 && !interruptionSignal.aborted) await this.#train(left, options);
    return this.#end();
  }

  /** Throws a UsageError where the runs that there are were begun on other images than those to come. */
  async #checkData(left, { data, validation }) {
    const isAsked = left.length > 0 || data !== undefined || validation !== undefined;
    const begun = isAsked ? await fingerprintOfRuns(this.#out, this.#plan) : null;
    if (begun === null || begun === (await readFingerprint(this.#plan.data))) return;
    throw new UsageError(
      `The runs in ${this.#name} were begun on other images than ${describeData(this.#plan.data)}. ` +
        'Name those by --data and --validation, or name another folder for another sweep.',
    );
  }

  async #train(runs, options) {
    try {
      // In memory: another build, while this one trains, takes its files away.
      this.#files = await dataReader(ensureSiteFiles, this.#plan.data)();
      this.#places = await makePlaces(options, this.#files, (line) => this.#display.line(line));
    } catch (error) {
      if (interruptionSignal.aborted) return;
      throw error;
    }
    setMaxListeners(0, interruptionSignal);
    try {
      await runSchedule({
        runs,
        places: this.#places,
        work: (run, place) => this.#trainOne(run, place),
        signal: interruptionSignal,
        onEnd: (run, end) => this.#onEnd(run, end),
      });
    } catch (error) {
      throw new UsageError(`${error.message}\nTo go on: ${this.#resumeCommand}`, { cause: error });
    } finally {
      this.#display.stop();
      await this.#places.close();
      await this.#writing;
    }
  }

  async #trainOne(run, place) {
    const before = this.#rows.get(run.name);
    const isBegun = existsSync(path.join(this.#out, run.name, CHECKPOINT));
    const folder = path.join(this.#name, run.name);
    const given = settingsOf(run, this.#plan.settings);
    this.#display.runBegun(run, place, before.step);
    // What lies in a folder without a checkpoint was left by a run that was cut off before its first evaluation.
    const where = isBegun ? { resume: folder } : { out: folder, force: true };
    const settings = isBegun ? given : { ...this.#places.settings, ...given };
    let failure = null;
    try {
      await train({ given: settings, ...this.#plan.data, ...where }, this.#surroundings(run, place));
    } catch (error) {
      failure = error;
    }
    await this.#readOne(run);
    const row = this.#rows.get(run.name);
    if (row.state === 'finished') return { state: 'finished' };
    if (failure === null) return { state: 'stopped' };
    if (isOwnFault(failure)) return { state: 'failed', words: firstLine(failure) };
    if (place.isBroken) await place.refuse(firstLine(failure), interruptionSignal);
    const hasProgressed = row.step > before.step;
    return { state: 'lost', hasProgressed, isPlaceBroken: place.isBroken, words: firstLine(failure) };
  }

  #surroundings(run, place) {
    const { site } = place;
    return {
      display: runDisplay(this.#display, run),
      makeTrainer: (given) => new HeadlessTrainer({ ...given, page: place.makePage(), site }),
      readFiles: async () => (site === null ? this.#files : null),
      signal: interruptionSignal,
      machine: () => place.describe(),
    };
  }

  #onEnd(run, end) {
    const row = this.#rows.get(run.name);
    if (end.isFinal && end.words !== undefined) {
      this.#rows.set(run.name, { ...row, state: 'failed', error: end.words });
    }
    this.#display.runEnded(run, end, this.#rows.get(run.name));
    // The end writes them once more, and says what is wrong.
    this.#write().catch((error) => this.#display.line(`Note: ${error.message}`));
  }

  /**
   * One after the other, whatever has become of the one before; the newest rows count. `besides` go before: with the plan a
   * sweep can go on. Rejects with a UsageError.
   */
  #write(besides = {}) {
    const writing = this.#writing.then(async () => {
      for (const [name, text] of Object.entries(besides)) await replaceFile(path.join(this.#out, name), text);
      await writeResults(this.#out, this.#plan, [...this.#rows.values()]);
    });
    this.#writing = writing.catch(() => {});
    return writing.catch((error) => {
      throw new UsageError(`The results of ${this.#name} cannot be written: ${error.message}`, {
        cause: error,
      });
    });
  }

  async #readRows() {
    for (const run of this.#plan.runs) await this.#readOne(run);
  }

  async #readOne(run) {
    this.#rows.set(run.name, await readRow(this.#out, run, this.#plan.settings));
  }

  async #end() {
    await this.#write();
    const rows = [...this.#rows.values()];
    this.#display.ended(rows, this.#name);
    const isDone = rows.every(({ state }) => state === 'finished');
    if (isDone) return 0;
    console.log(`To go on: ${this.#resumeCommand}`);
    return interruptionSignal.aborted ? interruption().exitCode : 1;
  }
}

/**
 * Runs what `parseSweepOptions` returned; resolves with the exit code. `resumeCommand` is what a person is told to call
 * to go on, `what` it is that goes on; `besides`, texts by their files' names, lie beside sweep.json from the begin on.
 */
export async function sweep(options) {
  const { out: name, resumeCommand, besides = {} } = options;
  const out = resolveGiven(name);
  const release = await claimFolder({ out, name });
  try {
    await clearPartialFiles(out, [...RESULTS, ...Object.keys(besides)]);
    const plan = await makePlan(out, options);
    return await new Sweep({ out, name, plan, resumeCommand }).run(options);
  } finally {
    await release();
  }
}
