/**
 * Who may import whom: the arrows of docs/architecture.md, one line a room. `npm test` holds them over
 * every import of `src`, of types and in the wasm kernels too; no import may run up, none in a circle.
 */

const WORKER = '^src/worker/';
const ENGINE = `${WORKER}engine/`;
/** What an engine is, apart from the engines: the floor that they stand on. */
const CONTRACT = `${ENGINE}(engine|check-state|data-sizes|image-grid)\\.ts$`;

const PROTOCOL = ['^src/protocol/', '^src/recipe/'];
/** What both threads share: the words they speak, and what they ask of the browser. */
const SHARED = [...PROTOCOL, '^src/browser/'];
const DATA = [...SHARED, `${WORKER}random/`, `${WORKER}data/`];
const MODEL = [...DATA, `${WORKER}model/`];
const ENGINES = [...MODEL, CONTRACT, `${ENGINE}device/`];
/** Spreading labels knows no engine; who searches neighbours for it does. */
const SPREAD = `${WORKER}spread/`;
const CHECKPOINT = [...ENGINES, `${ENGINE}[^/]*$`, `${WORKER}checkpoint/`, `${WORKER}version\\.ts$`];
const RUN = [...CHECKPOINT, SPREAD, `${WORKER}run/`];

const TFJS = '(^|/)node_modules/@tensorflow/';

/** From, what it may import of `src`, and of packages. */
const ROOMS = [
  ['recipe', '^src/recipe/', ['^src/recipe/'], []],
  ['protocol', '^src/protocol/', PROTOCOL, []],
  ['browser', '^src/browser/', ['^src/browser/'], []],
  [
    'ui',
    '^src/ui/',
    [...SHARED, '^src/ui/'],
    ['(^|/)node_modules/(lit|@lit/[^/]+|lit-html|lit-element|uplot|comlink|fflate)/'],
  ],
  ['random', `${WORKER}random/`, [`${WORKER}random/`], []],
  ['data', `${WORKER}data/`, DATA, ['(^|/)node_modules/fflate/']],
  ['model', `${WORKER}model/`, MODEL, []],
  ['spread', SPREAD, ['^src/protocol/', SPREAD], []],
  ['engine contract', CONTRACT, [...MODEL, CONTRACT], []],
  ['device', `${ENGINE}device/`, [...SHARED, CONTRACT, `${ENGINE}device/`], ['(^|/)node_modules/idb/']],
  ['plan', `${ENGINE}plan/`, [...MODEL, CONTRACT, `${ENGINE}plan/`], []],
  ['tfjs', `${ENGINE}tfjs/`, [...ENGINES, `${ENGINE}tfjs/`], [TFJS]],
  ['webgpu', `${ENGINE}webgpu/`, [...ENGINES, `${ENGINE}plan/`, `${ENGINE}webgpu/`], []],
  ['wasm', `${ENGINE}wasm/`, [...ENGINES, SPREAD, `${ENGINE}plan/`, `${ENGINE}wasm/`], []],
  ['wasm kernels', `${ENGINE}wasm/kernels/`, [`${ENGINE}wasm/kernels/`], []],
  [
    'choice of engines',
    `${ENGINE}(choose|compare|fastest|recovering|start)-engines?\\.ts$|${ENGINE}engine-(entry|speeds|table)\\.ts$|${ENGINE}(spread-kernels|import-tfjs-file)\\.ts$`,
    [...ENGINES, SPREAD, `${ENGINE}[^/]*$`, `${ENGINE}(tfjs|webgpu|wasm)/`],
    [],
  ],
  ['checkpoint', `${WORKER}checkpoint/`, CHECKPOINT, []],
  ['run', `${WORKER}run/`, RUN, []],
  ['benchmark', `${WORKER}benchmark/`, [...ENGINES, ENGINE, `${WORKER}benchmark/`], [TFJS]],
  ['commands', `${WORKER}commands/`, [...RUN, `${WORKER}commands/`], ['(^|/)node_modules/comlink/']],
];

const rules = ROOMS.map(([room, from, sources, packages]) => ({
  name: `${room} imports only what lies below it`,
  severity: 'error',
  comment: 'docs/architecture.md, "The rooms", says what may be imported here.',
  from: { path: from },
  to: { pathNot: [...sources, ...packages] },
}));

export default {
  forbidden: [
    { name: 'no circles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'imports are found', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'every file belongs to a room',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: [
          ...ROOMS.map(([, from]) => from),
          `${WORKER}(worker|benchmark)\\.ts$`,
          `${WORKER}version\\.ts$`,
        ],
      },
      to: {},
    },
    ...rules,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.css'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'default'],
    },
  },
};
