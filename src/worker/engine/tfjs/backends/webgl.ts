/**
 * tfjs' WebGL backend on a context of our own, since tfjs' own refuses a renderer on the CPU, which a
 * person may ask for by name.
 */

import * as tf from '@tensorflow/tfjs-core';
import { MathBackendWebGL, setWebGLContext } from '@tensorflow/tfjs-backend-webgl';
import { feature } from '../../../../browser/feature.js';
import { TrainerError } from '../../../../protocol/errors.js';
import { DEVICE_SILENCE_LIMIT_MS } from '../../../../protocol/time-limits.js';
import { FailureWatch } from '../../device/failure-watch.js';
import { registerComposedAdam } from '../kernels/adam.js';
import { registerComposedBatchNorm } from '../kernels/batch-norm.js';
import { registerComposedGroupNorm } from '../kernels/group-norm.js';
import { isSoftwareName } from '../../device/platform.js';
import type { MakeBackend } from './backend.js';

registerComposedBatchNorm('webgl');
registerComposedGroupNorm('webgl');
registerComposedAdam('webgl');

/** tfjs draws into textures, so the canvas needs nothing beside colour. */
const ATTRIBUTES: WebGLContextAttributes = {
  alpha: false,
  antialias: false,
  premultipliedAlpha: false,
  preserveDrawingBuffer: false,
  depth: false,
  stencil: false,
};

/** The renderer in its own words; may be empty. */
function describeRenderer(gl: WebGL2RenderingContext): string {
  const names = gl.getExtension('WEBGL_debug_renderer_info');
  return String(names === null ? '' : gl.getParameter(names.UNMASKED_RENDERER_WEBGL));
}

export const makeBackend: MakeBackend = async () => {
  // Workers of some browsers have no such canvas, or none with WebGL; others throw.
  const canvas = feature(() => new OffscreenCanvas(1, 1));
  const gl = feature(() => canvas?.getContext('webgl2', ATTRIBUTES));
  if (canvas === undefined || gl === undefined) {
    throw new TrainerError('EngineUnavailable', 'This browser offers no WebGL 2 in workers. Choose "auto".');
  }
  // For tfjs' look at what WebGL can do; the backend takes the same context from the canvas.
  setWebGLContext(2, gl);
  if (!tf.env().getBool('WEBGL_RENDER_FLOAT32_ENABLED')) {
    throw new TrainerError('EngineUnavailable', 'This GPU has no 32-bit floats in WebGL. Choose "auto".');
  }
  const watch = new FailureWatch({ silenceLimitMs: DEVICE_SILENCE_LIMIT_MS });
  canvas.addEventListener('webglcontextlost', () => {
    watch.fail(new TrainerError('DeviceLost', 'The browser took the WebGL context away.'));
  });
  const adapter = describeRenderer(gl);
  return {
    backend: new MathBackendWebGL(canvas),
    adapter,
    isSoftware: isSoftwareName(adapter),
    watch,
    release: () => gl.getExtension('WEBGL_lose_context')?.loseContext(),
  };
};
