/** What `npm run protocol` has measured of recipes that others are held against. Written by `npm run docs` from docs/protocol/. */

import type { MeasuredReference } from './measured-reference.js';

export const MEASURED_REFERENCES: readonly MeasuredReference[] = [
  {
    recipe: 'few-labels',
    labels: 20,
    draws: 10,
    mean: 0.99002,
    steps: 5000,
    dataFingerprint: '6f690ff9609cf30d3827a22dcbd761c5',
  },
  {
    recipe: 'few-labels',
    labels: 50,
    draws: 10,
    mean: 0.99064,
    steps: 5000,
    dataFingerprint: '6f690ff9609cf30d3827a22dcbd761c5',
  },
  {
    recipe: 'few-labels',
    labels: 100,
    draws: 10,
    mean: 0.9907200000000002,
    steps: 5000,
    dataFingerprint: '6f690ff9609cf30d3827a22dcbd761c5',
  },
  {
    recipe: 'few-labels-fast',
    labels: 100,
    draws: 3,
    mean: 0.9836,
    steps: 2200,
    dataFingerprint: '6f690ff9609cf30d3827a22dcbd761c5',
  },
  {
    recipe: 'few-labels-no-gan',
    labels: 100,
    draws: 3,
    mean: 0.9887333333333334,
    steps: 5000,
    dataFingerprint: '6f690ff9609cf30d3827a22dcbd761c5',
  },
  {
    recipe: 'few-labels-no-look',
    labels: 100,
    draws: 3,
    mean: 0.9904666666666667,
    steps: 3000,
    dataFingerprint: '6f690ff9609cf30d3827a22dcbd761c5',
  },
  {
    recipe: 'labels-only-augmented',
    labels: 100,
    draws: 3,
    mean: 0.9590333333333333,
    steps: 3000,
    dataFingerprint: '6f690ff9609cf30d3827a22dcbd761c5',
  },
];
