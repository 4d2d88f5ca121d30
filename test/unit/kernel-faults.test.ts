/** The faults that a long test breaks kernels with are still places of the kernels: it would else fail when nobody looks. */

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { KERNEL_FAULTS } from './support/kernel-faults.js';

const FOLDER = 'src/worker/engine/wasm/kernels';

test('every fault is of one place of one kernel', () => {
  const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' });
  for (const { what, file, right } of KERNEL_FAULTS) {
    const named = files.filter((name) => path.basename(name) === file);
    const places = named.map((name) => readFileSync(path.join(FOLDER, name), 'utf8').split(right).length - 1);
    const sum = places.reduce((all, own) => all + own, 0);
    assert.equal(sum, 1, `${what}: "${right}" stands ${sum} times in ${file}`);
  }
});
