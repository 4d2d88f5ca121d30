/** Where Chrome, Chromium and Edge lie when they are installed. */

import { accessSync, constants } from 'node:fs';
import path from 'node:path';

const LINUX_NAMES = [
  'google-chrome-stable',
  'google-chrome',
  'chromium',
  'chromium-browser',
  'microsoft-edge-stable',
  'microsoft-edge',
];

const MAC_APPLICATIONS = ['Google Chrome', 'Chromium', 'Microsoft Edge'];

const WINDOWS_PATHS = [
  ['Google', 'Chrome', 'Application', 'chrome.exe'],
  ['Chromium', 'Application', 'chrome.exe'],
  ['Microsoft', 'Edge', 'Application', 'msedge.exe'],
];

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function possiblePaths() {
  const { env } = process;
  switch (process.platform) {
    case 'darwin':
      return MAC_APPLICATIONS.flatMap((name) =>
        ['/Applications', path.join(env.HOME ?? '', 'Applications')].map((folder) =>
          path.join(folder, `${name}.app`, 'Contents', 'MacOS', name),
        ),
      );
    case 'win32':
      return WINDOWS_PATHS.flatMap((parts) =>
        [env.ProgramFiles, env['ProgramFiles(x86)'], env.LOCALAPPDATA]
          .filter((folder) => folder !== undefined)
          .map((folder) => path.join(folder, ...parts)),
      );
    default:
      return LINUX_NAMES.flatMap((name) =>
        (env.PATH ?? '')
          .split(path.delimiter)
          .filter((folder) => folder !== '')
          .map((folder) => path.join(folder, name)),
      );
  }
}

/** Paths of the installed browsers, the preferred one first. */
export function installedBrowsers() {
  return possiblePaths().filter(isExecutable);
}
