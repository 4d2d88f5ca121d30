/**
 * What a host sees of the element, without the types of Lit, which no host has to install. The class is
 * held to it; what everything means in full stands in its comment and in docs/embedding.md.
 */

import type { EngineChoice } from '../protocol/engines.js';
import type { ErrorInfo } from '../protocol/errors.js';
import type { Report, TrainerState } from '../protocol/reports.js';
import type { SettingName } from '../protocol/check-settings.js';
import type { Settings, SettingsInput } from '../protocol/settings.js';
import type { RecipeName } from '../recipe/recipes.js';
import type { SaveKind } from './element/saver.js';
import type { ClientFactory } from './trainer-session.js';
import type { StringsInput } from './words/strings.js';
import type { GivenUrl } from './worker-urls.js';

export type { SganTrainerEventMap, StateChange } from './element/events.js';
export type {
  ClientFactory,
  EngineChoice,
  ErrorInfo,
  GivenUrl,
  RecipeName,
  Report,
  SaveKind,
  SettingName,
  Settings,
  SettingsInput,
  StringsInput,
  TrainerState,
};

/** `<sgan-trainer>`. Its events are in the page's `GlobalEventHandlersEventMap`. */
export interface SganTrainerElement extends HTMLElement {
  /** Whether training starts by itself: at once, or when the element is scrolled into view. */
  autostart: boolean | 'visible';
  /** Whether training pauses while the element is scrolled out of view. */
  pauseOffscreen: boolean;
  /** Whether what the run is held against is trained in turns with it. */
  compare: boolean;
  /** Names of the sections that are shown; null or undefined: all. */
  show: string | null | undefined;
  /** Names of sections that are not shown. */
  hide: string | null | undefined;
  /** Folder of the four data files, relative to the document. */
  dataUrl: GivenUrl;
  /** The worker's script, with the files of its folder beside it. */
  workerUrl: GivenUrl;
  /** A service worker that makes the page cross-origin isolated where its server does not. */
  isolationUrl: string | null | undefined;
  /** Picture shown before the first run. */
  poster: string | null | undefined;
  get recipe(): RecipeName;
  set recipe(value: RecipeName | null | undefined);
  get engine(): EngineChoice;
  set engine(value: EngineChoice | null | undefined);
  get labels(): number;
  set labels(value: number | null | undefined);
  get seed(): number;
  set seed(value: number | null | undefined);
  get steps(): number;
  set steps(value: number | null | undefined);
  /** Reads as every setting of the next run; what is assigned is laid over what was asked for before. */
  get settings(): Settings;
  set settings(value: SettingsInput);
  /** Words to replace, merged over the defaults. */
  strings: StringsInput | null | undefined;
  /** Makes what the element sends its commands to; for tests and other transports. */
  clientFactory: ClientFactory;
  /** What was asked for and is not allowed, by setting, until that setting is given anew. */
  readonly refused: ReadonlyMap<SettingName, unknown>;
  readonly state: TrainerState;
  /** What went wrong last, null where nothing did. */
  readonly error: ErrorInfo | null;
  /** The newest report of the worker, null before the first. */
  readonly lastReport: Report | null;
  /** Whether a run stands, so that a start or step takes effect at once. */
  readonly ready: boolean;
  /** Resolves once what was changed is on the screen. */
  readonly updateComplete: Promise<boolean>;
  /** Trains, from where the run stands. Resolves with the state once it runs. Rejects, as all do, with an error whose `name` is an `ErrorKind`. */
  start(): Promise<TrainerState>;
  /** Resolves once no step is being computed. */
  pause(): Promise<TrainerState>;
  /** One update. */
  step(): Promise<TrainerState>;
  /** Back to step 0; after a failure with a fresh worker. */
  reset(): Promise<TrainerState>;
  /** A file: the checkpoint, the model, the generated images or the metrics. */
  save(kind?: SaveKind): Promise<File>;
  /** Goes on from a checkpoint; its settings become the element's. */
  load(checkpoint: Blob | Uint8Array<ArrayBuffer> | ArrayBuffer): Promise<TrainerState>;
}

declare global {
  interface HTMLElementTagNameMap {
    'sgan-trainer': SganTrainerElement;
  }
}
