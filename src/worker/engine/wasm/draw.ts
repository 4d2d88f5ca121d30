/** Lowers a program's draws: images, labels and targets by drawn index, views, noise, latents, dropout masks. */

import type { DrawOp, DrawPart } from '../plan/operations.js';
import type { OperationValues } from './layout/operations.js';
import type { Bindings, Residents } from './memory/bindings.js';
import type { StageRecords } from './stage-records.js';

type ImagesPart = Extract<DrawPart, { readonly kind: 'images' }>;
type LabelsPart = Extract<DrawPart, { readonly kind: 'labels' }>;

/** Landmarks that there are: `bound` of them at most. */
function landmarkCount(bound: number, residents: Residents): number {
  return Math.min(bound, residents.pooledCount);
}

/** Where the drawn index points, and how many there are to draw from. */
function poolOf(
  part: ImagesPart | LabelsPart,
  { residents }: Bindings,
): { readonly pool: number; readonly bound: number } {
  const { source } = part;
  switch (source) {
    case 'landmarks':
      return { pool: residents.labelledPool, bound: landmarkCount(part.bound, residents) };
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

type ViewFields = Omit<
  OperationValues<'drawViews'>,
  'stream' | 'pool' | 'bound' | 'rows' | 'source' | 'target' | 'byteTable'
>;

function viewOf(
  { view, stream }: NonNullable<ImagesPart['view']>,
  [height, width, channels]: readonly number[],
): ViewFields {
  const { rotation, scale, shift, shear, aspect, displacement, cutOut, brightness, contrast } = view;
  const amounts = { rotation, scale, shift, shear, aspect, displacement, cutOut, brightness, contrast };
  return {
    ...amounts,
    height: height!,
    width: width!,
    channels: channels!,
    viewStream: stream,
    strokeLimit: Math.ceil((view.stroke?.probability ?? 0) * 2 ** 24),
    isEdge: view.outside === 'edge',
  };
}

/** Bytes of scratch that drawing a view of such images takes (kernels/view.ts): tables, and an image with a border. */
export function viewScratchBytes([height, width, channels]: readonly number[]): number {
  return 1024 + 4 * (height! + 4) * (width! + 4) * channels!;
}

function lowerPart(part: DrawPart, name: string, bindings: Bindings, records: StageRecords): void {
  const { residents } = bindings;
  const stream = 'stream' in part ? part.stream : 0;
  const target = bindings.tensor(part.target);
  switch (part.kind) {
    case 'images': {
      const shared = {
        stream,
        ...poolOf(part, bindings),
        rows: part.rows,
        source: part.source === 'test' ? residents.testImages : residents.trainImages,
        target: target + part.targetRow * residents.imageBytes * 4,
        byteTable: residents.byteTable,
      };
      if (part.view === null)
        return records.add(0, 'drawImages', name, { ...shared, imageSize: residents.imageBytes });
      return records.add(0, 'drawViews', name, { ...shared, ...viewOf(part.view, residents.imageShape) });
    }
    case 'labels':
      return records.add(0, 'drawLabels', name, {
        stream,
        ...poolOf(part, bindings),
        rows: part.rows,
        source: part.source === 'test' ? residents.testLabels : residents.trainLabels,
        target: target + part.targetRow * 4,
      });
    case 'targets':
      return records.add(0, 'drawTargets', name, {
        stream,
        bound: landmarkCount(part.bound, residents),
        rows: part.rows,
        source: bindings.parameter(part.store),
        width: part.classes,
        target: target + part.targetRow * part.classes * 4,
      });
    case 'noise':
      return records.add(0, 'drawNormals', name, {
        stream,
        count: part.count,
        target: target + part.targetRow * bindings.rowSizeOf(part.target) * 4,
      });
    case 'latents':
      return records.add(0, 'drawLatents', name, {
        stream,
        count: part.rows * part.size,
        size: part.size,
        classes: part.classes,
        target: target + part.targetRow * bindings.rowSizeOf(part.target) * 4,
      });
    case 'classes': {
      const { rows, classes, targetRow } = part;
      return records.add(0, 'drawClasses', name, { rows, classes, target: target + targetRow * 4 });
    }
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
