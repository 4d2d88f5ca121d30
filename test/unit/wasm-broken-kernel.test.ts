/** The comparisons that pass on the real kernels fail on kernels that are wrong in one place. */

import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Engine } from '../../src/worker/engine/engine.js';
import { createInterpreter } from '../../src/worker/engine/plan/interpreter/engine.js';
import { TRAIN_OPTIONS } from '../../src/worker/engine/wasm/wasm-engine.js';
import { expectClose } from '../worker/support/compare.js';
import { tinyInput } from '../worker/support/tiny.js';
import { nodeWasmEngine } from './support/wasm.js';

interface KernelBuild {
  readonly compileKernels: (
    name: string,
    change: (file: string, text: string) => string,
  ) => Promise<Uint8Array<ArrayBuffer>>;
}

// Not bundled: it finds the sources by its own place.
const { compileKernels } = (await import(
  pathToFileURL(path.resolve('scripts/lib/wasm-kernels.mjs')).href
)) as KernelBuild;

interface Fault {
  readonly what: string;
  readonly file: string;
  readonly right: string;
  readonly wrong: string;
  /** Of the networks; some kernels are for wide ones alone. 8 where absent. */
  readonly channelDivisor?: number;
}

const FAULTS: readonly Fault[] = [
  {
    what: 'a product whose windows step by one float too many',
    file: 'product.ts',
    right: 'runStart += runStep',
    wrong: 'runStart += runStep + 4',
  },
  {
    what: 'a kernel gradient that leaves out one window in 64',
    file: 'kernel-gradient.ts',
    right: 'terms, some,',
    wrong: 'terms, some - 1,',
  },
  {
    what: 'a transform without its third term',
    file: 'transform.ts',
    right: 'multiplyAdd(v128.load(c), factorC, two)',
    wrong: 'two',
    channelDivisor: 1,
  },
  {
    what: 'dropout bits of the neighbouring block',
    file: 'draw.ts',
    right: 'drawWords(record.stream, pair * BLOCKS,',
    wrong: 'drawWords(record.stream, pair * BLOCKS + 1,',
  },
  {
    what: 'a loss gradient of the wrong sign',
    file: 'loss.ts',
    right: '+ (probability - wanted) / rows',
    wrong: '- (probability - wanted) / rows',
  },
  {
    what: 'a running variance that is biased',
    file: 'norm.ts',
    right: 'f32x4.splat(1 / (total - 1))',
    wrong: 'f32x4.splat(1 / total)',
  },
];

/** Throws where the engine computes another step than the plan. */
async function check(engine: Engine, reference: Engine): Promise<void> {
  await engine.importState(await reference.exportState());
  expectClose(
    await engine.inspectStep(),
    await reference.inspectStep(),
    (name) => (name.startsWith('gradient/') ? 1e-4 : 2e-5),
    (name) => /(deconv[123]|conv[23])\/bias$/.test(name),
  );
}

describe('the checks of the wasm engine', () => {
  for (const { what, file, right, wrong, channelDivisor } of FAULTS) {
    it(`fail on ${what}`, async () => {
      const input = tinyInput('notebook', {}, channelDivisor);
      const reference = createInterpreter(input, { precision: 'float64', trainOptions: TRAIN_OPTIONS });
      await reference.advance(1);
      let changes = 0;
      const bytes = await compileKernels('kernels-plain.wasm', (name, text) => {
        if (name !== file) return text;
        changes = text.split(right).length - 1;
        return text.replace(right, wrong);
      });
      assert.equal(changes, 1, `"${right}" stands ${changes} times in ${file}`);
      const broken = await nodeWasmEngine(input, { simd: 'plain', bytes });
      await assert.rejects(check(broken, reference), /is off by/);
      await check(await nodeWasmEngine(input, { simd: 'plain' }), reference);
    });
  }
});
