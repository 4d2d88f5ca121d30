/** What `npm run gpu-audit` takes from here, in one bundle. */

export { auditProgram } from './model.js';
export { record, RECIPE_NAMES } from './record.js';
