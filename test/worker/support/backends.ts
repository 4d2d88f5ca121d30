/** Runs the same tests on every tfjs backend; one that the browser lacks is skipped aloud. */

import {
  startBackend,
  TFJS_BACKENDS,
  type StartedBackend,
  type TfjsBackend,
} from '../../../src/worker/engine/tfjs/index.js';
import { toErrorInfo } from '../../../src/protocol/errors.js';

declare global {
  /** Set by the test runner from the environment. */
  var REQUIRE_WEBGPU: boolean | undefined;
}

/** Starts a backend, or returns the words of its refusal where the browser lacks it. */
async function startOrRefusal(name: TfjsBackend): Promise<StartedBackend | string> {
  try {
    return await startBackend(name);
  } catch (error) {
    const { kind, message } = toErrorInfo(error);
    if (kind !== 'EngineUnavailable') throw error;
    return message;
  }
}

/**
 * Describes `title` once for each of `backends` (all but webgl unless named). Where one is
 * unavailable its tests are skipped with the reason; webgpu fails instead where it is required. The
 * backend stays started throughout, so that its engines compile every shader once.
 */
export function forEachBackend(
  title: string,
  define: (backend: TfjsBackend) => void,
  backends: readonly TfjsBackend[] = TFJS_BACKENDS.filter((name) => name !== 'webgl'),
): void {
  for (const backend of backends) {
    describe(`${title} (tfjs-${backend})`, function () {
      let started: StartedBackend | null = null;
      before(async function () {
        const found = await startOrRefusal(backend);
        if (typeof found !== 'string') {
          started = found;
          return;
        }
        if (backend === 'webgpu' && globalThis.REQUIRE_WEBGPU === true) {
          throw new Error(`REQUIRE_WEBGPU is set, but ${found}`);
        }
        console.warn(`Skipping ${title} on tfjs-${backend}: ${found}`);
        this.skip();
      });
      after(() => started?.dispose());
      define(backend);
    });
  }
}
