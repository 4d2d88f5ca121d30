/** The check of WGSL texts from recipe to report: collects, measures against the limits, lets naga look. */

import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { checkWithNaga, LANGUAGES, nagaVersion } from './naga.mjs';
import { importForNode } from './node-bundle.mjs';
import { shortHash } from './paths.mjs';
import { withTemporaryFolder } from './temporary.mjs';
import { formatTable } from './text-table.mjs';

/** A line of progress comes once in so many texts. */
const PROGRESS_TEXTS = 250;

const LIMIT_WORDS = {
  threads: ['maxComputeInvocationsPerWorkgroup', 'threads of a workgroup'],
  threadsX: ['maxComputeWorkgroupSizeX', 'threads across'],
  threadsY: ['maxComputeWorkgroupSizeY', 'threads down'],
  threadsZ: ['maxComputeWorkgroupSizeZ', 'threads deep'],
  workgroupBytes: ['maxComputeWorkgroupStorageSize', 'bytes of workgroup memory'],
  storageBuffers: ['maxStorageBuffersPerShaderStage', 'storage buffers'],
  bindingBytes: ['maxStorageBufferBindingSize', 'bytes of a storage buffer'],
};

async function importCheck(folder) {
  // The engine takes WebGPU's constants from where a browser has them.
  const { globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  return importForNode('bench/wgsl-check/index.ts', folder);
}

function nameOf(code, label) {
  return `${label.replaceAll(/\W+/g, '-')}-${shortHash(code)}`;
}

/** naga knows the functions of subgroups, but not yet the line that asks for them (gfx-rs/wgpu#5555): then no more. */
const toNaga = (code) => code.replace(/^enable subgroups;\n/, '');

async function dumpTexts(texts, folder, toText = (code) => code) {
  await mkdir(folder, { recursive: true });
  const files = new Map();
  for (const [code, label] of texts) {
    const file = path.join(folder, `${nameOf(code, label)}.wgsl`);
    await writeFile(file, toText(code));
    files.set(file, code);
  }
  return files;
}

/**
 * Checks the texts of these recipes. Returns `counts` (distinct texts by recipe, and those of all), `greatest` and
 * `limits` of each demand, `naga` (its version, null where there is none), and `problems`: a text's label and words.
 */
export function checkTexts({ recipes, dump }, log) {
  return withTemporaryFolder('bench', async (folder) => {
    const { BY_FEATURE, DEFAULT_LIMITS, collectTexts, demandsOf, excessesOf, greatestOf } =
      await importCheck(folder);
    const all = new Map();
    const counts = [];
    for (const recipe of recipes) {
      const texts = new Map();
      await collectTexts(recipe, texts);
      counts.push([recipe, texts.size]);
      log(`${recipe}: ${texts.size} texts`);
      for (const [code, label] of texts) if (!all.has(code)) all.set(code, label);
    }
    const codes = [...all.keys()];
    const extensionsOf = (code) =>
      Object.values(BY_FEATURE).flatMap(({ prefix, extension }) =>
        all.get(code).startsWith(prefix) ? [extension] : [],
      );
    const problems = codes.flatMap((code) =>
      excessesOf(code, extensionsOf(code)).map((words) => [all.get(code), words]),
    );
    const greatest = greatestOf(codes.map(demandsOf));
    const naga = await nagaVersion();
    if (dump !== undefined) await dumpTexts(all, dump);
    if (naga !== null) {
      const files = await dumpTexts(all, path.join(folder, 'texts'), toNaga);
      problems.push(...(await letNagaLook(files, all, folder, log)));
    }
    return {
      counts: [...counts, ['all, each once', all.size]],
      greatest,
      limits: DEFAULT_LIMITS,
      naga,
      problems,
    };
  });
}

async function letNagaLook(files, labels, folder, log) {
  let done = 0;
  const found = await checkWithNaga([...files.keys()], folder, () => {
    done++;
    if (done % PROGRESS_TEXTS === 0) log(`naga has looked at ${done} of ${files.size}`);
  });
  return [...found].flatMap(([file, words]) => words.map((line) => [labels.get(files.get(file)), line]));
}

function nagaLine({ naga, counts, problems }) {
  const texts = counts.at(-1)[1];
  if (naga === null) return 'naga is not at hand, so it has checked nothing: cargo install naga-cli';
  const languages = Object.keys(LANGUAGES).join(', ');
  const isSound = problems.length === 0;
  return `naga ${naga} ${isSound ? `finds all ${texts} texts valid and translates them to ${languages} (float16: all but GLSL)` : 'has looked at them'}`;
}

function limitRows({ greatest, limits }) {
  return Object.entries(LIMIT_WORDS).map(([limit, [name, words]]) => [
    words,
    greatest[limit].toLocaleString('en'),
    limits[limit].toLocaleString('en'),
    name,
  ]);
}

/** The result as lines for a person. */
export function formatCheck(result) {
  const { counts, problems } = result;
  return [
    formatTable([['recipe', 'texts'], ...counts.map(([name, count]) => [name, String(count)])]),
    '',
    formatTable(
      [['of one text', 'most', 'default limit', 'limit'], ...limitRows(result)],
      (column) => column === 0 || column === 3,
    ),
    '',
    nagaLine(result),
    ...problems.map(([label, words]) => `${label}: ${words}`),
    problems.length === 0 ? 'No problem found.' : `${problems.length} problems found.`,
  ].join('\n');
}

/** The result as a Markdown file. */
export function reportOf(result) {
  const { counts, problems } = result;
  const row = (cells) => `| ${cells.join(' | ')} |`;
  return `# WGSL of the webgpu engine

Written by \`npm run wgsl -- --report FILE\`: every text that the engine makes for a recipe on data of MNIST's shape, with every
tile that an adapter may choose and what is measured to choose one.

${nagaLine(result)}.

| recipe | texts |
|---|---:|
${counts.map(row).join('\n')}

What one text asks for at most, beside WebGPU's default limits:

| of one text | most | default limit | |
|---|---:|---:|---|
${limitRows(result).map(row).join('\n')}

${problems.length === 0 ? 'No text goes beyond them. None needs an extension, but for those that the settings `subgroups` and `float16` ask for.' : problems.map(([label, words]) => `- ${label}: ${words}`).join('\n')}
`;
}
