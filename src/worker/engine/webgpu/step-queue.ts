/**
 * Chunks of steps on their way: encodes them, keeps at most two on the device, and collects their
 * metrics from buffers that are mapped when the device gets there. The loop waits for the device only
 * when two chunks are under way, or one where that takes long enough to hide the loop's own work.
 */

import type { StepMetrics } from '../engine.js';
import type { FailureWatch } from '../device/failure-watch.js';
import { METRICS_SLOTS, type ControlLayout } from './kernels/shader.js';
import type { ReadyProgram } from './program.js';

/** More would only make a pause wait. */
const MOST_CHUNKS = 2;
/** A device that takes longer than this for a chunk is given one at a time, and so is one that has not made any yet. */
const LONG_CHUNK_MS = 100;

/** A train step, and where it keeps its metrics. */
export interface StepProgram {
  readonly program: ReadyProgram;
  readonly control: ControlLayout;
}

export class StepQueue {
  readonly #device: GPUDevice;
  readonly #watch: FailureWatch;
  readonly #control: GPUBuffer;
  readonly #idle: GPUBuffer[];
  readonly #all: readonly GPUBuffer[];
  readonly #now: () => number;
  #underWay: Promise<void>[] = [];
  /** How many chunks may be under way. */
  #most = 1;
  /** Milliseconds of a step in the chunk that took the least a step. */
  #fastestStepMs = Infinity;
  /** When the chunk before the present one was done. */
  #doneAtMs = -Infinity;
  #arrived: StepMetrics[] = [];

  /** `mostMetrics`: of a step of any program. */
  constructor(
    device: GPUDevice,
    watch: FailureWatch,
    control: GPUBuffer,
    mostMetrics: number,
    now: () => number = () => performance.now(),
  ) {
    this.#now = now;
    this.#device = device;
    this.#watch = watch;
    this.#control = control;
    this.#all = Array.from({ length: MOST_CHUNKS }, (_, index) =>
      device.createBuffer({
        label: `metrics of chunk ${index}`,
        size: METRICS_SLOTS * mostMetrics * 4,
        usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
      }),
    );
    this.#idle = [...this.#all];
  }

  /** Puts `steps` steps of a program, after `step` done, on the device; waits while as many chunks as may be are under way. */
  async push(made: StepProgram, step: number, steps: number): Promise<void> {
    for (let done = 0; done < steps; done += METRICS_SLOTS) {
      while (this.#underWay.length >= this.#most) await this.#watch.guard(this.#underWay[0]!);
      this.#watch.check();
      this.#submit(made, step + done, Math.min(METRICS_SLOTS, steps - done));
    }
  }

  /** Resolves when no chunk is under way. */
  async drain(): Promise<void> {
    while (this.#underWay.length > 0) await this.#watch.guard(this.#underWay[0]!);
    this.#watch.check();
  }

  /** In how many milliseconds the device has made a step at best; infinite before the first. */
  get fastestStepMs(): number {
    return this.#fastestStepMs;
  }

  /** Metrics that have arrived since the last call, in order. */
  take(): readonly StepMetrics[] {
    const arrived = this.#arrived;
    this.#arrived = [];
    return arrived;
  }

  dispose(): void {
    for (const buffer of this.#all) buffer.destroy();
  }

  #submit({ program, control }: StepProgram, step: number, steps: number): void {
    const encoder = this.#device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (let i = 0; i < steps; i++) program.encode(pass);
    pass.end();
    const staging = this.#idle.pop()!;
    const { ring, metrics } = control;
    encoder.copyBufferToBuffer(this.#control, ring * 4, staging, 0, METRICS_SLOTS * metrics * 4);
    this.#device.queue.submit([encoder.finish()]);
    const submittedAtMs = this.#now();
    // Mapped only when everything before is done on the device, as `onSubmittedWorkDone` would tell.
    const arrival = staging.mapAsync(GPUMapMode.READ).then(() => {
      const doneAtMs = this.#now();
      const tookMs = doneAtMs - Math.max(submittedAtMs, this.#doneAtMs);
      this.#most = tookMs > LONG_CHUNK_MS ? 1 : MOST_CHUNKS;
      this.#fastestStepMs = Math.min(this.#fastestStepMs, tookMs / steps);
      this.#doneAtMs = doneAtMs;
      this.#collect(new Float32Array(staging.getMappedRange()), metrics, step, steps);
      staging.unmap();
      this.#idle.push(staging);
      this.#underWay = this.#underWay.filter((other) => other !== arrival);
    });
    // Whoever waits hears of a failure through the watch; a chunk nobody waits for must not cry out.
    arrival.catch(() => undefined);
    this.#underWay.push(arrival);
  }

  #collect(ring: Float32Array, metrics: number, step: number, steps: number): void {
    for (let done = step; done < step + steps; done++) {
      const slot = (done % METRICS_SLOTS) * metrics;
      const values = Float32Array.from(ring.subarray(slot, slot + metrics));
      this.#arrived.push({ step: done + 1, values });
    }
  }
}
