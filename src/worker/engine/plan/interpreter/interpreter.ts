/**
 * Runs a program in plain TypeScript, operation by operation, at the plan's own addresses: what the fused
 * engines are checked against, and itself checked against finite differences, tfjs and TensorFlow.
 */

import { RandomStreams } from '../../../random/streams.js';
import { accessesOf } from '../accesses.js';
import type { MemoryLayout } from '../memory.js';
import type { InitialiseOp, Operation, Program, TensorId } from '../operations.js';
import type { SnippetContext } from './snippets.js';
import { runContrastive, runContrastiveGradient } from './contrastive.js';
import { runDraw, type DrawSource } from './draw.js';
import { runGroupNorm, runGroupNormGradient } from './group-norm.js';
import { runBiasGradient, runFilterGradient, runProduct } from './linear.js';
import { runLoss } from './loss.js';
import { runNormGradient, runNormInference, runNormStatistics } from './norm.js';
import { TensorStore, type ParameterStore, type Values } from './store.js';
import { runUpdate } from './update.js';

function runInitialise(parameters: ParameterStore, op: InitialiseOp, seed: number): void {
  const streams = new RandomStreams(seed);
  for (const { parameter, size, value } of op.entries) {
    const target = parameters.get(parameter);
    if (value.kind === 'constant') {
      target.fill(value.value);
    } else {
      const limit = Math.fround(value.limit);
      streams.uniform(value.stream, 0, size, -1, 1).forEach((u, i) => (target[i] = Math.fround(u * limit)));
    }
  }
}

export interface Run {
  /** Runs everything, or only operations `first` … `end` - 1. */
  run(source: DrawSource, first?: number, end?: number): void;
  /** A tensor's elements, where the program has left them. */
  read(id: TensorId): Values;
  readonly tensors: TensorStore;
}

/** Makes a program ready to run on these parameters, which it changes in place. */
export function interpret(program: Program, layout: MemoryLayout, parameters: ParameterStore): Run {
  const tensors = new TensorStore(program, layout, parameters.precision);
  const context: SnippetContext = { tensors, parameters };
  const runOperation = (op: Operation, source: DrawSource): void => {
    switch (op.kind) {
      case 'initialise':
        return runInitialise(parameters, op, source.seed);
      case 'draw':
        return runDraw(context, op, source);
      case 'product':
        return runProduct(context, op);
      case 'filterGradient':
        return runFilterGradient(context, op);
      case 'biasGradient':
        return runBiasGradient(context, op);
      case 'normStatistics':
        return runNormStatistics(context, op);
      case 'normInference':
        return runNormInference(context, op);
      case 'normGradient':
        return runNormGradient(context, op);
      case 'groupNorm':
        return runGroupNorm(context, op);
      case 'groupNormGradient':
        return runGroupNormGradient(context, op);
      case 'contrastive':
        return runContrastive(tensors, op);
      case 'contrastiveGradient':
        return runContrastiveGradient(tensors, op);
      case 'loss':
        return runLoss(context, op, program.stepScalars, source.step - source.origin);
      case 'update':
        return runUpdate(context, op);
      case 'countCorrect':
        return countCorrect(tensors, op);
      default:
        return op satisfies never;
    }
  };
  /** What each operation writes as float16; found once, since it is the same in every step. */
  const halves = program.operations.map((op) =>
    [...accessesOf(op).writes].filter((id) => program.tensors[id]!.type === 'f16'),
  );
  return {
    tensors,
    read: (id) => tensors.get(id),
    run: (source, first = 0, end = program.operations.length) => {
      for (let index = first; index < Math.min(end, program.operations.length); index++) {
        runOperation(program.operations[index]!, source);
        for (const id of halves[index]!) tensors.round(id);
      }
    },
  };
}

function countCorrect(tensors: TensorStore, op: Extract<Operation, { kind: 'countCorrect' }>): void {
  const logits = tensors.get(op.logits);
  const labels = tensors.get(op.labels);
  let correct = 0;
  for (let row = 0; row < op.rows; row++) {
    const own = logits.subarray(row * op.width, (row + 1) * op.width);
    if (own.indexOf(Math.max(...own)) === labels[row]) correct++;
  }
  tensors.get(op.target)[0] = correct;
}
