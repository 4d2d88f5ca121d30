/** tfjs' WebGL backend, on a context of its own. */

import * as tf from '@tensorflow/tfjs-core';
import { MathBackendWebGL } from '@tensorflow/tfjs-backend-webgl';
import { TrainerError } from '../../../errors.js';
import { FailureWatch } from '../failure-watch.js';
import { registerComposedAdam } from '../kernels/adam.js';
import { registerComposedBatchNorm } from '../kernels/batch-norm.js';
import { isSoftwareName } from '../platform.js';
import type { MakeBackend } from './backend.js';

registerComposedBatchNorm('webgl');
registerComposedAdam('webgl');

/** tfjs' own types leave the canvas out. */
function contextCanvas(gl: WebGLRenderingContext): EventTarget {
  return (gl as WebGLRenderingContext & { readonly canvas: EventTarget }).canvas;
}

export const makeBackend: MakeBackend = async () => {
  if (!tf.env().getBool('HAS_WEBGL')) {
    throw new TrainerError('EngineUnavailable', 'This browser offers no WebGL. Choose "auto".');
  }
  if (!tf.env().getBool('WEBGL_RENDER_FLOAT32_ENABLED')) {
    throw new TrainerError('EngineUnavailable', 'This GPU has no 32-bit floats in WebGL. Choose "auto".');
  }
  const backend = new MathBackendWebGL();
  const { gl } = backend.gpgpu;
  const watch = new FailureWatch();
  const onLost = (): void => {
    watch.fail(new TrainerError('DeviceLost', 'The browser took the WebGL context away.'));
  };
  const canvas = contextCanvas(gl);
  canvas.addEventListener('webglcontextlost', onLost);
  const names = gl.getExtension('WEBGL_debug_renderer_info');
  const adapter = names === null ? '' : String(gl.getParameter(names.UNMASKED_RENDERER_WEBGL));
  return {
    backend,
    adapter,
    isSoftware: isSoftwareName(adapter),
    watch,
    release: () => canvas.removeEventListener('webglcontextlost', onLost),
  };
};
