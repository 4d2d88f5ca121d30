/**
 * What a WGSL text asks of a device, read off the text: threads and memory of a workgroup, storage buffers and their
 * sizes, extensions. Reads the texts of the webgpu engine's own making, not every WGSL.
 */

/** WebGPU's defaults, which every device keeps (https://www.w3.org/TR/webgpu/#limits). */
export const DEFAULT_LIMITS = Object.freeze({
  threads: 256,
  threadsX: 256,
  threadsY: 256,
  threadsZ: 64,
  workgroupBytes: 16_384,
  storageBuffers: 8,
  bindingBytes: 134_217_728,
});

export type Limit = keyof typeof DEFAULT_LIMITS;
export type Demands = Readonly<Record<Limit, number>>;

const TYPE_BYTES: Readonly<Record<string, number>> = {
  f16: 2,
  f32: 4,
  i32: 4,
  u32: 4,
  vec2f: 8,
  mat2x4f: 32,
  vec2u: 8,
  vec4h: 8,
  vec4f: 16,
  vec4u: 16,
  vec4i: 16,
};

const VARIABLE = /var<([a-z_]+)(?:\s*,\s*\w+)?>\s+(\w+)\s*:\s*([^;=]+)/g;
const WORKGROUP_SIZE = /@workgroup_size\(\s*(\d+)u?\s*(?:,\s*(\d+)u?\s*)?(?:,\s*(\d+)u?\s*)?\)/g;

/** Bytes of a type: a scalar, a vector, or an array of known length of one of these. */
function bytesOf(type: string): number {
  const [, element, length] = /^array<\s*([\w<>]+)\s*,\s*(\d+)u?\s*>$/.exec(type) ?? [];
  if (element !== undefined) return bytesOf(element) * Number(length);
  const bytes = TYPE_BYTES[type];
  if (bytes === undefined)
    throw new Error(`The size of the type "${type}" is not known; add it to TYPE_BYTES.`);
  return bytes;
}

/** What a text of one entry point asks for. Throws for a text that it cannot read. */
export function demandsOf(code: string): Demands {
  const sizes = [...code.matchAll(WORKGROUP_SIZE)];
  if (sizes.length !== 1)
    throw new Error(`The text has ${sizes.length} workgroup sizes in numbers, not one.`);
  const [x, y, z] = [1, 2, 3].map((index) => Number(sizes[0]![index] ?? 1)) as [number, number, number];
  const variables = [...code.matchAll(VARIABLE)].map(([, space, , type]) => ({ space, type: type!.trim() }));
  const storage = variables.filter(({ space }) => space === 'storage').map(({ type }) => bytesOf(type));
  const shared = variables.filter(({ space }) => space === 'workgroup').map(({ type }) => bytesOf(type));
  return {
    threads: x * y * z,
    threadsX: x,
    threadsY: y,
    threadsZ: z,
    workgroupBytes: shared.reduce((sum, bytes) => sum + bytes, 0),
    storageBuffers: storage.length,
    bindingBytes: Math.max(0, ...storage),
  };
}

/**
 * What a text asks for beyond WebGPU's defaults and the extensions that it may have, in words; none where every device
 * that has those will do.
 */
export function excessesOf(code: string, extensions: readonly string[] = []): readonly string[] {
  const demands = demandsOf(code);
  const over = (Object.keys(DEFAULT_LIMITS) as Limit[])
    .filter((limit) => demands[limit] > DEFAULT_LIMITS[limit])
    .map((limit) => `${limit} is ${demands[limit]}, by default ${DEFAULT_LIMITS[limit]} at most`);
  const directives = [...code.matchAll(/^\s*(enable|requires)\s+([\w, ]+);/gm)];
  const refused = directives.filter(([, word, names]) => word !== 'enable' || !extensions.includes(names!));
  return [...over, ...refused.map(([, word, names]) => `it says "${word} ${names}"`)];
}

/** The greatest of each demand. */
export function greatestOf(all: readonly Demands[]): Demands {
  const limits = Object.keys(DEFAULT_LIMITS) as Limit[];
  return Object.fromEntries(
    limits.map((limit) => [limit, Math.max(0, ...all.map((demands) => demands[limit]))]),
  ) as Record<Limit, number>;
}
