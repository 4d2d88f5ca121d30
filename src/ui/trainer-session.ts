/**
 * The commands as a person means them, over clients that come and go: makes a client at the first
 * command, a fresh one after a failure, and keeps the model of the run. Knows no DOM.
 */

import type { ErrorInfo } from '../protocol/errors.js';
import type { ExportedFile } from '../protocol/trainer-api.js';
import type { Report, TrainerState } from '../protocol/reports.js';
import type { Settings, SettingsInput } from '../protocol/settings.js';
import { TrainerError } from '../protocol/errors.js';
import { afterPatience, type StartTimer } from '../protocol/patience.js';
import { RESET_LIMIT_MS, RESET_RUNNING_LIMIT_MS } from '../protocol/time-limits.js';
import { RunModel } from './element/run-model.js';
import { differingSettings } from '../protocol/check-settings.js';
import type { TrainerClient, WorkerClientOptions } from './worker-client.js';

/** Makes the client of a session; the element passes its URLs. */
export type ClientFactory = (options: WorkerClientOptions) => TrainerClient;

export interface SessionOptions {
  /** Called when a command needs a client and there is none. */
  readonly createClient: (options: Pick<WorkerClientOptions, 'onReports' | 'onDeath'>) => TrainerClient;
  /** Every report, after the model has taken it. */
  readonly onReport: (report: Report) => void;
  /** After each batch of reports. */
  readonly onBatch: (batch: readonly Report[]) => void;
  /** After each change of state, reported or of the session's own making. */
  readonly onState: (state: TrainerState, previous: TrainerState) => void;
  /** Another clock for time limits than the page's, for tests. */
  readonly startTimer?: StartTimer | undefined;
}

export class TrainerSession {
  readonly model = new RunModel();
  readonly #options: SessionOptions;
  #client: TrainerClient | null = null;
  #isClientDead = false;
  /** How many reports of a state have come. */
  #statesHeard = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Whether a worker may be there. */
  get hasClient(): boolean {
    return this.#client !== null;
  }

  /** Whether the run's last good state can still be had. */
  get canSave(): boolean {
    return this.#client !== null && !this.#isClientDead && this.model.settings !== null;
  }

  /** Trains. A run that has made no step is first made anew where settings have changed since. */
  async start(settings: Settings): Promise<TrainerState> {
    this.#refuseWhenFailed();
    const { state, settings: current } = this.model;
    if (state === 'ready' && current !== null) {
      const hasChanged = differingSettings(settings, current).some((name) => name !== 'steps');
      if (hasChanged) await this.#liveClient().reset(settings);
    }
    return this.#liveClient().start(settings);
  }

  async pause(): Promise<TrainerState> {
    if (this.#client === null || this.model.state === 'failed') return this.model.state;
    return this.#client.pause();
  }

  async step(settings: Settings): Promise<TrainerState> {
    this.#refuseWhenFailed();
    return this.#liveClient().step(settings);
  }

  /**
   * Step 0 with these settings; after a failure, or where the worker does not hear it, the next command gets a
   * fresh worker. A worker that was only slow is ended too: that costs loading the data again.
   */
  async reset(settings: Settings): Promise<TrainerState> {
    if (this.#client === null || this.model.state === 'failed') {
      this.end();
      return 'idle';
    }
    const client = this.#client;
    const statesBefore = this.#statesHeard;
    let hasGivenUp = false;
    // A worker that has heard it loads: from there on its own limits hold, or another reset.
    const hasHeard = (): boolean => this.#statesHeard > statesBefore && this.model.state !== 'running';
    const cancel = afterPatience(
      this.model.state === 'running' ? RESET_RUNNING_LIMIT_MS : RESET_LIMIT_MS,
      () => {
        if (client !== this.#client || hasHeard()) return;
        hasGivenUp = true;
        this.end();
      },
      { start: this.#options.startTimer },
    );
    try {
      return await client.reset(settings);
    } catch (error) {
      if (!hasGivenUp) throw error;
      return 'idle';
    } finally {
      cancel();
    }
  }

  async save(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#clientToSaveFrom().save();
  }

  async exportModel(): Promise<ExportedFile[]> {
    return this.#clientToSaveFrom().exportModel();
  }

  async load(
    checkpoint: Uint8Array<ArrayBuffer>,
    overrides: Pick<SettingsInput, 'engine' | 'steps'>,
  ): Promise<TrainerState> {
    if (this.#isClientDead) this.end();
    return this.#liveClient().load(checkpoint, overrides);
  }

  /** Ends the worker and forgets the run. */
  end(): void {
    this.#client?.terminate();
    this.#client = null;
    this.#isClientDead = false;
    this.#changeState(() => this.model.clear());
  }

  #liveClient(): TrainerClient {
    if (this.#client !== null) return this.#client;
    const client: TrainerClient = this.#options.createClient({
      onReports: (batch) => {
        if (client === this.#client) this.#take(batch);
      },
      onDeath: (error) => {
        if (client === this.#client) this.#die(error);
      },
    });
    this.#client = client;
    return client;
  }

  #clientToSaveFrom(): TrainerClient {
    if (this.#client !== null && !this.#isClientDead) return this.#client;
    throw new TrainerError(
      'NothingToSave',
      this.#isClientDead
        ? 'Nothing can be saved: the worker has ended, and the run with it.'
        : 'Nothing can be saved: there is no run yet; start one.',
    );
  }

  #refuseWhenFailed(): void {
    const { state, error } = this.model;
    if (state !== 'failed') return;
    const reason = error === null ? '' : ` (${error.kind}: ${error.message})`;
    throw new TrainerError('RunFailed', `The run has failed${reason}. Reset to begin anew.`);
  }

  #take(batch: readonly Report[]): void {
    for (const report of batch) {
      if (report.type === 'state') this.#statesHeard++;
      this.#changeState(() => this.model.take(report));
      this.#options.onReport(report);
    }
    this.#options.onBatch(batch);
  }

  #die(error: ErrorInfo): void {
    this.#isClientDead = true;
    this.#changeState(() => this.model.fail(error));
  }

  #changeState(change: () => void): void {
    const previous = this.model.state;
    change();
    if (this.model.state !== previous) this.#options.onState(this.model.state, previous);
  }
}
