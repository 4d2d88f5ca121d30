/** The files that Save makes on the page: their names, and their bytes where the page has them. */

import { zipSync } from 'fflate';
import type { EvaluationReport, ImageGrid } from '../../protocol/reports.js';
import type { ExportedFile } from '../../protocol/trainer-api.js';
import type { Settings } from '../../protocol/settings.js';
import { encodePng, enlarge } from './png.js';

/** Pixels that an image of the saved picture has at least on its longer side: fewer are a stamp on today's screens. */
const CELL_PIXELS = 112;

/** `sgan-notebook-seed1-step1200-samples.png`; `kind` and `extension` without dots or dashes. */
export function fileName(settings: Settings, step: number, kind: string, extension: string): string {
  return `sgan-${settings.recipe}-seed${settings.seed}-step${step}-${kind}.${extension}`;
}

/**
 * The evaluations as CSV (RFC 4180): a line of names, a line each. There are columns for the losses, terms and
 * readings that any of them has.
 */
export function metricsCsv(evaluations: readonly EvaluationReport[]): string {
  const scalars = evaluations.map(
    ({ losses, generated, pseudoLabels }): Readonly<Record<string, number | null>> => ({
      ...losses,
      ...generated,
      ...pseudoLabels,
    }),
  );
  const named = [...new Set(scalars.flatMap((each) => Object.keys(each)))];
  const names = ['step', 'trainAccuracy', 'meanTrainAccuracy', 'testAccuracy', ...named, 'elapsedMs'];
  const rows = evaluations.map(({ step, trainAccuracy, meanTrainAccuracy, testAccuracy, elapsedMs }, index) =>
    [
      step,
      trainAccuracy,
      meanTrainAccuracy,
      testAccuracy,
      ...named.map((name) => scalars[index]![name] ?? ''),
      elapsedMs,
    ].join(','),
  );
  return [names.join(','), ...rows, ''].join('\r\n');
}

/** A zip of the files, uncompressed, since weights do not shrink; made in one go without a worker. */
export function zipFiles(files: readonly ExportedFile[]): Uint8Array<ArrayBuffer> {
  const entries = Object.fromEntries(files.map(({ path, bytes }) => [path, bytes]));
  return zipSync(entries, { level: 0 });
}

/** A grid as PNG, enlarged by a whole number without smoothing. */
export function picturePng(grid: ImageGrid): Uint8Array<ArrayBuffer> {
  return encodePng(enlarge(grid, Math.ceil(CELL_PIXELS / Math.max(grid.cellWidth, grid.cellHeight))));
}

/** Hands a file to the browser's downloads. */
export function download(file: File): void {
  const url = URL.createObjectURL(file);
  const link = document.createElement('a');
  link.href = url;
  link.download = file.name;
  link.click();
  // Not at once: the browser reads the URL after this task.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
