/**
 * What a host sees of `<sgan-benchmark>`, without the types of Lit, which no host has to install. The class is held to
 * it; what everything means in full stands in its comment.
 */

import type { BenchmarkReport } from '../../protocol/benchmark/report.js';
import type { GivenUrl } from '../worker-urls.js';
import type { BenchmarkClient } from './benchmark-client.js';
import type { BenchmarkChange, BenchmarkSettings } from './settings.js';

export type { BenchmarkChange, BenchmarkClient, BenchmarkReport, BenchmarkSettings, GivenUrl };

export interface SganBenchmarkEventMap {
  /** What is measured next is something else. */
  'sgan-benchmark-settings': CustomEvent<BenchmarkSettings>;
  /** A benchmark has ended: measured to the end, or cancelled with what there was. */
  'sgan-benchmark-report': CustomEvent<BenchmarkReport>;
}

/** `<sgan-benchmark>`. Its events are in the page's `GlobalEventHandlersEventMap`. */
export interface SganBenchmarkElement extends HTMLElement {
  /** Folder of the four data files, relative to the document. */
  dataUrl: GivenUrl;
  /** The benchmark's worker, with the files of its folder beside it. */
  workerUrl: GivenUrl;
  /** A service worker that makes the page cross-origin isolated where its server does not. */
  isolationUrl: string | null | undefined;
  /** Whether reports are shown alone, and nothing can be measured. */
  viewer: boolean;
  /** The report that is shown, null before there is one. */
  report: BenchmarkReport | null;
  /** Makes what measures; for tests. */
  clientFactory: (element: SganBenchmarkElement) => BenchmarkClient;
  /** What is measured next; what is assigned is laid over it. */
  get settings(): BenchmarkSettings;
  set settings(value: BenchmarkChange);
  readonly isRunning: boolean;
  /** Resolves once what was changed is on the screen. */
  readonly updateComplete: Promise<boolean>;
  /** Measures; resolves with the report, a cancelled one with what there was. Rejects where there was none yet. */
  start(): Promise<BenchmarkReport>;
  /** Ends it at once. */
  cancel(): void;
  /** Shows the report of a file, or of its text, beside the one that is shown already. */
  open(file: Blob | string): Promise<BenchmarkReport>;
}

declare global {
  interface GlobalEventHandlersEventMap extends SganBenchmarkEventMap {}
  interface HTMLElementTagNameMap {
    'sgan-benchmark': SganBenchmarkElement;
  }
}
