/** The built site in browsers that lack a part of the platform, or throw at the look at it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FEATURES, openOddSite, takingAway, TINY, train } from './support/odd-site.mjs';
import { openPage } from './support/page.mjs';

for (const how of ['missing', 'throwing']) {
  test(`goes on without what is ${how}`, async (context) => {
    const site = await openOddSite(context);
    // Each that throws by itself: test/long.
    for (const feature of how === 'missing' ? FEATURES : []) {
      await context.test(feature, async () => {
        const prelude = takingAway(feature, how);
        assert.equal((await train(site, { page: prelude, worker: prelude })).engine, 'wasm');
      });
    }
    const all = FEATURES.map((feature) => takingAway(feature, how)).join('\n');
    for (const [engine, expected] of [
      ['auto', 'wasm'],
      ['tfjs-wasm', 'tfjs-wasm'],
    ]) {
      await context.test(`all of it (${engine})`, async () => {
        const report = await train(site, { page: all, worker: all }, { ...TINY, engine });
        assert.equal(report.engine, expected);
      });
    }
  });
}

test('Web Locks that only the page or only the worker has end no run', async (context) => {
  const site = await openOddSite(context);
  const refusing = `navigator.locks.request = () => { throw new DOMException('No.', 'SecurityError'); };`;
  const rejecting = `navigator.locks.request = () => Promise.reject(new DOMException('No.', 'SecurityError'));`;
  for (const prelude of [takingAway('navigator.locks', 'missing'), refusing, rejecting]) {
    await train(site, { page: prelude });
    await train(site, { worker: prelude });
  }
});

/** Memory that is shared is made only where `allows(options)`, and `otherwise` instead. */
const sharingOnly = (allows, otherwise) => `{
  const Memory = WebAssembly.Memory;
  const allows = ${allows};
  WebAssembly.Memory = function (options) {
    if (!options.shared || allows(options)) return new Memory(options);
    ${otherwise}
  };
}`;
const REFUSE = `throw new RangeError('could not allocate memory');`;
const NO_GROWTH = `{
  const { grow } = WebAssembly.Memory.prototype;
  WebAssembly.Memory.prototype.grow = function (pages) {
    if (this.buffer instanceof SharedArrayBuffer) throw new RangeError('no more');
    return grow.call(this, pages);
  };
}`;

test('threads share as much memory as the browser gives, and one goes on alone where it gives none', async (context) => {
  const site = await openOddSite(context);
  const alone = (limit) => ({ threads: 1, wanted: 2, limit });
  const cases = {
    'no 2 GB': [sharingOnly('({ maximum }) => maximum <= 16384', REFUSE), undefined],
    'only 256 MB': [sharingOnly('({ maximum }) => maximum <= 4096', REFUSE), undefined],
    'no shared memory at all': [sharingOnly('() => false', REFUSE), alone('sharedMemoryRefused')],
    'memory that is not shared after all': [
      sharingOnly('() => false', 'return new Memory({ initial: options.initial });'),
      alone('sharedMemoryRefused'),
    ],
    'shared memory that does not grow': [NO_GROWTH, alone('sharedMemoryRefused')],
    'no SharedArrayBuffer, though isolated': [
      takingAway('SharedArrayBuffer', 'missing'),
      alone('noSharedMemory'),
    ],
    'a SharedArrayBuffer that throws': [takingAway('SharedArrayBuffer', 'throwing'), alone('noSharedMemory')],
  };
  for (const [what, [worker, fewerThreads]] of Object.entries(cases)) {
    await context.test(what, async () => {
      assert.deepEqual((await train(site, { worker })).fewerThreads, fewerThreads);
    });
  }
});

test('WebGL that is missing or throws in workers is said so, by the engine that needs it', async (context) => {
  const site = await openOddSite(context);
  const preludes = {
    missing: takingAway('OffscreenCanvas', 'missing'),
    throwing: takingAway('OffscreenCanvas', 'throwing'),
    'without WebGL': `OffscreenCanvas.prototype.getContext = () => null;`,
    'whose look at WebGL throws': `OffscreenCanvas.prototype.getContext = () => { throw new Error('no'); };`,
  };
  for (const [what, prelude] of Object.entries(preludes)) {
    await context.test(what, async () => {
      site.odd.prelude = prelude;
      const { page } = await openPage(site, { ...TINY, engine: 'tfjs-webgl' });
      const error = await page.$eval('sgan-trainer', async (trainer) => {
        trainer.workerUrl = '/odd.js';
        await trainer.start().catch(() => undefined);
        return trainer.error;
      });
      assert.equal(error.kind, 'EngineUnavailable');
      assert.match(error.message, /offers no WebGL 2 in workers/);
      await page.close();
    });
  }
});
