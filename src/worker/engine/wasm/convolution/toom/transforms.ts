/** Records of the transforms: images whose lines and columns are linear combinations of those of others. */

import type { OperationValues } from '../../layout/operations.js';
import { storeTable } from '../../layout/store.js';
import { COMBINATION } from '../../layout/tables.js';
import type { Arena } from '../../memory/arena.js';
import type { Staged } from '../kept-images.js';
import type { Combination } from './toom-axis.js';

/** Writes combinations of what lies `step` bytes apart. */
function storeCombinations(combinations: readonly Combination[], step: number, arena: Arena): number {
  return storeTable(
    arena,
    COMBINATION,
    combinations.map((terms) => {
      const [first, second, third] = terms;
      // One term of factor 1 is copied; none, or one of another factor, is done as two, of which factors are 0.
      const isCopy = terms.length === 1 && first?.factor === 1;
      const place = first?.at ?? 0;
      return {
        termCount: isCopy ? 1 : Math.max(2, terms.length),
        place0: place * step,
        place1: (second?.at ?? place) * step,
        place2: (third?.at ?? place) * step,
        factor0: first?.factor ?? 0,
        factor1: second?.factor ?? 0,
        factor2: third?.factor ?? 0,
      };
    }),
  );
}

type Transform = OperationValues<'transform'>;
type SharedFields = Pick<
  Transform,
  'sourceImageStep' | 'sourceWidth' | 'height' | 'width' | 'channels' | 'lines' | 'columns'
>;

/** What all records of a transform of images that are `width` wide share. */
export function sharedFields(
  { imageStep, rowStep, columnStep }: Staged,
  width: number,
  lines: readonly Combination[],
  columns: readonly Combination[],
  arena: Arena,
): SharedFields {
  return {
    sourceImageStep: imageStep,
    sourceWidth: width,
    height: lines.length,
    width: columns.length,
    channels: columnStep / 4,
    lines: storeCombinations(lines, rowStep, arena),
    columns: storeCombinations(columns, columnStep, arena),
  };
}

/** Which images a record transforms, and where to: image i to row i, without an epilogue. */
export function plainImages(
  source: number,
  images: number,
  target: number,
): Pick<Transform, 'source' | 'images' | 'target' | 'epilogue' | 'imageTable'> {
  return { source, images, target, epilogue: 0, imageTable: 0 };
}
