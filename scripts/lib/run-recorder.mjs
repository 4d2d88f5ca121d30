/**
 * Writes a run's folder while it goes: at every evaluation the metrics, then the checkpoint, then the
 * samples. One recording at a time; evaluations that come meanwhile are recorded together next.
 */

import path from 'node:path';
import {
  CHECKPOINT,
  MODEL,
  SAMPLES,
  clearFolder,
  clearPartialRun,
  replaceFile,
  writeMetrics,
  writeRun,
} from './run-folder.mjs';
import { setAside } from './side-files.mjs';

/** The line of an evaluation in metrics.jsonl; losses and terms by name, then what is read of generated images and of landmarks. */
export function toLine({ step, trainAccuracy, testAccuracy, losses, generated, pseudoLabels, elapsedMs }) {
  const read = { ...generated, ...pseudoLabels };
  return { step, trainAccuracy, testAccuracy, ...losses, ...read, elapsedMs: Math.round(elapsedMs) };
}

/** The run's folder took a file not: a full disk, say. It would be so on every machine; `cause` is the system's error. */
export class WritingError extends Error {
  name = 'WritingFailed';
}

export class RunRecorder {
  #folder;
  #evaluations;
  #onFailure;
  #trainer = null;
  #recording = Promise.resolve();
  #isQueued = false;
  #failure = null;
  /** What has gone wrong with a file, of which a page that uploads one hears words alone. */
  #writingError = null;

  /** `evaluations` are the lines there are already; `onFailure(error)` hears when writing fails. */
  constructor({ folder, evaluations, onFailure }) {
    this.#folder = folder;
    this.#evaluations = [...evaluations];
    this.#onFailure = onFailure;
  }

  /** The trainer whose files are asked for; its uploads come to `takeUpload`. */
  attach(trainer) {
    this.#trainer = trainer;
  }

  /** Writes an uploaded file; names that would lead out of the folder are refused. */
  async takeUpload(name, bytes) {
    const file = path.resolve(this.#folder, name);
    if (!file.startsWith(path.resolve(this.#folder) + path.sep))
      throw new Error(`"${name}" leads out of the folder.`);
    await this.#write(() => replaceFile(file, bytes));
  }

  /**
   * Begins the folder with `run` for run.json. What an earlier run left goes where `isFresh`; `damaged`
   * names files to set aside first, and `onAside(name, newName)` hears where each is kept.
   */
  begin(run, { isFresh, damaged, onAside }) {
    const write = async () => {
      await clearPartialRun(this.#folder);
      if (isFresh) await clearFolder(this.#folder);
      for (const name of damaged) {
        onAside(name, path.basename(await setAside(path.join(this.#folder, name))));
      }
      await writeRun(this.#folder, run);
      await writeMetrics(this.#folder, this.#evaluations);
    };
    this.#enqueue(() => this.#write(write));
  }

  /** Records an evaluation soon. */
  evaluated(report) {
    this.#evaluations.push(toLine(report));
    // One that waits already will see this evaluation too.
    if (this.#isQueued) return;
    this.#isQueued = true;
    this.#enqueue(() => {
      this.#isQueued = false;
      return this.#record();
    });
  }

  /** Records the state the run rests in; throws what went wrong with this or an earlier recording. */
  async finish() {
    this.#enqueue(() => this.#record());
    await this.#recording;
    if (this.#failure !== null) throw this.#failure;
  }

  /** Writes the networks that the run has; resolves with their files. */
  async exportModel() {
    const paths = await this.#trainer.exportModel(`${MODEL}/`);
    return paths.map((file) => path.join(this.#folder, MODEL, file));
  }

  async #write(work) {
    try {
      await work();
    } catch (error) {
      this.#writingError ??= new WritingError(error.message, { cause: error });
      throw this.#writingError;
    }
  }

  #enqueue(work) {
    this.#recording = this.#recording
      .then(() => (this.#failure === null ? work() : undefined))
      .catch((error) => {
        this.#failure = this.#writingError ?? error;
        this.#onFailure(this.#failure);
      });
  }

  async #record() {
    await this.#write(() => writeMetrics(this.#folder, this.#evaluations));
    await this.#trainer.save(CHECKPOINT);
    await this.#trainer.saveSamples(SAMPLES);
  }
}
