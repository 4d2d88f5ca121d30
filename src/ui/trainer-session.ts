/**
 * The commands as a person means them, over clients that come and go: makes a client at the first
 * command, a fresh one after a failure, and keeps the model of the run. Knows no DOM.
 */

import type { ErrorInfo } from '../protocol/errors.js';
import type { ExportedFile } from '../protocol/trainer-api.js';
import type { Report, StateReport, TrainerState } from '../protocol/reports.js';
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

/** While the run rests for another's turn. */
interface Turn {
  readonly abort: AbortController;
  /** The rest that nobody heard of; null before it has come. */
  rest: StateReport | null;
}

function busyRunning(command: string): TrainerError {
  return new TrainerError('Busy', `"${command}" is not possible while running. Pause first.`);
}

export class TrainerSession {
  readonly model = new RunModel();
  readonly #options: SessionOptions;
  #client: TrainerClient | null = null;
  #isClientDead = false;
  /** How many reports of a state have come. */
  #statesHeard = 0;
  #turn: Turn | null = null;
  /** Whether the run was asked to go to its end, and to nothing else since. */
  #goes = false;

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

  /** Whether the run goes on its way to its end, and may rest for another's turn. */
  get mayRest(): boolean {
    return this.#goes && this.#turn === null && this.model.state === 'running';
  }

  /** Trains. A run that has made no step is first made anew where settings have changed since. */
  async start(settings: Settings): Promise<TrainerState> {
    this.#refuseWhenFailed();
    this.#endTurn();
    this.#goes = true;
    const { state, settings: current } = this.model;
    if (state === 'ready' && current !== null) {
      const hasChanged = differingSettings(settings, current).some((name) => name !== 'steps');
      if (hasChanged) await this.#liveClient().reset(settings);
    }
    return this.#liveClient().start(settings);
  }

  async pause(): Promise<TrainerState> {
    if (this.#client === null || this.model.state === 'failed') return this.model.state;
    const turn = this.#endTurn();
    this.#goes = false;
    const state = await this.#client.pause();
    if (turn !== null && turn.rest !== null && this.model.state === 'running') this.#take([turn.rest]);
    return state;
  }

  /**
   * Lets the run rest, which nobody hears of, while another takes its turn, and then go on. Nothing where it does not
   * run. `work` is to end soon after its signal is aborted, which every command for the run itself does.
   */
  async takeTurn(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const client = this.#client;
    if (client === null || !this.mayRest) return;
    const turn: Turn = { abort: new AbortController(), rest: null };
    this.#turn = turn;
    try {
      if ((await client.pause()) === 'paused') await work(turn.abort.signal);
    } catch {
      // A worker that cannot pause tells why by its state or its death.
    }
    await this.#goOnAfter(turn, client);
  }

  async #goOnAfter(turn: Turn, client: TrainerClient): Promise<void> {
    if (this.#turn !== turn) return;
    const { state, settings } = this.model;
    this.#turn = null;
    if (client !== this.#client || state !== 'running' || settings === null) return;
    try {
      await client.start(settings);
    } catch {
      // A failure is told by its state; else the run rests, which is to be heard now.
      if (turn.rest !== null && this.model.state === 'running') this.#take([turn.rest]);
    }
  }

  /** A command for the run itself comes: whatever it rests for ends. */
  #endTurn(): Turn | null {
    const turn = this.#turn;
    this.#turn = null;
    turn?.abort.abort();
    return turn;
  }

  async step(settings: Settings): Promise<TrainerState> {
    this.#refuseWhenFailed();
    if (this.#turn !== null) throw busyRunning('step');
    if (this.model.state !== 'running') this.#goes = false;
    return this.#liveClient().step(settings);
  }

  /**
   * Step 0 with these settings; after a failure, or where the worker does not hear it, the next command gets a
   * fresh worker. A worker that was only slow is ended too: that costs loading the data again.
   */
  async reset(settings: Settings): Promise<TrainerState> {
    this.#endTurn();
    this.#goes = false;
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
    if (this.#turn !== null) throw busyRunning('load');
    if (this.model.state !== 'running') this.#goes = false;
    if (this.#isClientDead) this.end();
    return this.#liveClient().load(checkpoint, overrides);
  }

  /** Ends the worker and forgets the run. */
  end(): void {
    this.#endTurn();
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
      if (report.type === 'state' && report.state === 'paused' && this.#turn !== null) {
        this.#turn.rest = report;
        continue;
      }
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
