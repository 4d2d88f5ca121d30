/**
 * The custom elements manifest of the package: what the analyzer reads from the comments and fields of each
 * element's class, less what is nobody's concern, by the paths that a host imports.
 */

import { cli } from '@custom-elements-manifest/analyzer/cli.js';
import { ROOT } from './paths.mjs';

/**
 * Elements: the file of the class, and the modules that a host imports for the class and for its definition. One whose
 * class is not exported has the same module twice.
 */
const ELEMENTS = [
  { source: 'src/ui/sgan-trainer.ts', module: 'dist/ui/element.js', definition: 'dist/ui/define.js' },
  {
    source: 'src/ui/benchmark/sgan-benchmark.ts',
    module: 'dist/ui/define-benchmark.js',
    definition: 'dist/ui/define-benchmark.js',
  },
];

function isPublic({ privacy, static: isStatic, name }) {
  return privacy === undefined && isStatic !== true && !name.startsWith('#');
}

/** The manifest's account of the modules of an element, of what a host can see. */
function publicModules({ declarations }, { module, definition }) {
  const element = declarations.find(({ customElement }) => customElement === true);
  const { tagName, name } = element;
  const declaration = { name, module };
  const defining = { kind: 'custom-element-definition', name: tagName, declaration };
  const exporting = { kind: 'js', name, declaration };
  const declared = [{ ...element, members: element.members.filter(isPublic) }];
  const isOne = module === definition;
  return [
    {
      kind: 'javascript-module',
      path: module,
      declarations: declared,
      exports: isOne ? [defining] : [exporting],
    },
    ...(isOne
      ? []
      : [{ kind: 'javascript-module', path: definition, declarations: [], exports: [defining] }]),
  ];
}

/** The manifest as an object. */
export async function makeManifest() {
  const globs = ELEMENTS.flatMap(({ source }) => ['--globs', source]);
  const { modules, ...manifest } = await cli({
    argv: ['analyze', '--quiet', '--litelement', ...globs],
    cwd: ROOT,
    noWrite: true,
  });
  const moduleOf = (element) => modules.find(({ path }) => path === element.source);
  return { ...manifest, modules: ELEMENTS.flatMap((element) => publicModules(moduleOf(element), element)) };
}

/** An element's declaration in a manifest. */
export function declarationOf(manifest, tagName) {
  return manifest.modules
    .flatMap(({ declarations }) => declarations)
    .find((each) => each.tagName === tagName);
}
