/**
 * The descriptions as the kernels read them: classes of AssemblyScript over raw memory, whose fields' offsets the
 * compiler knows, and the numbers that stand for kinds. `npm run build` writes this text to
 * `kernels/layout.ts` (scripts/lib/wasm-layout.mjs).
 */

import { kindCode, variantWords, type Fields, type Kind, type Variants } from './fields.js';
import { DEPTH_CHUNK, OPERATION, OPERATION_WORDS, SHARE_COUNTER_WORD } from './operations.js';
import { RUN } from './run.js';
import {
  COMBINATION,
  FEATURE_SEGMENT,
  IMAGE,
  LOGIT_SEGMENT,
  LOSS_SUM,
  LOSS_TERM,
  NORM_BLOCK,
  NORM_GRADIENT_BLOCK,
  NORM_GRADIENT_SEGMENT,
  NORM_SEGMENT,
  SNIPPET,
  SUB_PRODUCT,
} from './tables.js';

const TYPES: Readonly<Record<Kind, string>> = {
  address: 'usize',
  step: 'usize',
  int: 'i32',
  float: 'f32',
  flag: 'i32',
};

function pascalCase(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

function classOf(name: string, fields: Fields, parent = ''): string {
  const lines = Object.entries(fields).map(([field, kind]) => `  ${field}: ${TYPES[kind]};\n`);
  const extended = parent === '' ? '' : ` extends ${parent}`;
  return `// prettier-ignore\n@unmanaged\nexport class ${name}${extended} {\n${lines.join('')}}\n`;
}

/** The numbers of the kinds, a class for what all of them have, and one for each of them. */
function classesOf(name: string, suffix: string, variants: Variants): string {
  const kinds = Object.entries(variants.kinds);
  const codes = kinds.map(([kind]) => `  ${kind} = ${kindCode(variants, kind)},\n`);
  return [
    `export const enum ${name}Kind {\n${codes.join('')}}\n`,
    classOf(name, { kind: 'int', ...variants.common }),
    ...kinds.map(([kind, fields]) => classOf(`${pascalCase(kind)}${suffix}`, fields, name)),
  ].join('\n');
}

function constantOf(name: string, value: number, type: string): string {
  return `export const ${name}: ${type} = ${value};\n`;
}

/** The whole text of `kernels/layout.ts`. */
export function kernelLayout(): string {
  return [
    '/** Written by `npm run build` from `../layout/`, which says what the fields mean: change them there. */\n',
    [
      constantOf('OPERATION_BYTES', OPERATION_WORDS * 4, 'usize'),
      constantOf('SHARE_COUNTER', SHARE_COUNTER_WORD * 4, 'usize'),
      constantOf('LOSS_TERM_BYTES', variantWords(LOSS_TERM) * 4, 'usize'),
      constantOf('SNIPPET_BYTES', variantWords(SNIPPET) * 4, 'usize'),
      constantOf('DEPTH_CHUNK', DEPTH_CHUNK, 'i32'),
    ].join(''),
    classOf('Run', RUN),
    classesOf('Operation', 'Operation', OPERATION),
    classesOf('LossTerm', 'Term', LOSS_TERM),
    classOf('LossSum', LOSS_SUM),
    classOf('LogitSegment', LOGIT_SEGMENT),
    classOf('FeatureSegment', FEATURE_SEGMENT),
    classesOf('Snippet', 'Snippet', SNIPPET),
    classOf('Image', IMAGE),
    classOf('SubProduct', SUB_PRODUCT),
    classOf('Combination', COMBINATION),
    classOf('NormBlock', NORM_BLOCK),
    classOf('NormSegment', NORM_SEGMENT),
    classOf('NormGradientBlock', NORM_GRADIENT_BLOCK),
    classOf('NormGradientSegment', NORM_GRADIENT_SEGMENT),
  ].join('\n');
}
