/** The audit from recipe to figures: records dispatches, has them compiled, models their times. */

import { compileRadv } from './gpu-audit-radv.mjs';
import { makeSpirv } from './gpu-audit-spirv.mjs';
import { importForNode } from './node-bundle.mjs';
import { withTemporaryFolder } from './temporary.mjs';

/** RDNA 2 of 40 compute units; its compiler's output is that of the integrated ones of RDNA 2 too. */
const FAMILY = 'NAVI21';

async function importAudit(folder) {
  // The engine takes WebGPU's constants from where a browser has them.
  const { globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  return importForNode('bench/gpu-audit/index.ts', folder);
}

const rounded = (value, digits) => Number(value.toFixed(digits));

/** Every figure as it is written: microseconds to a hundredth. */
function written({ dispatches, us, multiplyAddUs, doubts }) {
  const both = (values) => ({
    integrated: rounded(values.integrated, 2),
    discrete: rounded(values.discrete, 2),
  });
  return {
    dispatches: dispatches.map((dispatch) => ({
      ...dispatch,
      fmaShare: rounded(dispatch.fmaShare, 3),
      us: both(dispatch.us),
      wavesPerSimd: both(dispatch.wavesPerSimd),
    })),
    us: both(us),
    multiplyAddUs: both(multiplyAddUs),
    doubts,
  };
}

/** An audit for each recipe, as `--json` writes them. */
export function auditRecipes(recipes, tools, log) {
  return withTemporaryFolder('bench', async (folder) => {
    const { auditProgram, record } = await importAudit(folder);
    const recordings = new Map();
    for (const recipe of recipes) recordings.set(recipe, await record(recipe));
    const all = [...recordings.values()].flatMap(({ step, evaluation }) => [
      ...step,
      ...evaluation.dispatches,
    ]);
    const codes = [...new Set(all.map(({ code }) => code))];
    const files = await makeSpirv(codes, tools.assembler, folder, log);
    log(`RADV compiles ${files.size} shaders for ${FAMILY}`);
    const compiled = await compileRadv([...files.values()], FAMILY, tools, folder);
    const compiledOf = (code) => compiled.get(files.get(code));
    return recipes.map((recipe) => {
      log(`${recipe}: its waves are run`);
      const { step, evaluation } = recordings.get(recipe);
      const { dispatches, us, multiplyAddUs, doubts } = written(auditProgram(step, compiledOf));
      const pass = written(auditProgram(evaluation.dispatches, compiledOf));
      for (const doubt of new Set([...doubts, ...pass.doubts])) log(`${recipe}: doubtful, ${doubt}`);
      return {
        family: FAMILY,
        driver: compiledOf(codes[0]).driver,
        recipe,
        dispatches,
        stepUs: us,
        multiplyAddUs,
        evaluation: { rows: evaluation.rows, dispatches: pass.dispatches, passUs: pass.us },
      };
    });
  });
}
