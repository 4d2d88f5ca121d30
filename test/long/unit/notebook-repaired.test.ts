/** Every choice of repairs of the notebook on every engine that Node has. */

import { describe, it } from 'node:test';
import { writeRepairs } from '../../../src/recipe/repairs.js';
import { holdRepairsTogether, REPAIR_CHOICES } from '../../unit/support/repairs.js';

describe('every choice of repairs is computed alike by tfjs, wasm and the interpreter', () => {
  for (const choice of REPAIR_CHOICES) it(writeRepairs(choice), () => holdRepairsTogether(choice));
});
