/**
 * The element: its public face, and the wiring between session, settings and views. What is shown is
 * made in `parts/`, how commands behave in `trainer-session.ts`.
 */

import { LitElement, type PropertyValues, type TemplateResult } from 'lit';
import { property } from 'lit/decorators.js';
import type { EngineChoice } from '../protocol/engines.js';
import type { ErrorInfo } from '../protocol/errors.js';
import type { Settings, SettingsInput } from '../protocol/settings.js';
import type { RecipeName } from '../recipe/recipes.js';
import type { Report, TrainerState } from '../protocol/reports.js';
import { TrainerError, toErrorInfo } from '../protocol/errors.js';
import { describeError } from '../protocol/wording.js';
import { Comparison } from './comparison/comparison.js';
import { adoptStylesOf, makeRenderRoot } from './element/document-styles.js';
import type { SettingName } from '../protocol/check-settings.js';
import { dispatch } from './element/events.js';
import { NextSettings } from './settings/next-settings.js';
import { prepareIsolation, reloadIsolated } from './element/isolate-page.js';
import { OnScreen } from './element/on-screen.js';
import { Presenter } from './element/presenter.js';
import { sectionsProblem, shownSections } from './element/sections.js';
import { makeFile, type SaveKind } from './element/saver.js';
import { parseTyped } from './settings/parse-typed.js';
import type { StringsInput } from './words/strings.js';
import { elementStyles } from './styles/element.js';
import { TrainerSession, type ClientFactory, type SessionOptions } from './trainer-session.js';
import { VERSION } from '../protocol/version.js';
import { WorkerClient } from './worker-client.js';
import type { SganTrainerElement } from './trainer-element.js';
import type { GivenUrl } from './worker-urls.js';

/** The text of an attribute; undefined, which means the default, where it is missing or empty. */
const givenText = (text: string | null): string | undefined =>
  text === null || text.trim() === '' ? undefined : text;

/** A numeric attribute; text that is no number is kept, so that the error can name it. */
const typedNumber = {
  fromAttribute: (text: string | null): unknown => {
    const given = givenText(text);
    return given === undefined ? undefined : parseTyped(given);
  },
};

const typedText = { fromAttribute: givenText };

const typedAutostart = {
  fromAttribute: (text: string | null): boolean | 'visible' =>
    text?.trim() === 'visible' ? 'visible' : text !== null,
};

/**
 * Trains a semi-supervised GAN in a worker and shows it learn.
 *
 * Worker and data are loaded at the first `start`, `step` or `load`. An attribute that is missing or
 * empty, and a property that is null or undefined, is its default. One that is not allowed keeps the
 * value before it, raises `sgan-error` and keeps `autostart` from starting, and the buttons too while the form shows it;
 * nothing throws. Taken out of the document, the element ends its worker after one task, so that it may be moved.
 *
 * @tagname sgan-trainer
 *
 * @fires {CustomEvent<StateChange>} sgan-state - The state is another one: `{ state, previous, step, error }`.
 * @fires {CustomEvent<Report>} sgan-report - Every report of the worker, some twenty times a second at most.
 * @fires {CustomEvent<EvaluationReport>} sgan-evaluation - The report of an evaluation: `{ step, testAccuracy, … }`.
 * @fires {CustomEvent<ErrorInfo>} sgan-error - `{ kind, message }`: a value is not allowed, a command was refused, a run failed.
 * @fires {CustomEvent<Settings>} sgan-settings - Every setting of the next run, when one has changed.
 *
 * @slot status-bar - In place of the bar of commands.
 * @slot notice - In place of the line that says what is going on, and of errors.
 * @slot stages - In place of the stages of the run.
 * @slot digits - In place of the generated images.
 * @slot real-digits - In place of the real images.
 * @slot accuracy - In place of the large figure.
 * @slot charts - In place of both charts.
 * @slot evaluations - In place of the table of evaluations.
 * @slot settings - In place of the form.
 *
 * @csspart status-bar - The bar of commands.
 * @csspart state - The state, in the bar.
 * @csspart primary-button - Start, pause and resume.
 * @csspart step-button - One update.
 * @csspart reset-button - Back to step 0.
 * @csspart engine - The chip that names the engine.
 * @csspart save-button - Opens the panel of what can be saved and loaded.
 * @csspart progress - The line of progress under the bar.
 * @csspart notice - The line that says what is going on.
 * @csspart banner - That line where it tells an error.
 * @csspart stages - The stages of the run, and what the present one does.
 * @csspart feature-map - The map of the images in them.
 * @csspart digits - The generated images.
 * @csspart digits-caption - The step that they are of.
 * @csspart real-digits - The real images.
 * @csspart accuracy - The large figure and what stands beside it.
 * @csspart accuracy-chart - The chart of accuracies.
 * @csspart loss-chart - The chart of losses.
 * @csspart evaluations - The table of evaluations.
 * @csspart settings - The form.
 *
 * @cssprop --sgan-background - Behind everything. Defaults of all colours follow the page's `color-scheme`.
 * @cssprop --sgan-raised - Surface of panels and controls.
 * @cssprop --sgan-sunken - Surface of notices.
 * @cssprop --sgan-text - Text.
 * @cssprop --sgan-muted - Text that says less.
 * @cssprop --sgan-line - Hairlines.
 * @cssprop --sgan-accent - The primary button, progress, links.
 * @cssprop --sgan-on-accent - Text on the accent.
 * @cssprop --sgan-series-first - The first line of the charts. Default: the accent.
 * @cssprop --sgan-series-second - The second line of the charts.
 * @cssprop [--sgan-digits-background=#08090b] - Behind the images.
 * @cssprop --sgan-font - Font family. Default: the system's.
 * @cssprop [--sgan-radius=8px] - Radius of corners.
 * @cssprop [--sgan-sticky-top=0px] - Where the bar sticks.
 */
export class SganTrainer extends LitElement implements SganTrainerElement {
  /** Version of the package, by which two on one page are told apart. */
  static readonly version: string = VERSION;

  static override readonly styles = elementStyles;

  /**
   * Starts as soon as the element is in a document; with the value `visible`, as soon as it is scrolled into
   * view. Default: absent.
   */
  @property({ converter: typedAutostart }) autostart: boolean | 'visible' = false;
  /** Pauses while the element is scrolled out of view, and goes on when it is back. Default: absent. */
  @property({ attribute: 'pause-offscreen', type: Boolean }) pauseOffscreen = false;
  /**
   * Trains what the run is held against in turns with it: the labels alone, and the same without GAN. Costs workers of
   * their own; a person can switch it. Default: absent.
   */
  @property({ type: Boolean }) compare = false;
  /**
   * The sections that are shown, of `status-bar`, `notice`, `stages`, `digits`, `real-digits`, `accuracy`, `charts`,
   * `evaluations` and `settings`. Default: all.
   */
  @property({ converter: typedText }) show: string | null | undefined;
  /** Sections that are not shown. Default: none. */
  @property({ converter: typedText }) hide: string | null | undefined;
  /**
   * Folder of the four data files, relative to the document. Default: `data/` beside the folder of the worker's
   * script in a built site; a package has no data, and this has to be given.
   */
  @property({ attribute: 'data-url', converter: typedText }) dataUrl: GivenUrl;
  /**
   * The worker's script, with the files of its folder beside it; may be of another origin that sends CORS headers.
   * Default: the package's own. Where Trusted Types are demanded, the element vouches (by a policy
   * `sgan-trainer`) for scripts of the page's origin and of its own; the property takes a TrustedScriptURL for any other.
   */
  @property({ attribute: 'worker-url', converter: typedText }) workerUrl: GivenUrl;
  /**
   * A service worker that makes the page cross-origin isolated where its server does not, so that `wasm` may use
   * threads: the file `isolation-worker.js`, copied to the page's folder. The page is loaded once more for it. Default: none.
   */
  @property({ attribute: 'isolation-url', converter: typedText }) isolationUrl: string | null | undefined;
  /** Picture shown before the first run: square cells, 8 in a row. Default: none. */
  @property({ converter: typedText }) poster: string | null | undefined;
  /** Makes what the element sends its commands to; for tests and other transports. Default: a `WorkerClient`. */
  @property({ attribute: false }) clientFactory: ClientFactory = (options) => new WorkerClient(options);

  readonly #createClient: SessionOptions['createClient'] = (hooks) =>
    this.clientFactory({
      ...hooks,
      workerUrl: this.workerUrl,
      dataUrl: this.dataUrl,
      baseUrl: this.ownerDocument.baseURI,
    });
  readonly #session = new TrainerSession({
    createClient: this.#createClient,
    onReport: (report) => this.#onReport(report),
    onBatch: () => this.#presenter.refresh(),
    onState: (state, previous) => this.#onState(state, previous),
  });
  readonly #next = new NextSettings({
    onChange: (settings) => {
      this.#presenter.refresh();
      this.requestUpdate();
      dispatch(this, 'sgan-settings', settings);
    },
    onProblem: (message) => this.#raiseSoon(message),
  });
  readonly #comparison = new Comparison({
    session: this.#session,
    createClient: this.#createClient,
    onChange: () => this.#presenter.refresh(),
  });
  readonly #presenter = new Presenter(this, {
    session: this.#session,
    next: this.#next,
    comparison: this.#comparison,
    onDismiss: () => this.#setProblem(null),
    onRefuse: (message) => this.#raise({ kind: 'InvalidSettings', message }),
  });
  #strings: StringsInput | null | undefined;
  #problem: ErrorInfo | null = null;
  /** The error that `sgan-error` was raised for last, since the last command. */
  #told: ErrorInfo | null = null;
  #lastReport: Report | null = null;
  #ending: ReturnType<typeof setTimeout> | undefined;
  readonly #screen = new OnScreen(this, {
    onEnter: () => this.#entered(),
    onLeave: () => this.#left(),
  });
  /** Whether the run rests only because the element is out of view. */
  #restsOffscreen = false;
  /** Under way while it is not known whether the page is to be loaded again. */
  #isolating: Promise<void> | null = null;

  /** Name of a recipe, which other defaults depend on. Default: `few-labels`. */
  @property({ converter: typedText })
  get recipe(): RecipeName {
    return this.#next.complete.recipe;
  }
  set recipe(value: RecipeName | null | undefined) {
    this.#next.set('recipe', value);
  }

  /**
   * `auto`, `webgpu`, `wasm`, `tfjs-webgpu`, `tfjs-webgl`, `tfjs-wasm` or `tfjs-cpu`. Default: `auto`.
   */
  @property({ converter: typedText })
  get engine(): EngineChoice {
    return this.#next.complete.engine;
  }
  set engine(value: EngineChoice | null | undefined) {
    this.#next.set('engine', value);
  }

  /** Images whose label is used, 1 to as many as there are for training. Default: 100. */
  @property({ converter: typedNumber })
  get labels(): number {
    return this.#next.complete.labels;
  }
  set labels(value: number | null | undefined) {
    this.#next.set('labels', value);
  }

  /** Key of all random streams, 0 to 2^53 - 1. Default: 1. */
  @property({ converter: typedNumber })
  get seed(): number {
    return this.#next.complete.seed;
  }
  set seed(value: number | null | undefined) {
    this.#next.set('seed', value);
  }

  /** Updates in all, 1 to 10,000,000. Default: 5,000. */
  @property({ converter: typedNumber })
  get steps(): number {
    return this.#next.complete.steps;
  }
  set steps(value: number | null | undefined) {
    this.#next.set('steps', value);
  }

  /**
   * Reads as every setting of the next run. What is assigned is laid over what was asked for before;
   * undefined takes a field back to its default. A run that stands takes changes at the next reset; one that
   * has made no step at its start; `steps` at the next start or step.
   */
  @property({ attribute: false })
  get settings(): Settings {
    return this.#next.complete;
  }
  set settings(value: SettingsInput) {
    this.#next.merge(value);
  }

  /** What was asked for and is not allowed, by setting, until that setting is given anew. */
  get refused(): ReadonlyMap<SettingName, unknown> {
    return this.#next.refused;
  }

  /** Words to replace, merged over the defaults. */
  @property({ attribute: false })
  get strings(): StringsInput | null | undefined {
    return this.#strings;
  }
  set strings(value: StringsInput | null | undefined) {
    this.#strings = value;
    this.#presenter.strings = value;
  }

  /** `idle`, `loading`, `ready`, `running`, `paused`, `finished` or `failed`. */
  get state(): TrainerState {
    return this.#session.model.state;
  }

  /** What went wrong last, null where nothing did. */
  get error(): ErrorInfo | null {
    return this.#session.model.error ?? this.#problem;
  }

  /** The newest report of the worker, null before the first. */
  get lastReport(): Report | null {
    return this.#lastReport;
  }

  /** Whether a run stands, so that a start or step takes effect at once. */
  get ready(): boolean {
    return (['ready', 'running', 'paused', 'finished'] satisfies TrainerState[] as TrainerState[]).includes(
      this.state,
    );
  }

  /** Trains, from where the run stands. Resolves with the state once it runs. Rejects, as all do, with an error whose `name` is an `ErrorKind`. */
  start(): Promise<TrainerState> {
    this.#restsOffscreen = false;
    this.#presenter.isStartQueued = true;
    return this.#command(() => this.#session.start(this.settings));
  }

  /** Resolves once no step is being computed. */
  pause(): Promise<TrainerState> {
    this.#restsOffscreen = false;
    this.#presenter.isStartQueued = false;
    return this.#command(() => this.#session.pause());
  }

  /** One update. */
  step(): Promise<TrainerState> {
    this.#restsOffscreen = false;
    this.#presenter.isStartQueued = false;
    return this.#command(() => this.#session.step(this.settings));
  }

  /** Back to step 0; after a failure with a fresh worker. */
  reset(): Promise<TrainerState> {
    this.#restsOffscreen = false;
    this.#presenter.isStartQueued = false;
    return this.#command(() => this.#session.reset(this.settings));
  }

  /** A file: the checkpoint, the model, the generated images or the metrics. */
  save(kind: SaveKind = 'checkpoint'): Promise<File> {
    return this.#command(() => makeFile(this.#session, kind));
  }

  /** Goes on from a checkpoint; its settings become the element's. */
  load(checkpoint: Blob | Uint8Array<ArrayBuffer> | ArrayBuffer): Promise<TrainerState> {
    this.#restsOffscreen = false;
    this.#presenter.isStartQueued = false;
    return this.#command(async () => {
      const bytes = await readCheckpoint(checkpoint);
      // The checkpoint's settings win, but for an engine that was asked for by name.
      const { askedEngine } = this.#next;
      const state = await this.#session.load(bytes, { engine: askedEngine });
      const { settings } = this.#session.model;
      if (settings !== null) this.#next.takeOver(settings, askedEngine);
      return state;
    });
  }

  /** The element is in another document than before: the styles made for that one are gone. */
  adoptedCallback(): void {
    adoptStylesOf(this);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    clearTimeout(this.#ending);
    if (this.hasUpdated) this.#startItself();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    // Moving an element takes it out and puts it in again within one task.
    this.#ending = setTimeout(() => this.#session.end());
  }

  protected override createRenderRoot(): ShadowRoot {
    return makeRenderRoot(this);
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has('isolationUrl')) this.#isolate();
    if (changed.has('autostart') || changed.has('pauseOffscreen')) {
      this.#screen.watch(this.autostart === 'visible' || this.pauseOffscreen);
    }
    if (changed.has('autostart')) this.#startItself();
    if (changed.has('poster')) this.#presenter.poster = this.poster;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    for (const name of ['show', 'hide'] as const) {
      const problem = changed.has(name) ? sectionsProblem(name, this[name]) : null;
      if (problem !== null) this.#raiseSoon(problem);
    }
    if (changed.has('compare')) this.#comparison.isWanted = this.compare;
    if (changed.has('show') || changed.has('hide')) {
      this.#presenter.shown = shownSections(this.show, this.hide);
    }
  }

  protected override render(): TemplateResult {
    return this.#presenter.template();
  }

  #startItself(): void {
    // A run with another value than the one asked for is not what anyone meant.
    if (this.#presenter.hasRefused) return;
    if (this.autostart === false || (this.autostart === 'visible' && !this.#screen.isInside)) return;
    // What is started would be lost if the page is to be loaded again.
    if (this.#isolating !== null || !this.isConnected || this.#session.hasClient) return;
    void this.start().catch(() => undefined);
  }

  #entered(): void {
    if (this.autostart === 'visible') this.#startItself();
    if (this.#restsOffscreen) void this.start().catch(() => undefined);
  }

  #left(): void {
    const isUnderWay =
      this.state === 'running' || (this.state === 'loading' && this.#presenter.isStartQueued);
    if (!this.pauseOffscreen || !isUnderWay) return;
    void this.pause().catch(() => undefined);
    this.#restsOffscreen = true;
  }

  #isolate(): void {
    const { isolationUrl } = this;
    if (isolationUrl === null || isolationUrl === undefined) return;
    const isolating = prepareIsolation(isolationUrl, this.ownerDocument.baseURI)
      .then((isolation) => {
        if (isolation === 'reload' && !this.#session.hasClient) reloadIsolated();
        else this.#isolating = null;
      })
      .catch((error: unknown) => {
        this.#isolating = null;
        this.#raiseSoon(describeError(error));
      })
      .finally(() => this.#startItself());
    this.#isolating = isolating;
  }

  async #command<T>(command: () => Promise<T>): Promise<T> {
    if (!this.isConnected) throw new TrainerError('Aborted', 'The element has to be in a document to train.');
    this.#setProblem(null);
    try {
      return await command();
    } catch (error) {
      const info = toErrorInfo(error);
      // Given up at the caller's own wish, or told already as the reason of `failed`.
      if (info.kind !== 'Aborted' && !isSame(info, this.#told)) this.#raise(info);
      throw error;
    }
  }

  #onReport(report: Report): void {
    this.#lastReport = report;
    this.#comparison.reported(report);
    this.#presenter.reported(report);
    dispatch(this, 'sgan-report', report);
    if (report.type === 'evaluation') dispatch(this, 'sgan-evaluation', report);
  }

  #onState(state: TrainerState, previous: TrainerState): void {
    const { step, error } = this.#session.model;
    // Nothing is left to go on with, whatever it rested for.
    if (state === 'idle' || state === 'finished' || state === 'failed') this.#restsOffscreen = false;
    this.#comparison.stateChanged(state);
    this.#presenter.stateChanged(state);
    dispatch(this, 'sgan-state', { state, previous, step, error });
    if (error !== null && !isSame(error, this.#told)) this.#raise(error);
  }

  #setProblem(problem: ErrorInfo | null): void {
    this.#problem = problem;
    this.#told = problem;
    this.requestUpdate();
  }

  /** Later, so that whoever sets an attribute and then listens hears of it. */
  #raiseSoon(message: string): void {
    queueMicrotask(() => this.#raise({ kind: 'InvalidSettings', message }));
  }

  #raise(error: ErrorInfo): void {
    this.#setProblem(error);
    this.#presenter.failed(error);
    dispatch(this, 'sgan-error', error);
  }
}

function isSame(error: ErrorInfo, other: ErrorInfo | null): boolean {
  return error.kind === other?.kind && error.message === other.message;
}

async function readCheckpoint(
  checkpoint: Blob | Uint8Array<ArrayBuffer> | ArrayBuffer,
): Promise<Uint8Array<ArrayBuffer>> {
  // By their kind, not their constructor: bytes may come from another window.
  if (ArrayBuffer.isView(checkpoint)) {
    return new Uint8Array(checkpoint.buffer, checkpoint.byteOffset, checkpoint.byteLength);
  }
  if (Object.prototype.toString.call(checkpoint) === '[object ArrayBuffer]') {
    return new Uint8Array(checkpoint as ArrayBuffer);
  }
  try {
    return new Uint8Array(await (checkpoint as Blob).arrayBuffer());
  } catch (error) {
    throw new TrainerError(
      'InvalidCheckpoint',
      `The file cannot be read (${String(error)}). Choose it again.`,
      {
        cause: error,
      },
    );
  }
}
