/** Ways to break one kernel of the wasm engine in one place, and which check has to notice. */

export interface KernelFault {
  readonly what: string;
  /** A file of the kernels, by its name alone. */
  readonly file: string;
  /** What stands there, once. */
  readonly right: string;
  readonly wrong: string;
  readonly check: 'step' | 'stages' | 'update' | 'spread' | 'threads' | 'barrier' | 'tiles';
  /** Whether only a binary for threads shows it. */
  readonly isShared?: boolean;
  /** Of the networks; some kernels are for wide ones alone. 8 where absent. */
  readonly channelDivisor?: number;
}

export const KERNEL_FAULTS: readonly KernelFault[] = [
  {
    what: 'a product whose windows step by one float too many',
    file: 'product.ts',
    right: 'runStart += runStep',
    wrong: 'runStart += runStep + 4',
    check: 'step',
  },
  {
    what: 'a kernel gradient that leaves out one window in 128',
    file: 'kernel-gradient.ts',
    right: 'packedBlock(left, right, depth, rows',
    wrong: 'packedBlock(left, right, depth - 1, rows',
    check: 'step',
  },
  {
    what: 'a gathered kernel gradient that leaves out one window in 128',
    file: 'kernel-gradient.ts',
    right: 'gathered6x8(windows, gradients, terms, depth, tile)',
    wrong: 'gathered6x8(windows, gradients, terms, depth - 1, tile)',
    check: 'step',
  },
  {
    what: 'a product whose wide tiles leave out the last of the depth',
    file: 'product.ts',
    right: 'packed6x16(a, b, panelStep, some, ',
    wrong: 'packed6x16(a, b, panelStep, some - 1, ',
    check: 'tiles',
  },
  {
    what: 'a kernel gradient whose wide tiles take a panel twice',
    file: 'kernel-gradient.ts',
    right: 'packed6x16(left, right, panelBytes, ',
    wrong: 'packed6x16(left, right, 0, ',
    check: 'tiles',
  },
  {
    what: 'a chunk of images that is transformed to the outputs of the first',
    file: 'toom-product.ts',
    right: 'toOutput.imageTable += usize(first) * offsetof<Image>()',
    wrong: 'toOutput.imageTable += 0',
    check: 'step',
    channelDivisor: 1,
  },
  {
    what: 'a transform without its third term',
    file: 'transform.ts',
    right: 'multiplyAdd(v128.load(c), factorC, two)',
    wrong: 'two',
    check: 'step',
    channelDivisor: 1,
  },
  {
    what: 'rows that replace each other where they overlap',
    file: 'overlap-add.ts',
    right: 'isFirst ? added : f32x4.add(v128.load(to + offset), added)',
    wrong: 'added',
    check: 'step',
  },
  {
    what: 'a kernel packed with one tap in place of another',
    file: 'pack.ts',
    right: 'usize(tapX) * record.tapStepX',
    wrong: 'usize(tapX) * record.tapStepY',
    check: 'step',
  },
  {
    what: 'a bias gradient without the last image',
    file: 'bias-gradient.ts',
    right: 'image < images; image++, partial',
    wrong: 'image < images - 1; image++, partial',
    check: 'step',
  },
  {
    what: "batch norm's gradient with a coefficient twice",
    file: 'pointwise.ts',
    right: 'v128.load(p + 2 * table)',
    wrong: 'v128.load(p + table)',
    check: 'step',
  },
  {
    what: 'a prologue that drops what is kept',
    file: 'pointwise.ts',
    right: 'return i32x4.eq(v128.and(i32x4.splat(',
    wrong: 'return i32x4.ne(v128.and(i32x4.splat(',
    check: 'step',
    channelDivisor: 1,
  },
  {
    what: 'dropout bits of the neighbouring block',
    file: 'draw.ts',
    right: 'drawWords(record.stream, pair * BLOCKS,',
    wrong: 'drawWords(record.stream, pair * BLOCKS + 1,',
    check: 'step',
  },
  {
    what: 'a loss gradient of the wrong sign',
    file: 'loss.ts',
    right: 'probabilityOf(logits, column, total) - wanted;',
    wrong: 'probabilityOf(logits, column, total) + wanted;',
    check: 'step',
  },
  {
    what: 'a running variance that is biased',
    file: 'norm.ts',
    right: 'f32x4.splat(1 / max<f32>(total - 1, 1))',
    wrong: 'f32x4.splat(1 / total)',
    check: 'step',
  },
  {
    what: 'a group norm whose gradient leaves a mean out',
    file: 'group-norm.ts',
    right: 'const shift = sum * share - mean * slope;',
    wrong: 'const shift = sum * share;',
    check: 'stages',
  },
  {
    what: 'a view that is turned the wrong way',
    file: 'view.ts',
    right: 'cos * stretchedX - sin * stretchedY',
    wrong: 'cos * stretchedX + sin * stretchedY',
    check: 'stages',
  },
  {
    what: 'noise that is not centred',
    file: 'random.ts',
    right: 'i32x4.splat(510)',
    wrong: 'i32x4.splat(509)',
    check: 'stages',
  },
  {
    what: 'noise of another deviation',
    file: 'pointwise.ts',
    right: 'multiplyAdd(v128.load(values), share, v128.load(x))',
    wrong: 'f32x4.add(v128.load(values), v128.load(x))',
    check: 'stages',
  },
  {
    what: 'a contrastive gradient that pulls pairs half as much',
    file: 'contrastive.ts',
    right: 'load<f32>(pair) - 2',
    wrong: 'load<f32>(pair) - 1',
    check: 'stages',
  },
  {
    what: 'pseudo-labels whatever the threshold',
    file: 'loss.ts',
    right: 'return probability > load<f32>(element(thresholds, best));',
    wrong: 'return true;',
    check: 'stages',
  },
  {
    what: "Adam's epsilon under the root",
    file: 'adam.ts',
    right: 'f32x4.add(f32x4.sqrt(newV), epsilon)',
    wrong: 'f32x4.sqrt(f32x4.add(newV, epsilon))',
    check: 'update',
  },
  {
    what: 'labels spread without the last two columns',
    file: 'spread.ts',
    right: 'f64x2.mul(alpha, sum3)',
    wrong: 'sum3',
    check: 'spread',
  },
  {
    what: 'shares that end an item early',
    file: 'work-shares.ts',
    right: 'end = min(items, start + size);',
    wrong: 'end = min(items, start + size) - 1;',
    check: 'step',
  },
  {
    what: 'shares that several threads leave out',
    file: 'work-shares.ts',
    right: 'start += threads * size;',
    wrong: 'start += threads * size + 1;',
    check: 'threads',
    isShared: true,
  },
  {
    what: 'a barrier after which nobody claims anything',
    file: 'team.ts',
    right: 'resetShares(first, last);',
    wrong: '',
    check: 'threads',
    isShared: true,
  },
  {
    what: 'a barrier that waits for one thread too few',
    file: 'team.ts',
    right: '== threads - 1',
    wrong: '== threads - 2',
    check: 'barrier',
    isShared: true,
  },
];
