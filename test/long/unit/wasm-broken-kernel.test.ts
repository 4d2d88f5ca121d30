/** The comparisons that pass on the real kernels fail on kernels that are wrong in one place. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EngineInput, EngineState } from '../../../src/worker/engine/engine.js';
import type { NamedTensors } from '../../../src/worker/model/parameters.js';
import { createInterpreter } from '../../../src/worker/engine/plan/interpreter/engine.js';
import { instantiate } from '../../../src/worker/engine/wasm/kernels.js';
import { Arena } from '../../../src/worker/engine/wasm/memory/arena.js';
import { Scratch } from '../../../src/worker/engine/wasm/memory/scratch.js';
import { storeRecord } from '../../../src/worker/engine/wasm/stage-records.js';
import { startSpreadIterations } from '../../../src/worker/engine/wasm/spread-iterations.js';
import { Team } from '../../../src/worker/engine/wasm/threads/team.js';
import { TRAIN_OPTIONS } from '../../../src/worker/engine/wasm/wasm-engine.js';
import { graphOf } from '../../../src/worker/spread/graph.js';
import { plainIterations } from '../../../src/worker/spread/plain-iterations.js';
import { plainNeighbours } from '../../../src/worker/spread/plain-neighbours.js';
import { spreadSeeds } from '../../../src/worker/spread/spread-seeds.js';
import { exactZerosOf } from '../../support/exact-zeros.js';
import { fewInput, fewState } from '../../support/few-recipe.js';
import { expectClose } from '../../worker/support/compare.js';
import { hashed, tinyInput } from '../../worker/support/tiny.js';
import { unhurried, unitRows } from '../../unit/support/spread.js';
import { compileKernels } from '../../unit/support/compile-kernels.js';
import { KERNEL_FAULTS } from '../../unit/support/kernel-faults.js';
import { kernelBytes, nodeWasmEngine } from '../../unit/support/wasm.js';
import { spawnNodeThread } from '../../unit/support/wasm-threads.js';

/** What notices a fault. */
type Check = (bytes: Uint8Array<ArrayBuffer>, channelDivisor: number) => Promise<void>;

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

/** Throws where the micro-kernel's wide tile makes other bits than the narrow one. */
const checkTiles: Check = async (bytes) => {
  const input = tinyInput('few-labels', {}, 1);
  const states = [];
  for (const tileColumns of [8, 16] as const) {
    const engine = await nodeWasmEngine(input, { simd: 'plain', tileColumns, bytes });
    await engine.advance(2);
    states.push((await engine.exportState()).tensors);
  }
  expectClose(states[1]!, states[0]!, () => 0);
};

/** Throws where a thread goes on at a barrier to which the other has not come. */
const checkBarrier: Check = async (bytes) => {
  const arena = new Arena(true);
  const kernels = await instantiate(await WebAssembly.compile(bytes), arena.memory);
  const team = new Team(arena, kernels, new Scratch(4096), 1);
  const target = arena.allocate(16);
  const latents = { stream: 1, count: 4, size: 4, classes: 0, target };
  const { address, count } = storeRecord(arena, 'drawLatents', 'latents', latents);
  const isWhole = kernels.runRecords(address, count, 2, team.run, arena.allocate(4096));
  assert.equal(isWhole, 0, 'a barrier of two is off by one thread');
};

/** Throws where labels are spread otherwise than in plain TypeScript. */
const checkSpread: Check = async (bytes) => {
  const rows = unitRows(70, 5, (row, index) => hashed(row * 5 + index, 9));
  const graph = graphOf(await plainNeighbours(rows, 4, unhurried()));
  const module = await WebAssembly.compile(bytes);
  const platform = { simd: 'plain', threads: 1, isShared: false, module, instantiate } as const;
  const values = await Promise.all(
    [await startSpreadIterations(graph, platform), await plainIterations(graph)].map((iterations) =>
      spreadSeeds(iterations, [{ row: 3, column: 7, value: 1 }], unhurried()),
    ),
  );
  const [found, expected] = values.map(
    (own) => new Map([['spread', { shape: [own.length], values: Float32Array.from(own) }]]),
  );
  expectClose(found!, expected!, () => 0);
};

const CHECKS = {
  step: checkStep,
  stages: checkStages,
  update: checkUpdate,
  spread: checkSpread,
  threads: checkThreads,
  barrier: checkBarrier,
  tiles: checkTiles,
} as const;

const passed = new Map<string, Promise<void>>();

/** That a check passes on the build's own kernels, once for each size. */
function checkBuilt(check: Check, isShared: boolean, channelDivisor: number): Promise<void> {
  const key = `${check.name} ${channelDivisor}`;
  const found = passed.get(key) ?? check(kernelBytes('plain', isShared), channelDivisor);
  passed.set(key, found);
  return found;
}

describe('the checks of the wasm engine', () => {
  for (const {
    what,
    file,
    right,
    wrong,
    check: name,
    isShared = false,
    channelDivisor = 8,
  } of KERNEL_FAULTS) {
    it(`fail on ${what}`, async () => {
      const check = CHECKS[name];
      const binary = isShared ? 'kernels-plain-shared.wasm' : 'kernels-plain.wasm';
      const broken = await compileKernels(binary, (source, text) =>
        source === file ? text.replace(right, wrong) : text,
      );
      await assert.rejects(check(broken, channelDivisor), /is off by/);
      await checkBuilt(check, isShared, channelDivisor);
    });
  }
});
