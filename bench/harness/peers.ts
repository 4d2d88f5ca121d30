/** The yardsticks that are dev dependencies, and so no part of the site. */

import type { PeerMakers } from '../../src/worker/benchmark/create-contender.js';

export const PEERS: PeerMakers = {
  'jax-js': async (input) => {
    const { createJaxJs } = await import('../peers/jax-js/index.js');
    return createJaxJs(input);
  },
};
