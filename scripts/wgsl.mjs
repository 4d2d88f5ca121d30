/** `npm run wgsl`: checks every WGSL text of the webgpu engine against WebGPU's default limits, and with naga where it is. */

import { main } from './lib/main.mjs';

await main(async (args) => {
  const { HELP, parseWgslOptions } = await import('./lib/wgsl-options.mjs');
  const options = parseWgslOptions(args);
  if (options === null) {
    console.log(HELP);
    return 0;
  }
  const { dump, report } = options;
  const { prepareFolder, prepareOutput } = await import('./lib/output-file.mjs');
  if (dump !== undefined) await prepareFolder('dump', dump);
  if (report !== undefined) await prepareOutput('report', report);
  const { checkTexts, formatCheck, reportOf } = await import('./lib/wgsl-run.mjs');
  const result = await checkTexts(options, (line) => console.log(line));
  console.log(`\n${formatCheck(result)}`);
  if (report !== undefined) {
    const { writeFile } = await import('node:fs/promises');
    await writeFile(report, reportOf(result));
  }
  return result.problems.length === 0 ? 0 : 1;
});
