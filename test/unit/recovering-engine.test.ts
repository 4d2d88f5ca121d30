import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Engine, EngineState } from '../../src/worker/engine/engine.js';
import { NoAnswer } from '../../src/worker/engine/device/answer.js';
import {
  ReplayStopped,
  startRecovering,
  type ReplayPace,
} from '../../src/worker/engine/recovering-engine.js';
import { TrainerError } from '../../src/protocol/errors.js';

/** Everything again in one portion, whatever comes. */
const WHOLE: ReplayPace = {
  begin: () => undefined,
  hearCommands: async () => undefined,
  portion: (left) => left,
  made: () => undefined,
};

/** Counts steps; fails once its step would pass `failsAfter`. Metrics of a step hold the step. */
function counting(name: 'webgpu' | 'tfjs-wasm', failsAfter: number, log: string[]): Engine {
  let step = 0;
  let isLost = false;
  log.push(`start ${name}`);
  const check = (): void => {
    if (isLost) throw new TrainerError('DeviceLost', 'gone');
  };
  return {
    info: { engine: name, adapter: '', isSoftware: false },
    evaluationSlice: 10,
    joinsSlices: false,
    advance: async (steps) => {
      if (step + steps > failsAfter) isLost = true;
      check();
      const first = step;
      step += steps;
      return Array.from({ length: steps }, (_, i) => ({
        step: first + i + 1,
        values: Float32Array.of(first + i + 1),
      }));
    },
    flush: async () => {
      check();
      return [];
    },
    countCorrect: async () => step,
    generate: async () => {
      check();
      return Float32Array.of(1);
    },
    classify: async () => new Float32Array(0),
    features: async () => new Float32Array(0),
    exportState: async (): Promise<EngineState> => {
      check();
      return { step, tensors: new Map() };
    },
    importState: async (state) => {
      step = state.step;
    },
    inspectStep: async () => new Map(),
    dispose: () => void log.push(`dispose ${name}`),
  };
}

async function recovering(
  failsAfter: readonly number[],
  log: string[],
  now = () => 0,
  replay = WHOLE,
): Promise<Engine> {
  const limits = [...failsAfter];
  const start = async (): Promise<Engine> => counting('webgpu', limits.shift()!, log);
  return startRecovering({
    start,
    next: [async () => counting('tfjs-wasm', Infinity, log)],
    imageShape: [1, 1, 1],
    replay,
    onReplaced: (info, failed, failure) =>
      void log.push(`${failed.engine} -> ${info.engine}: ${failure.message}`),
    now,
  });
}

const stepsOf = (metrics: readonly { readonly step: number }[]): number[] => metrics.map(({ step }) => step);

test('a lost device is replaced, and no step is reported twice or left out', async () => {
  const log: string[] = [];
  const engine = await recovering([5, Infinity], log);
  assert.deepEqual(stepsOf(await engine.advance(2)), [1, 2]);
  await engine.exportState();
  assert.deepEqual(stepsOf(await engine.advance(2)), [3, 4]);
  assert.deepEqual(stepsOf(await engine.advance(2)), [5, 6]);
  assert.equal(await engine.countCorrect(0, 1), 6);
  assert.deepEqual(log, ['start webgpu', 'dispose webgpu', 'start webgpu', 'webgpu -> webgpu: gone']);
});

test('the fourth loss in ten minutes goes on with the next engine', async () => {
  const log: string[] = [];
  const engine = await recovering([1, 1, 1, 1], log);
  assert.deepEqual(stepsOf(await engine.advance(1)), [1]);
  assert.deepEqual(stepsOf(await engine.advance(1)), [2]);
  assert.equal(engine.info.engine, 'tfjs-wasm');
  assert.equal(log.filter((line) => line === 'start webgpu').length, 4);
  assert.equal(log.at(-1), 'webgpu -> tfjs-wasm: gone');
});

test('losses that lie further apart are forgiven', async () => {
  const log: string[] = [];
  let minutes = 0;
  const engine = await recovering([1, 2, 3, 4, 5, 6], log, () => minutes * 60_000);
  for (let step = 1; step <= 6; step++) {
    assert.deepEqual(stepsOf(await engine.advance(1)), [step]);
    await engine.exportState();
    minutes += 11;
  }
  assert.equal(engine.info.engine, 'webgpu');
});

test('an error that is not the device’s is passed on', async () => {
  const log: string[] = [];
  const inner = counting('webgpu', Infinity, log);
  const engine = await startRecovering({
    start: async () => ({
      ...inner,
      importState: () => Promise.reject(new TrainerError('InvalidCheckpoint', 'foreign')),
    }),
    next: [],
    imageShape: [1, 1, 1],
    replay: WHOLE,
    onReplaced: () => assert.fail(),
    now: () => 0,
  });
  await assert.rejects(engine.importState({ step: 0, tensors: new Map() }), { name: 'InvalidCheckpoint' });
});

test('a device that is lost before the engine is there is replaced too, three times at most', async () => {
  for (const losses of [3, 4]) {
    let starts = 0;
    const log: string[] = [];
    const started = startRecovering({
      start: async () => {
        if (++starts <= losses) throw new TrainerError('DeviceLost', `gone ${starts}`);
        return counting('webgpu', Infinity, log);
      },
      next: [],
      imageShape: [1, 1, 1],
      replay: WHOLE,
      onReplaced: () => assert.fail('nothing was there to be replaced'),
      now: () => 0,
    });
    if (losses === 3) assert.deepEqual(stepsOf(await (await started).advance(2)), [1, 2]);
    else await assert.rejects(started, { name: 'DeviceLost', message: 'gone 4' });
  }
});

test('an engine that cannot start for another reason is not tried again', async () => {
  let starts = 0;
  const started = startRecovering({
    start: async () => {
      starts++;
      throw new TrainerError('Internal', 'a shader is wrong');
    },
    next: [],
    imageShape: [1, 1, 1],
    replay: WHOLE,
    onReplaced: () => assert.fail(),
    now: () => 0,
  });
  await assert.rejects(started, { name: 'Internal' });
  assert.equal(starts, 1);
});

test('a picture is made by whichever engine runs, from its values where it makes none itself', async () => {
  const log: string[] = [];
  const engine = await recovering([0, Infinity], log);
  await engine.advance(1);
  const grid = await engine.generateGrid!(new Float32Array(1), 1, 2);
  assert.deepEqual([...grid.rgba], [255, 255, 255, 255, 0, 0, 0, 255]);
  assert.deepEqual(log, ['start webgpu', 'dispose webgpu', 'start webgpu', 'webgpu -> webgpu: gone']);
});

/** Portions of three steps; breaks off while `isStopped`. */
class Threes implements ReplayPace {
  isStopped = false;
  readonly portions: number[] = [];
  /** Called before each portion. */
  onPortion: () => void = () => undefined;

  begin(): void {
    // Nothing is measured.
  }

  async hearCommands(): Promise<void> {
    this.onPortion();
    if (this.isStopped) throw new ReplayStopped();
  }

  portion(left: number): number {
    const steps = Math.min(3, left);
    this.portions.push(steps);
    return steps;
  }

  made(): void {
    // Nothing is reported.
  }
}

test('lost steps are made again in portions, and so are those that the lost engine was asked for', async () => {
  const replay = new Threes();
  const engine = await recovering([10, Infinity], [], () => 0, replay);
  assert.equal((await engine.advance(7)).length, 7);
  assert.deepEqual(stepsOf(await engine.advance(5)), [8, 9, 10, 11, 12]);
  assert.deepEqual(replay.portions, [3, 3, 1, 3, 2]);
  assert.deepEqual(stepsOf(await engine.advance(4)), [13, 14, 15, 16]);
  assert.deepEqual(replay.portions.length, 5);
});

test('a replay that is broken off goes on with the next call, and no step is reported twice or left out', async () => {
  const replay = new Threes();
  const engine = await recovering([10, Infinity], [], () => 0, replay);
  await engine.advance(7);
  replay.onPortion = () => (replay.isStopped = replay.portions.length === 1);
  await assert.rejects(engine.advance(5), (error) => error instanceof ReplayStopped && error.stepsMade === 0);
  await assert.rejects(engine.exportState(), (error) => error instanceof ReplayStopped);
  replay.isStopped = false;
  replay.onPortion = () => undefined;
  assert.deepEqual(stepsOf(await engine.advance(2)), [8, 9]);
  assert.deepEqual(replay.portions, [3, 3, 1]);
  assert.equal((await engine.exportState()).step, 9);
});

test('a replay that is broken off within the steps asked for says how many of them were made', async () => {
  const replay = new Threes();
  const engine = await recovering([10, Infinity], [], () => 0, replay);
  await engine.advance(7);
  replay.onPortion = () => (replay.isStopped = replay.portions.length === 4);
  await assert.rejects(engine.advance(5), (error) => error instanceof ReplayStopped && error.stepsMade === 3);
  replay.isStopped = false;
  replay.onPortion = () => undefined;
  assert.deepEqual(stepsOf(await engine.flush()), [8, 9, 10]);
  assert.deepEqual(stepsOf(await engine.advance(2)), [11, 12]);
  assert.equal((await engine.exportState()).step, 12);
});

test('images that a lost engine was to look at in one call are looked at in slices of the next one', async () => {
  const replay = new Threes();
  const looked: [number, number][] = [];
  const slow = counting('tfjs-wasm', Infinity, []);
  let isLost = false;
  const engine = await startRecovering({
    start: async () => {
      if (isLost) throw new NoAnswer('The GPU', 1);
      return {
        ...counting('webgpu', Infinity, []),
        evaluationSlice: 100,
        countCorrect: async () => {
          isLost = true;
          throw new TrainerError('DeviceLost', 'gone');
        },
      };
    },
    next: [
      async () => ({
        ...slow,
        countCorrect: async (first, count) => {
          looked.push([first, count]);
          return count;
        },
      }),
    ],
    imageShape: [1, 1, 1],
    replay,
    onReplaced: () => undefined,
    now: () => 0,
  });
  assert.equal(engine.evaluationSlice, 100);
  assert.equal(await engine.countCorrect(50, 25), 25);
  assert.deepEqual(looked, [
    [50, 10],
    [60, 10],
    [70, 5],
  ]);
  assert.equal(engine.evaluationSlice, 10);
});

test('memory that runs out before the engine is there is a reason to try again, silence is none', async () => {
  for (const [failure, starts] of [
    [new TrainerError('OutOfMemory', 'no more of it'), 2],
    [new NoAnswer('The GPU', 15_000, 'DeviceLost'), 1],
  ] as const) {
    let started = 0;
    const engine = startRecovering({
      start: async () => {
        if (++started === 1) throw failure;
        return counting('webgpu', Infinity, []);
      },
      next: [],
      imageShape: [1, 1, 1],
      replay: WHOLE,
      onReplaced: () => assert.fail(),
      now: () => 0,
    });
    await engine.catch(() => undefined);
    assert.equal(started, starts, failure.message);
  }
});

test('a driver that no longer answers is asked once, then the next engine goes on', async () => {
  const log: string[] = [];
  let starts = 0;
  const engine = await startRecovering({
    start: async () => {
      if (++starts > 1) throw new NoAnswer('The GPU', 10_000);
      return counting('webgpu', 2, log);
    },
    next: [async () => counting('tfjs-wasm', Infinity, log)],
    imageShape: [1, 1, 1],
    replay: WHOLE,
    onReplaced: (info, failed) => void log.push(`${failed.engine} -> ${info.engine}`),
    now: () => 0,
  });
  assert.deepEqual(stepsOf(await engine.advance(2)), [1, 2]);
  assert.deepEqual(stepsOf(await engine.advance(2)), [3, 4]);
  assert.equal(starts, 2);
  assert.equal(log.at(-1), 'webgpu -> tfjs-wasm');
});
