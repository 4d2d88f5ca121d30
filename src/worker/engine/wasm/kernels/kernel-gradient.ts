/**
 * Gradients of kernels: windows of the staged left operand, transposed, times the gradient of the output (or, for a
 * transposed convolution, the roles swapped). The depth is windows of all images; both operands
 * are read where they lie, in chunks that stay in the first-level cache. Rows are dealt out to the threads, so
 * that every sum is one thread's, in order.
 */

import { claimShare, shareEnd } from './work-shares';
import { gatheredBlock } from './gathered-micro-kernel';
import { KernelGradientOperation } from './layout';
import { FLOAT, VECTOR } from './simd';
import { copyFloats } from './snippets';

/**
 * Depth of a chunk. What lies a power of two apart falls into few sets of the first-level cache, so it holds far less
 * than its size; smaller chunks load and store the sums more often.
 */
const CHUNK = 64;
/** Six rows each that a thread claims at least, so that it reads a chunk more than once. */
const FEWEST_SIXES = 4;
/** Bytes of sums that a chunk goes through, so that what it reads stays in the second-level cache. */
const MOST_SUMS = 131072;
/** Fewer tasks for each thread than this are cut by columns too. */
const FEWEST_TASKS = 4;

/** Rows, six at a time, are dealt out to the threads; where those are few, parts of the columns of them. */
export function kernelGradient(record: KernelGradientOperation, threads: i32, scratch: usize): void {
  const panels = (record.filters + 7) / 8;
  const sixes = record.runs * sixesOfRun(record);
  const parts = sixes < FEWEST_TASKS * threads ? min(panels, threads) : 1;
  const tasks = parts * sixes;
  const least = parts > 1 ? 1 : FEWEST_SIXES;
  let task = claimShare(record, tasks, threads, least);
  while (task < tasks) {
    const end = shareEnd();
    while (task < end) {
      const part = task / sixes;
      const first = task - part * sixes;
      const firstPanel = (panels * part) / parts;
      const ownPanels = (panels * (part + 1)) / parts - firstPanel;
      const most = max(FEWEST_SIXES, MOST_SUMS / (ownPanels * 192));
      const count = min(most, min(end - task, sixes - first));
      sumSixes(record, first, count, firstPanel, ownPanels, scratch);
      task += count;
    }
    task = claimShare(record, tasks, threads, least);
  }
}


@inline
function sixesOfRun(record: KernelGradientOperation): i32 {
  return (record.runLength + 5) / 6;
}

function sumSixes(
  record: KernelGradientOperation,
  first: i32,
  count: i32,
  firstPanel: i32,
  panels: i32,
  scratch: usize,
): void {
  const depth = record.depth;
  const perRun = sixesOfRun(record);
  const table = record.terms;
  const right = record.gradients + (usize(firstPanel) << 5);
  memory.fill(scratch, 0, usize(count * panels * 6) << 5);
  for (let start = 0; start < depth; start += CHUNK) {
    const some = min(CHUNK, depth - start);
    const terms = table + (usize(start) << 3);
    let sums = scratch;
    for (let six = first; six < first + count; six++) {
      const run = six / perRun;
      const left = record.windows + usize(run) * record.runStep;
      const rows = left + usize((six - run * perRun) * 6) * FLOAT;
      for (let panel = 0; panel < panels; panel++, sums += 12 * VECTOR) {
        gatheredBlock(rows, right + (usize(panel) << 5), terms, some, sums);
      }
    }
  }
  for (let six = 0; six < count; six++) {
    storeSums(record, first + six, firstPanel, panels, scratch + (usize(six * panels * 6) << 5));
  }
}

/** Six rows of sums, [panel][6][8], to their place. */
function storeSums(
  record: KernelGradientOperation,
  six: i32,
  firstPanel: i32,
  panels: i32,
  from: usize,
): void {
  const filters = record.filters;
  const columns = filters - firstPanel * 8;
  const perRun = sixesOfRun(record);
  const run = six / perRun;
  const first = (six - run * perRun) * 6;
  const rows = min(6, record.runLength - first);
  const target = record.out + usize(run) * record.outRunStep;
  for (let row = 0; row < rows; row++) {
    let out = target + (usize((first + row) * filters + firstPanel * 8) << 2);
    let sums = from + (usize(row) << 5);
    for (let panel = 0; panel < panels; panel++) {
      copyFloats(sums, out, min(8, columns - panel * 8));
      out += 2 * VECTOR;
      sums += 12 * VECTOR;
    }
  }
}
