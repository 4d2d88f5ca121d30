/**
 * What the element shows and how it answers to a person: the state of the screen (menus, drafts,
 * cross-hair), the views that paint, when to paint. Trains nothing: it calls the element's methods.
 */

import type { LitElement, ReactiveController, TemplateResult } from 'lit';
import { SETTING_RANGES } from '../../protocol/settings.js';
import type { ErrorInfo } from '../../protocol/errors.js';
import type { Report, TrainerState } from '../../protocol/reports.js';
import { Announcer } from './announcer.js';
import { baselines } from '../charts/baselines.js';
import type { Comparison } from '../comparison/comparison.js';
import { ChartsView } from '../charts/charts-view.js';
import { loadPlot, type PlotClass } from '../charts/load-plot.js';
import { FeatureMapCanvas } from '../parts/feature-map-canvas.js';
import type { DigitGrid } from '../parts/digits-canvas.js';
import { DigitsView, loadPoster } from '../parts/digits-view.js';
import { elementTemplate, type ElementActions } from './element-template.js';
import { FileDrop } from './file-drop.js';
import { FrameThrottle } from './frame-throttle.js';
import { Menus } from './menus.js';
import { refusedStart, type RefusedStart } from '../settings/refused-start.js';
import type { NextSettings } from '../settings/next-settings.js';
import { primaryAction } from '../parts/status-bar.js';
import { makeSpeech, type Speech } from '../words/words.js';
import { download } from './saved-files.js';
import type { SaveKind } from './saver.js';
import { shownSections, type SectionName } from './sections.js';
import type { SettingName } from '../../protocol/check-settings.js';
import { fill, type StringsInput } from '../words/strings.js';
import type { TrainerSession } from '../trainer-session.js';

/** Time between two renderings of figures that run. */
const RENDER_MS = 100;

/** A run that took longer is not thrown away by one click. */
const PRECIOUS_MS = 60_000;

/** The element, as far as a person at the screen uses it. */
export interface PresentedTrainer extends LitElement {
  start(): Promise<TrainerState>;
  pause(): Promise<TrainerState>;
  step(): Promise<TrainerState>;
  reset(): Promise<TrainerState>;
  save(kind: SaveKind): Promise<File>;
  load(checkpoint: Blob): Promise<TrainerState>;
  compare: boolean;
  readonly error: ErrorInfo | null;
  readonly shadowRoot: ShadowRoot | null;
}

export interface PresenterOptions {
  readonly session: TrainerSession;
  readonly next: NextSettings;
  readonly comparison: Comparison;
  /** Puts the error away. */
  readonly onDismiss: () => void;
  /** A start by hand is refused for a setting, and why. */
  readonly onRefuse: (message: string) => void;
}

/** For promises whose failure the element has told already. */
function ignore(): void {}

export class Presenter implements ReactiveController {
  /** While loading: whether training starts when it is done. */
  isStartQueued = false;
  /** Sections on the screen. */
  shown: ReadonlySet<SectionName> = shownSections(null, null);
  readonly #host: PresentedTrainer;
  readonly #options: PresenterOptions;
  readonly #menus: Menus;
  readonly #announcer: Announcer;
  readonly #drop: FileDrop;
  readonly #frame: FrameThrottle;
  /** What was typed and is not allowed, and the value that was in force then: another one puts it away. */
  readonly #drafts = new Map<SettingName, { readonly text: string; readonly instead: unknown }>();
  #speech: Speech = makeSpeech(null);
  #isTableOpen = false;
  #cursorStep: number | null = null;
  #posterUrl: string | null = null;
  #poster: DigitGrid | null = null;
  #digits: DigitsView | null = null;
  #charts: ChartsView | null = null;
  /** On the canvas that is there now: recipes without a map have none. */
  #map: { readonly canvas: HTMLCanvasElement; readonly view: FeatureMapCanvas } | null = null;

  constructor(host: PresentedTrainer, options: PresenterOptions) {
    this.#host = host;
    this.#options = options;
    this.#menus = new Menus(host);
    this.#announcer = new Announcer(host);
    this.#drop = new FileDrop(host, (file) => void host.load(file).catch(ignore));
    this.#frame = new FrameThrottle(() => host.requestUpdate(), RENDER_MS);
    host.addController(this);
  }

  set strings(given: StringsInput | null | undefined) {
    this.#speech = makeSpeech(given);
    this.#show();
  }

  /** Picture shown before the first run. */
  set poster(given: string | null | undefined) {
    const url = given === undefined || given?.trim() === '' ? null : given;
    if (url === this.#posterUrl) return;
    this.#posterUrl = url;
    this.#poster = null;
    if (url === null) return;
    void loadPoster(url, this.#host.ownerDocument.baseURI).then((poster) => {
      if (url !== this.#posterUrl) return;
      this.#poster = poster;
      this.#host.requestUpdate();
    });
  }

  hostConnected(): void {
    baselines.addEventListener('change', this.#show);
    if (this.#host.hasUpdated) this.#mount();
  }

  hostDisconnected(): void {
    baselines.removeEventListener('change', this.#show);
    this.#frame.cancel();
    this.#charts?.destroy();
    this.#charts = null;
    this.#digits?.destroy();
    this.#digits = null;
    this.#map?.view.disconnect();
    this.#map = null;
  }

  hostUpdated(): void {
    if (this.#digits === null && this.#host.isConnected) this.#mount();
    this.#digits?.update(this.#options.session.model, this.#poster);
    this.#showMap();
  }

  /** Whether something that was typed, or asked for otherwise, keeps the element from starting by itself. */
  get hasRefused(): boolean {
    return this.#allDrafts().size > 0;
  }

  /** A report came; it is in the model. */
  reported(report: Report): void {
    if (report.type !== 'evaluation' && report.type !== 'history') return;
    const { words, formats } = this.#speech;
    const { model } = this.#options.session;
    if (model.settings !== null) baselines.remember(model.settings, model.data, model.evaluations);
    if (report.type === 'history') return;
    this.#announcer.saySoon(
      fill(words.announceEvaluation, {
        step: formats.count(report.step),
        accuracy: formats.percent(report.testAccuracy),
      }),
    );
  }

  /** There is something new to show, sometime soon. */
  readonly #show = (): void => {
    this.#frame.request();
    this.#charts?.update();
  };

  refresh(): void {
    this.#show();
  }

  /** The state is another one. */
  stateChanged(state: TrainerState): void {
    const { strings, words, formats } = this.#speech;
    const last = this.#options.session.model.evaluations.at(-1);
    // Failures are told with their error.
    if (state === 'finished' && last !== undefined) {
      const accuracy = formats.percent(last.testAccuracy);
      this.#announcer.sayNow(fill(words.announceFinished, { steps: formats.count(last.step), accuracy }));
    } else if (state !== 'failed') {
      this.#announcer.sayNow(fill(words.announceState, { state: strings.states[state] }));
    }
    this.#host.requestUpdate();
    this.#show();
  }

  failed({ kind, message }: ErrorInfo): void {
    this.#announcer.sayNow(`${this.#speech.strings.errors[kind]}. ${message}`);
    this.#host.requestUpdate();
  }

  template(): TemplateResult {
    const { session, next, comparison } = this.#options;
    return elementTemplate(
      {
        ...this.#speech,
        session,
        settings: next.complete,
        error: this.#host.error,
        baseline: baselines.of(session.model.settings ?? next.complete, session.model.data),
        comparison,
        withoutGan: baselines.withoutGan(session.model.settings ?? next.complete, session.model.data),
        isStartQueued: this.isStartQueued,
        continueTo: this.#continueTo(),
        hasPoster: this.#poster !== null,
        cursorStep: this.#cursorStep,
        drafts: this.#allDrafts(),
        isTableOpen: this.#isTableOpen,
        isDropOver: this.#drop.isOver,
        menus: this.#menus,
        shown: this.shown,
        announcement: this.#announcer.text,
      },
      this.#actions,
    );
  }

  readonly #actions: ElementActions = {
    onPrimary: () => {
      const action = primaryAction(this.#options.session.model.state, this.isStartQueued);
      if (action === 'pause') void this.#host.pause().catch(ignore);
      else if (!this.#refuses()) void this.#host.start().catch(ignore);
    },
    onStep: () => {
      if (!this.#refuses()) void this.#host.step().catch(ignore);
    },
    onReset: () => {
      if (this.#options.session.model.trainedMs >= PRECIOUS_MS) this.#menus.toggle('discard');
      else void this.#host.reset().catch(ignore);
    },
    onDiscard: () => {
      this.#menus.close();
      void this.#host.reset().catch(ignore);
    },
    onKeep: () => this.#menus.close(),
    onTryAgain: () => {
      if (this.#refuses()) return;
      void this.#host
        .reset()
        .then(() => this.#host.start())
        .catch(ignore);
    },
    onStartOver: () => void this.#host.reset().catch(ignore),
    onDismiss: () => this.#options.onDismiss(),
    onContinue: () => {
      this.#options.next.set('steps', this.#continueTo());
      void this.#host.start().catch(ignore);
    },
    onSave: () => void this.#save('checkpoint'),
    onSaveKind: (kind) => void this.#save(kind),
    onLoad: (file) => {
      this.#menus.close();
      void this.#host.load(file).catch(ignore);
    },
    onChange: (name, value) => this.#options.next.set(name, value),
    onDraft: (name, text) => {
      if (text === null) this.#drafts.delete(name);
      else this.#drafts.set(name, { text, instead: this.#options.next.complete[name] });
      this.#host.requestUpdate();
    },
    onDefaults: () => {
      this.#drafts.clear();
      this.#options.next.replace();
      this.#host.requestUpdate();
    },
    onTable: (isOpen) => {
      this.#isTableOpen = isOpen;
      this.#host.requestUpdate();
    },
    onCompare: (isCompared) => {
      this.#host.compare = isCompared;
    },
    onThemeChange: () => this.#charts?.redraw(),
  };

  /** What was asked for and is not allowed: of the form, else of attributes, properties and the address. */
  #allDrafts(): ReadonlyMap<SettingName, string> {
    const { refused, complete } = this.#options.next;
    for (const [name, { instead }] of this.#drafts) if (complete[name] !== instead) this.#drafts.delete(name);
    const given = [...refused].map(([name, value]) => [name, String(value)] as const);
    const typed = [...this.#drafts].map(([name, { text }]) => [name, text] as const);
    return new Map([...given, ...typed]);
  }

  /** Whether a start by hand would be with another value than one that the form shows; tells of it then. */
  #refuses(): boolean {
    const refused = this.#refusedStart();
    if (refused === null) return false;
    this.#options.onRefuse(refused.message);
    refused.focus();
    return true;
  }

  #refusedStart(): RefusedStart | null {
    const { model } = this.#options.session;
    const root = this.#host.shadowRoot;
    const view = { ...this.#speech, data: model.data };
    return root === null ? null : refusedStart(root, view, model, this.#allDrafts());
  }

  #mount(): void {
    const root = this.#host.shadowRoot;
    if (root === null) return;
    const digits = new DigitsView(root);
    this.#digits = digits;
    digits.update(this.#options.session.model, this.#poster);
    this.#showMap();
    void loadPlot().then(
      (Plot) => {
        // Taken out, or moved, in the meantime.
        if (this.#digits === digits) this.#charts = this.#makeCharts(Plot, root);
      },
      // A file that cannot be had: the charts stay empty, the figures stand in legends and table.
      ignore,
    );
  }

  #makeCharts(Plot: PlotClass, root: ShadowRoot): ChartsView {
    const { session, next } = this.#options;
    return new ChartsView(
      Plot,
      root,
      () => {
        const settings = session.model.settings ?? next.complete;
        return {
          model: session.model,
          baseline: baselines.of(settings, session.model.data),
          steps: settings.steps,
          speech: this.#speech,
        };
      },
      (step) => {
        this.#cursorStep = step;
        this.#host.requestUpdate();
      },
    );
  }

  #showMap(): void {
    const found = this.#host.shadowRoot?.querySelector<HTMLCanvasElement>('#feature-map') ?? null;
    const canvas = this.#host.isConnected ? found : null;
    if (canvas !== (this.#map?.canvas ?? null)) {
      this.#map?.view.disconnect();
      this.#map = canvas === null ? null : { canvas, view: new FeatureMapCanvas(canvas) };
    }
    const { map, data, settings } = this.#options.session.model;
    this.#map?.view.show(map, data?.classNames ?? [], settings?.labels ?? 0);
  }

  async #save(kind: SaveKind): Promise<void> {
    this.#menus.close();
    try {
      const file = await this.#host.save(kind);
      download(file);
      this.#announcer.sayNow(fill(this.#speech.words.saved, { file: file.name }));
    } catch {
      // The element has told of it.
    }
  }

  /** Twice as far as the run goes now, unless the form says where to. */
  #continueTo(): number {
    const { session, next } = this.#options;
    const { step } = session.model;
    const wanted = next.complete.steps;
    return wanted > step ? wanted : Math.min(SETTING_RANGES.steps.max, 2 * Math.max(1, step));
  }
}
