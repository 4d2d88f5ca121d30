/**
 * Shaders of one stage as one, each for a range of its workgroups: one dispatch less, and a GPU that none of them fills
 * has the waves of all. Every thread computes what it would alone, so no bit changes. Knows no kernel: joins texts.
 */

import { codeOf, type Binding, type Shader } from './shader.js';

/** WebGPU's default limits, which every adapter keeps: see `limits.ts`. */
const MOST_BUFFERS = 8;
const MOST_WORKGROUP_BYTES = 16_384;
const MOST_GROUPS = 65_535;
/** The smallest waves of GPUs: threads of others in the range of a kernel with fewer would take turns of their own. */
const LEAST_WAVE = 32;

const TYPE_BYTES: Readonly<Record<string, number>> = { f32: 4, u32: 4, vec2f: 8, vec4f: 16, mat2x4f: 32 };

/** "main", the last that a text declares. */
const MAIN = /@compute @workgroup_size\((\d+)(?:, (\d+))?\)\s*fn main\(([^{]*)\) \{([^]*)\}\s*$/;
const PARAMETER = /@builtin\((workgroup_id|local_invocation_id|local_invocation_index)\) (\w+): \w+/g;
const WORD = /(?<![\w@])[a-z_]\w*/gi;
/** What a text declares at its outermost level, but for bindings, which are called the same in all. */
const DECLARATION = /^(?:fn|struct|const|var<\w+>) (\w+)/gm;
const WORKGROUP_ARRAY = /var<workgroup> \w+: array<(\w+), (\d+)>/g;

/** Bytes of the workgroup memory that a text declares. */
export function workgroupBytes(text: string): number {
  return [...text.matchAll(WORKGROUP_ARRAY)].reduce((sum, [, type, length]) => {
    const bytes = TYPE_BYTES[type!];
    if (bytes === undefined) throw new Error(`Workgroup memory of ${type} has no size in join-shaders.ts.`);
    return sum + bytes * Number(length);
  }, 0);
}

interface Part {
  /** What the text declares, and what its "main" does. */
  readonly declarations: string;
  readonly statements: string;
  /** What "main" calls its parameters, by builtin. */
  readonly parameters: readonly (readonly [name: string, builtin: string])[];
  readonly shape: readonly [across: number, down: number];
  readonly threads: number;
  readonly workgroups: Shader['workgroups'];
  readonly groups: number;
  readonly hasBarriers: boolean;
}

/**
 * A shader's text as the `index`th part of another: all that it declares gets names of its own. Null where it asks for
 * other builtins than those of groups and threads.
 */
function toPart({ body, workgroups, label }: Shader, index: number): Part | null {
  const main = MAIN.exec(body);
  if (main === null) throw new Error(`The text of "${label}" does not end in a "main" to be joined by.`);
  const [, across, down = '1', given, statements] = main;
  const parameters = Array.from(
    given!.matchAll(PARAMETER),
    ([, builtin, name]) => [name!, builtin!] as const,
  );
  if (parameters.length < given!.split('@builtin').length - 1) return null;
  const declarations = body.slice(0, main.index);
  const names = new Set(Array.from(declarations.matchAll(DECLARATION), ([, name]) => name!));
  const rename = (text: string): string =>
    text.replaceAll(WORD, (word) => (names.has(word) ? `part_${index}_${word}` : word));
  const shape = [Number(across), Number(down)] as const;
  return {
    declarations: rename(declarations),
    statements: rename(statements!),
    parameters,
    shape,
    threads: shape[0] * shape[1],
    workgroups,
    groups: workgroups.reduce((product, count) => product * count, 1),
    hasBarriers: body.includes('Barrier()'),
  };
}

/** The bindings of all, each array once; null where they are too many, or one writes what another binds too. */
function joinBindings(shaders: readonly Shader[]): readonly Binding[] | null {
  const all = shaders.flatMap(({ bindings }) => bindings);
  const joined = all.filter(({ name }, index) => all.findIndex((binding) => binding.name === name) === index);
  const isWritten = ({ buffer }: Binding): boolean =>
    all.some((other) => other.buffer === buffer && other.access === 'read_write');
  const isSound = all.every(
    (binding) =>
      !isWritten(binding) ||
      all.every(
        ({ buffer, access, name }) =>
          buffer !== binding.buffer || (access === 'read_write' && name === binding.name),
      ),
  );
  return isSound && joined.length <= MOST_BUFFERS ? joined : null;
}

/**
 * What the workgroups of a part do, whose first has the `joined_number` 0. With the device's own numbers of threads wherever
 * they are the part's: of those Tint knows the range, and spares what is indexed by them a check; of others it does not.
 */
function rangeText(part: Part, shape: Part['shape'], threads: number): string {
  const [x, y] = part.workgroups;
  const [across] = part.shape;
  const isAlike = part.shape.every((count, axis) => count === shape[axis]);
  const own: Readonly<Record<string, string>> = {
    local_invocation_index: 'joined_index',
    local_invocation_id: 'joined_local',
  };
  const made: Readonly<Record<string, string>> = {
    workgroup_id: `vec3u(joined_number % ${x}u, joined_number / ${x}u % ${y}u, joined_number / ${x * y}u)`,
    local_invocation_id: `vec3u(joined_index % ${across}u, joined_index / ${across}u, 0u)`,
  };
  const isOwn = (builtin: string): boolean =>
    builtin === 'local_invocation_index' || (isAlike && builtin === 'local_invocation_id');
  const names = new Map(
    part.parameters.filter(([, builtin]) => isOwn(builtin)).map(([name, builtin]) => [name, own[builtin]!]),
  );
  const given = part.parameters
    .filter(([, builtin]) => !isOwn(builtin))
    .map(([name, builtin]) => `    let ${name} = ${made[builtin]!};`);
  const idle = part.threads < threads ? `    if (joined_index >= ${part.threads}u) { return; }\n` : '';
  return `${idle}${given.join('\n')}
${part.statements.replaceAll(WORD, (word) => names.get(word) ?? word)}`;
}

/**
 * One shader that computes what these do; null where that cannot be or does not pay: numbers as data, more buffers or
 * workgroup memory than WebGPU promises, other builtins than those of groups and threads, threads of unequal number where
 * they wait for each other or would be idle.
 */
export function joinShaders(shaders: readonly Shader[]): Shader | null {
  if (shaders.some(({ constants }) => constants !== null)) return null;
  const bindings = joinBindings(shaders);
  if (bindings === null) return null;
  const parts = shaders.map(toPart).filter((part) => part !== null);
  if (parts.length < shaders.length) return null;
  const threads = Math.max(...parts.map((part) => part.threads));
  const waves = Math.ceil(threads / LEAST_WAVE);
  const isFit = (part: Part): boolean =>
    part.threads === threads || (!part.hasBarriers && Math.ceil(part.threads / LEAST_WAVE) === waves);
  const groups = parts.reduce((sum, part) => sum + part.groups, 0);
  const text = parts.map(({ declarations }) => declarations).join('\n');
  if (!parts.every(isFit) || groups > MOST_GROUPS || workgroupBytes(text) > MOST_WORKGROUP_BYTES) return null;
  const { shape } = parts.find((part) => part.threads === threads)!;
  const ends = parts.map((_, index) => parts.slice(0, index + 1).reduce((sum, part) => sum + part.groups, 0));
  const ranges = parts.map((part, index) => {
    const isLast = index === parts.length - 1;
    return `${isLast ? '' : `if (joined_group.x < PART_${index}_END) `}{
    let joined_number = joined_group.x${index === 0 ? '' : ` - PART_${index - 1}_END`};
${rangeText(part, shape, threads)}
  }`;
  });
  const body = `${text}
${ends.map((end, index) => `const PART_${index}_END = ${end}u;`).join('\n')}
@compute @workgroup_size(${shape.join(', ')})
fn main(
  @builtin(workgroup_id) joined_group: vec3u,
  @builtin(local_invocation_id) joined_local: vec3u,
  @builtin(local_invocation_index) joined_index: u32,
) {
  ${ranges.join(' else ')}
}`;
  return {
    label: shaders.map(({ label }) => label).join(' + '),
    code: codeOf(bindings, body),
    body,
    bindings,
    constants: null,
    workgroups: [groups, 1, 1],
  };
}
