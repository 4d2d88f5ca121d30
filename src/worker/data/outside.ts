/** What goes on beyond the edges of a data set's images, which warped views look at. */

import type { Dataset, ImageSet } from './dataset.js';

/** Images that are looked at, at most; spread over the set. */
const LOOKED_AT = 1000;
/** Bytes up to here are background: what compression leaves of black is not all 0. */
const DARKEST = 8;

/**
 * `background` where more than half of the border pixels are as dark as a drawing's background, byte 0: more of it lies
 * outside. Else `edge`: a photograph goes on somehow, for which its nearest pixel is the best guess.
 */
export function outsideOf(
  [height, width, channels]: Dataset['imageShape'],
  { count, images }: Pick<ImageSet, 'count' | 'images'>,
): 'background' | 'edge' {
  const looked = Math.min(count, LOOKED_AT);
  let dark = 0;
  let all = 0;
  const look = (offset: number): void => {
    for (let channel = 0; channel < channels; channel++) {
      if (images[offset + channel]! <= DARKEST) dark++;
      all++;
    }
  };
  for (let index = 0; index < looked; index++) {
    const image = Math.floor((index * count) / looked) * height * width * channels;
    for (let x = 0; x < width; x++) {
      look(image + x * channels);
      look(image + ((height - 1) * width + x) * channels);
    }
    for (let y = 1; y < height - 1; y++) {
      look(image + y * width * channels);
      look(image + ((y + 1) * width - 1) * channels);
    }
  }
  return 2 * dark > all ? 'background' : 'edge';
}
