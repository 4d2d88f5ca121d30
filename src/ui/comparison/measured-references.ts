/** What `npm run protocol` has measured of recipes that others are held against. Written by `npm run docs` from docs/protocol/. */

import type { MeasuredReference } from './measured-reference.js';

export const MEASURED_REFERENCES: readonly MeasuredReference[] = [];
