/**
 * Step scalars, as kernels read them: the row of their window that the step's draw has left in the control buffer,
 * since the step counter moves on within the step.
 */

import type { TermWeight } from '../../plan/operations.js';
import { float } from './shader-text.js';
import { CONTROL, CONTROL_WORDS, type ShaderBuilder } from './shader.js';

/** Declares `scalar(index)`, where one of these weights is a step scalar. */
export function scalarFunction(builder: ShaderBuilder, weights: readonly TermWeight[]): string {
  if (weights.every(({ kind }) => kind === 'constant')) return '';
  const control = builder.read(CONTROL, 'u32');
  const { window, scalars } = builder.memory.control;
  return `
fn scalar(index: u32) -> f32 {
  return bitcast<f32>(${control}[${window}u + ${control}[${CONTROL_WORDS.scalarRow}] * ${scalars}u + index]);
}
`;
}

/** Expression of a weight, with `scalar` declared. */
export function weightText(weight: TermWeight): string {
  return weight.kind === 'scalar' ? `scalar(${weight.index}u)` : float(weight.value);
}
