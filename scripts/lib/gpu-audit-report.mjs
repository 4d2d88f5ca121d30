/** What the audit's figures say: a table a recipe, and what has changed since an earlier audit. */

import { readFile } from 'node:fs/promises';
import { UsageError } from './main.mjs';
import { formatTable } from './text-table.mjs';

const GPUS = ['integrated', 'discrete'];

const HEADER = [
  'dispatch',
  'groups',
  'threads',
  'VGPRs',
  'LDS B',
  'occupancy',
  'fma %',
  ...GPUS.flatMap((gpu) => [`${gpu} us`, 'limit', 'waves a SIMD']),
];

function rowOf({ name, groups, threads, vgprs, ldsBytes, occupancy, fmaShare, us, limit, wavesPerSimd }) {
  return [
    name,
    groups.join(' x '),
    String(threads),
    String(vgprs),
    String(ldsBytes),
    String(occupancy),
    (100 * fmaShare).toFixed(0),
    ...GPUS.flatMap((gpu) => [us[gpu].toFixed(1), limit[gpu], wavesPerSimd[gpu].toFixed(1)]),
  ];
}

const milliseconds = (values) => GPUS.map((gpu) => `${(values[gpu] / 1000).toFixed(2)} ms ${gpu}`).join(', ');

export function formatAudit({ family, driver, recipe, dispatches, stepUs, multiplyAddUs, evaluation }) {
  const spilled = [...dispatches, ...evaluation.dispatches].filter((dispatch) => dispatch.spilled > 0);
  const spills = spilled.length === 0 ? 'no kernel' : spilled.map(({ name }) => name).join(', ');
  return [
    `${recipe} on ${family}, ${driver} (times are modelled)`,
    formatTable([HEADER, ...dispatches.map(rowOf)]),
    `step with gaps: ${milliseconds(stepUs)}; its multiply-adds alone: ${milliseconds(multiplyAddUs)}; spills: ${spills}`,
    '',
    formatTable([HEADER, ...evaluation.dispatches.map(rowOf)]),
    `evaluation of ${evaluation.rows} rows with gaps: ${milliseconds(evaluation.passUs)}`,
  ].join('\n');
}

/** Dispatches by name; the nth of a name is another one. */
function byName(dispatches) {
  const seen = new Map();
  return new Map(
    dispatches.map((dispatch) => {
      const count = (seen.get(dispatch.name) ?? 0) + 1;
      seen.set(dispatch.name, count);
      return [count === 1 ? dispatch.name : `${dispatch.name} (${count})`, dispatch];
    }),
  );
}

function differenceCells(before, after) {
  return GPUS.flatMap((gpu) => {
    const [from, to] = [before?.[gpu], after?.[gpu]];
    const difference = (to ?? 0) - (from ?? 0);
    return [
      from?.toFixed(1) ?? '-',
      to?.toFixed(1) ?? '-',
      `${difference < 0 ? '' : '+'}${difference.toFixed(1)}`,
    ];
  });
}

function comparePrograms(before, after, total, sums) {
  const [earlier, later] = [byName(before), byName(after)];
  const names = [...new Set([...earlier.keys(), ...later.keys()])];
  const header = ['dispatch', ...GPUS.flatMap((gpu) => [`${gpu} us before`, 'after', 'difference'])];
  return formatTable([
    header,
    ...names.map((name) => [name, ...differenceCells(earlier.get(name)?.us, later.get(name)?.us)]),
    [total, ...differenceCells(...sums)],
  ]);
}

/** Tables of differences for the recipes that both have; says which the earlier one lacks. */
export function formatComparison(before, after) {
  const parts = after.map((audit) => {
    const { recipe, dispatches, stepUs, evaluation } = audit;
    const earlier = before.find((found) => found.recipe === recipe);
    if (earlier === undefined) return `${recipe}: the earlier audit has no such recipe.`;
    const isOther = earlier.family !== audit.family || earlier.driver !== audit.driver;
    const note = isOther
      ? ` (before: ${earlier.family}, ${earlier.driver}; now: ${audit.family}, ${audit.driver})`
      : '';
    return [
      `${recipe}, before and after${note}`,
      comparePrograms(earlier.dispatches, dispatches, 'step with gaps', [earlier.stepUs, stepUs]),
      '',
      comparePrograms(earlier.evaluation.dispatches, evaluation.dispatches, 'evaluation with gaps', [
        earlier.evaluation.passUs,
        evaluation.passUs,
      ]),
    ].join('\n');
  });
  return parts.join('\n\n');
}

function isAudit(value) {
  const times = [value?.stepUs, value?.evaluation?.passUs];
  return (
    typeof value?.recipe === 'string' &&
    Array.isArray(value.dispatches) &&
    Array.isArray(value.evaluation?.dispatches) &&
    times.every((us) => GPUS.every((gpu) => typeof us?.[gpu] === 'number'))
  );
}

/** The audits that `--json` has written. Throws a UsageError for a file that holds none. */
export async function readAudits(file) {
  let audits;
  try {
    audits = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new UsageError(
      `--compare ${file} cannot be read (${error.message}). Name a file that --json wrote.`,
      {
        cause: error,
      },
    );
  }
  if (Array.isArray(audits) && audits.length > 0 && audits.every(isAudit)) return audits;
  throw new UsageError(`--compare ${file} holds no audits. Name a file that --json wrote.`);
}
