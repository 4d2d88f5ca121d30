/** `npm run gpu-audit`: what AMD's compiler makes of the webgpu engine's kernels, and a modelled time, without a GPU. */

import { main } from './lib/main.mjs';

await main(async (args) => {
  const { HELP, parseAuditOptions } = await import('./lib/gpu-audit-options.mjs');
  const options = parseAuditOptions(args);
  if (options === null) return console.log(HELP);
  const { recipes, features, json, compare } = options;
  const { formatAudit, formatComparison, readAudits } = await import('./lib/gpu-audit-report.mjs');
  const earlier = compare === undefined ? null : await readAudits(compare);
  const { prepareOutput } = await import('./lib/output-file.mjs');
  if (json !== undefined) await prepareOutput('json', json);

  const { describeMissing, findTools } = await import('./lib/gpu-audit-tools.mjs');
  const tools = findTools({ float16: features.float16 });
  if (tools.missing.length > 0) return console.log(describeMissing(tools.missing));

  const { auditRecipes } = await import('./lib/gpu-audit-run.mjs');
  const audits = await auditRecipes({ recipes, features }, tools, (line) => console.log(line));
  console.log(`\n${audits.map(formatAudit).join('\n\n')}`);
  if (earlier !== null) console.log(`\n${formatComparison(earlier, audits)}`);
  if (json === undefined) return;
  const { writeFile } = await import('node:fs/promises');
  await writeFile(json, `${JSON.stringify(audits, null, 2)}\n`);
});
