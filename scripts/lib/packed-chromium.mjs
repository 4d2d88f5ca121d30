/** The Chromium inside the npm package `@sparticuz/chromium`, unpacked once into the cache. */

import { execFile } from 'node:child_process';
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { withLock } from './lock.mjs';
import { CACHE, ROOT, packageVersion } from './paths.mjs';
import { removeStagings, stagingOf } from './temporary.mjs';

const PACKAGE = '@sparticuz/chromium';

/** The package holds a Linux x64 binary only. */
export function hasPackedChromium() {
  return process.platform === 'linux' && process.arch === 'x64';
}

/** The font list of the package names folders of AWS Lambda; this one names its own and the system's. */
const FONTS_CONFIG = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">.</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir prefix="relative">../font-cache</cachedir>
</fontconfig>
`;

/**
 * The package unpacks into the temporary folder, and its libraries only where it believes to be in
 * AWS Lambda: a child process is given both, so that everything lands in a folder of our own.
 */
async function unpack(folder, log) {
  log('unpacking the packed Chromium (once)');
  await removeStagings(folder);
  const staging = stagingOf(folder);
  await mkdir(staging, { recursive: true });
  const script = `import('${PACKAGE}').then((chromium) => chromium.default.executablePath())`;
  await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: ROOT,
    env: { ...process.env, TMPDIR: staging, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs20.x' },
  });
  await writeFile(path.join(staging, 'fonts', 'fonts.conf'), FONTS_CONFIG);
  await rm(folder, { recursive: true, force: true });
  await rename(staging, folder);
}

/** Executable and environment to launch it with; unpacks it first where needed. */
export async function packedChromium(log) {
  const folder = path.join(CACHE, `chromium-${packageVersion(PACKAGE)}`);
  const exists = () =>
    stat(folder).then(
      () => true,
      () => false,
    );
  if (!(await exists())) {
    await withLock(`${folder}.lock`, async () => {
      if (!(await exists())) await unpack(folder, log);
    });
  }
  const libraries = [path.join(folder, 'al2023', 'lib'), process.env.LD_LIBRARY_PATH].filter(Boolean);
  return {
    executablePath: path.join(folder, 'chromium'),
    env: {
      ...process.env,
      LD_LIBRARY_PATH: libraries.join(':'),
      FONTCONFIG_PATH: path.join(folder, 'fonts'),
    },
  };
}
