/** What goes wrong around the page: data that is not what it should be, a worker that ends. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import {
  click,
  openPage,
  openSite,
  PRIMARY,
  RESET,
  SMALL_WASM,
  STEP,
  textOf,
  untilState,
  untilText,
} from './support/page.mjs';
import { NO_ANSWER, smallData } from './support/small-data.mjs';

/** A copy with one big-endian number changed. */
function withNumber(bytes, offset, value) {
  const copy = Buffer.from(bytes);
  copy.writeUInt32BE(value, offset);
  return copy;
}

/** What is done to which file, and what the banner has to say of it. */
const DATA_ERRORS = {
  'a missing file': ['train-labels.gz', () => 404, /could not be fetched.*train-labels\.gz.*404/],
  'a server in trouble': ['test-images.gz', () => 503, /could not be fetched.*test-images\.gz.*503/],
  'an empty file': ['test-labels.gz', () => gzipSync(''), /damaged.*test-labels\.gz/],
  'a page in place of a file': [
    'train-images.gz',
    () => Buffer.from('<!doctype html>'),
    /damaged.*train-images\.gz.*neither gzip nor IDX/,
  ],
  'a wrong magic number': [
    'train-images.gz',
    (bytes) => gzipSync(withNumber(bytes, 0, 0x802)),
    /damaged.*train-images\.gz/,
  ],
  'truncated images': ['train-images.gz', (bytes) => bytes.subarray(0, 9000), /damaged.*train-images\.gz/],
  'truncated gzip': [
    'test-images.gz',
    (bytes) => gzipSync(bytes).subarray(0, 900),
    /damaged.*test-images\.gz.*damaged or cut off/,
  ],
  'counts that differ': [
    'test-labels.gz',
    (bytes) => withNumber(bytes.subarray(0, 8 + 39), 4, 39),
    /damaged.*39.*40|damaged.*40.*39/,
  ],
  'images of another size': [
    'test-images.gz',
    (bytes) => withNumber(bytes.subarray(0, 16 + 40 * 14 * 28), 8, 14),
    /damaged.*test-images\.gz.*14/,
  ],
  'a label above every class': [
    'train-labels.gz',
    (bytes) => Buffer.concat([bytes.subarray(0, 20), Buffer.from([200]), bytes.subarray(21)]),
    /damaged.*train-labels\.gz.*200/,
  ],
};

test('every error of the data is told by file and cause, and mended data is taken at the next try', async (context) => {
  const site = await openSite(context);
  const good = await smallData();
  const { page } = await openPage(site);
  for (const [what, [file, spoil, message]] of Object.entries(DATA_ERRORS)) {
    await context.test(what, async () => {
      site.files.set(file, spoil(good[file]));
      await click(page, what === Object.keys(DATA_ERRORS)[0] ? PRIMARY : '[part~="banner"] button');
      await untilState(page, 'failed');
      assert.match(await textOf(page, '[part~="banner"]'), message);
      assert.equal(await textOf(page, '[part~="banner"] button'), 'Try again');
      site.files.set(file, good[file]);
    });
  }
  await click(page, '[part~="banner"] button');
  await untilState(page, 'running');
});

const TO_STATE = {
  loading: async (page) => {
    await click(page, PRIMARY);
    await untilState(page, 'loading');
  },
  ready: async (page) => {
    await click(page, STEP);
    await untilState(page, 'paused');
    await click(page, RESET);
    await untilState(page, 'ready');
  },
  running: async (page) => {
    await click(page, PRIMARY);
    await untilState(page, 'running');
    await untilText(page, '.figure', /%$/);
  },
  paused: async (page) => {
    await click(page, STEP);
    await untilState(page, 'paused');
  },
  finished: async (page) => {
    await page.$eval('sgan-trainer', (trainer) => (trainer.settings = { steps: 1 }));
    await click(page, PRIMARY);
    await untilState(page, 'finished');
  },
  failed: async (page) => {
    await click(page, PRIMARY);
    await untilState(page, 'failed');
  },
};

const ENDS = {
  'closes itself': (worker) => worker.evaluate(() => globalThis.close()),
  'throws where nobody catches': (worker) =>
    worker.evaluate(() => {
      setTimeout(() => {
        throw new Error('thrown by the test');
      });
    }),
};

/** A worker and the one after it would load the script of TensorFlow.js in every state. */
const QUICK = { ...SMALL_WASM, threads: 1 };

for (const [how, end] of Object.entries(ENDS)) {
  test(`a worker that ${how} is told in every state, and a fresh one begins anew`, async (context) => {
    const site = await openSite(context);
    for (const [state, go] of Object.entries(TO_STATE)) {
      await context.test(state, async () => {
        const { page } = await openPage(site, QUICK);
        // Others trained in turns with the run have workers of their own.
        await page.$eval('sgan-trainer', (trainer) => (trainer.compare = false));
        if (state === 'loading') site.files.set('train-images.gz', NO_ANSWER);
        if (state === 'failed') site.files.set('train-labels.gz', 404);
        await go(page);
        const figure = await textOf(page, '.figure');
        const [worker] = page.workers();
        await end(worker).catch(() => undefined);
        await untilState(page, 'failed');
        if (state !== 'failed') {
          await untilText(page, '[part~="banner"]', /The trainer stopped unexpectedly/);
          assert.equal(await textOf(page, '.figure'), figure, 'the last figure stays');
        }
        site.files.clear();
        for (const [name, bytes] of Object.entries(await smallData())) site.files.set(name, bytes);
        await click(page, RESET);
        await untilState(page, 'idle');
        await page.$eval('sgan-trainer', (trainer) => (trainer.settings = { steps: 5 }));
        await click(page, PRIMARY);
        await untilState(page, 'finished');
        assert.equal(page.workers().length, 1);
        await page.close();
      });
    }
  });
}

test('a command that waits for a worker that ends is refused, not left waiting', async (context) => {
  const site = await openSite(context);
  site.files.set('train-images.gz', NO_ANSWER);
  const { page } = await openPage(site);
  await page.$eval('sgan-trainer', (trainer) => {
    window.settled = Promise.allSettled([trainer.start(), trainer.pause(), trainer.save()]);
  });
  await untilState(page, 'loading');
  await page.workers()[0].evaluate(() => globalThis.close());
  const kinds = await page.evaluate(async () =>
    (await window.settled).map(({ reason }) => reason?.name ?? 'resolved'),
  );
  assert.equal(kinds[0], 'WorkerDied');
});
