/** Which of the notebook's faults a recipe mends: names, and the one text that stands for each choice of them. */

/** In the order in which they are offered and written. */
export const REPAIRS = [
  'statistics',
  'logsumexp',
  'feature-matching',
  'beta1',
  'average',
  'kernels',
] as const;
export type Repair = (typeof REPAIRS)[number];

const ALL = 'all';
const NONE = 'none';

/** The repairs that a text names: `all`, `none`, or names with commas between them, each once. null: it is none of those. */
export function readRepairs(text: string): readonly Repair[] | null {
  if (text === ALL) return REPAIRS;
  if (text === NONE) return [];
  const names = text.split(',').map((name) => name.trim());
  const known = REPAIRS.filter((repair) => names.includes(repair));
  return known.length === names.length ? known : null;
}

/** The text of a choice: the same for the same repairs, however they were named. */
export function writeRepairs(repairs: readonly Repair[]): string {
  const named = REPAIRS.filter((repair) => repairs.includes(repair));
  if (named.length === REPAIRS.length) return ALL;
  return named.length === 0 ? NONE : named.join(',');
}
