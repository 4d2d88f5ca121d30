/**
 * The benchmark's element: its public face, and what a person's clicks do. Views are made in the files beside it,
 * the measuring in its worker.
 */

import { LitElement, html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { property } from 'lit/decorators.js';
import { readReport } from '../../protocol/benchmark/check-report.js';
import type { Contender } from '../../protocol/benchmark/contenders.js';
import { PRESETS } from '../../protocol/benchmark/pacing.js';
import type { BenchmarkEvent, Progress, Survey } from '../../protocol/benchmark/orders.js';
import type { BenchmarkReport } from '../../protocol/benchmark/report.js';
import { headline, toMarkdown } from '../../protocol/benchmark/table.js';
import { TrainerError, toErrorInfo } from '../../protocol/errors.js';
import { VERSION } from '../../protocol/version.js';
import { describeError, shorten } from '../../protocol/wording.js';
import { feature } from '../../browser/feature.js';
import { Announcer } from '../element/announcer.js';
import { adoptStylesOf, makeRenderRoot } from '../element/document-styles.js';
import { prepareIsolation, reloadIsolated } from '../element/isolate-page.js';
import { download } from '../element/saved-files.js';
import { icons } from '../parts/icons.js';
import type { GivenUrl } from '../worker-urls.js';
import type { SganBenchmarkElement } from './benchmark-element.js';
import { WorkerBenchmarkClient, type BenchmarkClient } from './benchmark-client.js';
import { compareView } from './compare-view.js';
import { beginReport, reportAfter } from './current-benchmark.js';
import { historyView } from './history-view.js';
import { readHistory, withReport, writeHistory } from './history.js';
import { distortionsView, machineView } from './machine-view.js';
import { operationsView } from './operations-view.js';
import { describeMachine } from './platform.js';
import { progressView, stageText } from './progress-view.js';
import { figuresTable, resultsView } from './results-view.js';
import { batchProblem, benchmarkSettings, refusalsOf } from './settings-view.js';
import {
  checkSettings,
  DEFAULT_BENCHMARK,
  isChosen,
  type BenchmarkSettings,
  type BenchmarkSettingsInput,
} from './settings.js';
import { benchmarkStyles } from './styles.js';

/** A benchmark that goes on. */
interface Current {
  readonly contenders: readonly Contender[];
  readonly begunAt: number;
  readonly cancelled: AbortController;
  progress: Progress | null;
  toldAt: number;
  /** Whether the report that is shown is its own. */
  hasReport: boolean;
}

/** The time left is counted down so often. */
const TICK_MS = 1000;

/** Rejects with the signal's reason once it is aborted. */
function rejectionOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

/**
 * Measures how fast each engine trains on this machine, in a worker, and shows it.
 *
 * What is not allowed is told in the element and leaves everything as it was. The worker is loaded when the element
 * comes into a document, to look at what the browser has; the data at the first `start`. Taken out of the document, the
 * element ends its worker after one task, so that it may be moved.
 *
 * @tagname sgan-benchmark
 *
 * @fires {CustomEvent<BenchmarkSettings>} sgan-benchmark-settings - What is measured next is something else.
 * @fires {CustomEvent<BenchmarkReport>} sgan-benchmark-report - A benchmark has ended: measured to the end, or cancelled with what there was.
 *
 * @csspart settings - The form.
 * @csspart start - Starts a benchmark.
 * @csspart cancel - Ends the one that goes on.
 * @csspart distortions - What makes the figures others than the machine could give.
 * @csspart results - The bars.
 * @csspart compare - Reports side by side.
 *
 * @cssprop --sgan-background - Behind everything. Defaults of all colours follow the page's `color-scheme`.
 * @cssprop --sgan-raised - Surface of panels and controls.
 * @cssprop --sgan-sunken - Surface of notices.
 * @cssprop --sgan-text - Text.
 * @cssprop --sgan-muted - Text that says less.
 * @cssprop --sgan-line - Hairlines.
 * @cssprop --sgan-accent - The primary button, bars, links.
 * @cssprop --sgan-on-accent - Text on the accent.
 * @cssprop --sgan-series-first - The first of two series. Default: the accent.
 * @cssprop --sgan-series-second - The second of two series.
 * @cssprop [--sgan-digits-background=#08090b] - Behind images.
 * @cssprop --sgan-font - Font family. Default: the system's.
 * @cssprop [--sgan-radius=8px] - Radius of corners.
 */
export class SganBenchmark extends LitElement implements SganBenchmarkElement {
  /** Version of the package, by which two on one page are told apart. */
  static readonly version: string = VERSION;

  static override readonly styles = benchmarkStyles;

  /**
   * Folder of the four data files, relative to the document. Default: `data/` beside the folder of the worker's
   * script in a built site; a package has no data, and this has to be given.
   */
  @property({ attribute: 'data-url' }) dataUrl: GivenUrl;
  /** The benchmark's worker, with the files of its folder beside it. Default: the package's own. */
  @property({ attribute: 'worker-url' }) workerUrl: GivenUrl;
  /**
   * A service worker that makes the page cross-origin isolated, so that threads run, where its server sends no such
   * headers: the file `isolation-worker.js` on the page's own origin. The page is loaded once more for it. Default:
   * absent, which does nothing.
   */
  @property({ attribute: 'isolation-url' }) isolationUrl: string | null | undefined;
  /** Shows reports alone; nothing can be measured. */
  @property({ type: Boolean }) viewer = false;
  /** The report that is shown, null before there is one; may be assigned. */
  @property({ attribute: false }) report: BenchmarkReport | null = null;
  /** Makes what measures; for tests. */
  @property({ attribute: false }) clientFactory: (element: SganBenchmarkElement) => BenchmarkClient = ({
    dataUrl,
    workerUrl,
    ownerDocument,
  }) => new WorkerBenchmarkClient({ dataUrl, workerUrl, baseUrl: ownerDocument.baseURI });

  readonly #announcer = new Announcer(this);
  #settings = DEFAULT_BENCHMARK;
  #batchDraft: string | null = null;
  #survey: Survey | null = null;
  #looking: Promise<Survey> | null = null;
  #client: BenchmarkClient | null = null;
  #current: Current | null = null;
  #others: readonly BenchmarkReport[] = [];
  #history: readonly BenchmarkReport[] = [];
  #problem: string | null = null;
  /** The Markdown, where the browser does not let it be copied. */
  #markdown: string | null = null;
  #note = '';
  #ticking: ReturnType<typeof setInterval> | undefined;
  #ending: ReturnType<typeof setTimeout> | undefined;

  /**
   * What is measured next: `{ preset, recipe, stage, batch, engines }`. What is assigned is laid over it; what is not
   * allowed is told in the element and leaves it as it was.
   */
  get settings(): BenchmarkSettings {
    return this.#settings;
  }
  set settings(given: BenchmarkSettingsInput) {
    this.#change(given);
  }

  /** Whether a benchmark goes on. */
  get isRunning(): boolean {
    return this.#current !== null;
  }

  /** Measures; resolves with the report, a cancelled one with what there was. Rejects where there was none yet. */
  async start(): Promise<BenchmarkReport> {
    if (this.#current !== null) throw new Error('A benchmark goes on already; cancel it first.');
    this.#problem = null;
    this.#markdown = null;
    this.#note = '';
    this.#client ??= this.clientFactory(this);
    const current: Current = {
      contenders: [],
      begunAt: performance.now(),
      cancelled: new AbortController(),
      progress: null,
      toldAt: performance.now(),
      hasReport: false,
    };
    this.#current = current;
    this.#ticking = setInterval(() => this.requestUpdate(), TICK_MS);
    document.addEventListener('visibilitychange', this.#noteHidden);
    this.requestUpdate();
    try {
      // Whatever it waits for then: a browser that never answers is not waited for.
      await Promise.race([this.#measure(current), rejectionOf(current.cancelled.signal)]);
    } catch (error) {
      const isCancelled = toErrorInfo(error).kind === 'Aborted';
      if (!isCancelled) this.#problem = describeError(error);
      if (!isCancelled || !current.hasReport) throw error;
    } finally {
      this.#end(current);
    }
    return this.report!;
  }

  /** Ends it at once. */
  cancel(): void {
    if (this.#current === null) return;
    this.#current.cancelled.abort(new TrainerError('Aborted', 'The benchmark was cancelled.'));
    // What the browser has is looked at to the end.
    if (this.#survey !== null) this.#client?.stop();
  }

  /** Shows the report of a file (a `File` or a text), beside the one that is shown already. */
  async open(file: Blob | string): Promise<BenchmarkReport> {
    const report = readReport(typeof file === 'string' ? file : await file.text());
    if (this.report === null) this.report = report;
    else this.#others = [...this.#others, report];
    this.requestUpdate();
    return report;
  }

  /** The element is in another document than before: the styles made for that one are gone. */
  adoptedCallback(): void {
    adoptStylesOf(this);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    clearTimeout(this.#ending);
    if (this.viewer) return;
    this.#history = readHistory(feature(() => localStorage));
    void this.#look().catch((error: unknown) => {
      // Taken out of the document meanwhile.
      if (toErrorInfo(error).kind !== 'Aborted') this.#tell(error);
    });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    // Moving an element takes it out and puts it in again within one task.
    this.#ending = setTimeout(() => {
      this.cancel();
      this.#client?.stop();
    });
  }

  protected override createRenderRoot(): ShadowRoot {
    return makeRenderRoot(this);
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has('isolationUrl')) void this.#isolate().catch((error: unknown) => this.#tell(error));
    // Attributes are read by now; whoever changes them later gets a client that knows.
    if ((changed.has('dataUrl') || changed.has('workerUrl')) && this.#current === null) this.#client = null;
  }

  /** Whether a start by hand would measure with another batch than the one that stands in the form; tells of it then. */
  #refuses(): boolean {
    if (this.#batchDraft === null) return false;
    const value = shorten(this.#batchDraft);
    this.#tell(`Nothing was started: the batch cannot be “${value}”. ${batchProblem(this.#batchDraft)}.`);
    this.renderRoot.querySelector<HTMLElement>('#batch')?.focus();
    return true;
  }

  #tell(error: unknown): void {
    this.#problem = describeError(error);
    this.requestUpdate();
  }

  /** Loads the page once more as an isolated one, unless something would be lost. */
  async #isolate(): Promise<void> {
    const { isolationUrl } = this;
    if (isolationUrl === null || isolationUrl === undefined || isolationUrl.trim() === '') return;
    const isolation = await prepareIsolation(isolationUrl, this.ownerDocument.baseURI);
    if (isolation === 'reload' && this.#current === null && this.report === null) reloadIsolated();
  }

  /** Asks the browser once what it has. */
  async #look(): Promise<Survey> {
    // After the first rendering the attributes are there.
    await this.updateComplete;
    if (this.#survey !== null) return this.#survey;
    this.#client ??= this.clientFactory(this);
    this.#looking ??= this.#client.survey();
    try {
      this.#survey = await this.#looking;
    } finally {
      this.#looking = null;
    }
    this.requestUpdate();
    return this.#survey;
  }

  async #measure(current: Current): Promise<void> {
    const { signal } = current.cancelled;
    const survey = await this.#look();
    signal.throwIfAborted();
    const settings = this.#settings;
    const all = refusalsOf(survey, settings);
    const isAble = ({ refusal }: (typeof all)[number]): boolean => refusal === null;
    const contenders = all
      .filter((one) => isAble(one) && isChosen(settings, one.contender))
      .map(({ contender }) => contender);
    if (contenders.length === 0)
      throw new Error('None of the engines chosen can run here. Choose another one.');
    const refused = all.flatMap(({ contender, refusal }) =>
      refusal !== null && isChosen(settings, contender) ? [{ contender, reason: refusal }] : [],
    );
    Object.assign(current, { contenders });
    const machine = await describeMachine(survey);
    signal.throwIfAborted();
    const date = new Date();
    const name = `${machine.browser}, ${date.toISOString().slice(0, 16).replace('T', ' ')}`;
    const report = beginReport({ name, date, machine, survey, settings, contenders, refused });
    this.report = { ...report, wasHidden: document.visibilityState === 'hidden' };
    current.hasReport = true;
    this.#announcer.sayNow('Measuring.');
    const { preset, recipe, stage, batch } = settings;
    const pacing = PRESETS[preset];
    await this.#client!.run({ contenders, recipe, stage, batch, pacing, wantsOperations: true }, (event) =>
      this.#take(current, event),
    );
  }

  #take(current: Current, event: BenchmarkEvent): void {
    if (event.type === 'progress') {
      const { progress } = event;
      current.toldAt = performance.now();
      if (progress.stage !== current.progress?.stage)
        this.#announcer.saySoon(stageText({ ...current, progress }));
      current.progress = progress;
      this.requestUpdate();
    } else this.report = reportAfter(this.report!, event);
  }

  #end({ hasReport }: Current): void {
    clearInterval(this.#ticking);
    document.removeEventListener('visibilitychange', this.#noteHidden);
    this.#current = null;
    const { report } = this;
    const isMeasured = report?.results.some(({ firstStepMs }) => firstStepMs !== null) === true;
    if (hasReport && isMeasured && this.#problem === null) {
      this.#announcer.sayNow(report.isComplete ? 'The benchmark is done.' : 'The benchmark was cancelled.');
      this.#keep((kept) => withReport(kept, report));
      const options = { detail: report, bubbles: true, composed: true };
      this.dispatchEvent(new CustomEvent('sgan-benchmark-report', options));
    }
    this.requestUpdate();
  }

  readonly #noteHidden = (): void => {
    if (document.visibilityState === 'hidden' && this.report !== null && this.#current !== null)
      this.report = { ...this.report, wasHidden: true };
  };

  /** Changes what is kept, as it is by now: another tab may have kept some since. */
  #keep(change: (kept: readonly BenchmarkReport[]) => readonly BenchmarkReport[]): void {
    const store = feature(() => localStorage);
    const found = readHistory(store);
    this.#history = change(found.length === 0 ? this.#history : found);
    if (!writeHistory(store, this.#history))
      this.#note = 'This browser keeps nothing here: download the figures to have them later.';
    this.requestUpdate();
  }

  #change(given: BenchmarkSettingsInput): void {
    try {
      this.#settings = checkSettings(given, this.#settings);
      if (given.batch !== undefined) this.#batchDraft = null;
      this.#problem = null;
    } catch (error) {
      this.#problem = describeError(error);
    }
    this.requestUpdate();
    const options = { detail: this.#settings, bubbles: true, composed: true };
    if (this.#problem === null) this.dispatchEvent(new CustomEvent('sgan-benchmark-settings', options));
  }

  async #openFiles(files: FileList | null): Promise<void> {
    this.#problem = null;
    const problems: string[] = [];
    for (const file of files ?? []) {
      await this.open(file).catch((error: unknown) => problems.push(`${file.name}: ${describeError(error)}`));
    }
    if (problems.length > 0) this.#problem = problems.join(' ');
    this.requestUpdate();
  }

  async #copy(report: BenchmarkReport): Promise<void> {
    const text = toMarkdown(report);
    try {
      await navigator.clipboard.writeText(text);
      this.#note = 'Copied as Markdown.';
      this.#markdown = null;
    } catch {
      // Insecure origins have no clipboard, and a person may have forbidden it.
      this.#note = 'The browser does not let it be copied; here it is:';
      this.#markdown = text;
    }
    this.#announcer.sayNow(this.#note);
    this.requestUpdate();
  }

  #save(report: BenchmarkReport): void {
    const day = report.date?.slice(0, 10) ?? 'benchmark';
    const name = `sgan-benchmark-${report.recipe}-${day}.json`;
    download(new File([`${JSON.stringify(report, null, 2)}\n`], name, { type: 'application/json' }));
  }

  #rename(report: BenchmarkReport, name: string): void {
    const isIt = (other: BenchmarkReport | null): boolean =>
      other === report || (other !== null && other.date !== null && other.date === report.date);
    const named = (other: BenchmarkReport): BenchmarkReport => (isIt(other) ? { ...other, name } : other);
    if (isIt(this.report)) this.report = { ...this.report!, name };
    this.#others = this.#others.map(named);
    if (this.#history.some(isIt)) this.#keep((kept) => kept.map(named));
    this.requestUpdate();
  }

  protected override render(): TemplateResult {
    return html`<div class="root">
      <div class="body">
        ${this.viewer ? nothing : this.#commands()} ${this.#banner()}
        ${this.report === null ? this.#empty() : this.#shown(this.report)} ${this.#earlier()}
      </div>
      <p class="hidden-visually" role="status">${this.#announcer.text}</p>
    </div>`;
  }

  #commands(): TemplateResult {
    const current = this.#current;
    const run = (): void => {
      if (!this.#refuses()) void this.start().catch(() => undefined);
    };
    const command =
      current === null
        ? html`<button type="button" class="primary" part="start" @click=${run}>
            ${icons.play} ${this.report === null ? 'Start' : 'Start again'}
          </button>`
        : html`<button type="button" part="cancel" @click=${() => this.cancel()}>Cancel</button>`;
    const { progress = null, toldAt = 0, begunAt = 0, contenders = [] } = current ?? {};
    return html`${benchmarkSettings({
        settings: this.#settings,
        survey: this.#survey,
        isRunning: current !== null,
        batchDraft: this.#batchDraft,
        onChange: (changed) => this.#change(changed),
        onBatchDraft: (text) => {
          this.#batchDraft = text;
          this.requestUpdate();
        },
      })}
      <div class="bar-of-commands">
        ${command}
        ${
          current === null
            ? this.#files()
            : progressView({ progress, toldAt, begunAt, contenders, now: performance.now() })
        }
      </div>`;
  }

  #files(): TemplateResult {
    const choose = (event: Event): void => {
      const input = event.currentTarget as HTMLInputElement;
      void this.#openFiles(input.files).then(() => (input.value = ''));
    };
    const click = (): void => this.renderRoot.querySelector<HTMLInputElement>('#files')?.click();
    return html`<span class="files">
      <button type="button" @click=${click}>${icons.open} Open files …</button>
      <input
        id="files"
        type="file"
        hidden
        multiple
        accept=".json,application/json"
        aria-label="Benchmarks to open"
        @change=${choose}
      />
    </span>`;
  }

  #banner(): TemplateResult | typeof nothing {
    if (this.#problem === null) return nothing;
    const dismiss = (): void => {
      this.#problem = null;
      this.requestUpdate();
    };
    return html`<div class="problem-banner" role="alert">
      ${icons.alert}
      <p>${this.#problem}</p>
      <button type="button" class="plain" @click=${dismiss}>Dismiss</button>
    </div>`;
  }

  #empty(): TemplateResult {
    return html`<p class="muted">
      Nothing is measured yet. Everything stays in this tab: no figure is sent anywhere.
    </p>`;
  }

  #shown(report: BenchmarkReport): TemplateResult {
    const isRunning = this.#current !== null;
    const rename = (event: Event): void => {
      const input = event.currentTarget as HTMLInputElement;
      const text = input.value.trim();
      if (text === '') input.value = report.name;
      else this.#rename(report, text);
    };
    const actions = html`<div class="actions">
      <button type="button" @click=${() => this.#save(report)}>${icons.save} Download JSON</button>
      <button type="button" @click=${() => void this.#copy(report)}>Copy as Markdown</button>
      ${this.viewer ? this.#files() : nothing}
    </div>`;
    const operations = operationsView(report);
    return html`<div class="report-head">
        <div class="field">
          <label for="name">Name</label>
          <input id="name" maxlength="200" .value=${report.name} ?disabled=${isRunning} @change=${rename} />
        </div>
        ${isRunning ? nothing : actions}
      </div>
      <p class="muted">${headline(report)}</p>
      ${this.#note === '' ? nothing : html`<p>${this.#note}</p>`}
      ${
        this.#markdown === null
          ? nothing
          : html`<textarea readonly aria-label="The figures as Markdown" .value=${this.#markdown}></textarea>`
      }
      ${distortionsView(report, isRunning)} ${resultsView(report)}
      ${compareView({
        reports: [report, ...this.#others],
        onRemove: (index) => {
          this.#others = this.#others.filter((_, at) => at !== index - 1);
          this.requestUpdate();
        },
      })}
      <div class="details">
        <details open>
          <summary>${icons.chevron}All figures</summary>
          ${figuresTable(report)}
        </details>
        ${
          operations === nothing
            ? nothing
            : html`<details>
                <summary>${icons.chevron}Details: time by operation</summary>
                ${operations}
              </details>`
        }
        <details>
          <summary>${icons.chevron}This machine</summary>
          ${machineView(report)}
        </details>
      </div>`;
  }

  #earlier(): TemplateResult | typeof nothing {
    if (this.viewer || this.#history.length === 0) return nothing;
    const view = historyView({
      reports: this.#history,
      isRunning: this.#current !== null,
      onShow: (index) => {
        this.report = this.#history[index]!;
        this.#markdown = null;
        this.#note = '';
      },
      onCompare: (index) => {
        const chosen = this.#history[index]!;
        if (this.report === null) this.report = chosen;
        else this.#others = [...this.#others, chosen];
        this.requestUpdate();
      },
      onRename: (index, name) => this.#rename(this.#history[index]!, name),
      onForget: (index) => {
        const { date } = this.#history[index]!;
        this.#keep((kept) => kept.filter((one) => one.date !== date));
      },
    });
    return html`<details>
      <summary>${icons.chevron}Earlier benchmarks in this browser (${this.#history.length})</summary>
      ${view}
    </details>`;
  }
}
