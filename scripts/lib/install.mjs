/**
 * Installs the locked dependencies where they are not installed yet: `npm ci` when the hash of
 * package-lock.json is not the one last installed, nothing (and no network) when it is.
 * Imports only `node:`, since it runs before anything is installed.
 */

import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ROOT, shortHash } from './paths.mjs';
import { withLock } from './lock.mjs';

/** Inside node_modules, so that removing the folder forgets it. */
const MARK = path.join('node_modules', '.installed-lock-hash');

async function readOr(file, fallback) {
  return readFile(file, 'utf8').catch((error) => {
    if (error.code === 'ENOENT') return fallback;
    throw error;
  });
}

/**
 * Whether what npm itself recorded as installed is what the lock asks for, as after `npm install` by
 * hand. Optional packages may be missing: they belong to other platforms.
 */
function isInstalledByHand(lock, installed) {
  const wanted = Object.entries(JSON.parse(lock).packages).filter(([name]) => name !== '');
  const present = installed === '' ? {} : JSON.parse(installed).packages;
  const isSame = ([name, { version, integrity, optional }]) =>
    present[name] === undefined
      ? optional === true
      : present[name].version === version && present[name].integrity === integrity;
  return wanted.every(isSame);
}

/**
 * Makes `root`'s node_modules match its lock file. `install` does the work and is told the root.
 * Returns `present` (nothing to do), `recorded` (installed by hand before) or `installed`.
 */
export async function ensureInstalledIn(root, install) {
  const lock = await readFile(path.join(root, 'package-lock.json'), 'utf8');
  const hash = shortHash(lock);
  const markPath = path.join(root, MARK);
  const isMarked = async () => (await readOr(markPath, '')).trim() === hash;
  if (await isMarked()) return 'present';
  return withLock(path.join(root, '.cache', 'install.lock'), async () => {
    if (await isMarked()) return 'present';
    const hidden = await readOr(path.join(root, 'node_modules', '.package-lock.json'), '');
    const isByHand = isInstalledByHand(lock, hidden);
    if (!isByHand) await install(root);
    await mkdir(path.dirname(markPath), { recursive: true });
    await writeFile(markPath, `${hash}\n`);
    return isByHand ? 'recorded' : 'installed';
  });
}

function runNpmCi(root) {
  console.log('Installing dependencies (npm ci) …');
  // `npm run` names its own script; without it npm is looked up, through a shell where it is npm.cmd.
  const npmScript = process.env.npm_execpath;
  const isScript = npmScript !== undefined && /npm-cli\.js$/.test(npmScript);
  const command = isScript ? process.execPath : 'npm';
  const args = [...(isScript ? [npmScript] : []), 'ci', '--include=dev', '--no-audit', '--no-fund'];
  const child = spawn(command, args, {
    cwd: root,
    stdio: 'inherit',
    shell: !isScript && process.platform === 'win32',
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (code === 0) resolve();
      else
        reject(new Error(`npm ci ended with ${signal ?? `exit code ${code}`}; its output above says why.`));
    });
  });
}

/** Before the work of every script: the locked dependencies. */
export async function ensureInstalled() {
  await ensureInstalledIn(ROOT, runNpmCi);
}
