/**
 * The element: its public face, and the wiring between session, settings and views. What is shown is
 * made in `parts/`, how commands behave in `trainer-session.ts`.
 */

import { LitElement, type CSSResultOrNative, type PropertyValues, type TemplateResult } from 'lit';
import { property } from 'lit/decorators.js';
import type { EngineChoice } from '../protocol/engines.js';
import type { ErrorInfo } from '../protocol/errors.js';
import type { Settings, SettingsInput } from '../protocol/settings.js';
import type { RecipeName } from '../recipe/recipes.js';
import type { Report, TrainerState } from '../protocol/reports.js';
import { TrainerError, toErrorInfo } from '../protocol/errors.js';
import { adoptDocumentStyles } from './element/document-styles.js';
import type { SettingName } from '../protocol/check-settings.js';
import { dispatch } from './element/events.js';
import { NextSettings } from './settings/next-settings.js';
import { Presenter } from './element/presenter.js';
import { makeFile, type SaveKind } from './element/saver.js';
import { parseTyped } from './settings/parse-typed.js';
import type { StringsInput } from './words/strings.js';
import { elementStyles } from './styles/element.js';
import { TrainerSession, type ClientFactory } from './trainer-session.js';
import { VERSION } from '../protocol/version.js';
import { WorkerClient } from './worker-client.js';
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

/**
 * Trains a semi-supervised GAN in a worker and shows it learn.
 *
 * ```html
 * <script type="module" src="ui/define.js"></script>
 * <sgan-trainer recipe="notebook" labels="900" autostart></sgan-trainer>
 * ```
 *
 * Worker and data are loaded at the first `start`, `step` or `load`. An attribute that is missing or
 * empty, and a property that is null or undefined, is its default. One that is not allowed keeps the
 * value before it, raises `sgan-error` and keeps `autostart` from starting; nothing throws. Taken out of the document, the
 * element ends its worker after one task, so that it may be moved.
 *
 * @attr recipe - `notebook`, `notebook-as-run`, `notebook-feature-matching`, `labels-only`.
 *   Default: `notebook`.
 * @attr engine - `auto`, `webgpu`, `wasm`, `tfjs-webgpu`, `tfjs-webgl`, `tfjs-wasm`, `tfjs-cpu`.
 *   Default: `auto`.
 * @attr labels - Images whose label is used, 1 to as many as there are for training. Default: 900.
 * @attr seed - Key of all random streams, 0 to 2^53 - 1. Default: 1.
 * @attr steps - Updates in all, 1 to 10,000,000. Default: 20,000.
 * @attr autostart - Starts as soon as the element is in a document. Default: absent.
 * @attr data-url - Folder of the four data files, relative to the document.
 *   Default: `../data/` from the script.
 * @attr worker-url - The worker's script; may be of another origin that sends CORS headers. Default:
 *   `../worker/worker.js` from the script. Where Trusted Types are demanded, the element vouches (by a
 *   policy `sgan-trainer`) for scripts of the page's origin and of its own; the property `workerUrl`
 *   takes a TrustedScriptURL for any other.
 * @attr poster - Picture shown before the first run: square cells, 8 in a row. Default: none.
 *
 * @prop settings - Reads as every setting of the next run. What is assigned is laid over what was
 *   asked for before; undefined takes a field back to its default. A run that stands takes changes
 *   at the next reset; one that has made no step at its start; `steps` at the next start or step.
 * @prop refused - What was asked for and is not allowed, by setting, until that setting is given anew.
 *   Read-only.
 * @prop strings - Words to replace, see `strings.ts`; merged over the defaults.
 * @prop state - `idle`, `loading`, `ready`, `running`, `paused`, `finished`, `failed`. Read-only.
 * @prop error - `{ kind, message }` of what went wrong last, null where nothing did. Read-only.
 * @prop lastReport - The newest report of the worker, null before the first. Read-only.
 * @prop ready - Whether a run stands, so that a start or step takes effect at once. Read-only.
 * @prop clientFactory - Makes what the element sends its commands to; for tests and other transports.
 *   Default: a `WorkerClient`.
 *
 * @method start - Trains, from where the run stands. Resolves with the state once it runs.
 * @method pause - Resolves once no step is being computed.
 * @method step - One update.
 * @method reset - Back to step 0; after a failure with a fresh worker.
 * @method save - A `File` of `checkpoint` (default), `model`, `samples` or `metrics`.
 * @method load - Goes on from a checkpoint (a `Blob` or bytes); its settings become the element's.
 *   All return promises and reject with an error whose `name` is an `ErrorKind`.
 *
 * @fires sgan-state - `{ state, previous, step, error }`. All events bubble and cross shadow roots.
 * @fires sgan-report - Every report of the worker.
 * @fires sgan-evaluation - The report of an evaluation.
 * @fires sgan-error - `{ kind, message }`: a value is not allowed, a command was refused, a run failed.
 * @fires sgan-settings - Every setting of the next run, when one has changed.
 *
 * @csspart status-bar, state, primary-button, step-button, reset-button, engine, save-button, progress -
 *   The bar and what is on it.
 * @csspart notice, banner - The line under the bar; `banner` where it tells an error.
 * @csspart digits, digits-caption, real-digits, accuracy, accuracy-chart, loss-chart, evaluations, settings -
 *   The stage and the form.
 *
 * @cssprop --sgan-background, --sgan-raised, --sgan-sunken, --sgan-text, --sgan-muted, --sgan-line -
 *   Surfaces, text and hairlines. Defaults follow the page's `color-scheme`.
 * @cssprop --sgan-accent, --sgan-on-accent - The primary button, progress, links.
 * @cssprop --sgan-series-first, --sgan-series-second - The lines of the charts.
 *   Default of the first: the accent.
 * @cssprop --sgan-digits-background - Behind the images. Default: `#08090b`.
 * @cssprop --sgan-font, --sgan-radius - Default: the system's font, `8px`.
 * @cssprop --sgan-sticky-top - Where the bar sticks. Default: `0px`.
 */
export class SganTrainer extends LitElement {
  /** Version of the package, by which two on one page are told apart. */
  static readonly version: string = VERSION;

  static override readonly styles = elementStyles;

  @property({ type: Boolean }) autostart = false;
  @property({ attribute: 'data-url', converter: typedText }) dataUrl: GivenUrl;
  @property({ attribute: 'worker-url', converter: typedText }) workerUrl: GivenUrl;
  @property({ converter: typedText }) poster: string | null | undefined;
  @property({ attribute: false }) clientFactory: ClientFactory = (options) => new WorkerClient(options);

  readonly #session = new TrainerSession({
    createClient: (hooks) =>
      this.clientFactory({
        ...hooks,
        workerUrl: this.workerUrl,
        dataUrl: this.dataUrl,
        baseUrl: this.ownerDocument.baseURI,
      }),
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
    // Later, so that whoever sets an attribute and then listens hears of it.
    onProblem: (message) => queueMicrotask(() => this.#raise({ kind: 'InvalidSettings', message })),
  });
  readonly #presenter = new Presenter(this, {
    session: this.#session,
    next: this.#next,
    onDismiss: () => this.#setProblem(null),
  });
  #strings: StringsInput | null | undefined;
  #problem: ErrorInfo | null = null;
  /** The error that `sgan-error` was raised for last, since the last command. */
  #told: ErrorInfo | null = null;
  #lastReport: Report | null = null;
  #ending: ReturnType<typeof setTimeout> | undefined;

  @property({ converter: typedText })
  get recipe(): RecipeName {
    return this.#next.complete.recipe;
  }
  set recipe(value: RecipeName | null | undefined) {
    this.#next.set('recipe', value);
  }

  @property({ converter: typedText })
  get engine(): EngineChoice {
    return this.#next.complete.engine;
  }
  set engine(value: EngineChoice | null | undefined) {
    this.#next.set('engine', value);
  }

  @property({ converter: typedNumber })
  get labels(): number {
    return this.#next.complete.labels;
  }
  set labels(value: number | null | undefined) {
    this.#next.set('labels', value);
  }

  @property({ converter: typedNumber })
  get seed(): number {
    return this.#next.complete.seed;
  }
  set seed(value: number | null | undefined) {
    this.#next.set('seed', value);
  }

  @property({ converter: typedNumber })
  get steps(): number {
    return this.#next.complete.steps;
  }
  set steps(value: number | null | undefined) {
    this.#next.set('steps', value);
  }

  @property({ attribute: false })
  get settings(): Settings {
    return this.#next.complete;
  }
  set settings(value: SettingsInput) {
    this.#next.merge(value);
  }

  get refused(): ReadonlyMap<SettingName, unknown> {
    return this.#next.refused;
  }

  @property({ attribute: false })
  get strings(): StringsInput | null | undefined {
    return this.#strings;
  }
  set strings(value: StringsInput | null | undefined) {
    this.#strings = value;
    this.#presenter.strings = value;
  }

  get state(): TrainerState {
    return this.#session.model.state;
  }

  get error(): ErrorInfo | null {
    return this.#session.model.error ?? this.#problem;
  }

  get lastReport(): Report | null {
    return this.#lastReport;
  }

  get ready(): boolean {
    return (['ready', 'running', 'paused', 'finished'] satisfies TrainerState[] as TrainerState[]).includes(
      this.state,
    );
  }

  start(): Promise<TrainerState> {
    this.#presenter.isStartQueued = true;
    return this.#command(() => this.#session.start(this.settings));
  }

  pause(): Promise<TrainerState> {
    this.#presenter.isStartQueued = false;
    return this.#command(() => this.#session.pause());
  }

  step(): Promise<TrainerState> {
    this.#presenter.isStartQueued = false;
    return this.#command(() => this.#session.step(this.settings));
  }

  reset(): Promise<TrainerState> {
    this.#presenter.isStartQueued = false;
    return this.#command(() => this.#session.reset(this.settings));
  }

  save(kind: SaveKind = 'checkpoint'): Promise<File> {
    return this.#command(() => makeFile(this.#session, kind));
  }

  load(checkpoint: Blob | Uint8Array<ArrayBuffer> | ArrayBuffer): Promise<TrainerState> {
    this.#presenter.isStartQueued = false;
    return this.#command(async () => {
      const bytes = await readCheckpoint(checkpoint);
      // The checkpoint's settings win, but for an engine that was asked for by name.
      const state = await this.#session.load(bytes, { engine: this.#next.given.engine });
      if (this.#session.model.settings !== null) this.#next.replace(this.#session.model.settings);
      return state;
    });
  }

  /** The element is in another document than before: the styles made for that one are gone. */
  adoptedCallback(): void {
    if (this.shadowRoot !== null) adoptDocumentStyles(this.shadowRoot, this.#styles);
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

  // As Lit's own, but for the styles, which it could give only to elements in the script's document.
  protected override createRenderRoot(): ShadowRoot {
    const { shadowRootOptions } = this.constructor as typeof SganTrainer;
    const root = this.shadowRoot ?? this.attachShadow(shadowRootOptions);
    this.renderOptions.renderBefore ??= root.firstChild;
    adoptDocumentStyles(root, this.#styles);
    return root;
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has('autostart')) this.#startItself();
    if (changed.has('poster')) this.#presenter.poster = this.poster;
  }

  protected override render(): TemplateResult {
    return this.#presenter.template();
  }

  get #styles(): readonly CSSResultOrNative[] {
    return (this.constructor as typeof SganTrainer).elementStyles;
  }

  #startItself(): void {
    // A run with another value than the one asked for is not what anyone meant.
    if (this.#next.refused.size > 0) return;
    if (this.autostart && this.isConnected && !this.#session.hasClient)
      void this.start().catch(() => undefined);
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
    this.#presenter.reported(report);
    dispatch(this, 'sgan-report', report);
    if (report.type === 'evaluation') dispatch(this, 'sgan-evaluation', report);
  }

  #onState(state: TrainerState, previous: TrainerState): void {
    const { step, error } = this.#session.model;
    this.#presenter.stateChanged(state);
    dispatch(this, 'sgan-state', { state, previous, step, error });
    if (error !== null && !isSame(error, this.#told)) this.#raise(error);
  }

  #setProblem(problem: ErrorInfo | null): void {
    this.#problem = problem;
    this.#told = problem;
    this.requestUpdate();
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

declare global {
  interface HTMLElementTagNameMap {
    'sgan-trainer': SganTrainer;
  }
}
