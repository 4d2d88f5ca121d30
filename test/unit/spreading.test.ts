/** Spreading labels against SciPy and scikit-learn, on graphs that hold nothing, and in slices. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { featureMap } from '../../src/worker/spread/feature-map.js';
import { graphOf, type Graph } from '../../src/worker/spread/graph.js';
import { readRow, spreadLabels } from '../../src/worker/spread/labels.js';
import { drawEvenly, leaveOneOut, type LeftOut } from '../../src/worker/spread/leave-one-out.js';
import type { Neighbours } from '../../src/worker/spread/neighbours.js';
import { PLAIN_KERNELS } from '../../src/worker/spread/kernels.js';
import { plainNeighbours } from '../../src/worker/spread/plain-neighbours.js';
import { plainIterations } from '../../src/worker/spread/plain-iterations.js';
import { Slices } from '../../src/worker/spread/slices.js';
import { mapSpread, spread, UNREACHED, type SpreadInput } from '../../src/worker/spread/spreader.js';
import { targetsOf } from '../../src/worker/spread/targets.js';
import { COLUMNS } from '../../src/worker/spread/iterations.js';
import { spreadSeeds } from '../../src/worker/spread/spread-seeds.js';
import { trustOf } from '../../src/worker/spread/trust.js';
import { readUnitRows } from '../../src/worker/spread/unit-rows.js';
import { loadSpreadingReference } from '../reference/spreading/load.js';
import { hashed } from '../worker/support/tiny.js';
import { unhurried, unitRows } from './support/spread.js';

const reference = loadSpreadingReference();
const features = Float32Array.from(reference.features);

async function read(first: number, count: number): Promise<Float32Array<ArrayBuffer>> {
  return features.slice(first * reference.size, (first + count) * reference.size);
}

async function referenceNeighbours(): Promise<Neighbours> {
  const rows = await readUnitRows(read, reference.count, reference.size, unhurried());
  return plainNeighbours(rows, reference.nearest, unhurried());
}

/** Labels left out one by one, once all are spread. */
async function leaveOut(
  graph: Graph,
  labels: readonly number[],
  classes: number,
): Promise<readonly LeftOut[]> {
  const values = await spreadLabels(await plainIterations(graph), labels, classes, unhurried());
  return leaveOneOut(await plainIterations(graph), labels, classes, values, unhurried());
}

function assertClose(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  assert.equal(found.length, expected.length);
  const largest = Math.max(...Array.from(expected, Math.abs));
  for (let at = 0; at < found.length; at++) {
    const difference = Math.abs(found[at]! - expected[at]!);
    assert.ok(difference <= tolerance * largest, `${at}: ${found[at]}, expected ${expected[at]}`);
  }
}

/** A graph of these pairs, all cosines 1, through lists of `nearest` neighbours padded with cosine 0. */
function graphOfPairs(count: number, pairs: readonly (readonly [number, number])[]): Graph {
  const nearest = Math.max(
    1,
    ...Array.from({ length: count }, (_, row) => pairs.filter(([a]) => a === row).length),
  );
  const indices = new Int32Array(count * nearest);
  const cosines = new Float32Array(count * nearest);
  for (let row = 0; row < count; row++) {
    indices.fill((row + 1) % count, row * nearest, (row + 1) * nearest);
    pairs
      .filter(([a]) => a === row)
      .forEach(([, b], place) => {
        indices[row * nearest + place] = b;
        cosines[row * nearest + place] = 1;
      });
  }
  return graphOf({ count, nearest, indices, cosines });
}

describe('spreading against SciPy and scikit-learn', () => {
  it('finds the same neighbours', async () => {
    const { indices, cosines } = await referenceNeighbours();
    assert.deepEqual([...indices], reference.indices);
    assertClose(cosines, reference.cosines, 1e-6);
  });

  it('spreads labels to the same values', async () => {
    const graph = graphOf(await referenceNeighbours());
    const { labels, classes } = reference;
    assertClose(
      await spreadLabels(await plainIterations(graph), labels, classes, unhurried()),
      reference.spread,
      1e-5,
    );
  });

  it('reads the same where a label is left out, as if the others were spread once more', async () => {
    const graph = graphOf(await referenceNeighbours());
    const { labels, classes, leftOut } = reference;
    const found = await leaveOut(graph, labels, classes);
    assert.equal(found.length, labels.length);
    for (const { row, margin, isRight, ...reading } of found) {
      const expected = readRow(leftOut, row * classes, classes);
      assert.equal(reading.class, expected.class);
      assert.equal(isRight, expected.class === labels[row]);
      assert.ok(Math.abs(margin - expected.margin) < 1e-4, `row ${row}: ${margin}, ${expected.margin}`);
    }
  });

  it('lays landmarks along the directions of the singular value decomposition', async () => {
    const rows = await readUnitRows(read, reference.count, reference.size, unhurried());
    const map = await featureMap(rows, unhurried());
    for (const column of [0, 1]) {
      const own = map.filter((_, at) => at % 2 === column);
      const expected = reference.map.filter((_, at) => at % 2 === column);
      const sign = Math.sign(own[0]! * expected[0]!);
      assertClose(
        own,
        expected.map((value) => sign * value),
        1e-5,
      );
      assert.equal(Math.max(...own.map(Math.abs)), 1);
    }
  });
});

describe('a graph', () => {
  it('joins two rows once, whichever lists the other, and leaves out cosines of 0 and below', () => {
    const indices = Int32Array.of(1, 2, 0, 2, 0, 3, 0, 1);
    const cosines = Float32Array.of(0.5, 0.25, 0.5, -0.5, 0.25, 0, -0.25, -1);
    const { starts, columns, weights } = graphOf({ count: 4, nearest: 2, indices, cosines });
    assert.deepEqual([...starts], [0, 2, 3, 4, 4]);
    assert.deepEqual([...columns], [1, 2, 0, 0]);
    const degree = 0.5 ** 10 + 0.25 ** 10;
    const [near, far] = [Math.sqrt(0.5 ** 10 / degree), Math.sqrt(0.25 ** 10 / degree)];
    assertClose(weights, [near, far, near, far], 1e-15);
  });

  it('has the larger weight of the two where rows count each other differently, or one not at all', () => {
    const indices = Int32Array.of(1, 2, 0, 2, 1, 0);
    const cosines = Float32Array.of(0.5, 0.75, 1, 0, 0.25, 0.75);
    const { starts, columns, weights } = graphOf({ count: 3, nearest: 2, indices, cosines });
    assert.deepEqual([...starts], [0, 2, 4, 6]);
    assert.deepEqual([...columns], [1, 2, 0, 2, 0, 1]);
    const [a, b, c] = [1, 0.75 ** 10, 0.25 ** 10];
    const [d0, d1, d2] = [a + b, a + c, b + c];
    const expected = [a / Math.sqrt(d0 * d1), b / Math.sqrt(d0 * d2), c / Math.sqrt(d1 * d2)];
    const [s01, s02, s12] = expected as [number, number, number];
    assertClose(weights, [s01, s02, s01, s12, s02, s12], 1e-15);
  });
});

describe('labels', () => {
  it('reach what is joined to them and nothing else', async () => {
    const graph = graphOfPairs(6, [
      [0, 2],
      [1, 3],
    ]);
    const values = await spreadLabels(await plainIterations(graph), [0, 1], 2, unhurried());
    assert.deepEqual(readRow(values, 4, 2), { class: 0, margin: 1 });
    assert.deepEqual(readRow(values, 6, 2), { class: 1, margin: 1 });
    for (const row of [4, 5]) assert.deepEqual(readRow(values, row * 2, 2), { class: -1, margin: 0 });
  });

  it('weigh as much by class, however many of a class there are', async () => {
    // 5 lies between one label of class 0 and one of class 1, whose class has three.
    const graph = graphOfPairs(6, [
      [5, 0],
      [5, 1],
    ]);
    const values = await spreadLabels(await plainIterations(graph), [0, 1, 1, 1], 2, unhurried());
    assert.ok(values[10]! > 2.9 * values[11]!, `${values[10]}, ${values[11]}`);
  });

  it('of which a class has only one are not left out', async () => {
    const graph = graphOfPairs(4, [
      [0, 2],
      [2, 0],
    ]);
    assert.deepEqual(await leaveOut(graph, [0, 1], 2), []);
    const found = await leaveOut(graph, [0, 1, 0], 2);
    assert.deepEqual(
      found.map(({ row, isRight }) => [row, isRight]),
      [
        [0, true],
        [2, true],
      ],
    );
    assert.deepEqual(await leaveOut(graph, [], 2), []);
  });

  it('that no other reaches are wrong, without any margin', async () => {
    const found = await leaveOut(graphOfPairs(4, []), [0, 0], 2);
    assert.deepEqual(
      found.map(({ isRight, margin }) => [isRight, margin]),
      [
        [false, 0],
        [false, 0],
      ],
    );
  });

  it('that no other reaches are wrong, whatever is left by rounding', async () => {
    for (let count = 2; count < 40; count++) {
      // A ring beside the labels lets some of them come back to themselves in many steps.
      const pairs = Array.from({ length: 5 }, (_, row): [number, number] => [
        row === 0 ? 0 : count + row - 1,
        row === 4 ? 0 : count + row,
      ]);
      const labels = Array.from({ length: count }, () => 0);
      const found = await leaveOut(graphOfPairs(count + 4, pairs), labels, 2);
      assert.equal(found.length, count);
      for (const { isRight, margin } of found) assert.deepEqual([isRight, margin], [false, 0]);
    }
  });

  it('are drawn by turns from the classes where there are too many', () => {
    const labels = [0, 0, 0, 0, 0, 1, 2, 2, 0, 2];
    assert.deepEqual(drawEvenly(labels, 4, 5), [0, 1, 2, 6, 7]);
    assert.deepEqual(drawEvenly(labels, 4, 100), [0, 1, 2, 3, 4, 6, 7, 8, 9]);
  });

  it('of which there are many are left out in part, and all serve the others', async () => {
    const graph = graphOf(await referenceNeighbours());
    const labels = Array.from({ length: 240 }, (_, row) => reference.labels[row % 20]!);
    const found = await leaveOut(graph, labels, reference.classes);
    assert.equal(found.length, 128);
    for (const { row, margin, isRight, ...reading } of found.slice(0, 20)) {
      // Spread once more without this label, which stands at a place of its own.
      const others = labels.map((label, other) => ({ label, other })).filter(({ other }) => other !== row);
      const counts = labels.map((label) => others.filter((item) => item.label === label).length);
      const sums = new Float64Array(reference.classes);
      for (let own = 0; own < reference.classes; own++) {
        const seeds = others
          .filter(({ label }) => label === own)
          .map(({ other }) => ({ row: other, column: 0, value: 1 / counts[other]! }));
        sums[own] = (await spreadSeeds(await plainIterations(graph), seeds, unhurried()))[row * COLUMNS]!;
      }
      const expected = readRow(sums, 0, reference.classes);
      assert.equal(reading.class, expected.class);
      assert.ok(Math.abs(margin - expected.margin) < 1e-9);
      assert.equal(isRight, expected.class === labels[row]);
    }
  });
});

describe('trust', () => {
  const leftOut = (rights: readonly boolean[]): readonly LeftOut[] =>
    rights.map((isRight, row) => ({ row, class: 0, isRight, margin: 1 - row / rights.length }));

  it('takes all where most labels that are left out come back', () => {
    const most = leftOut(Array.from({ length: 100 }, (_, row) => row % 10 !== 0));
    const trust = trustOf(most, 0.95);
    assert.equal(trust.kind, 'all');
    assert.deepEqual([trust.leftOut, trust.leftOutRight], [100, 90]);
    // Unless neighbours differ: then the first nine of these, all right, are too few.
    assert.equal(trustOf(most, 0.85).kind, 'none');
  });

  it('takes those that are as sure as labels nearly all of which come back, where too few come back', () => {
    // 30 right ones first, then every second one.
    const trust = trustOf(leftOut(Array.from({ length: 100 }, (_, row) => row < 30 || row % 2 === 0)), 0.95);
    assert.equal(trust.kind, 'surest');
    assert.ok(trust.trusted >= 30 && trust.trusted <= 36, String(trust.trusted));
    assert.equal(trust.leastMargin, 1 - (trust.trusted - 1) / 100);
  });

  it('takes none where the surest are wrong too, where few labels prove little, and where none can be left out', () => {
    assert.equal(trustOf(leftOut(Array.from({ length: 100 }, (_, row) => row % 2 === 0)), 1).kind, 'none');
    assert.equal(trustOf(leftOut([true, true]), 1).kind, 'none');
    assert.equal(trustOf([], 1).kind, 'none');
  });

  it('does not part labels that are equally sure', () => {
    const right = Array.from({ length: 20 }, (_, row) => ({ row, class: 0, isRight: true, margin: 0.5 }));
    const wrong = right.map((item) => ({ ...item, isRight: false }));
    assert.equal(trustOf([...right, ...wrong], 1).kind, 'none');
  });
});

describe('targets', () => {
  const values = Float64Array.of(0.1, 0.9, 0.6, 0.4, 0, 0, 0.2, 0.8);
  const rows = (kind: 'all' | 'surest' | 'none', leastMargin: number) => {
    const { values: targets, used } = targetsOf(values, 2, [0], { kind, leastMargin });
    return [...targets, used];
  };

  it('are the labels where there is one, else the largest spread label where one has come', () => {
    assert.deepEqual(rows('all', 0), [1, 0, 1, 0, 0, 0, 0, 1, 3]);
  });

  it('are no more than may be: the labelled, then the surest', () => {
    const most = (count: number) => {
      const {
        values: targets,
        used,
        leastMargin,
      } = targetsOf(values, 2, [0], { kind: 'all', leastMargin: 0 }, count);
      return [...targets, used, Math.round(leastMargin * 10) / 10];
    };
    assert.deepEqual(most(3), [1, 0, 1, 0, 0, 0, 0, 1, 3, 0]);
    assert.deepEqual(most(2), [1, 0, 0, 0, 0, 0, 0, 1, 2, 0.6]);
    assert.deepEqual(most(1), [1, 0, 0, 0, 0, 0, 0, 0, 1, Infinity]);
    assert.deepEqual(most(0), [0, 0, 0, 0, 0, 0, 0, 0, 0, Infinity]);
  });

  it('are the surest, or none', () => {
    assert.deepEqual(rows('surest', 0.5), [1, 0, 0, 0, 0, 0, 0, 1, 2]);
    assert.deepEqual(rows('none', Infinity), [0, 0, 0, 0, 0, 0, 0, 0, 0]);
  });
});

describe('a map', () => {
  it('of rows that do not differ has all of them in its middle', async () => {
    const map = await featureMap(
      unitRows(50, 4, (_, index) => index + 1),
      unhurried(),
    );
    assert.deepEqual([...map], new Array(100).fill(0));
  });

  it('of rows along a line has 0 in its other direction', async () => {
    const map = await featureMap(
      unitRows(50, 1, (row) => (row % 2 === 0 ? 1 : -1)),
      unhurried(),
    );
    map.forEach((value, at) => assert.equal(value, at % 2 === 1 ? 0 : at % 4 === 0 ? 1 : -1));
  });
});

describe('the spreader', () => {
  const input: SpreadInput = {
    landmarks: reference.count,
    classes: reference.classes,
    labels: reference.labels,
    size: reference.size,
    features: read,
    kernels: PLAIN_KERNELS,
    slices: unhurried(),
  };

  it('gives targets, trust and a map of the reference, part by part', async () => {
    const parts: string[] = [];
    const outcome = await spread({ ...input, report: (part) => parts.push(part) });
    assert.deepEqual(parts, ['features', 'neighbours', 'labels', 'leaveOneOut', 'map']);
    assert.deepEqual([outcome.leftOut, outcome.leftOutRight], [20, 16]);
    assert.equal(outcome.reachedShare, 1);
    assert.equal(outcome.targets.length, reference.count * reference.classes);
    assert.equal(outcome.map.length, reference.count * 2);
    const sum = outcome.targets.reduce((total, value) => total + value, 0);
    assert.equal(outcome.usedShare, sum / reference.count);
    reference.labels.forEach((label, row) => assert.equal(outcome.spreadClasses[row], label));
  });

  it('gives the same map alone, without leaving labels out', async () => {
    const parts: string[] = [];
    const { map, spreadClasses } = await spread(input);
    assert.deepEqual(await mapSpread({ ...input, report: (part) => parts.push(part) }), {
      map,
      spreadClasses,
    });
    assert.ok(!parts.includes('leaveOneOut'));
  });

  it('gives no more targets than may be', async () => {
    const rows = Array.from({ length: 240 }, (_, row) => [Math.floor(row / 60), row] as const);
    const features = async (first: number, count: number) =>
      Float32Array.from({ length: count * 4 }, (_, at) => {
        const [own, row] = rows[(first + Math.floor(at / 4)) % 240]!;
        return (at % 4 === own ? 1 : 0) + 0.1 * hashed(row * 4 + (at % 4), 2);
      });
    // Four clusters, of which the first two have labels only, the third ten, the last none.
    const clusters = {
      ...input,
      landmarks: 240,
      size: 4,
      features,
      labels: rows.map(([own]) => own).slice(0, 130),
    };
    const whole = await spread(clusters);
    assert.deepEqual([whole.kind, whole.usedShare], ['all', whole.reachedShare]);
    const part = await spread({ ...clusters, mostShare: 0.55 });
    assert.deepEqual([part.kind, part.usedShare], ['surest', 132 / 240]);
    const none = await spread({ ...clusters, mostShare: 0 });
    assert.deepEqual([none.kind, none.usedShare], ['none', 0]);
  });

  it('gives the same bits again', async () => {
    assert.deepEqual(await spread(input), await spread(input));
  });

  it('gives no target where features say nothing: hashed ones, and none at all', async () => {
    const noise = Float32Array.from({ length: 300 * 16 }, (_, at) => hashed(at, 4));
    const labels = Array.from({ length: 40 }, (_, row) => row % 4);
    for (const values of [noise, new Float32Array(300 * 16)]) {
      const features = async (first: number, count: number) => values.slice(first * 16, (first + count) * 16);
      const outcome = await spread({ ...input, landmarks: 300, labels, size: 16, features });
      assert.equal(outcome.kind, 'none');
      assert.equal(outcome.usedShare, 0);
      assert.ok(outcome.targets.every((value) => value === 0));
    }
  });

  it('gives no target where there is no label, and reaches nothing', async () => {
    const outcome = await spread({ ...input, labels: [] });
    assert.equal(outcome.kind, 'none');
    assert.equal(outcome.reachedShare, 0);
    assert.ok(outcome.spreadClasses.every((own) => own === UNREACHED));
  });

  it('takes fewer landmarks than neighbours, or than labels, and one alone', async () => {
    for (const landmarks of [1, 2, 5]) {
      const outcome = await spread({ ...input, landmarks });
      assert.equal(outcome.spreadClasses.length, landmarks);
      assert.deepEqual([...outcome.spreadClasses], reference.labels.slice(0, landmarks));
    }
    await assert.rejects(spread({ ...input, landmarks: 0 }), /no landmark/);
  });

  it('refuses features that are not finite by the name of their landmark', async () => {
    const features = async (first: number, count: number) => {
      const values = await read(first, count);
      if (first <= 207 && 207 < first + count) values[(207 - first) * reference.size] = NaN;
      return values;
    };
    await assert.rejects(spread({ ...input, features }), /landmark 207 are not finite/);
  });

  it('lets commands in during every part, and ends in any where it is given up', async () => {
    const controller = new AbortController();
    let time = 0;
    const heard = new Set<string>();
    let part = '';
    const slices = (giveUpIn: string): Slices =>
      new Slices({
        now: () => (time += 50),
        yieldToCommands: async () => {
          heard.add(part);
          if (part === giveUpIn) controller.abort(new Error(`given up in ${part}`));
        },
        signal: controller.signal,
      });
    const report = (next: string): void => {
      part = next;
    };
    await spread({ ...input, slices: slices('nowhere'), report });
    assert.deepEqual([...heard].sort(), ['features', 'labels', 'leaveOneOut', 'map']);
    await assert.rejects(
      spread({ ...input, slices: slices('leaveOneOut'), report }),
      /given up in leaveOneOut/,
    );
  });
});
