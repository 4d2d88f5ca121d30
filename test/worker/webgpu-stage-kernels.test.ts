/**
 * Kernels of what learning from few labels needs, on shapes that no recipe has: group norm, contrastive terms, views,
 * noise and targets, against the sums and draws written out.
 */

import { expect } from '@open-wc/testing';
import { sizeOf } from '../../src/recipe/layers.js';
import type { WarpView } from '../../src/recipe/recipe.js';
import { NORMALISED_BYTES } from '../../src/worker/data/normalise.js';
import type { Side } from '../../src/worker/engine/plan/geometry.js';
import { layOut } from '../../src/worker/engine/plan/memory.js';
import type { DrawPart, Operation, PlanTensor, TensorId } from '../../src/worker/engine/plan/operations.js';
import type { PlannedProgram } from '../../src/worker/engine/plan/plan.js';
import { applyView, VIEW_WORDS } from '../../src/worker/model/views.js';
import { RandomStreams } from '../../src/worker/random/streams.js';
import { FEW_VIEWS, fewInput, VIEW_OF_NOTHING } from '../support/few-recipe.js';
import { norm } from './support/compare.js';
import { layerProgram, segmentsOf } from './support/layer-program.js';
import { runOneByOne, stirred, withDevice, type Written } from './support/one-by-one.js';
import { tensorMaker } from './support/tensor-maker.js';
import { GPU_TILES, SOFTWARE_TILES } from './support/tiles.js';
import { hashed } from './support/tiny.js';
import { describeWebGpu } from './support/webgpu.js';

const TOLERANCE = 1e-5;
const STEP = 7;

interface Case {
  readonly tensors: readonly PlanTensor[];
  readonly operations: readonly Operation[];
  readonly inputs: readonly TensorId[];
}

function planned({ tensors, operations, inputs }: Case): PlannedProgram {
  const outputs = tensors.map(({ id }) => id).filter((id) => !inputs.includes(id));
  const program = {
    name: 'trainStep',
    tensors,
    operations,
    inputs,
    outputs,
    stepScalars: [],
    taps: [],
  } as const;
  return { program, layout: layOut(program) };
}

/** What each operation wrote, from numbers in the inputs, beside the interpreter's. */
async function written(own: Case, tiles = SOFTWARE_TILES): Promise<readonly Written[]> {
  const { input } = layerProgram({
    layer: { kind: 'dense', name: 'norm', units: 132, bias: 'trained' },
    input: [132],
    activation: { name: 'relu' },
    segments: [1],
  });
  const program = planned(own);
  const inputs = new Map(
    own.inputs.map((id) => {
      const { name, shape } = own.tensors[id]!;
      // Far from 0 beside its deviation, so that a difference of squares would show.
      const values = Float32Array.from({ length: sizeOf(shape) }, (_, i) => hashed(i, id + 1) + 2);
      // Every third row has no target.
      if (name === 'targets')
        values.forEach((_, i) => Math.floor(i / shape[1]!) % 3 === 0 && (values[i] = 0));
      return [id, values] as const;
    }),
  );
  const state = stirred(input);
  return withDevice((device) => runOneByOne(device, input, program, { tiles, state, inputs, step: STEP }));
}

function expectTogether(all: readonly Written[], operations: readonly Operation[]): void {
  expect(new Set(all.map(({ operation }) => operation)).size).to.equal(operations.length);
  for (const { operation, tensor, actual, expected } of all) {
    const error = norm(actual.map((value, i) => value - expected[i]!));
    // A single pair has no other to tell it from: its gradient is 0.
    const size = Math.max(norm(expected), 0.1);
    expect(error / size, `${tensor} of "${operation.name}"`).to.be.at.most(TOLERANCE);
  }
}

function groupNormCase(side: Side, groups: number, rows: readonly number[]): Case {
  const tensors: PlanTensor[] = [];
  const tensor = tensorMaker(tensors);
  const { height, width, channels } = side;
  const segments = segmentsOf(rows);
  const total = rows.reduce((sum, count) => sum + count, 0);
  const shape = [total, height, width, channels];
  const raw = tensor('raw', shape, 'activation');
  const g = tensor('g', shape, 'activation');
  const statistics = tensor('statistics', [total, 2, groups], 'statistics');
  const y = tensor('y', shape, 'activation');
  const dx = tensor('dx', shape, 'activation');
  const splits = segments.map((segment, split) => ({ ...segment, split }));
  const gradient = tensor('gamma and beta gradient', [splits.length, 2, channels], 'gradients');
  // Names of the layer that the program's state is made of: its bias is as long as any norm here.
  const norm = { gamma: 'network/norm/bias', beta: 'network/norm/kernel', groups, epsilon: 1e-5 };
  const shared = { side, segments, norm, statistics, stage: 0 } as const;
  const activation = { name: 'leakyRelu', alpha: 0.1 } as const;
  return {
    tensors,
    inputs: [raw, g],
    operations: [
      {
        ...shared,
        kind: 'groupNorm',
        name: 'norm',
        source: raw,
        epilogue: [{ kind: 'activation', activation }],
        target: y,
      },
      {
        ...shared,
        kind: 'groupNormGradient',
        name: 'norm gradient',
        stage: 1,
        splits,
        source: g,
        raw,
        target: dx,
        gradient,
      },
    ],
  };
}

function contrastiveCase(
  rows: number,
  width: number,
  forwardRows: readonly [number, number],
  gradientRows: readonly (readonly [number, number])[],
): Case {
  const tensors: PlanTensor[] = [];
  const tensor = tensorMaker(tensors);
  const embeddings = tensor('embeddings', [Math.max(...forwardRows) + rows, width], 'activation');
  const statistics = tensor('statistics', [2 * rows, 3], 'statistics');
  const target = tensor('gradient', [2 * rows * gradientRows.length, width], 'activation');
  const scalars = tensor('scalars', [1], 'results');
  const shared = { embeddings, width, rows, forwardRows, temperature: 0.2, statistics };
  return {
    tensors,
    inputs: [embeddings],
    operations: [
      { ...shared, kind: 'contrastive', name: 'contrastive', stage: 0 },
      {
        ...shared,
        kind: 'contrastiveGradient',
        name: 'contrastive gradient',
        stage: 1,
        weight: { kind: 'constant', value: 0.7 },
        scalars,
        gradientRows,
        target,
      },
    ],
  };
}

/** A loss of the terms that ask for pseudo-labels, with a column that is no class, and weights of their own. */
function lossCase(rows: number, teaching: 'soft' | 'hard' | 'stored'): Case {
  const tensors: PlanTensor[] = [];
  const tensor = tensorMaker(tensors);
  const [width, classes] = [6, 5];
  const logits = tensor('logits', [2 * rows, width], 'activation');
  const taught = tensor('taught', [rows + 2, width], 'activation');
  const targets = tensor('targets', [rows + 1, classes], 'activation');
  const logitGradient = tensor('logit gradient', [3 * rows, width], 'activation');
  const metrics = tensor('metrics', [5], 'results');
  const scalars = tensor('scalars', [1], 'results');
  const own = { logits, width, rows } as const;
  const weight = (value: number) => ({ kind: 'constant', value }) as const;
  // Logits are about as large as each other: a fifth of the probability is near the middle.
  const thresholds = [0.2, 0.25, 0.3, 0.22, 0.18, 1];
  const teacher = { logits: taught, width, rows, forwardRow: 2, isSoft: teaching === 'soft', thresholds };
  const [first, second] = segmentsOf([rows, rows]);
  const segments = [
    { ...first!, gradientRow: 0, gradientSegment: 0, terms: [0, 1] },
    { ...second!, gradientRow: rows, gradientSegment: 1, terms: [2] },
    { ...first!, gradientRow: 2 * rows, gradientSegment: 2, terms: [] },
  ];
  return {
    tensors,
    inputs: [logits, taught, targets],
    operations: [
      {
        kind: 'loss',
        name: 'losses',
        stage: 0,
        terms: [
          {
            ...own,
            kind: 'pseudoLabelCrossEntropy',
            name: 'pseudo-labels',
            metric: 0,
            weight: weight(0.7),
            forwardRow: 0,
            classes,
            teacher: teaching === 'stored' ? null : teacher,
            store: teaching === 'soft' ? null : { targets, targetRow: 1 },
          },
          {
            ...own,
            kind: 'logsumexpCrossEntropy',
            name: 'real',
            metric: 1,
            weight: weight(0.5),
            forwardRow: 0,
            target: 1,
          },
          {
            ...own,
            kind: 'logsumexpCrossEntropy',
            name: 'fake',
            metric: 2,
            weight: weight(1),
            forwardRow: rows,
            target: 0,
          },
          {
            ...own,
            kind: 'confidentShare',
            name: 'share',
            metric: 3,
            weight: weight(1),
            forwardRow: rows,
            thresholds,
          },
        ],
        losses: [{ name: 'loss', metric: 4, terms: [0, 1, 2] }],
        accuracy: null,
        head: { logits, width, segments, logitGradient },
        featureGradient: null,
        metrics,
        scalars,
        isFirst: false,
        isLast: true,
      },
    ],
  };
}

const GROUP_NORMS: readonly (readonly [Side, number, readonly number[]])[] = [
  [{ height: 14, width: 14, channels: 32 }, 8, [1, 3]],
  [{ height: 3, width: 5, channels: 15 }, 5, [2, 5]],
  [{ height: 1, width: 1, channels: 10 }, 2, [1]],
  [{ height: 2, width: 3, channels: 132 }, 11, [1, 1, 2, 1, 1, 1, 1, 1, 2]],
];

const LOOK: WarpView = {
  ...VIEW_OF_NOTHING,
  rotation: 1,
  scale: 0.9,
  shift: 40,
  shear: 0.25,
  aspect: 0.15,
  displacement: 3,
  cutOut: 3,
  stroke: { probability: 0.5 },
};

describeWebGpu('a kernel of what few labels need', () => {
  for (const [side, groups, rows] of GROUP_NORMS) {
    const { height, width, channels } = side;
    it(`normalises ${channels} channels of ${height} x ${width} in ${groups} groups, segments of ${rows.join(', ')}`, async () => {
      const own = groupNormCase(side, groups, rows);
      expectTogether(await written(own), own.operations);
    });
  }

  it('normalises with another tile to the same bits', async () => {
    const own = groupNormCase(...GROUP_NORMS[0]!);
    const [first, second] = [await written(own, SOFTWARE_TILES), await written(own, GPU_TILES)];
    expect(second.map(({ actual }) => actual)).to.deep.equal(first.map(({ actual }) => actual));
  });

  for (const [rows, width, forwardRows, gradientRows] of [
    [1, 5, [0, 1], [[0, 1]]],
    [7, 13, [9, 1], [[7, 0]]],
    // More rows and columns than threads; embeddings that two updates flow into.
    [70, 131, [0, 72], [[0, 70], [210, 140]]], // prettier-ignore
  ] as const) {
    it(`finds pairs among 2 x ${rows} embeddings of ${width}`, async () => {
      const own = contrastiveCase(rows, width, forwardRows, gradientRows);
      expectTogether(await written(own), own.operations);
    });
  }

  for (const [rows, teaching] of [
    [1, 'hard'],
    [70, 'soft'],
    [67, 'hard'],
    [130, 'stored'],
  ] as const) {
    it(`takes losses of ${rows} rows with targets that are ${teaching}`, async () => {
      const own = lossCase(rows, teaching);
      expectTogether(await written(own), own.operations);
    });
  }

  for (const [title, view, outside] of [
    ['nothing', VIEW_OF_NOTHING, 'background'],
    ['a look', FEW_VIEWS.look, 'background'],
    ['far warps', LOOK, 'background'],
    ['a photograph', FEW_VIEWS.photograph, 'edge'],
    ['far warps of a photograph', { ...LOOK, brightness: 0.4, contrast: 0.5 }, 'edge'],
  ] as const) {
    it(`shows images in a view of ${title}`, async () => {
      for (const imageShape of [
        [28, 28, 1],
        [17, 23, 3],
      ] as const) {
        // prettier-ignore
        await checkView({ ...view, outside }, imageShape);
      }
    });
  }

  it('draws noise and rows of the target store, in as many dispatches as buffers need', async () => {
    const input = fewInput();
    const { landmarks, classes } = input.recipe;
    const tensors: PlanTensor[] = [];
    const tensor = tensorMaker(tensors);
    const parts: DrawPart[] = [];
    // Each is kept apart from the others, as those are that a stage reads and writes.
    for (let stream = 0; stream < 5; stream++) {
      const noise = tensor(`noise ${stream}`, [3, 7], 'activation');
      const targets = tensor(`targets ${stream}`, [5, classes], 'activation');
      const images = tensor(`images ${stream}`, [4, 12, 8, 1], 'activation');
      const labels = tensor(`labels ${stream}`, [4], 'draws', 'u32');
      // Fewer landmarks than the store has; more than there are images.
      const [bound, ofImages] = stream % 2 === 0 ? [landmarks!.count, 9] : [5, 1000];
      parts.push(
        { kind: 'noise', stream, count: 14, target: noise, targetRow: 1 },
        {
          kind: 'targets',
          stream,
          bound,
          store: 'landmarks/targets',
          classes,
          rows: 4,
          target: targets,
          targetRow: 1,
        },
        {
          kind: 'images',
          source: 'landmarks',
          stream,
          bound: ofImages,
          view: null,
          rows: 4,
          target: images,
          targetRow: 0,
        },
        { kind: 'labels', source: 'labelled', stream: 20 + stream, rows: 4, target: labels, targetRow: 0 },
      );
    }
    const draw: Operation = { kind: 'draw', name: 'draw', stage: 0, parts };
    const program = planned({ tensors, operations: [draw], inputs: [] });
    // A buffer for each.
    const { placements, buffers } = program.layout;
    const apart = tensors.map(({ name, storage, shape }) => ({
      name,
      storage,
      elementBytes: 4 as const,
      sizeBytes: 1024 * Math.ceil(sizeOf(shape) / 256),
    }));
    const layout = {
      buffers: apart,
      placements: placements.map((place, buffer) => ({ ...place, buffer, offsetBytes: 0 })),
    };
    expect(apart.length).to.be.above(buffers.length);
    const all = await withDevice((device) =>
      runOneByOne(
        device,
        input,
        { ...program, layout },
        { tiles: SOFTWARE_TILES, state: stirred(input), step: STEP },
      ),
    );
    expect(all.length).to.be.at.least(tensors.length);
    for (const { tensor: name, actual, expected } of all) expect(actual, name).to.deep.equal(expected);
  });
});

async function checkView(view: WarpView, imageShape: readonly [number, number, number]): Promise<void> {
  const rows = 5;
  const base = fewInput();
  const size = sizeOf(imageShape);
  const images = Uint8Array.from({ length: 40 * size }, (_, i) => (hashed(i, 3) + 1) * 127.5);
  const set = { count: 40, images, labels: new Uint8Array(40) };
  const dataset = { ...base.dataset, imageShape, train: set, test: set };
  const input = { ...base, dataset };
  const tensors: PlanTensor[] = [];
  const target = tensorMaker(tensors)('images', [2 * rows + 1, ...imageShape], 'activation');
  const part = (stream: number, own: WarpView, targetRow: number): DrawPart => ({
    kind: 'images',
    source: 'unlabelled',
    stream,
    bound: 0,
    view: { view: own, stream: stream + 50 },
    rows,
    target,
    targetRow,
  });
  const parts = [part(1, view, 1), part(2, FEW_VIEWS.strong, 1 + rows)];
  const operation: Operation = { kind: 'draw', name: 'draw', stage: 0, parts };
  const program = planned({ tensors, operations: [operation], inputs: [] });
  const [{ actual }] = (await withDevice((device) =>
    runOneByOne(device, input, program, { tiles: SOFTWARE_TILES, state: stirred(input), step: STEP }),
  )) as [Written];
  const streams = new RandomStreams(input.settings.seed);
  const pool = input.split.unlabelled;
  const wanted = [view, FEW_VIEWS.strong].flatMap((own, index) => {
    const words = streams.words(51 + index, STEP, rows * VIEW_WORDS);
    return Array.from(streams.indices(1 + index, STEP, rows, pool.length)).flatMap((drawn, row) => {
      const bytes = images.subarray(pool[drawn]! * size, (pool[drawn]! + 1) * size);
      const image = Float32Array.from(bytes, (byte) => NORMALISED_BYTES[byte]!);
      const shown = new Float32Array(size);
      applyView(own, words.subarray(row * VIEW_WORDS, (row + 1) * VIEW_WORDS), image, imageShape, shown);
      return Array.from(shown);
    });
  });
  expect(actual.length).to.equal(wanted.length);
  const errors = actual.map((value, i) => Math.abs(value - wanted[i]!));
  // The images are noise: from one pixel to the next they go from end to end.
  expect(Math.max(...errors)).to.be.at.most(5e-5);
  if (view.rotation === 0 && view.displacement === 0) {
    expect(actual.slice(0, rows * size)).to.deep.equal(wanted.slice(0, rows * size));
  }
}
