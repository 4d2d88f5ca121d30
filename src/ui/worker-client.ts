/**
 * Owns a worker's life: the handshake, what happens when it dies, and that every call settles. Knows no
 * state of the trainer and nothing of the page.
 */

import { proxy, wrap, type Remote } from 'comlink';
import {
  PROTOCOL_VERSION,
  workerLockName,
  type ExportedFile,
  type Hello,
  type ReportListener,
  type TrainerApi,
} from '../protocol/trainer-api.js';
import type { ErrorInfo, ErrorKind } from '../protocol/errors.js';
import type { SettingsInput } from '../protocol/settings.js';
import type { TrainerState } from '../protocol/reports.js';
import { TrainerError, fromErrorInfo, toErrorInfo } from '../protocol/errors.js';
import { afterPatience, type StartTimer } from '../protocol/patience.js';
import { HANDSHAKE_LIMIT_MS, SCRIPT_LIMIT_MS } from '../protocol/time-limits.js';
import { scriptArrival } from './script-arrival.js';
import { describeError } from '../protocol/wording.js';
import { feature } from '../browser/feature.js';
import { makeWorker } from '../browser/worker-script.js';
import { explainWorkerFailure } from './worker-failure.js';
import { workerUrls, type GivenUrls, type WorkerUrls } from './worker-urls.js';

/** A script that can be had within this part of the handshake's limit was there before. */
const ON_ITS_WAY = 10;

/** URLs are relative to the document; default: `../worker/worker.js` and `../data/` from this module. */
export interface WorkerClientOptions extends GivenUrls {
  /** Called with every batch of reports until the worker has died or `terminate` was called. */
  readonly onReports: ReportListener;
  /** Called once when the worker could not be made (`WorkerUnavailable`) or has died (`WorkerDied`). */
  readonly onDeath: (error: ErrorInfo) => void;
  /** Milliseconds that the worker has for its handshake once its script is there. Default: 30,000. */
  readonly handshakeLimitMs?: number | undefined;
  /** Another clock for time limits than the page's, for tests. */
  readonly startTimer?: StartTimer | undefined;
}

/** What an error event says, in brackets; nothing where a script could not be loaded. */
function describeErrorEvent({ message, filename, lineno }: Partial<ErrorEvent>): string {
  if (message === undefined || message === '') return '';
  return filename === undefined || filename === '' ? ` (${message})` : ` (${message}, ${filename}:${lineno})`;
}

/** Whether workers of this page run: none does while it is prerendered, and browsers slow them in the back. */
function doWorkersRun(): boolean {
  const { prerendering = false } = document as Document & { readonly prerendering?: boolean };
  return !prerendering && document.visibilityState === 'visible';
}

/** Throws `WorkerUnavailable` where the page's rules forbid the script. */
function makeWorkerOf({ script, workerUrl }: WorkerUrls, name: string): Worker {
  try {
    return makeWorker(script, name);
  } catch (cause) {
    // The URL is one, so what is wrong about its type is that it is not a trusted one.
    const advice =
      cause instanceof TypeError
        ? ' Allow the Trusted Types policy "sgan-trainer", or give "workerUrl" as a TrustedScriptURL.'
        : '';
    const message = `${workerUrl.href} may not be started (${describeError(cause)}).${advice}`;
    throw new TrainerError('WorkerUnavailable', message, { cause });
  }
}

/** What the element needs of a trainer. `WorkerClient` is one; tests give their own. */
export type TrainerClient = Omit<TrainerApi, 'open'> & { terminate(): void };

/**
 * Mirrors the commands of `TrainerApi` over a worker that it makes at the first of them. A command
 * rejects with an error whose `name` is an `ErrorKind`: the worker's own, `WorkerUnavailable` where
 * it cannot be loaded, `WorkerDied` where it ends on its own, `Aborted` after `terminate`. A client
 * whose worker is gone stays so: make another.
 */
export class WorkerClient implements TrainerClient {
  readonly #options: WorkerClientOptions;
  readonly #urls: WorkerUrls;
  #worker: Worker | null = null;
  #opened: Promise<Remote<TrainerApi>> | null = null;
  #hasAnswered = false;
  /** Why there is no worker any more. */
  #end: ErrorInfo | null = null;
  /** Rejects each call that has not settled. */
  readonly #pending = new Set<(error: Error) => void>();
  /** Aborted when the worker is gone; frees all that was set up for it. */
  readonly #gone = new AbortController();

  /** Throws `InvalidSettings` where a URL is none. */
  constructor(options: WorkerClientOptions) {
    this.#options = options;
    this.#urls = workerUrls(options);
  }

  start(settings: SettingsInput): Promise<TrainerState> {
    return this.#call((trainer) => trainer.start(settings));
  }

  pause(): Promise<TrainerState> {
    return this.#call((trainer) => trainer.pause());
  }

  step(settings: SettingsInput): Promise<TrainerState> {
    return this.#call((trainer) => trainer.step(settings));
  }

  reset(settings: SettingsInput): Promise<TrainerState> {
    return this.#call((trainer) => trainer.reset(settings));
  }

  save(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#call((trainer) => trainer.save());
  }

  load(
    checkpoint: Uint8Array<ArrayBuffer>,
    overrides: Pick<SettingsInput, 'engine' | 'steps'>,
  ): Promise<TrainerState> {
    return this.#call((trainer) => trainer.load(checkpoint, overrides));
  }

  exportModel(): Promise<ExportedFile[]> {
    return this.#call((trainer) => trainer.exportModel());
  }

  /** Ends the worker at once. Calls that have not settled reject with `Aborted`; no report comes after. */
  terminate(): void {
    this.#finish({ kind: 'Aborted', message: 'The trainer was closed before this could be done.' });
  }

  async #call<T>(command: (trainer: Remote<TrainerApi>) => Promise<T>): Promise<T> {
    if (this.#end !== null) throw fromErrorInfo(this.#end);
    this.#opened ??= this.#open();
    const opened = this.#opened;
    return this.#untilGone(async () => command(await opened));
  }

  /** Settles as `task` does, or rejects as soon as the worker is gone. Errors get a kind for a name. */
  #untilGone<T>(task: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#pending.add(reject);
      void task()
        .then(resolve, (error: unknown) => reject(fromErrorInfo(toErrorInfo(error))))
        .finally(() => this.#pending.delete(reject));
    });
  }

  async #open(): Promise<Remote<TrainerApi>> {
    // Not randomUUID, which insecure origins lack.
    const id = crypto.getRandomValues(new Uint32Array(4)).join('-');
    try {
      const worker = this.#makeWorker(id);
      const trainer = wrap<TrainerApi>(worker);
      const { dataUrl, files } = this.#urls;
      const options = { protocolVersion: PROTOCOL_VERSION, dataUrl, files };
      const hello = await this.#untilGone(() => trainer.open(options, proxy(this.#deliver)));
      this.#checkHello(hello);
      this.#hasAnswered = true;
      if (hello.holdsLock) this.#awaitDeath(id);
      return trainer;
    } catch (error) {
      this.#die(toErrorInfo(error).message);
      // Gone by now, whatever the reason was first.
      throw fromErrorInfo(this.#end ?? toErrorInfo(error));
    }
  }

  #makeWorker(id: string): Worker {
    const worker = makeWorkerOf(this.#urls, id);
    const { workerUrl: url } = this.#urls;
    this.#worker = worker;
    worker.addEventListener('error', (event) => {
      // Told from here on; otherwise it would be the page's uncaught error as well.
      event.preventDefault();
      const detail = describeErrorEvent(event);
      if (this.#hasAnswered) this.#die(`An error ended the worker${detail}.`);
      else if (detail !== '') this.#die(`${url.href} cannot be started${detail}.`);
      else {
        void explainWorkerFailure(url).then((why) =>
          this.#die(`${url.href} cannot be started. ${why}`.trim()),
        );
      }
    });
    worker.addEventListener('messageerror', () => this.#die('A message from the worker cannot be read.'));
    void this.#awaitHandshake(url.href);
    return worker;
  }

  /**
   * Gives up a worker that does not answer. Only what the worker itself takes counts: not the time in which
   * it may not run, nor that in which its script is on its way.
   */
  async #awaitHandshake(url: string): Promise<void> {
    const { handshakeLimitMs = HANDSHAKE_LIMIT_MS } = this.#options;
    const silence = `${url} did not answer within ${handshakeLimitMs / 1000} s.`;
    if (!(await this.#isSilentFor(handshakeLimitMs))) return;
    const late = `${url} was not loaded within ${SCRIPT_LIMIT_MS / 1000} s.`;
    let wasOnItsWay = false;
    const cancels = [
      this.#afterPatience(handshakeLimitMs / ON_ITS_WAY, () => (wasOnItsWay = true)),
      this.#afterPatience(SCRIPT_LIMIT_MS, () => this.#die(late)),
    ];
    await scriptArrival(url, this.#gone.signal).catch(() => undefined);
    for (const cancel of cancels) cancel();
    // A worker whose script was there all the while has had its time.
    if (wasOnItsWay && !(await this.#isSilentFor(handshakeLimitMs))) return;
    if (!this.#hasAnswered) this.#die(silence);
  }

  /** Whether the worker, running so long, neither answers nor ends. Never settles where it is gone. */
  #isSilentFor(limitMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      this.#afterPatience(limitMs, () => resolve(!this.#hasAnswered));
    });
  }

  #afterPatience(limitMs: number, callback: () => void): () => void {
    const { startTimer } = this.#options;
    const cancel = afterPatience(limitMs, callback, { start: startTimer, counts: doWorkersRun });
    this.#gone.signal.addEventListener('abort', cancel);
    return cancel;
  }

  /** Throws where the worker is of another build. The worker checks the page's version likewise. */
  #checkHello({ protocolVersion, workerVersion }: Hello): void {
    if (protocolVersion === PROTOCOL_VERSION) return;
    throw new TrainerError(
      'WorkerUnavailable',
      `The page speaks protocol ${PROTOCOL_VERSION}, the worker (version ${workerVersion}) ${protocolVersion}: ` +
        'they come from different builds. Reload the page.',
    );
  }

  /**
   * A worker that closes itself, and some crashes, fire no event. It holds a lock for life, so getting
   * that lock means that it is gone. Where pages have no locks (insecure origins) only events tell.
   */
  #awaitDeath(id: string): void {
    const { signal } = this.#gone;
    const locks = feature(() => navigator.locks);
    if (locks === undefined) return;
    // Rejects when aborted with the client, and where storage is blocked; hardened browsers throw.
    void feature(() =>
      locks
        .request(workerLockName(id), { signal }, () => this.#die('The worker has ended without a word.'))
        .catch(() => undefined),
    );
  }

  readonly #deliver: ReportListener = (batch) => {
    if (this.#end === null) this.#options.onReports(batch);
  };

  #die(reason: string): void {
    if (this.#end !== null) return;
    const error: { kind: ErrorKind; message: string } = this.#hasAnswered
      ? { kind: 'WorkerDied', message: `${reason} Reset to begin anew in a fresh worker.` }
      : { kind: 'WorkerUnavailable', message: `The training worker cannot be used: ${reason}` };
    this.#finish(error);
    this.#options.onDeath(error);
  }

  #finish(end: ErrorInfo): void {
    if (this.#end !== null) return;
    this.#end = end;
    this.#gone.abort();
    this.#worker?.terminate();
    this.#worker = null;
    for (const reject of this.#pending) reject(fromErrorInfo(end));
    this.#pending.clear();
  }
}
