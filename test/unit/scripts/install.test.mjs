/** When the scripts install dependencies, and when they leave the network alone. */

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { ensureInstalledIn } from '../../../scripts/lib/install.mjs';

const PACKAGES = {
  '': { name: 'example' },
  'node_modules/a': { version: '1.0.0', integrity: 'sha512-a' },
  'node_modules/other-platform': { version: '2.0.0', integrity: 'sha512-b', optional: true },
};

let root;
let installs;

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'install-'));
  installs = 0;
  await writeLock(PACKAGES);
});

afterEach(() => rm(root, { recursive: true }));

function writeLock(packages) {
  return writeFile(path.join(root, 'package-lock.json'), JSON.stringify({ packages }));
}

/** What npm itself records as installed. */
async function writeInstalled(packages) {
  await mkdir(path.join(root, 'node_modules'), { recursive: true });
  await writeFile(path.join(root, 'node_modules', '.package-lock.json'), JSON.stringify({ packages }));
}

async function install() {
  installs += 1;
}

test('a fresh clone is installed once, and not again', async () => {
  assert.equal(await ensureInstalledIn(root, install), 'installed');
  assert.equal(await ensureInstalledIn(root, install), 'present');
  assert.equal(installs, 1);
});

test('a lock file that changed is installed again', async () => {
  await ensureInstalledIn(root, install);
  await writeLock({ ...PACKAGES, 'node_modules/a': { version: '1.0.1', integrity: 'sha512-c' } });
  assert.equal(await ensureInstalledIn(root, install), 'installed');
  assert.equal(installs, 2);
});

test('removing node_modules installs again', async () => {
  await ensureInstalledIn(root, install);
  await rm(path.join(root, 'node_modules'), { recursive: true });
  assert.equal(await ensureInstalledIn(root, install), 'installed');
});

test('what was installed by hand is recorded and not installed again', async () => {
  await writeInstalled({ 'node_modules/a': PACKAGES['node_modules/a'] });
  assert.equal(await ensureInstalledIn(root, install), 'recorded');
  assert.equal(await ensureInstalledIn(root, install), 'present');
  assert.equal(installs, 0);
});

test('another version, or a missing package that is not optional, is not taken for installed', async () => {
  await writeInstalled({ 'node_modules/a': { version: '0.9.0', integrity: 'sha512-old' } });
  assert.equal(await ensureInstalledIn(root, install), 'installed');
  await rm(path.join(root, 'node_modules'), { recursive: true });
  await writeInstalled({});
  assert.equal(await ensureInstalledIn(root, install), 'installed');
});

test('an install that fails is tried again next time', async () => {
  const failing = () => Promise.reject(new Error('npm ci ended with exit code 1'));
  await assert.rejects(ensureInstalledIn(root, failing), /npm ci ended/);
  assert.equal(await ensureInstalledIn(root, install), 'installed');
});

test('two scripts that start at once install once', async () => {
  const outcomes = await Promise.all([ensureInstalledIn(root, install), ensureInstalledIn(root, install)]);
  assert.deepEqual(outcomes.sort(), ['installed', 'present']);
  assert.equal(installs, 1);
});
