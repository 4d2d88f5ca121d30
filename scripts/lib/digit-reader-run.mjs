/** The digit reader, trained and at work, from options to exit code. What computes is in bench/digit-reader. */

import { existsSync, statSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { MNIST_PACKAGE } from '../../bin/lib/mnist-files.mjs';
import { READER, READER_RECORD } from './digit-reader-options.mjs';
import { resolveGiven } from './invocation.mjs';
import { UsageError } from './main.mjs';
import { importForNode } from './node-bundle.mjs';
import { prepareFolder, prepareOutput } from './output-file.mjs';
import { inRoot } from './paths.mjs';
import { readResumedRun } from './resumed-run.mjs';
import { CHECKPOINT, RUN, contentsOf, readWhole, replaceFile } from './run-folder.mjs';
import { withTemporaryFolder } from './temporary.mjs';
import { formatTable } from './text-table.mjs';
import { train } from './train-run.mjs';
import { buildKernels, kernelBinaryPath } from './wasm-kernels.mjs';

const percent = (share) => `${(100 * share).toFixed(2)} %`;

/** Runs `work` with what bench/digit-reader exports and the kernels that it runs on. */
function withReaders(work) {
  return withTemporaryFolder('bench', async (folder) => {
    await buildKernels();
    const kernels = new Uint8Array(await readFile(kernelBinaryPath('kernels-plain.wasm')));
    return work(await importForNode('bench/digit-reader/index.ts', folder), kernels);
  });
}

/** Images and labels of the original files, as the data set is assembled from them. */
async function setFiles(name) {
  const read = async (file) =>
    new Uint8Array(await readFile(inRoot('node_modules', MNIST_PACKAGE, 'data', file)));
  const [imagesFile, labelsFile] = [`${name}-images-idx3-ubyte`, `${name}-labels-idx1-ubyte`];
  return {
    imagesFile,
    imagesBytes: await read(imagesFile),
    labelsFile,
    labelsBytes: await read(labelsFile),
  };
}

function isFilled(folder) {
  return existsSync(folder) && statSync(folder).isDirectory() && contentsOf(folder).length > 0;
}

/** Trains by `run`, or goes on, where the run in `out` has not finished. Resolves with the exit code. */
export async function trainIn({ out: name, isResumed, resumeCommand, settings }, run = train) {
  const out = resolveGiven(name);
  const checkpoint = path.join(out, CHECKPOINT);
  const [hasCheckpoint, isBegun] = [checkpoint, path.join(out, RUN)].map((file) => existsSync(file));
  if (!isResumed) {
    if (!isFilled(out)) return run({ given: settings, out: name });
    const advice = hasCheckpoint || isBegun ? `, or go on with the run in it: ${resumeCommand}` : '';
    throw new UsageError(`--out ${name} exists and is not empty. Name another folder${advice}.`);
  }
  // It was cut off before its only checkpoint, so it begins anew.
  if (!hasCheckpoint && isBegun) return run({ given: settings, out: name, force: true });
  if (hasCheckpoint && (await readResumedRun(checkpoint, settings)).isFinished) return 0;
  return run({ given: settings, resume: name });
}

/** Runs what `parseReaderOptions` returned; resolves with the exit code. */
export async function trainReader(options) {
  const { out, into, resumeCommand } = options;
  // Files in it are replaced, which is for the folder to allow.
  await prepareFolder('into', into);
  const code = await trainIn(options);
  if (code !== 0) {
    console.log(`The reader is written at the end. To go on to it: ${resumeCommand}`);
    return code;
  }
  await withReaders(async ({ assemble, makeReader }, kernels) => {
    const data = assemble(await setFiles('train'), await setFiles('t10k'));
    const checkpoint = new Uint8Array(await readFile(path.join(resolveGiven(out), CHECKPOINT)));
    const { bytes, settings, accuracy } = await makeReader(checkpoint, data, data.test, kernels);
    const record = {
      command: 'npm run digit-reader -- --out runs/digit-reader',
      settings,
      accuracy,
      testImages: data.test.count,
      fileBytes: bytes.length,
    };
    await replaceFile(path.join(into, READER), bytes);
    await replaceFile(path.join(into, READER_RECORD), `${JSON.stringify(record, null, 2)}\n`);
    console.log(
      `The reader reads ${percent(accuracy)} of the test images rightly; it is ${path.join(into, READER)}.`,
    );
  });
  return 0;
}

function checkpointOf(run) {
  const given = resolveGiven(run);
  if (!existsSync(given)) throw new UsageError(`--run ${run}: there is no such folder or file.`);
  if (!statSync(given).isDirectory()) return given;
  const file = path.join(given, CHECKPOINT);
  if (existsSync(file)) return file;
  throw new UsageError(`--run ${run}: the folder has no ${CHECKPOINT}, so there is nothing to read.`);
}

function formatReadings(readings) {
  const rows = readings.map(({ run, recipe, step, readShare, classBits, pixelDeviation }) => [
    run,
    recipe,
    String(step),
    percent(readShare),
    classBits.toFixed(2),
    pixelDeviation.toFixed(3),
  ]);
  return formatTable(
    [['run', 'recipe', 'step', 'read', 'bits', 'deviation'], ...rows],
    (column) => column < 2,
  );
}

/** Runs what `parseReadOptions` returned; resolves with the exit code. */
export async function readDigits({ runs, out, reader: file }) {
  const checkpoints = runs.map((run) => [run, checkpointOf(run)]);
  if (!existsSync(file)) throw new UsageError(`--reader ${file}: there is no such file.`);
  if ([file, ...checkpoints.map(([, checkpoint]) => checkpoint)].includes(out)) {
    throw new UsageError(`--out ${out} is one of the files that are read. Name another file.`);
  }
  if (out !== undefined) await prepareOutput('out', out);
  const readings = await withReaders(async ({ readReader, readRun }, kernels) => {
    const inWords = (name, work) =>
      Promise.resolve()
        .then(work)
        .catch((error) => {
          throw new UsageError(`${name}: ${error.message}`, { cause: error });
        });
    const reader = await inWords(file, async () => readReader(new Uint8Array(await readWhole(file))));
    const found = [];
    for (const [run, checkpoint] of checkpoints) {
      const reading = await inWords(run, async () =>
        readRun(new Uint8Array(await readWhole(checkpoint)), reader, kernels),
      );
      found.push({ run, ...reading });
    }
    return found;
  });
  console.log(formatReadings(readings));
  if (out !== undefined) await writeFile(out, `${JSON.stringify(readings, null, 2)}\n`);
  return 0;
}
