/**
 * The page without a face that `npm run train` drives: takes commands from the script, hands back
 * reports, and uploads what is binary, since that is too much for the browser's debugging protocol.
 * Owns no schedule and no files; scripts/lib/headless-trainer.mjs is its other half.
 */

import type { ErrorInfo } from '../protocol/errors.js';
import type { ImageGrid, Report, SpreadReport, TrainerState } from '../protocol/reports.js';
import type { SettingsInput } from '../protocol/settings.js';
import { toErrorInfo } from '../protocol/errors.js';
import { encodePng } from './element/png.js';
import { WorkerClient } from './worker-client.js';

/** A report as it crosses to the script: pictures stay here, of metrics only which steps they are. */
export type HeadlessReport =
  | Exclude<Report, { readonly type: 'images' | 'metrics' | 'spread' | 'featureMap' | 'history' }>
  | Omit<SpreadReport, 'points' | 'classes'>
  | { readonly type: 'metrics'; readonly step: number; readonly stepsPerSecond: number };

export type HeadlessEvent =
  | { readonly type: 'reports'; readonly reports: readonly HeadlessReport[] }
  | { readonly type: 'death'; readonly error: ErrorInfo }
  | {
      readonly type: 'settled';
      readonly id: number;
      readonly value: unknown;
      readonly error: ErrorInfo | null;
    };

/** The commands; URLs are the script's own, for bytes in and out. */
const commands = {
  start: (settings: SettingsInput): Promise<TrainerState> => client.start(settings),

  pause: (): Promise<TrainerState> => client.pause(),

  load: async (url: string, overrides: Pick<SettingsInput, 'engine' | 'steps'>): Promise<TrainerState> => {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`The checkpoint could not be read: ${response.status} for ${url}.`);
    return client.load(new Uint8Array(await response.arrayBuffer()), overrides);
  },

  /** Uploads a checkpoint. */
  save: async (url: string): Promise<void> => upload(url, await client.save()),

  /** Uploads the newest generated images as a PNG; false where there are none. */
  saveSamples: async (url: string): Promise<boolean> => {
    if (samples === null) return false;
    await upload(url, encodePng(samples));
    return true;
  },

  /** Uploads the files of the LayersModels under `url` and returns their paths. */
  exportModel: async (url: string): Promise<string[]> => {
    const files = await client.exportModel();
    for (const { path, bytes } of files) await upload(url + path, bytes);
    return files.map(({ path }) => path);
  },
};

declare global {
  interface Window {
    /** Bound by the script before this module runs. */
    notifyScript(event: HeadlessEvent): Promise<void>;
    /** Begins a command; `settled` tells of its end, so that no call of the protocol waits for it. */
    beginCommand(id: number, name: keyof typeof commands, args: readonly unknown[]): void;
  }
}

let samples: ImageGrid | null = null;

const client = new WorkerClient({
  onReports(batch) {
    for (const report of batch) {
      if (report.type === 'images' && report.source === 'generated') samples = report.grid;
    }
    notify({ type: 'reports', reports: batch.flatMap(toHeadlessReport) });
  },
  onDeath: (error) => notify({ type: 'death', error }),
});

function toHeadlessReport(report: Report): HeadlessReport[] {
  // What an earlier session evaluated stands in its own metrics.jsonl.
  if (report.type === 'images' || report.type === 'featureMap' || report.type === 'history') return [];
  if (report.type === 'spread') {
    const { type, step, trust, leftOut, leftOutRight, usedShare, reachedShare, agreement } = report;
    return [{ type, step, trust, leftOut, leftOutRight, usedShare, reachedShare, agreement }];
  }
  if (report.type !== 'metrics') return [report];
  const { type, firstStep, steps, stepsPerSecond } = report;
  return [{ type, step: firstStep + steps - 1, stepsPerSecond }];
}

function notify(event: HeadlessEvent): void {
  // Rejects only when the script has gone, and then nobody is left to be told.
  window.notifyScript(event).catch(() => undefined);
}

async function upload(url: string, body: Uint8Array<ArrayBuffer>): Promise<void> {
  // An array would go in many small pieces, each of which waits for busy threads.
  const response = await fetch(url, { method: 'PUT', body: new Blob([body]) });
  if (!response.ok) throw new Error((await response.text()).trim());
}

window.beginCommand = (id, name, args) => {
  const command = commands[name] as (...args: readonly unknown[]) => Promise<unknown>;
  void command(...args).then(
    (value) => notify({ type: 'settled', id, value: value ?? null, error: null }),
    (error: unknown) => notify({ type: 'settled', id, value: null, error: toErrorInfo(error) }),
  );
};
