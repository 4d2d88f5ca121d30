/** Pixels as the networks see them. */

/**
 * By byte: byte / 127.5 - 1, computed in float64 and rounded once to float32. Every engine takes its
 * pixels from this table, so that no machine rounds them its own way.
 */
export const NORMALISED_BYTES: Float32Array<ArrayBuffer> = Float32Array.from(
  { length: 256 },
  (_, byte) => byte / 127.5 - 1,
);
