/** The private corners of the site: files in and out, events in order and once. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serveCorners } from '../../../scripts/lib/upload-server.mjs';

async function openCorner(context, given = {}) {
  const site = await serveCorners({ files: new Map([['/index.html', Buffer.from('page')]]) });
  context.after(() => site.close());
  const corner = site.openCorner({ onUpload: () => {}, ...given });
  const call = (path, options) => fetch(new URL(path, site.url), options);
  return { site, corner, call };
}

test('events come in order, and once also where the page has sent them again', async (context) => {
  const heard = [];
  const { corner, call } = await openCorner(context, { onEvents: (events) => heard.push(...events) });
  const post = (first, events) =>
    call(corner.eventsUrl, { method: 'POST', body: JSON.stringify({ first, events }) });
  assert.equal((await post(0, ['a', 'b'])).status, 204);
  await post(0, ['a', 'b']);
  await post(1, ['b', 'c']);
  await post(3, ['d']);
  assert.deepEqual(heard, ['a', 'b', 'c', 'd']);
});

test('each page has a corner of its own, which ends with it, beside the one site', async (context) => {
  const names = [];
  const { site, corner, call } = await openCorner(context, {
    onUpload: (name) => names.push(`first ${name}`),
  });
  const other = site.openCorner({
    onUpload: (name) => names.push(`second ${name}`),
    downloads: new Map([['in', Buffer.from('bytes')]]),
  });
  await call(corner.urlOf('a'), { method: 'PUT', body: 'x' });
  await call(other.urlOf('b/c'), { method: 'PUT', body: 'x' });
  assert.deepEqual(names, ['first a', 'second b/c']);
  assert.equal(await (await call(other.urlOf('in'))).text(), 'bytes');
  assert.equal((await call(corner.urlOf('in'))).status, 404);
  assert.equal((await call(corner.urlOf('a'), { method: 'DELETE' })).status, 405);
  corner.close();
  assert.equal((await call(corner.urlOf('a'), { method: 'PUT', body: 'x' })).status, 405);
  assert.equal(await (await call('/')).text(), 'page');
});

test('what cannot be taken is answered with its reason', async (context) => {
  const { corner, call } = await openCorner(context, {
    onUpload: () => {
      throw new Error('the disk is full');
    },
  });
  const response = await call(corner.urlOf('a'), { method: 'PUT', body: 'x' });
  assert.deepEqual([response.status, await response.text()], [500, 'the disk is full']);
});
