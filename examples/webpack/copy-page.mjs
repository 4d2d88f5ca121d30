/** Puts the page beside its script. */

import { copyFile } from 'node:fs/promises';

await copyFile('index.html', 'dist/index.html');
