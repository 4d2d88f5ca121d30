/** Runs the same tests on every tfjs backend; one that the browser lacks is skipped aloud. */

import { startBackend, TFJS_BACKENDS, type TfjsBackend } from '../../../src/worker/engine/tfjs/index.js';
import { toErrorInfo } from '../../../src/worker/errors.js';

declare global {
  /** Set by the test runner from the environment. */
  // eslint-disable-next-line no-var
  var REQUIRE_WEBGPU: boolean | undefined;
}

/** Starts and frees a backend; the words of its refusal where it cannot start, else null. */
async function refusalOf(name: TfjsBackend): Promise<string | null> {
  try {
    (await startBackend(name)).dispose();
    return null;
  } catch (error) {
    const { kind, message } = toErrorInfo(error);
    if (kind !== 'EngineUnavailable') throw error;
    return message;
  }
}

/**
 * Describes `title` once for each of `backends` (all but webgl unless named). Where one is
 * unavailable its tests are skipped with the reason; webgpu fails instead where it is required.
 */
export function forEachBackend(
  title: string,
  define: (backend: TfjsBackend) => void,
  backends: readonly TfjsBackend[] = TFJS_BACKENDS.filter((name) => name !== 'webgl'),
): void {
  for (const backend of backends) {
    describe(`${title} (tfjs-${backend})`, function () {
      before(async function () {
        const refusal = await refusalOf(backend);
        if (refusal === null) return;
        if (backend === 'webgpu' && globalThis.REQUIRE_WEBGPU === true) {
          throw new Error(`REQUIRE_WEBGPU is set, but ${refusal}`);
        }
        console.warn(`Skipping ${title} on tfjs-${backend}: ${refusal}`);
        this.skip();
      });
      define(backend);
    });
  }
}
