/** Lowers a program's draws: images and labels by drawn index, latents, dropout masks. */

import type { DrawOp, DrawPart } from '../plan/operations.js';
import type { Bindings } from './memory/bindings.js';
import type { StageRecords } from './stage-records.js';

type ImagesPart = Extract<DrawPart, { readonly kind: 'images' | 'labels' }>;

/** Where the drawn index points, and how many there are to draw from. */
function poolOf(
  { source }: ImagesPart,
  { residents }: Bindings,
): { readonly pool: number; readonly bound: number } {
  switch (source) {
    case 'labelled':
      return { pool: residents.labelledPool, bound: residents.labelledCount };
    case 'unlabelled':
      return { pool: residents.unlabelledPool, bound: residents.unlabelledCount };
    case 'test':
      return { pool: 0, bound: residents.testCount };
    default:
      return source satisfies never;
  }
}

function lowerPart(part: DrawPart, name: string, bindings: Bindings, records: StageRecords): void {
  const { residents } = bindings;
  const { stream } = part;
  const target = bindings.tensor(part.target);
  switch (part.kind) {
    case 'images':
      return records.add(0, 'drawImages', name, {
        stream,
        ...poolOf(part, bindings),
        rows: part.rows,
        source: part.source === 'test' ? residents.testImages : residents.trainImages,
        target: target + part.targetRow * residents.imageBytes * 4,
        imageSize: residents.imageBytes,
        byteTable: residents.byteTable,
      });
    case 'labels':
      return records.add(0, 'drawLabels', name, {
        stream,
        ...poolOf(part, bindings),
        rows: part.rows,
        source: part.source === 'test' ? residents.testLabels : residents.trainLabels,
        target: target + part.targetRow * 4,
      });
    case 'latents':
      return records.add(0, 'drawLatents', name, {
        stream,
        count: part.count,
        target: target + part.targetRow * bindings.rowSizeOf(part.target) * 4,
      });
    case 'mask': {
      const { count, threshold, offset } = part;
      return records.add(0, 'drawMask', name, { stream, count, threshold, target: target + offset * 4 });
    }
    default:
      return part satisfies never;
  }
}

export function lowerDraw({ parts, name }: DrawOp, bindings: Bindings, records: StageRecords): void {
  for (const part of parts) lowerPart(part, name, bindings, records);
}
