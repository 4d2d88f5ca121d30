/** Which test files there are, and which group runs them. */

import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { UsageError } from './main.mjs';
import { resolveGiven } from './invocation.mjs';
import { ROOT, inRoot } from './paths.mjs';

/** Folders of each group's tests. Every file under them that ends in `.test.ts` or `.test.mjs` is one. */
export const TEST_FOLDERS = {
  unit: ['test/unit'],
  worker: ['test/worker'],
  ui: ['test/ui'],
  page: ['test/page'],
};

/** The long ones, by the group that knows how to run them. */
export const LONG_TEST_FOLDERS = {
  unit: ['test/long/unit'],
  worker: ['test/long/worker'],
  ui: [],
  page: ['test/long/page'],
};

/** In other browsers; driven as page tests are. */
export const BROWSER_TEST_FOLDERS = { unit: [], worker: [], ui: [], page: ['test/browsers'] };

/** On a Selenium Grid. */
export const GRID_TEST_FOLDERS = { unit: [], worker: [], ui: [], page: ['test/grid'] };

/** Those that install, build and drive the examples, by the group that knows how to run them. */
export const EMBED_TEST_FOLDERS = {
  unit: [],
  worker: [],
  ui: [],
  page: ['test/embed'],
};

const TEST_NAME = /\.test\.(ts|mjs)$/;

/** Test files of folders, as paths from the repository root with forward slashes, sorted. */
export function testFilesIn(folders) {
  return folders
    .filter((folder) => existsSync(inRoot(folder)))
    .flatMap((folder) =>
      readdirSync(inRoot(folder), { recursive: true }).map((name) => path.join(folder, name)),
    )
    .filter((file) => TEST_NAME.test(file))
    .map((file) => file.split(path.sep).join('/'))
    .sort();
}

/** The given files by group; throws a UsageError for one that is no test or belongs to no group. */
export function groupFiles(files, folders) {
  const groups = Object.fromEntries(Object.keys(folders).map((group) => [group, []]));
  for (const given of files) {
    // From where the person stands, or as the messages of test runs name it.
    const place = [resolveGiven(given), inRoot(given)].find(existsSync) ?? given;
    const file = path.relative(ROOT, place).split(path.sep).join('/');
    const group = Object.keys(folders).find((name) =>
      folders[name].some((folder) => file.startsWith(`${folder}/`)),
    );
    if (group === undefined || !TEST_NAME.test(file) || !existsSync(inRoot(file))) {
      throw new UsageError(
        `${given} is not a test file: expected an existing *.test.ts or *.test.mjs under ` +
          `${Object.values(folders).flat().join(', ')}.`,
      );
    }
    groups[group].push(file);
  }
  return groups;
}
