/**
 * Dispatches of more workgroups in one dimension than WebGPU allows: the groups are numbered through and
 * spread over all dimensions, and the kernel finds its own group from its number. Kernels within the limit
 * are left as they are.
 */

/** Workgroups of a dispatch, by dimension. */
export type Workgroups = readonly [number, number, number];

/** Most groups in one dimension, by the limits that every WebGPU device keeps (maxComputeWorkgroupsPerDimension). */
const MOST_GROUPS = 65_535;

/** How the kernels here ask for their group. */
const GROUP = '@builtin(workgroup_id) group: vec3u';

export interface FoldedKernel {
  readonly text: string;
  readonly workgroups: Workgroups;
}

/** The kernel with dimensions that fit. Throws where one that needs it does not ask for its group as `group`. */
export function foldGroups(text: string, workgroups: Workgroups, most = MOST_GROUPS): FoldedKernel {
  if (Math.max(...workgroups) <= most) return { text, workgroups };
  const [across, down, deep] = workgroups;
  const total = across * down * deep;
  const start = /fn main\([^{]*\{/.exec(text)?.[0];
  if (start?.includes(GROUP) !== true) {
    throw new RangeError(`${total} workgroups are more than a dimension has, and the kernel has no "group".`);
  }
  const folded = `${start.replace('group: vec3u', 'folded: vec3u')}
  let nth = folded.x + folded.y * ${most}u + folded.z * ${most * most}u;
  if (nth >= ${total}u) { return; }
  let group = vec3u(nth % ${across}u, nth / ${across}u % ${down}u, nth / ${across * down}u);`;
  return {
    text: text.replace(start, () => folded),
    workgroups: [
      Math.min(total, most),
      Math.min(Math.ceil(total / most), most),
      Math.ceil(total / (most * most)),
    ],
  };
}
