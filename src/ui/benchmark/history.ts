/** The last benchmarks, kept in this browser. Storage may be missing, blocked, full, or hold anything. */

import { checkReport } from '../../protocol/benchmark/check-report.js';
import type { BenchmarkReport } from '../../protocol/benchmark/report.js';
import { feature } from '../../browser/feature.js';

const KEY = 'sgan-benchmarks';
export const MOST_KEPT = 10;

type Store = Pick<Storage, 'getItem' | 'setItem'>;

function isReport(value: unknown): boolean {
  try {
    checkReport(value);
    return true;
  } catch {
    return false;
  }
}

/** The newest first; what cannot be read any more is passed over. */
export function readHistory(store: Store | undefined): readonly BenchmarkReport[] {
  const text = feature(() => store?.getItem(KEY));
  const kept: unknown = feature(() => JSON.parse(text ?? '[]') as unknown);
  return Array.isArray(kept) ? (kept.filter(isReport).slice(0, MOST_KEPT) as BenchmarkReport[]) : [];
}

/** Keeps these; false where the browser does not let it. */
export function writeHistory(store: Store | undefined, reports: readonly BenchmarkReport[]): boolean {
  try {
    if (store === undefined) return false;
    store.setItem(KEY, JSON.stringify(reports.slice(0, MOST_KEPT)));
    return true;
  } catch {
    return false;
  }
}

/** `report` in the place of the one that began at the same time, else as the newest. */
export function withReport(
  reports: readonly BenchmarkReport[],
  report: BenchmarkReport,
): readonly BenchmarkReport[] {
  const at = reports.findIndex(({ date }) => date === report.date);
  return at >= 0 ? reports.with(at, report) : [report, ...reports].slice(0, MOST_KEPT);
}
