/** What `npm run wgsl` takes from here, in one bundle. */

export { BY_FEATURE, collectTexts } from './collect.js';
export { DEFAULT_LIMITS, demandsOf, excessesOf, greatestOf } from './limits.js';
