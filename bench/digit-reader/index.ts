/** What `npm run digit-reader` and `npm run read-digits` take from here, in one bundle. */

export { assemble, makeReader } from './make-reader.js';
export { readReader } from './reader-file.js';
export { readRun } from './read-run.js';
