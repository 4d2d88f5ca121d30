/** What a phase of the plain yardstick of the recipes for few labels draws: numbers of its own, or those that it is given. */

import * as tf from '@tensorflow/tfjs-core';
import type { Pass, Phase, RowGroup } from '../../recipe/recipe.js';
import type { EngineInput } from '../engine/engine.js';
import { imageTensor } from '../engine/tfjs/batch.js';
import { classOfRow, landmarksOf } from '../model/draws.js';
import { ownLayerDraws, type LayerDraws } from './plain-network.js';
import { ownViewDraws, type ViewDraws } from './plain-views.js';
import { stageInputName } from './stage-inputs.js';
import type { NamedArray } from './step-inputs.js';

/** The tensors are the caller's scope's. */
export interface PlainDraws {
  /** [rows, height, width, channels] in [-1, 1], before any view. */
  images(group: RowGroup): tf.Tensor4D;
  /** [rows] int32 */
  labels(group: RowGroup): tf.Tensor1D;
  /** [rows, size] */
  latents(group: RowGroup, size: number): tf.Tensor2D;
  /** What the target store has for a group of landmarks, [rows, classes]. */
  targets(group: RowGroup): tf.Tensor2D;
  viewOf(group: RowGroup): ViewDraws;
  /** For the rows of passes one after the other. */
  layersOf(passes: readonly Pass[]): LayerDraws;
}

/** By JavaScript's and tfjs' own random numbers. `store`: the target store, where the stage has one. */
export function ownDraws(
  { recipe, dataset, split }: EngineInput,
  phase: Phase,
  store: tf.Tensor2D | null,
): PlainDraws {
  const { train, imageShape } = dataset;
  const pools = { ...split, landmarks: landmarksOf(recipe, split) };
  /** Places in the pool, by the group that draws them. */
  const drawn = new Map<string, readonly number[]>();
  for (const { name, pool, rows, indicesOf } of phase.groups) {
    if (pool === 'latents' || indicesOf !== null) continue;
    const { length } = pools[pool];
    drawn.set(
      name,
      Array.from({ length: rows }, () => Math.floor(Math.random() * length)),
    );
  }
  const placesOf = ({ name, indicesOf }: RowGroup): readonly number[] => drawn.get(indicesOf ?? name)!;
  const indicesOf = (group: RowGroup): readonly number[] => {
    if (group.pool === 'latents') throw new Error(`The latents "${group.name}" have no images.`);
    const pool = pools[group.pool];
    return placesOf(group).map((place) => pool[place]!);
  };
  const uploaded = new Map<string, tf.Tensor4D>();
  return {
    images: (group) => {
      // Two views of the same images need them once.
      const owner = group.indicesOf ?? group.name;
      const images = uploaded.get(owner) ?? imageTensor(train, imageShape, indicesOf(group));
      uploaded.set(owner, images);
      return images;
    },
    labels: (group) => {
      const labels =
        group.pool === 'latents'
          ? Array.from({ length: group.rows }, (_, row) => classOfRow(row, recipe.classes))
          : indicesOf(group).map((index) => train.labels[index]!);
      return tf.tensor1d(labels, 'int32');
    },
    latents: ({ rows, isConditional = false }, size) => {
      if (!isConditional) return tf.randomUniform([rows, size], -1, 1);
      const { classes } = recipe;
      const labels = Array.from({ length: rows }, (_, row) => classOfRow(row, classes));
      const codes = tf.cast(tf.oneHot(tf.tensor1d(labels, 'int32'), classes), 'float32');
      return tf.concat([codes, tf.randomUniform([rows, size - classes], -1, 1)], 1) as tf.Tensor2D;
    },
    targets: (group) => tf.gather(store!, tf.tensor1d([...placesOf(group)], 'int32')),
    viewOf: () => ownViewDraws,
    layersOf: () => ownLayerDraws,
  };
}

/** Those of `stageInputs`, for a phase of the step. Throws, by its name, where one is missing. */
export function givenDraws(arrays: ReadonlyMap<string, NamedArray>, phase: number): PlainDraws {
  type Kind = Parameters<typeof stageInputName>[1];
  const find = (kind: Kind, of: string): NamedArray => {
    const name = stageInputName(phase, kind, of);
    const array = arrays.get(name);
    if (array === undefined) throw new Error(`The step's inputs have no "${name}".`);
    return array;
  };
  const read = (kind: Kind, of: string): tf.Tensor => {
    const { values, shape } = find(kind, of);
    return tf.tensor(values, [...shape]);
  };
  return {
    images: ({ name }) => read('images', name) as tf.Tensor4D,
    labels: ({ name }) => tf.tensor1d([...find('labels', name).values], 'int32'),
    latents: ({ name }) => read('latents', name) as tf.Tensor2D,
    targets: ({ name }) => read('targets', name) as tf.Tensor2D,
    viewOf: ({ name }) => {
      const uniforms = find('viewUniforms', name);
      const angles = find('viewAngles', name);
      return {
        uniform: (row, word) => uniforms.values[row * uniforms.shape[1]! + word]!,
        strokeAngle: (row) => angles.values[row]!,
        knots: () => read('viewKnots', name) as tf.Tensor4D,
      };
    },
    layersOf: (passes) => {
      const join = (kind: Kind, layer: string): tf.Tensor =>
        tf.concat(passes.map((pass) => read(kind, `${pass.name}/${layer}`)));
      return {
        dropped: (x, { name }) => tf.mul(x, join('mask', name)),
        noise: (_, { name }) => join('noise', name),
      };
    },
  };
}
