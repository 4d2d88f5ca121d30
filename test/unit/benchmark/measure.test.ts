import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Contender } from '../../../src/protocol/benchmark/contenders.js';
import type { BenchmarkEvent } from '../../../src/protocol/benchmark/orders.js';
import { fixedTurns, type Pacing } from '../../../src/protocol/benchmark/pacing.js';
import type { BenchmarkResult, Difference } from '../../../src/protocol/benchmark/report.js';
import type { NamedTensor, NamedTensors } from '../../../src/worker/model/parameters.js';
import type { BenchEngine } from '../../../src/worker/benchmark/bench-engine.js';
import { BEYOND, differenceOf } from '../../../src/worker/benchmark/correctness.js';
import { measure, type MeasureOptions, type Reference } from '../../../src/worker/benchmark/measure.js';
import type { NamedArray } from '../../../src/worker/benchmark/step-inputs.js';
import { tinyInput } from '../../worker/support/tiny.js';

const input = tinyInput('notebook');

const tensor = (...values: number[]): NamedTensor => ({
  shape: [values.length],
  values: Float32Array.from(values),
});

/** A step as an engine gives it: a loss of each kind, logits, gradients with one that is noise. */
function step(changed: Readonly<Record<string, NamedTensor>> = {}): NamedTensors {
  return new Map(
    Object.entries({
      discriminatorLoss: tensor(2),
      generatorLoss: tensor(1),
      'labelled/logits': tensor(3, 4),
      'labelled/conv1': tensor(1),
      'gradient/discriminator/conv1/kernel': tensor(0.3, 0.4),
      'gradient/discriminator/conv2/bias': tensor(1e-9),
      'gradient/generator/deconv1/kernel': tensor(0.001),
      ...changed,
    }),
  );
}

const without = (name: string): NamedTensors => new Map([...step()].filter(([key]) => key !== name));

describe('the difference from the reference', () => {
  const difference = (actual: NamedTensors, isPartial = false): ReturnType<typeof differenceOf> =>
    differenceOf(actual, step(), input.recipe, isPartial);

  it('is none for the same step', () => {
    assert.deepEqual(difference(step()), { losses: 0, logits: 0, gradients: 0 });
  });

  it('is the largest of each kind, relative to the tensor', () => {
    const found = difference(
      step({
        generatorLoss: tensor(1.25),
        'labelled/logits': tensor(3, 4.5),
        'gradient/generator/deconv1/kernel': tensor(0.0015),
      }),
    );
    assert.equal(found.losses, 0.25);
    assert.ok(Math.abs(found.logits! - 0.1) < 1e-6);
    assert.ok(Math.abs(found.gradients! - 0.5) < 1e-5, 'the generator’s gradients are small, not noise');
  });

  it('does not take for a difference what is zero in exact arithmetic', () => {
    const found = difference(step({ 'gradient/discriminator/conv2/bias': tensor(-3e-8) }));
    assert.ok(found.gradients! < 1e-4, String(found.gradients));
  });

  it('is beyond every tolerance where something is missing, of another shape, or no number', () => {
    const name = 'gradient/discriminator/conv1/kernel';
    assert.equal(difference(without(name)).gradients, BEYOND);
    assert.equal(difference(step({ [name]: tensor(1) })).gradients, BEYOND);
    assert.equal(difference(step({ [name]: tensor(NaN, 1) })).gradients, BEYOND);
    assert.equal(difference(without('generatorLoss')).losses, BEYOND);
  });

  it('asks a yardstick for no loss that it does not have, but for every gradient', () => {
    assert.equal(difference(without('generatorLoss'), true).losses, 0);
    assert.equal(difference(without('gradient/generator/deconv1/kernel'), true).gradients, BEYOND);
    assert.equal(differenceOf(new Map(), step(), input.recipe, true).losses, null);
  });
});

interface FakeOptions {
  readonly stepMs: number;
  readonly inspected?: NamedTensors | ((inputs: readonly NamedArray[] | null) => NamedTensors);
  /** Fails at this step. */
  readonly failsAt?: number;
  /** Fails where a chunk takes longer. */
  readonly silenceLimitMs?: number;
}

/** Engines on a clock of their own: a step takes what it is told to take. */
function stage(fakes: Readonly<Record<string, FakeOptions>>): {
  readonly options: Pick<MeasureOptions, 'create' | 'now' | 'emit' | 'ground' | 'alongside' | 'reference'>;
  readonly events: BenchmarkEvent[];
  readonly live: Set<string>;
  readonly now: () => number;
} {
  let now = 0;
  const events: BenchmarkEvent[] = [];
  const live = new Set<string>();
  const make = ({ engine }: Contender): BenchEngine => {
    const { stepMs, inspected, failsAt = Infinity, silenceLimitMs } = fakes[engine]!;
    let made = 0;
    live.add(engine);
    return {
      name: engine,
      steps: async (count) => {
        now += count * stepMs;
        made += count;
        if (made >= failsAt) throw new Error('The device was lost.');
        return 0;
      },
      evaluate: async (count) => {
        now += (count * stepMs) / 10;
        return count / 2;
      },
      ...(inspected === undefined
        ? {}
        : {
            inspect: async (inputs: readonly NamedArray[] | null) =>
              typeof inspected === 'function' ? inspected(inputs) : inspected,
          }),
      ...(silenceLimitMs === undefined
        ? {}
        : {
            chunksJsMs: async (steps: number, chunks: number) => {
              // Two are under way.
              if (2 * steps * stepMs > silenceLimitMs) throw new Error('The GPU did not answer.');
              now += chunks * steps * stepMs;
              return Array.from({ length: chunks }, () => steps / 2);
            },
          }),
      dispose: () => void live.delete(engine),
    };
  };
  return {
    events,
    live,
    now: () => now,
    options: {
      now: () => now,
      emit: (event) => events.push(event),
      create: async (contender) => {
        if (fakes[contender.engine] === undefined) throw new Error('There is no such thing here.');
        return make(contender);
      },
      ground: { input, gpu: undefined, peers: {} },
      alongside: () => undefined,
      reference: { step: step(), inputs: null, next: null },
    },
  };
}

function lastResults(events: readonly BenchmarkEvent[]): readonly BenchmarkResult[] {
  const results: BenchmarkResult[] = [];
  for (const event of events) if (event.type === 'result') results[event.index] = event.result;
  return results;
}

const orders = (
  pacing: Pacing,
  ...contenders: Contender[]
): Pick<MeasureOptions, 'contenders' | 'recipe' | 'stage' | 'batch' | 'pacing' | 'wantsOperations'> => ({
  contenders,
  recipe: 'notebook',
  stage: null,
  batch: null,
  pacing,
  wantsOperations: false,
});

const WASM: Contender = { engine: 'wasm', threads: 1 };
const CPU: Contender = { engine: 'tfjs-cpu', threads: null };
const GPU: Contender = { engine: 'webgpu', threads: null };

describe('a benchmark', () => {
  it('goes on without a contender that cannot start or that fails on the way, and says why', async () => {
    const { options, events, live } = stage({
      wasm: { stepMs: 10, inspected: step() },
      'tfjs-cpu': { stepMs: 10, failsAt: 30 },
    });
    await measure({ ...options, ...orders(fixedTurns(3), GPU, CPU, WASM) });
    const [gpu, cpu, wasm] = lastResults(events);
    assert.equal(gpu!.failure, 'There is no such thing here.');
    assert.equal(cpu!.failure, 'The device was lost.');
    assert.ok(cpu!.firstStepMs! > 0, 'what was measured before stays');
    assert.equal(wasm!.failure, null);
    assert.equal(wasm!.msPerStep!.median, 10);
    assert.deepEqual(wasm!.difference, { losses: 0, logits: 0, gradients: 0 });
    assert.equal(live.size, 0, 'everything is disposed');
  });

  it('tells of a wrong answer, and checks no yardstick whose recipe this is not', async () => {
    const { options, events } = stage({
      wasm: { stepMs: 10, inspected: step({ generatorLoss: tensor(3) }) },
      'tfjs-cpu': { stepMs: 10, inspected: step() },
    });
    await measure({ ...options, ...orders(fixedTurns(1), WASM, CPU) });
    const [wasm, cpu] = lastResults(events);
    assert.equal(wasm!.difference!.losses, 2);
    assert.equal(cpu!.difference, null);
  });

  it('gives a yardstick another step where its gradients alone are off as by an activation at its kink', async () => {
    const gradient = 'gradient/generator/deconv1/kernel';
    /** Three steps, whose inputs tell which one they are of. */
    const referenceAt = (index: number): Reference => ({
      step: step(),
      inputs: [{ name: 'step', shape: [], values: Float32Array.of(index) }],
      next: index === 2 ? null : async () => referenceAt(index + 1),
    });
    const check = async (...steps: readonly NamedTensors[]): Promise<readonly [Difference, number]> => {
      let asked = 0;
      const inspected = (inputs: readonly NamedArray[] | null): NamedTensors => {
        asked++;
        return steps[inputs![0]!.values[0]!]!;
      };
      const { options, events } = stage({ 'tfjs-cpu': { stepMs: 10, inspected } });
      await measure({ ...options, reference: referenceAt(0), ...orders(fixedTurns(1), CPU) });
      return [lastResults(events)[0]!.difference!, asked];
    };
    const kinked = step({ [gradient]: tensor(0.001005) });
    const worse = step({ [gradient]: tensor(0.00102) });
    const [right, once] = await check(step());
    assert.deepEqual([right.gradients, once], [0, 1]);
    assert.deepEqual((await check(kinked, kinked, step()))[0].gradients, 0);
    const [wrong, thrice] = await check(kinked, kinked, kinked);
    assert.ok(wrong.gradients! > 4e-3 && thrice === 3);
    // Further off than by a kink, or a loss: nothing else is tried.
    assert.deepEqual([(await check(worse, step()))[1]], [1]);
    const lost = step({ generatorLoss: tensor(1.001), [gradient]: tensor(0.001005) });
    const [difference, times] = await check(lost, step());
    assert.ok(difference.losses! > 9e-4 && times === 1);
    const [late] = await check(kinked, worse, step());
    assert.ok(Math.abs(late.gradients! - 5e-3) < 1e-4, 'the first stands');
  });

  it('keeps to its time: a contender that is too slow for its share makes fewer steps, and says how many', async () => {
    const { options, events, now } = stage({ wasm: { stepMs: 8 }, 'tfjs-cpu': { stepMs: 7000 } });
    const pacing: Pacing = {
      budgetMs: 30_000,
      leastTurns: 5,
      mostTurns: 400,
      steadyWithin: null,
      evaluationMs: 1500,
    };
    await measure({ ...options, ...orders(pacing, WASM, CPU) });
    const [wasm, cpu] = lastResults(events);
    assert.ok(cpu!.steps >= 1 && cpu!.steps <= 3, String(cpu!.steps));
    assert.ok(wasm!.steps > 100, String(wasm!.steps));
    assert.equal(cpu!.evaluationImages, Math.min(100, input.dataset.test.count));
    // The slow one's evaluation of its first images is longer than its limit.
    assert.ok(now() < 2.5 * 30_000 + 7000 * 30, String(now()));
    const told = events.flatMap((event) => (event.type === 'progress' ? [event.progress] : []));
    assert.ok(told.some(({ stage: at, leftMs }) => at === 'turns' && leftMs! > 0));
    assert.deepEqual([...new Set(told.map(({ stage: at }) => at))], ['start', 'turns', 'evaluation']);
  });

  it('ends early where every median is known well enough', async () => {
    const { options, now, events } = stage({ wasm: { stepMs: 8 } });
    const pacing: Pacing = {
      budgetMs: 30_000,
      leastTurns: 5,
      mostTurns: 400,
      steadyWithin: 0.01,
      evaluationMs: 100,
    };
    await measure({ ...options, ...orders(pacing, WASM) });
    assert.ok(now() < 5000, String(now()));
    assert.equal(lastResults(events)[0]!.drift, 1);
  });

  it('gives figures by a clock that sees most steps take no time', async () => {
    for (const contender of [WASM, GPU]) {
      const { options, events, now } = stage({ wasm: { stepMs: 8 }, webgpu: { stepMs: 8 } });
      const coarse = (): number => 100 * Math.floor(now() / 100);
      await measure({ ...options, now: coarse, ...orders(fixedTurns(12), contender) });
      const { msPerStep, drift, steps } = lastResults(events)[0]!;
      assert.ok(msPerStep!.min > 0, 'no step takes no time');
      assert.ok(msPerStep!.median > 5 && msPerStep!.median < 13, String(msPerStep!.median));
      assert.ok(drift! > 0.5 && drift! < 2, String(drift));
      assert.ok(steps < 2000, String(steps));
    }
  });

  it('asks no slow device for chunks that it would be silent over', async () => {
    for (const [stepMs, jsMs] of [
      [700, 0.5],
      [14_000, 0],
    ] as const) {
      const { options, events } = stage({ webgpu: { stepMs, silenceLimitMs: 60_000 } });
      await measure({ ...options, ...orders(fixedTurns(2), GPU) });
      const [result] = lastResults(events);
      assert.equal(result!.failure, null);
      assert.equal(result!.jsMsPerStep, jsMs);
      assert.ok(result!.evaluationMs! > 0);
    }
  });

  it('ends by a clock that stands still', async () => {
    const { options, events } = stage({ wasm: { stepMs: 8 } });
    await measure({ ...options, now: () => 0, ...orders(fixedTurns(1), WASM) });
    assert.ok(lastResults(events)[0]!.msPerStep!.median > 0);
  });
});
