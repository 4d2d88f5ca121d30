/** The worker's commands, and the handshake before them. */

import type { SettingsInput } from './settings.js';
import type { Report, TrainerState } from './reports.js';

/** Sent in the handshake; a page and a worker from different builds refuse each other by it. */
export const PROTOCOL_VERSION = 3;

/** What the worker answers to `open`. */
export interface Hello {
  readonly protocolVersion: number;
  readonly workerVersion: string;
  /** Whether it holds its Web Lock; where it cannot, nobody can tell its death by the lock. */
  readonly holdsLock: boolean;
}

/** Where the worker finds its data; absolute URLs, since a worker's base URL is its own script. */
export interface OpenOptions {
  readonly protocolVersion: number;
  /** Folder with the four IDX files (`train-images.gz`, …); ends with a slash. */
  readonly dataUrl: string;
  /** Absolute URLs of what does not lie beside the worker's script, by name; see `browser/build-files.ts`. */
  readonly files?: Readonly<Record<string, string>>;
}

/** The one callback: called with everything new since the last call, in order. */
export type ReportListener = (batch: readonly Report[]) => void;

/** What `exportModel` returns: files of tfjs LayersModels (`generator/model.json`, …). */
export interface ExportedFile {
  readonly path: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * The worker's commands. Each settles: it resolves with the state after it, or rejects with an
 * error whose `name` is an `ErrorKind`. What each does in which state stands in docs/architecture.md.
 */
export interface TrainerApi {
  open(options: OpenOptions, onReports: ReportListener): Promise<Hello>;
  /** Goes on from where the run stands; makes the run first where there is none. */
  start(settings: SettingsInput): Promise<TrainerState>;
  /** Resolves once no step is being computed. */
  pause(): Promise<TrainerState>;
  /** One update, then its images and (where due) its evaluation. */
  step(settings: SettingsInput): Promise<TrainerState>;
  /** Back to step 0 with these settings. */
  reset(settings: SettingsInput): Promise<TrainerState>;
  /** A safetensors file that `load` takes back; also in `failed`, from the last good state. */
  save(): Promise<Uint8Array<ArrayBuffer>>;
  /** Goes on from a checkpoint; its settings win, but for those given here. */
  load(
    checkpoint: Uint8Array<ArrayBuffer>,
    overrides: Pick<SettingsInput, 'engine' | 'steps'>,
  ): Promise<TrainerState>;
  exportModel(): Promise<ExportedFile[]>;
}

/** Name of the Web Lock a worker holds for life; the client that made it waits for the same lock. */
export function workerLockName(workerId: string): string {
  return `sgan-trainer-worker-${workerId}`;
}
