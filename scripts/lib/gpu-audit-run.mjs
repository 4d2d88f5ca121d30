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

/**
 * An audit for each recipe and stage of it, as `--json` writes them. The last of a recipe has the evaluation. `features` are
 * the settings that ask for some.
 */
export function auditRecipes({ recipes, features }, tools, log) {
  return withTemporaryFolder('bench', async (folder) => {
    const { auditProgram, record } = await importAudit(folder);
    const recordings = new Map();
    for (const recipe of recipes) recordings.set(recipe, await record(recipe, features));
    const all = [...recordings.values()].flatMap(({ stages, evaluation }) => [
      ...stages.flatMap(({ step }) => step),
      ...evaluation.dispatches,
    ]);
    const codes = [...new Set(all.map(({ code }) => code))];
    const files = await makeSpirv(codes, tools, folder, log);
    log(`RADV compiles ${files.size} shaders for ${FAMILY}`);
    const compiled = await compileRadv([...files.values()], FAMILY, tools, folder);
    const compiledOf = (code) => compiled.get(files.get(code));
    const { driver } = compiledOf(codes[0]);
    return recipes.flatMap((recipe) => {
      log(`${recipe}: its waves are run`);
      const { stages, evaluation } = recordings.get(recipe);
      const audited = (program) => {
        const { doubts, ...figures } = written(auditProgram(program, compiledOf));
        for (const doubt of doubts) log(`${recipe}: doubtful, ${doubt}`);
        return figures;
      };
      const pass = audited(evaluation.dispatches);
      return stages.map(({ stage, step }, index) => {
        const { dispatches, us, multiplyAddUs } = audited(step);
        const isLast = index === stages.length - 1;
        return {
          family: FAMILY,
          driver,
          recipe,
          ...(stage === null ? {} : { stage }),
          ...Object.fromEntries(Object.entries(features).filter(([, isAsked]) => isAsked)),
          dispatches,
          stepUs: us,
          multiplyAddUs,
          evaluation: isLast ? { rows: evaluation.rows, dispatches: pass.dispatches, passUs: pass.us } : null,
        };
      });
    });
  });
}
