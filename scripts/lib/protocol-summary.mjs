/** The protocols of docs/protocol/ side by side: their draws as rows, as a table and as a chart. */

import { VERSION } from './protocol-results.mjs';
import { rowOf, summarise, toCsv } from './sweep-results.mjs';
import { drawSweep } from './sweep-chart.mjs';

/** A row a draw, as a sweep has a row a run; those of protocols of another version, or on other images than MNIST's test images, are left out. */
export function rowsOf(protocols) {
  return protocols
    .filter(
      ({ protocol: { version, evaluatedOn, data } }) =>
        version === VERSION && evaluatedOn === 'test' && data === undefined,
    )
    .flatMap(({ protocol: { recipe, labels, machine, draws } }) =>
      draws.map(({ draw, accuracy, steps, seconds }) =>
        rowOf(
          { name: `${recipe}-labels${labels}-seed${draw}`, recipe, labels, seed: draw },
          {
            state: 'finished',
            ...{ step: steps, steps, testAccuracy: accuracy, elapsedMs: Math.round(1000 * seconds) },
            ...{ engine: machine?.engine, adapter: machine?.adapter, browser: machine?.browser },
          },
        ),
      ),
    );
}

/** The files of the folder beside the protocols, by name: contents. */
export function summaryFiles(protocols) {
  const rows = rowsOf(protocols);
  return { 'draws.csv': toCsv(rows), 'draws.svg': drawSweep(summarise(rows), rows) };
}
