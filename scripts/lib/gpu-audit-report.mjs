/** What the audit's figures say: a table a recipe, and what has changed since an earlier audit. */

import { UsageError } from './main.mjs';
import { readWhole } from './run-folder.mjs';
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

/** The recipe, and the stage where it has several. */
function titleOf({ recipe, stage }) {
  return stage === undefined ? recipe : `${recipe}, stage ${stage}`;
}

export function formatAudit(audit) {
  const { family, driver, dispatches, stepUs, multiplyAddUs, evaluation } = audit;
  const all = [...dispatches, ...(evaluation?.dispatches ?? [])];
  const spilled = all.filter((dispatch) => dispatch.spilled > 0);
  const spills = spilled.length === 0 ? 'no kernel' : spilled.map(({ name }) => name).join(', ');
  return [
    `${titleOf(audit)} on ${family}, ${driver} (times are modelled)`,
    formatTable([HEADER, ...dispatches.map(rowOf)]),
    `step with gaps: ${milliseconds(stepUs)}; its multiply-adds alone: ${milliseconds(multiplyAddUs)}; spills: ${spills}`,
    ...(evaluation === null
      ? []
      : [
          '',
          formatTable([HEADER, ...evaluation.dispatches.map(rowOf)]),
          `evaluation of ${evaluation.rows} rows with gaps: ${milliseconds(evaluation.passUs)}`,
        ]),
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

/** Microseconds of a hundred rows: passes may have become longer. */
function perHundredRows({ rows, passUs }) {
  return Object.fromEntries(GPUS.map((gpu) => [gpu, (100 * passUs[gpu]) / rows]));
}

function compareEvaluations(before, after) {
  if (before === null || after === null) return [];
  const isAlike = before.rows === after.rows;
  const total = isAlike ? 'evaluation with gaps' : 'a hundred rows with gaps';
  const sums = isAlike ? [before.passUs, after.passUs] : [before, after].map(perHundredRows);
  return [
    '',
    ...(isAlike ? [] : [`evaluation in passes of ${after.rows} rows, ${before.rows} before`]),
    comparePrograms(before.dispatches, after.dispatches, total, sums),
  ];
}

/** Tables of differences for the recipes and stages that both have; says which are new since the earlier one. */
export function formatComparison(before, after) {
  const parts = after.map((audit) => {
    const { recipe, stage, dispatches, stepUs, evaluation } = audit;
    const title = titleOf(audit);
    const earlier = before.find((found) => found.recipe === recipe && found.stage === stage);
    if (earlier === undefined)
      return `${title}: new, the earlier audit has none; step with gaps: ${milliseconds(stepUs)}`;
    const isOther = earlier.family !== audit.family || earlier.driver !== audit.driver;
    const note = isOther
      ? ` (before: ${earlier.family}, ${earlier.driver}; now: ${audit.family}, ${audit.driver})`
      : '';
    return [
      `${title}, before and after${note}`,
      comparePrograms(earlier.dispatches, dispatches, 'step with gaps', [earlier.stepUs, stepUs]),
      ...compareEvaluations(earlier.evaluation, evaluation),
    ].join('\n');
  });
  return parts.join('\n\n');
}

function hasTimes(us) {
  return GPUS.every((gpu) => typeof us?.[gpu] === 'number');
}

function isEvaluation(value) {
  if (value === null) return true;
  return typeof value?.rows === 'number' && Array.isArray(value.dispatches) && hasTimes(value.passUs);
}

function isAudit(value) {
  return (
    typeof value?.recipe === 'string' &&
    (value.stage === undefined || typeof value.stage === 'string') &&
    Array.isArray(value.dispatches) &&
    hasTimes(value.stepUs) &&
    isEvaluation(value.evaluation)
  );
}

/** The audits that `--json` has written. Throws a UsageError for a file that holds none. */
export async function readAudits(file) {
  let audits;
  try {
    audits = JSON.parse(await readWhole(file, 'utf8'));
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
