/** GPU devices that go when a test says so, as engines of a trainer's table. */

import type { EngineEntry } from '../../../src/worker/engine/engine-entry.js';
import { ENGINES } from '../../../src/worker/engine/engine-table.js';
import type { Engine } from '../../../src/worker/engine/engine.js';
import { createWebGpuEngine } from '../../../src/worker/engine/webgpu/index.js';
import { Clock } from '../../unit/support/trainer.js';
import { overriding } from './planted-defects.js';

/** So much time lies between two losses that three are never in ten minutes. */
const BETWEEN_LOSSES_MS = 5 * 60_000;

/** How a device goes. */
export const FAILURES = {
  'is lost': (device: GPUDevice) => device.destroy(),
  // A buffer that cannot be: an error that nothing catches.
  'refuses a command': (device: GPUDevice) => void device.createBuffer({ size: 4, usage: 0 }),
  'runs out of memory': (device: GPUDevice) => {
    const error = new GPUOutOfMemoryError('no more of it');
    device.dispatchEvent(new GPUUncapturedErrorEvent('uncapturederror', { error }));
  },
} as const;
export type Failure = keyof typeof FAILURES;

const METHODS = ['advance', 'flush', 'countCorrect', 'generateGrid', 'exportState'] as const;
type Method = (typeof METHODS)[number];

/** The webgpu engine with a hold on its devices, and the wasm engine to go on with. */
export class Devices {
  readonly clock = new Clock();
  readonly table: readonly EngineEntry[];
  /** Every device, in order. */
  readonly opened: GPUDevice[] = [];
  /** Calls under which the device goes, one after the other. */
  readonly awaited: Method[] = [];
  /** Whether devices go as soon as they are open. */
  areStillborn = false;

  constructor() {
    const [webgpu, wasm] = (['webgpu', 'wasm'] as const).map((name) =>
      ENGINES.find((entry) => entry.name === name)!,
    );
    const probe: EngineEntry['probe'] = async () => ({ isUsable: true, isSoftware: false, detail: 'a GPU' });
    const create: EngineEntry['create'] = (input) => this.#create(input);
    this.table = [
      { ...webgpu!, probe, create },
      { ...wasm!, create: async (input) => overriding(await wasm!.create(input), 'evaluationSlice', 10) },
    ];
  }

  /** The device that is in use goes now. */
  fail(how: Failure = 'is lost'): void {
    this.clock.ms += BETWEEN_LOSSES_MS;
    FAILURES[how](this.opened.at(-1)!);
  }

  async #create(input: Parameters<EngineEntry['create']>[0]): Promise<Engine> {
    const engine = await createWebGpuEngine(input, {
      wrapDevice: (device) => {
        this.opened.push(device);
        if (this.areStillborn) device.destroy();
        return device;
      },
    });
    return METHODS.reduce(
      (watched, method) => {
        const call = engine[method]!.bind(engine) as (...parameters: unknown[]) => Promise<never>;
        return overriding(watched, method, (...parameters: unknown[]) => {
          const work = call(...parameters);
          if (this.awaited[0] === method) {
            this.awaited.shift();
            this.fail();
          }
          return work;
        });
      },
      overriding(engine, 'evaluationSlice', 10),
    );
  }
}
