/** The comparisons that pass on the real kernels fail on kernels that are wrong in one place. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EngineInput, EngineState } from '../../../src/worker/engine/engine.js';
import type { NamedTensors } from '../../../src/worker/model/parameters.js';
import { createInterpreter } from '../../../src/worker/engine/plan/interpreter/engine.js';
import { instantiate } from '../../../src/worker/engine/wasm/kernels.js';
import { Arena } from '../../../src/worker/engine/wasm/memory/arena.js';
import { StageRecords, storeRecords } from '../../../src/worker/engine/wasm/stage-records.js';
import { Team } from '../../../src/worker/engine/wasm/threads/team.js';
import { TRAIN_OPTIONS } from '../../../src/worker/engine/wasm/wasm-engine.js';
import { exactZerosOf } from '../../support/exact-zeros.js';
import { fewInput, fewState } from '../../support/few-recipe.js';
import { expectClose } from '../../worker/support/compare.js';
import { tinyInput } from '../../worker/support/tiny.js';
import { compileKernels } from '../../unit/support/compile-kernels.js';
import { kernelBytes, nodeWasmEngine } from '../../unit/support/wasm.js';
import { spawnNodeThread } from '../../unit/support/wasm-threads.js';

/** What notices a fault. */
type Check = (bytes: Uint8Array<ArrayBuffer>, channelDivisor: number) => Promise<void>;

interface Fault {
  readonly what: string;
  readonly file: string;
  readonly right: string;
  readonly wrong: string;
  readonly check: Check;
  readonly binary?: 'kernels-plain-shared.wasm';
  /** Of the networks; some kernels are for wide ones alone. 8 where absent. */
  readonly channelDivisor?: number;
}

/** What the plan computes in float64: a state one step in, what its next step shows, and the state after it. */
async function computeReference(channelDivisor: number): Promise<{
  readonly input: EngineInput;
  readonly before: EngineState;
  readonly seen: NamedTensors;
  readonly after: EngineState;
}> {
  const input = tinyInput('notebook', {}, channelDivisor);
  const engine = createInterpreter(input, { precision: 'float64', trainOptions: TRAIN_OPTIONS });
  await engine.advance(1);
  const before = await engine.exportState();
  const seen = await engine.inspectStep();
  await engine.advance(1);
  return { input, before, seen, after: await engine.exportState() };
}

const references = new Map<number, ReturnType<typeof computeReference>>();

/** The same, computed once a size. */
function referenceOf(channelDivisor: number): ReturnType<typeof computeReference> {
  const found = references.get(channelDivisor) ?? computeReference(channelDivisor);
  references.set(channelDivisor, found);
  return found;
}

/** Throws where the engine computes other values or gradients than the plan. */
const checkStep: Check = async (bytes, channelDivisor) => {
  const { input, before, seen } = await referenceOf(channelDivisor);
  const engine = await nodeWasmEngine(input, { simd: 'plain', bytes });
  await engine.importState(before);
  const tolerance = (name: string): number => (name.startsWith('gradient/') ? 1e-4 : 2e-5);
  expectClose(await engine.inspectStep(), seen, tolerance, exactZerosOf(input.recipe));
};

/** Of a recipe in stages what a step computes in its first stage and in its last, in float64. */
async function computeStages(): Promise<
  readonly { readonly state: EngineState; readonly seen: NamedTensors }[]
> {
  const input = fewInput();
  const engine = createInterpreter(input, { precision: 'float64', trainOptions: TRAIN_OPTIONS });
  const found = [];
  for (const stage of [0, 3]) {
    const state = fewState(input, stage);
    await engine.importState(state);
    found.push({ state, seen: await engine.inspectStep() });
  }
  return found;
}

let stages: ReturnType<typeof computeStages> | null = null;

/** Throws where the engine computes other values or gradients than the plan, in either stage. */
const checkStages: Check = async (bytes) => {
  const input = fewInput();
  const engine = await nodeWasmEngine(input, { simd: 'plain', bytes });
  stages ??= computeStages();
  for (const { state, seen } of await stages) {
    await engine.importState(state);
    const tolerance = (name: string): number => (name.startsWith('gradient') ? 1e-4 : 2e-5);
    expectClose(await engine.inspectStep(), seen, tolerance, exactZerosOf(input.recipe));
  }
};

/** Throws where the engine makes another update of its gradients than the plan. */
const checkUpdate: Check = async (bytes, channelDivisor) => {
  const { input, before, after } = await referenceOf(channelDivisor);
  const engine = await nodeWasmEngine(input, { simd: 'plain', bytes });
  await engine.importState(before);
  await engine.advance(1);
  expectClose((await engine.exportState()).tensors, after.tensors, () => 1e-4, exactZerosOf(input.recipe));
};

/** Throws where two threads make other bits than one. */
const checkThreads: Check = async (bytes) => {
  const input = tinyInput('notebook');
  const states = await Promise.all(
    [1, 2].map(async (threads) => {
      const choices = { simd: 'plain', isShared: true, threads, spawn: spawnNodeThread, bytes } as const;
      const engine = await nodeWasmEngine(input, choices);
      try {
        assert.equal(engine.threads, threads);
        await engine.advance(2);
        return (await engine.exportState()).tensors;
      } finally {
        engine.dispose();
      }
    }),
  );
  expectClose(states[1]!, states[0]!, () => 0);
};

/** Throws where a thread goes on at a barrier to which the other has not come. */
const checkBarrier: Check = async (bytes) => {
  const arena = new Arena(true);
  const kernels = await instantiate(await WebAssembly.compile(bytes), arena.memory);
  const team = new Team(arena, kernels, 4096, 1);
  const records = new StageRecords();
  const target = arena.allocate(16);
  records.add(0, 'drawLatents', 'latents', { stream: 1, count: 4, size: 4, classes: 0, target });
  const { address, count } = storeRecords(arena, records.filled);
  const isWhole = kernels.runRecords(address, count, 2, team.run, arena.allocate(4096));
  assert.equal(isWhole, 0, 'a barrier of two is off by one thread');
};

const SHARED = 'kernels-plain-shared.wasm';

const FAULTS: readonly Fault[] = [
  {
    what: 'a product whose windows step by one float too many',
    file: 'product.ts',
    right: 'runStart += runStep',
    wrong: 'runStart += runStep + 4',
    check: checkStep,
  },
  {
    what: 'a kernel gradient that leaves out one window in 128',
    file: 'kernel-gradient.ts',
    right: 'packedBlock(left, right, some, rows',
    wrong: 'packedBlock(left, right, some - 1, rows',
    check: checkStep,
  },
  {
    what: 'a transform without its third term',
    file: 'transform.ts',
    right: 'multiplyAdd(v128.load(c), factorC, two)',
    wrong: 'two',
    check: checkStep,
    channelDivisor: 1,
  },
  {
    what: 'rows that replace each other where they overlap',
    file: 'overlap-add.ts',
    right: 'isFirst ? added : f32x4.add(v128.load(to + offset), added)',
    wrong: 'added',
    check: checkStep,
  },
  {
    what: 'a kernel packed with one tap in place of another',
    file: 'pack.ts',
    right: 'usize(tapX) * record.tapStepX',
    wrong: 'usize(tapX) * record.tapStepY',
    check: checkStep,
  },
  {
    what: 'a bias gradient without the last image',
    file: 'bias-gradient.ts',
    right: 'image < images; image++, partial',
    wrong: 'image < images - 1; image++, partial',
    check: checkStep,
  },
  {
    what: "batch norm's gradient with a coefficient twice",
    file: 'pointwise.ts',
    right: 'v128.load(p + 2 * table)',
    wrong: 'v128.load(p + table)',
    check: checkStep,
  },
  {
    what: 'a prologue that drops what is kept',
    file: 'pointwise.ts',
    right: 'return i32x4.eq(v128.and(word, bits), bits);',
    wrong: 'return i32x4.ne(v128.and(word, bits), bits);',
    check: checkStep,
    channelDivisor: 1,
  },
  {
    what: 'dropout bits of the neighbouring block',
    file: 'draw.ts',
    right: 'drawWords(record.stream, pair * BLOCKS,',
    wrong: 'drawWords(record.stream, pair * BLOCKS + 1,',
    check: checkStep,
  },
  {
    what: 'a loss gradient of the wrong sign',
    file: 'loss.ts',
    right: 'probabilityOf(logits, column, total) - wanted)',
    wrong: 'probabilityOf(logits, column, total) + wanted)',
    check: checkStep,
  },
  {
    what: 'a running variance that is biased',
    file: 'norm.ts',
    right: 'f32x4.splat(1 / max<f32>(total - 1, 1))',
    wrong: 'f32x4.splat(1 / total)',
    check: checkStep,
  },
  {
    what: 'a group norm whose gradient leaves a mean out',
    file: 'group-norm.ts',
    right: 'const shift = sum * share - mean * slope;',
    wrong: 'const shift = sum * share;',
    check: checkStages,
  },
  {
    what: 'a view that is turned the wrong way',
    file: 'view.ts',
    right: 'cos * stretchedX - sin * stretchedY',
    wrong: 'cos * stretchedX + sin * stretchedY',
    check: checkStages,
  },
  {
    what: 'noise that is not centred',
    file: 'random.ts',
    right: 'i32x4.splat(510)',
    wrong: 'i32x4.splat(509)',
    check: checkStages,
  },
  {
    what: 'noise of another deviation',
    file: 'pointwise.ts',
    right: 'multiplyAdd(v128.load(values), share, v128.load(x))',
    wrong: 'f32x4.add(v128.load(values), v128.load(x))',
    check: checkStages,
  },
  {
    what: 'a contrastive gradient that pulls pairs half as much',
    file: 'contrastive.ts',
    right: 'load<f32>(pair) - 2',
    wrong: 'load<f32>(pair) - 1',
    check: checkStages,
  },
  {
    what: 'pseudo-labels whatever the threshold',
    file: 'loss.ts',
    right: 'return probability > load<f32>(element(thresholds, best));',
    wrong: 'return true;',
    check: checkStages,
  },
  {
    what: "Adam's epsilon under the root",
    file: 'adam.ts',
    right: 'f32x4.add(f32x4.sqrt(newV), epsilon)',
    wrong: 'f32x4.sqrt(f32x4.add(newV, epsilon))',
    check: checkUpdate,
  },
  {
    what: 'shares that end an item early',
    file: 'work-shares.ts',
    right: 'end = min(items, start + size);',
    wrong: 'end = min(items, start + size) - 1;',
    check: checkStep,
  },
  {
    what: 'shares that several threads leave out',
    file: 'work-shares.ts',
    right: 'start += threads * size;',
    wrong: 'start += threads * size + 1;',
    check: checkThreads,
    binary: SHARED,
  },
  {
    what: 'a barrier after which nobody claims anything',
    file: 'team.ts',
    right: 'resetShares(first, last);',
    wrong: '',
    check: checkThreads,
    binary: SHARED,
  },
  {
    what: 'a barrier that waits for one thread too few',
    file: 'team.ts',
    right: '== threads - 1',
    wrong: '== threads - 2',
    check: checkBarrier,
    binary: SHARED,
  },
];

const passed = new Map<string, Promise<void>>();

/** That a check passes on the build's own kernels, once for each size. */
function checkBuilt(check: Check, isShared: boolean, channelDivisor: number): Promise<void> {
  const key = `${check.name} ${channelDivisor}`;
  const found = passed.get(key) ?? check(kernelBytes('plain', isShared), channelDivisor);
  passed.set(key, found);
  return found;
}

describe('the checks of the wasm engine', () => {
  for (const { what, file, right, wrong, check, binary, channelDivisor = 8 } of FAULTS) {
    it(`fail on ${what}`, async () => {
      let changes = 0;
      const broken = await compileKernels(binary ?? 'kernels-plain.wasm', (name, text) => {
        if (name !== file) return text;
        changes = text.split(right).length - 1;
        return text.replace(right, wrong);
      });
      assert.equal(changes, 1, `"${right}" stands ${changes} times in ${file}`);
      await assert.rejects(check(broken, channelDivisor), /is off by/);
      await checkBuilt(check, binary === SHARED, channelDivisor);
    });
  }
});
