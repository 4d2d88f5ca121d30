/** Where the files of a build are, beside a script and wherever a host's bundler has put them. */

import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { BUILD_FILES, buildFile, movedFiles, useMovedFiles } from '../../src/browser/build-files.js';
import { dataFolderBeside, filesMovedFrom, outOfViteCache, workerUrl } from '../../src/ui/worker-files.js';
import { answerWithin, NoAnswer } from '../../src/worker/engine/device/answer.js';

const SCRIPT = 'https://example.test/app/worker/worker.js';

afterEach(() => useMovedFiles({}));

test('a file lies beside the script that asks for it', () => {
  for (const name of BUILD_FILES) {
    assert.equal(buildFile(name, SCRIPT).href, `https://example.test/app/worker/${name}`);
  }
});

test('a file that a bundler has put elsewhere is found there, the others where they were', () => {
  const files = { 'thread.js': 'https://cdn.example.test/thread-1a2b.js' };
  useMovedFiles(files);
  assert.equal(buildFile('thread.js', SCRIPT).href, files['thread.js']);
  assert.equal(buildFile('tfjs.js', SCRIPT).href, 'https://example.test/app/worker/tfjs.js');
  assert.equal(movedFiles(), files);
  // A script without an address, as of a blob, finds what it was told of.
  assert.equal(buildFile('thread.js', 'blob:null/1').href, files['thread.js']);
});

test('a page tells of nothing where all lies beside the worker, and of everything where the worker was renamed', () => {
  assert.deepEqual(filesMovedFrom(workerUrl()), {});
  const moved = filesMovedFrom(new URL('./worker-1a2b.js', 'https://example.test/assets/'));
  assert.deepEqual(Object.keys(moved).sort(), [...BUILD_FILES].sort());
  assert.deepEqual(
    Object.keys(filesMovedFrom(new URL('data:text/javascript,'))).sort(),
    [...BUILD_FILES].sort(),
  );
});

test('a file is found where a bundler gives a path on the page’s origin', (context) => {
  const given = { href: '/_next/static/media/worker.1a2b.js', toString: () => given.href } as URL;
  assert.throws(() => outOfViteCache(given), /Invalid URL/);
  Object.assign(globalThis, { location: { href: 'https://example.test/some/page' } });
  context.after(() => Reflect.deleteProperty(globalThis, 'location'));
  assert.equal(outOfViteCache(given).href, `https://example.test${given.href}`);
  assert.equal(outOfViteCache(new URL(SCRIPT)).href, SCRIPT);
});

test('data are expected beside the worker of a built site, and nowhere in a package or a bundle', () => {
  const folderOf = (url: string): string | null => dataFolderBeside(new URL(url));
  assert.equal(folderOf(SCRIPT), 'https://example.test/app/data/');
  assert.equal(folderOf('https://cdn.example.test/node_modules/sgan-trainer/dist/worker/worker.js'), null);
  assert.equal(folderOf('https://example.test/assets/worker-1a2b.js'), null);
  assert.equal(folderOf('data:text/javascript,'), null);
});

test('an answer that never came is known as such, whichever copy of the class has thrown it', async () => {
  const never = answerWithin(new Promise(() => undefined), {
    what: 'Nobody',
    limitMs: 1000,
    start: (callback) => {
      queueMicrotask(callback);
      return () => undefined;
    },
  });
  const error = await never.catch((thrown: unknown) => thrown);
  assert.ok(error instanceof NoAnswer);
  // What TensorFlow.js's file throws is of its own copy.
  const copy = Object.assign(new Error('Nobody did not answer within 1 s.'), { isNoAnswer: true });
  assert.ok((copy as unknown) instanceof NoAnswer);
  assert.ok(!((new Error('Nobody') as unknown) instanceof NoAnswer));
});
