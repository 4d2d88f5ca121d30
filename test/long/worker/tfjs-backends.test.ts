/** Starting, sharing, losing and leaving tfjs backends. */

import { expect } from '@open-wc/testing';
import * as tf from '@tensorflow/tfjs-core';
import type { ErrorKind } from '../../../src/protocol/errors.js';
import type { Engine } from '../../../src/worker/engine/engine.js';
import {
  createTfjsEngine,
  startBackend,
  TFJS_BACKENDS,
  type TfjsBackend,
} from '../../../src/worker/engine/tfjs/index.js';
import { hasWasmSimd, isSoftwareAdapter } from '../../../src/worker/engine/device/platform.js';
import { TrainerError } from '../../../src/protocol/errors.js';
import { forEachBackend } from '../../worker/support/backends.js';
import { tinyInput } from '../../worker/support/tiny.js';

async function rejection(work: Promise<unknown>): Promise<Error> {
  return work.then(
    () => {
      throw new Error('It resolved.');
    },
    (error: unknown) => error as Error,
  );
}

/** The device that the webgpu engines run on. */
const deviceInUse = (): GPUDevice =>
  (tf.engine().backend as unknown as { readonly device: GPUDevice }).device;

describe('tfjs engines in one worker', () => {
  it('follow one another on other backends and with other recipes', async () => {
    for (const [backend, recipe] of [
      ['wasm', 'notebook'],
      ['cpu', 'labels-only'],
      ['wasm', 'notebook-as-run'],
      ['cpu', 'notebook'],
    ] as const) {
      const engine = await createTfjsEngine(backend, tinyInput(recipe));
      const [metrics] = await engine.advance(1);
      expect(metrics!.step).to.equal(1);
      expect(await engine.countCorrect(0, 10)).to.be.within(0, 10);
      engine.dispose();
      expect(tf.engine().state.numTensors).to.equal(0);
      expect(tf.findBackendFactory(backend)).to.equal(null);
    }
  });

  it('live side by side, on one backend and on two', async () => {
    const input = tinyInput('labels-only');
    const engines: Engine[] = [];
    for (const backend of ['wasm', 'cpu', 'wasm'] as const)
      engines.push(await createTfjsEngine(backend, input));
    const steps = await Promise.all(engines.map((engine) => engine.advance(2)));
    const values = steps.map((metrics) => metrics.map((each) => Array.from(each.values)));
    expect(values[2]).to.deep.equal(values[0]);
    engines[0]!.dispose();
    expect((await engines[2]!.advance(1))[0]!.step).to.equal(3);
    expect((await engines[1]!.advance(1))[0]!.step).to.equal(3);
    engines.forEach((engine) => engine.dispose());
    expect(tf.engine().state.numTensors).to.equal(0);
  });

  it('load the binary that lies beside the script, and never the threaded one', async () => {
    performance.clearResourceTimings();
    const engine = await createTfjsEngine('wasm', tinyInput('labels-only'));
    engine.dispose();
    const binaries = performance
      .getEntriesByType('resource')
      .map(({ name }) => new URL(name).pathname.split('/').at(-1)!);
    const loaded = binaries.filter((name) => name.endsWith('.wasm'));
    expect(new Set(loaded)).to.deep.equal(new Set(['tfjs-backend-wasm-simd.wasm']));
    expect(globalThis.crossOriginIsolated, 'where tfjs would take the threaded one').to.equal(true);
  });
});

describe('the platform', () => {
  it('has WebAssembly SIMD in this browser', () => {
    expect(hasWasmSimd()).to.equal(true);
  });

  it('tells software adapters by what they call themselves', () => {
    const named = (architecture: string, isFallbackAdapter = false): GPUAdapterInfo =>
      ({ vendor: 'google', architecture, device: '', description: '', isFallbackAdapter }) as GPUAdapterInfo;
    expect(isSoftwareAdapter(named('swiftshader'))).to.equal(true);
    expect(isSoftwareAdapter(named('ampere', true))).to.equal(true);
    expect(isSoftwareAdapter(named('ampere'))).to.equal(false);
  });
});

forEachBackend(
  'a started backend',
  (backend) => {
    it('says what it runs on', async () => {
      const engine = await createTfjsEngine(backend, tinyInput('labels-only'));
      expect(engine.info.adapter).to.be.a('string');
      expect(engine.info.adapter).not.to.equal('');
      const isGpu = backend === 'webgpu' || backend === 'webgl';
      // The browser that these tests run in has no GPU where its name says so.
      expect(engine.info.isSoftware).to.equal(isGpu && /swiftshader/i.test(engine.info.adapter));
      engine.dispose();
    });
  },
  TFJS_BACKENDS,
);

/** Makes the device of a running engine fail in a way that the browser knows. */
const FAILURES: readonly [TfjsBackend, string, ErrorKind, () => void][] = [
  ['webgpu', 'its device is lost', 'DeviceLost', () => deviceInUse().destroy()],
  [
    'webgpu',
    'a command is refused',
    'Internal',
    () => deviceInUse().createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE }),
  ],
  [
    'webgpu',
    'memory runs out',
    'OutOfMemory',
    () => {
      const error = new GPUOutOfMemoryError('no more');
      deviceInUse().dispatchEvent(new GPUUncapturedErrorEvent('uncapturederror', { error }));
    },
  ],
  [
    'webgl',
    'its context is lost',
    'DeviceLost',
    () => {
      const { gl } = (
        tf.engine().backend as unknown as { readonly gpgpu: { readonly gl: WebGL2RenderingContext } }
      ).gpgpu;
      gl.getExtension('WEBGL_lose_context')!.loseContext();
    },
  ],
];

for (const name of ['webgpu', 'webgl'] as const) {
  // Not started by the helper: each of these tests spoils the backend it uses.
  describe(`an engine on tfjs-${name}`, () => {
    for (const [backend, what, kind, provoke] of FAILURES.filter(([affected]) => affected === name)) {
      it(`rejects what is under way and what comes after it when ${what}`, async function () {
        let engine: Engine;
        try {
          engine = await createTfjsEngine(backend, tinyInput('labels-only'));
        } catch (error) {
          if (
            !(error instanceof TrainerError) ||
            (backend === 'webgpu' && globalThis.REQUIRE_WEBGPU === true)
          )
            throw error;
          console.warn(`Skipped: ${error.message}`);
          return this.skip();
        }
        await engine.advance(1);
        const underWay = rejection(engine.advance(1000));
        provoke();
        expect((await underWay).name).to.equal(kind);
        expect((await rejection(engine.advance(1))).name).to.equal(kind);
        expect((await rejection(engine.exportState())).name).to.equal(kind);
        expect((await rejection(engine.flush())).name).to.equal(kind);
        expect((await rejection(startBackend(backend))).name, 'joining it').to.equal(kind);
        engine.dispose();
        const next = await createTfjsEngine(backend, tinyInput('labels-only'));
        expect((await next.advance(1))[0]!.step, 'a fresh device').to.equal(1);
        next.dispose();
      }).timeout(120_000);
    }
  });
}
