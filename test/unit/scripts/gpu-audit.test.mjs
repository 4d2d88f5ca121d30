/** What `npm run gpu-audit` can be asked for, what it needs, and what it makes of its figures. */

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { parseAuditOptions } from '../../../scripts/lib/gpu-audit-options.mjs';
import { formatAudit, formatComparison, readAudits } from '../../../scripts/lib/gpu-audit-report.mjs';
import { splitDump } from '../../../scripts/lib/gpu-audit-spirv.mjs';
import { importSource } from '../../../scripts/lib/source-modules.mjs';
import { describeMissing, findTools } from '../../../scripts/lib/gpu-audit-tools.mjs';

const { RECIPE_NAMES } = await importSource('src/recipe/recipes.ts');

const dispatch = (name, integrated, discrete) => ({
  name,
  groups: [4, 2, 1],
  threads: 64,
  vgprs: 40,
  spilled: 0,
  ldsBytes: 4096,
  occupancy: 8,
  fmaShare: 0.738,
  us: { integrated, discrete },
  limit: { integrated: 'vector', discrete: 'latency' },
  wavesPerSimd: { integrated: 1.5, discrete: 0.4 },
});

const audit = (dispatches, stepUs) => ({
  family: 'NAVI21',
  driver: 'Mesa 1',
  recipe: 'notebook',
  dispatches,
  stepUs,
  multiplyAddUs: { integrated: 2, discrete: 1 },
  evaluation: { rows: 100, dispatches: [dispatch('gather', 4, 1)], passUs: { integrated: 7, discrete: 5 } },
});

describe('the options of the audit', () => {
  const parse = (...args) => parseAuditOptions(args, {});

  it('take every recipe unless told, and name one that is unknown', () => {
    assert.deepEqual(parse().recipes, [...RECIPE_NAMES]);
    assert.deepEqual(parse('--recipe', 'notebook,notebook').recipes, ['notebook']);
    assert.throws(
      () => parse('--recipe', 'cifar'),
      /^UsageError: --recipe is "cifar"; allowed are few-labels, .*notebook,/,
    );
    assert.throws(() => parse('--json', ''), /--json has an empty value/);
    assert.equal(parse('--help'), null);
    assert.deepEqual(parse().features, { subgroups: false, float16: false });
    assert.deepEqual(parse('--float16').features, { subgroups: false, float16: true });
  });
});

describe('what the audit needs', () => {
  it('is named where it is missing, with how to get it', () => {
    assert.deepEqual(findTools({ isSupported: false }).missing, ['Linux on x64']);
    const { missing } = findTools({ isSupported: true, searchPath: '' });
    assert.ok(missing.includes('spirv-as') && missing.includes('a C compiler'), missing.join());
    // Only float16 needs another driver than the packed Chromium's to make SPIR-V for.
    assert.equal(findTools({ isSupported: true }).dawnDriver, null);
    assert.notEqual(findTools({ isSupported: true, float16: true }).dawnDriver, null);
    const told = describeMissing(["Mesa's RADV"]);
    assert.match(
      told,
      /skipped: this machine lacks Mesa's RADV\. On Debian .*apt-get install mesa-vulkan-drivers/,
    );
  });

  it('is SPIR-V from what Dawn prints, by the name of the file', () => {
    const part = (name, text) =>
      `info:\n// Dumped WGSL:\n// FILE ${name}.wgsl\ncode\ninfo:\n/* Dumped SPIRV disassembly */\n${text}`;
    const promise = '  OpExecutionMode %48 MaximallyReconvergesKHR\n';
    const dump = part('a1', `OpEntryPoint "dawn_entry_point"\n${promise}`) + part('b2', 'OpNop\n');
    assert.deepEqual(
      [...splitDump(dump)],
      [
        ['a1', 'OpEntryPoint "main"\n'],
        ['b2', 'OpNop\n'],
      ],
    );
    assert.equal(splitDump('// Dumped WGSL:\n// FILE a.wgsl\nno SPIR-V\n').size, 0);
  });
});

describe('the figures of the audit', () => {
  const before = audit([dispatch('conv1', 10, 5), dispatch('conv1', 20, 6)], {
    integrated: 36,
    discrete: 17,
  });
  const after = audit([dispatch('conv1', 8, 5), dispatch('norm', 1, 1)], { integrated: 16, discrete: 13 });

  it('are a table with sums that are called modelled', () => {
    const text = formatAudit(before);
    assert.match(text, /^notebook on NAVI21, Mesa 1 \(times are modelled\)/);
    assert.match(text, /^conv1 +4 x 2 x 1 +64 +40 +4096 +8 +74 +10\.0 +vector +1\.5 +5\.0 +latency +0\.4$/m);
    assert.match(text, /step with gaps: 0\.04 ms integrated, 0\.02 ms discrete;.* spills: no kernel/);
    assert.match(text, /evaluation of 100 rows with gaps: 0\.01 ms integrated/);
  });

  it('are compared dispatch by dispatch and in sum, with what has come and gone', () => {
    const text = formatComparison([before], [after]);
    assert.match(text, /^conv1 +10\.0 +8\.0 +-2\.0 +5\.0 +5\.0 +\+0\.0$/m);
    assert.match(text, /^conv1 \(2\) +20\.0 +- +-20\.0 /m);
    assert.match(text, /^norm +- +1\.0 +\+1\.0 /m);
    assert.match(text, /^step with gaps +36\.0 +16\.0 +-20\.0 +17\.0 +13\.0 +-4\.0$/m);
    assert.match(
      formatComparison([before], [{ ...after, recipe: 'labels-only' }]),
      /^labels-only: new, the earlier audit has none; step with gaps: 0\.02 ms integrated, 0\.01 ms discrete$/,
    );
    assert.match(
      formatComparison([before], [{ ...after, driver: 'Mesa 2' }]),
      /before: NAVI21, Mesa 1; now: .*2/,
    );
  });

  it('are told and compared stage by stage, with the evaluation once', () => {
    const look = { ...before, recipe: 'few-labels', stage: 'look', evaluation: null };
    const learn = { ...after, recipe: 'few-labels', stage: 'learn' };
    assert.match(formatAudit(look), /^few-labels, stage look on NAVI21/);
    assert.doesNotMatch(formatAudit(look), /evaluation/);
    const text = formatComparison([look], [{ ...look, stepUs: learn.stepUs }, learn]);
    assert.match(text, /^few-labels, stage look, before and after$/m);
    assert.match(text, /^step with gaps +36\.0 +16\.0 /m);
    assert.match(text, /^few-labels, stage learn: new, the earlier audit has none/m);
    assert.doesNotMatch(text, /evaluation with gaps/);
  });

  it('are compared by a hundred rows where passes of an evaluation have become longer', () => {
    const longer = { ...after.evaluation, rows: 500, passUs: { integrated: 20, discrete: 15 } };
    const text = formatComparison([before], [{ ...after, evaluation: longer }]);
    assert.match(text, /^evaluation in passes of 500 rows, 100 before$/m);
    assert.match(text, /^a hundred rows with gaps +7\.0 +4\.0 +-3\.0 +5\.0 +3\.0 +-2\.0$/m);
  });

  it('are refused where a file holds none', async (context) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'audit-'));
    context.after(() => rm(folder, { recursive: true }));
    const file = path.join(folder, 'audit.json');
    await assert.rejects(readAudits(file), /^UsageError: --compare .*audit\.json cannot be read/);
    await writeFile(file, '[{"recipe": "notebook"}]');
    await assert.rejects(readAudits(file), /^UsageError: --compare .* holds no audits/);
    await writeFile(file, JSON.stringify([before]));
    assert.deepEqual(await readAudits(file), [before]);
    const look = { ...before, stage: 'look', evaluation: null };
    await writeFile(file, JSON.stringify([look, { ...look, stage: 'learn' }]));
    assert.deepEqual(
      (await readAudits(file)).map(({ stage }) => stage),
      ['look', 'learn'],
    );
    await writeFile(file, JSON.stringify([{ ...look, stage: 1 }]));
    await assert.rejects(readAudits(file), /holds no audits/);
  });
});
