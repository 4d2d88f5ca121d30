/** The real page on the fused WebGPU engine, on the software adapter of the test's browser. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  click,
  openPage,
  openSite,
  pictureOf,
  PRIMARY,
  SMALL,
  stepOf,
  textOf,
  untilPictureChanges,
  untilState,
  untilStep,
  untilText,
} from './support/page.mjs';

test('the page trains with webgpu: steps, digits, an evaluation, and the engine by its name', async (context) => {
  const site = await openSite(context);
  const { page, violations } = await openPage(site, { ...SMALL, engine: 'webgpu', evalEvery: 3 });
  const requested = [];
  page.on('request', (request) => requested.push(new URL(request.url()).pathname));
  await click(page, PRIMARY);
  await untilState(page, 'running');
  assert.match(await textOf(page, '[part="engine"]'), /WebGPU/);
  assert.match(await untilText(page, '.figure', /%$/), /^\d+(\.\d+)?\s?%$/);
  const digits = await pictureOf(page, '#digits');
  await untilStep(page, 4);
  await untilPictureChanges(page, '#digits', digits);

  await click(page, PRIMARY);
  await untilState(page, 'paused');
  const paused = await stepOf(page);
  assert.ok(paused >= 4);
  const header = await page.$eval('sgan-trainer', async (trainer) => {
    const bytes = new Uint8Array(await (await trainer.save()).arrayBuffer());
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    return new TextDecoder().decode(bytes.subarray(8, 8 + length));
  });
  // TensorFlow.js is for the engines that are made of it.
  assert.ok(requested.includes('/worker/worker.js'));
  assert.deepEqual(
    requested.filter((path) => path.includes('tfjs')),
    [],
  );
  assert.match(header, /webgpu/);
  assert.doesNotMatch(header, /tfjs/);
  assert.deepEqual(violations, []);
});
