/** The audit's reading of RADV's assembly, the wave that runs it, and the time that comes of it; needs no Mesa. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseAssembly } from '../../../bench/gpu-audit/assembly.js';
import {
  auditProgram,
  GPUS,
  groupAxes,
  groupRanges,
  groupShape,
  timeDispatch,
  type SampledCost,
} from '../../../bench/gpu-audit/model.js';
import { ReadyShader } from '../../../bench/gpu-audit/ready-shader.js';
import type { PlannedDispatch } from '../../../bench/gpu-audit/record.js';
import { RecordingGpu } from '../../../bench/gpu-audit/recording-device.js';
import { runWave, type WaveCost } from '../../../bench/gpu-audit/wave.js';
import { BIAS_GRADIENT_ASSEMBLY } from './support/bias-gradient-assembly.js';

const WGSL = `@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let channel = group.x;
  let segment = segment_at(group.y);
}`;

/** Instructions of a turn of the sample's first loop, and the vector ones among them. */
const TURN = 26;
const VECTOR_TURN = 6;

const FIELDS = { buffers: [], threads: [64, 1, 1], wave: 0, axes: [0, 1] } as const;

/** A text of the disassembler's form; every instruction takes four bytes. */
function assemblyOf(...lines: readonly string[]): string {
  return lines.map((line) => (line.endsWith(':') ? line : `\t${line} ; 00000000`)).join('\n');
}

function runText(...lines: readonly string[]): WaveCost {
  return runWave(new ReadyShader(parseAssembly(assemblyOf(...lines))), { ...FIELDS, group: [0, 0, 0] });
}

const cost = (values: Partial<SampledCost>): SampledCost => ({
  weight: 1,
  cycles: 0,
  instructions: 0,
  vectorInstructions: 0,
  multiplyAdds: 0,
  vectorCycles: 0,
  ldsCycles: 0,
  memoryCycles: 0,
  ...values,
});

describe("the audit's reading of assembly", () => {
  const { instructions, constants } = parseAssembly(BIAS_GRADIENT_ASSEMBLY);

  it('finds operands, modifiers, jump targets and the data behind the code', () => {
    const load = instructions.find(({ opcode }) => opcode === 'buffer_load_dword')!;
    assert.deepEqual(load.operands, ['v3', 'v3', 's[12:15]', '0']);
    assert.deepEqual(load.modifiers, ['offen']);
    const back = instructions.findLast(({ opcode }) => opcode === 's_branch')!;
    assert.equal(instructions[back.target!]!.opcode, 's_cmp_ge_u32');
    assert.equal(instructions.at(-1)!.endBytes, 512);
    // The code reads the table at its own address 100 and 604 bytes on.
    assert.equal(constants.offsetBytes, 704);
    assert.deepEqual([constants.words.length, constants.words[22], constants.words[23]], [33, 1568, 2352]);
  });

  it('takes a modifier with a list for one, whose commas separate no operands', () => {
    const [mixed] = parseAssembly(
      assemblyOf('v_fma_mix_f32 v1, v2, -v3, 1.0 op_sel:[1,0,0] op_sel_hi:[1,1,0]', 's_endpgm'),
    ).instructions;
    assert.deepEqual(mixed!.operands, ['v1', 'v2', '-v3', '1.0']);
    assert.deepEqual(mixed!.modifiers, ['op_sel:[1,0,0]', 'op_sel_hi:[1,1,0]']);
  });

  it('refuses a text of another form, and a branch to nowhere', () => {
    assert.throws(() => parseAssembly('%1 = OpTypeVoid'), /0 instructions does not end in s_endpgm/);
    assert.throws(
      () => parseAssembly(assemblyOf('s_branch BB7', 's_endpgm')),
      /The branch to "BB7" has no such/,
    );
  });
});

describe("the audit's wave", () => {
  const shader = new ReadyShader(parseAssembly(BIAS_GRADIENT_ASSEMBLY));

  it('makes as many turns of a loop as the bounds of its group say', () => {
    assert.deepEqual([...shader.unknown], []);
    const [few, many] = [0, 1].map((y) => runWave(shader, { ...FIELDS, group: [0, y, 0] }));
    // 1,568 elements are 25 turns of 64 threads, the last for half of them; 2,352 are 37.
    assert.equal(many!.instructions - few!.instructions, 12 * TURN);
    assert.equal(many!.vectorInstructions - few!.vectorInstructions, 12 * VECTOR_TURN);
    // A turn waits for memory.
    assert.ok(few!.cycles > 25 * 300 && few!.cycles < 30_000, String(few!.cycles));
  });

  it('counts multiply-adds, and waits for what a slow instruction gives', () => {
    const { multiplyAdds, vectorInstructions, cycles } = runText(
      'v_rcp_f32_e32 v1, v2',
      'v_fmac_f32_e32 v3, v1, v2',
      's_endpgm',
    );
    assert.deepEqual([multiplyAdds, vectorInstructions], [1, 2]);
    assert.equal(cycles, 8 + 9 + 2);
  });

  it('takes LDS longer where lanes want different words of a bank', () => {
    const read = (shift: number): number =>
      runText(`v_lshlrev_b32_e32 v1, ${shift}, v0`, 'ds_read_b32 v2, v1', 's_endpgm').ldsCycles;
    assert.equal(read(2), 2);
    assert.equal(read(4), 8);
    assert.equal(read(7), 64);
  });

  it('takes memory longer where lanes are far apart', () => {
    const read = (shift: number): number =>
      runText(`v_lshlrev_b32_e32 v1, ${shift}, v0`, 'buffer_load_dword v2, v1, s[4:7], 0 offen', 's_endpgm')
        .memoryCycles;
    assert.equal(read(2), 4);
    assert.equal(read(8), 64);
  });

  it('takes memory half as long for halves next to each other', () => {
    const read = (opcode: string, shift: number): number =>
      runText(`v_lshlrev_b32_e32 v1, ${shift}, v0`, `${opcode} v2, v1, s[4:7], 0 offen`, 's_endpgm')
        .memoryCycles;
    assert.equal(read('buffer_load_dwordx4', 4), 16);
    assert.equal(read('buffer_load_dwordx2', 3), 8);
    assert.equal(read('buffer_load_ushort', 1), 4);
    assert.equal(read('buffer_store_short', 8), 64);
  });

  it('computes with halves in either part of a word', () => {
    const { unknown } = new ReadyShader(
      parseAssembly(
        assemblyOf('v_fma_mixhi_f16 v1, v2, v3, v4', 'buffer_load_sbyte v1, v2, s[4:7], 0', 's_endpgm'),
      ),
    );
    assert.deepEqual([...unknown], ['buffer_load_sbyte']);
    // 3 and 2 as the halves of a word, their product and 1 as a number of turns.
    const turns = (text: string): number =>
      runText(
        'v_mov_b32_e32 v1, 3.0',
        'v_cvt_f16_f32_e32 v2, v1',
        'v_mov_b32_e32 v1, 2.0',
        'v_cvt_f16_f32_sdwa v2, v1 dst_sel:WORD_1 dst_unused:UNUSED_PRESERVE src0_sel:DWORD',
        text,
        'v_cvt_u32_f32_e32 v3, v3',
        'v_readfirstlane_b32 s4, v3',
        's_mov_b32 s5, 0',
        'BB1:',
        's_add_u32 s5, s5, 1',
        's_cmp_lt_u32 s5, s4',
        's_cbranch_scc1 BB1',
        's_endpgm',
      ).instructions;
    const one = turns('v_mov_b32_e32 v3, 1.0');
    assert.equal(turns('v_fma_mix_f32 v3, v2, v2, 1.0 op_sel:[0,1,0] op_sel_hi:[1,1,0]') - one, 6 * 3);
    assert.equal(
      turns('v_cvt_f32_f16_sdwa v3, v2 dst_sel:DWORD dst_unused:UNUSED_PAD src0_sel:WORD_1') - one,
      3,
    );
    assert.equal(turns('v_cvt_f32_f16_e32 v3, v2') - one, 2 * 3);
  });

  it('runs a branch of some lanes with their results alone', () => {
    const { instructions } = runText(
      'v_cmpx_gt_u32_e32 3, v0',
      'v_mov_b32_e32 v0, 64',
      's_mov_b64 exec, -1',
      'v_cmpx_eq_i32_e32 64, v0',
      's_cbranch_execz BB1',
      'v_readfirstlane_b32 s3, v0',
      's_cmp_eq_i32 s3, 64',
      's_cbranch_scc1 BB1',
      's_nop 0',
      'BB1:',
      's_endpgm',
    );
    // All but the one that the last branch leaps over.
    assert.equal(instructions, 8);
  });

  it('carries the sign of a small number on to 64 bits, and that of a literal not', () => {
    const run = (value: string): number =>
      runText(
        `s_mov_b64 s[4:5], ${value}`,
        's_cmp_eq_i32 s5, 0',
        's_cbranch_scc1 BB1',
        's_nop 0',
        'BB1:',
        's_endpgm',
      ).instructions;
    assert.deepEqual([run('-1'), run('0xffffffff')], [4, 3]);
  });

  it('turns and counts bits, multiplies small numbers with their signs, and finds medians', () => {
    const reaches = (...lines: readonly string[]): boolean =>
      runText(...lines, 's_cbranch_scc1 BB1', 's_nop 0', 'BB1:', 's_endpgm').instructions ===
      lines.length + 1;
    assert.ok(reaches('s_brev_b32 s4, 6', 's_cmp_eq_i32 s4, 0x60000000'));
    assert.ok(reaches('s_bcnt1_i32_b64 s4, exec', 's_cmp_eq_i32 s4, 64'));
    const product = ['v_mad_i32_i24 v1, -2, 3, 10', 'v_readfirstlane_b32 s4, v1'];
    assert.ok(reaches(...product, 's_cmp_eq_i32 s4, 4'));
    assert.ok(!reaches(...product, 's_cmp_eq_i32 s4, 5'));
    assert.ok(reaches('v_bfrev_b32 v1, 6', 'v_readfirstlane_b32 s4, v1', 's_cmp_eq_i32 s4, 0x60000000'));
    for (const [text, value] of [
      ['-3, 7, 2', 2],
      ['9, -3, 2', 2],
      ['2, 2, -3', 2],
      ['-7, -3, 5', -3],
    ] as const) {
      const median = [`v_med3_i32 v1, ${text}`, 'v_readfirstlane_b32 s4, v1'];
      assert.ok(reaches(...median, `s_cmp_eq_i32 s4, ${value}`), text);
    }
  });

  it('ends a loop that has no end', () => {
    assert.throws(() => runText('BB0:', 's_branch BB0', 's_endpgm'), /5000000 instructions without an end/);
  });

  it('names opcodes that it does not know', () => {
    const strange = parseAssembly(assemblyOf('v_strange_f32_e32 v1, v2', 's_endpgm'));
    assert.deepEqual([...new ReadyShader(strange).unknown], ['v_strange_f32']);
  });
});

describe("the audit's model", () => {
  it('takes threads and the axes of the group from the WGSL', () => {
    assert.deepEqual(groupShape(WGSL), [64, 1, 1]);
    assert.deepEqual(groupShape('@workgroup_size(8, 16)'), [8, 16, 1]);
    assert.deepEqual(groupAxes(WGSL), [0, 1]);
    assert.throws(() => groupShape('@workgroup_size(N)'), /no @workgroup_size of whole numbers/);
  });

  it('lets the longest of latency, units and memory decide', () => {
    const { integrated } = GPUS;
    const work = { groups: 24, wavesPerGroup: 1, occupancy: 8, bytes: 0 };
    const alone = timeDispatch([cost({ cycles: 2200, vectorCycles: 1100 })], work, integrated);
    assert.deepEqual([alone.us, alone.limit, alone.wavesPerSimd], [1, 'latency', 1]);
    const full = timeDispatch(
      [cost({ cycles: 2200, vectorCycles: 1100 })],
      { ...work, groups: 96 },
      integrated,
    );
    assert.deepEqual([full.us, full.limit, full.wavesPerSimd], [2, 'vector', 4]);
    const moved = timeDispatch([cost({ cycles: 2200 })], { ...work, bytes: 750_000 }, integrated);
    assert.deepEqual([moved.us, moved.limit], [10, 'dram']);
  });

  it('counts waves of kernels that share a dispatch by their groups', () => {
    const code = `const PART_0_END = 30u;\nconst PART_1_END = 96u;\n${WGSL}`;
    assert.deepEqual(groupRanges(code, 96), [30, 66]);
    assert.deepEqual(groupRanges(WGSL, 96), [96]);
    const work = { groups: 96, wavesPerGroup: 1, occupancy: 8, bytes: 0 };
    const costs = [cost({ vectorCycles: 2200, weight: 24 }), cost({ vectorCycles: 1100, weight: 72 })];
    assert.equal(timeDispatch(costs, work, GPUS.integrated).us, 4 * (0.25 + 0.375));
  });

  it('makes figures of what compiler and waves tell, with the gaps', () => {
    const dispatch: PlannedDispatch = {
      label: 'bias gradient',
      name: 'bias gradient',
      code: WGSL,
      groups: [1, 11, 1],
      buffers: [],
      multiplyAdds: 0,
      bytes: 100_000,
    };
    const statistics = {
      VGPRs: 8,
      'Spilled VGPRs': 0,
      'Spilled SGPRs': 0,
      'LDS size': 512,
      'Subgroups per SIMD': 32,
    };
    const compiled = { wave: 64, statistics, assembly: BIAS_GRADIENT_ASSEMBLY };
    const { dispatches, us, doubts } = auditProgram([dispatch, dispatch], () => compiled);
    const [audited] = dispatches;
    assert.deepEqual(
      [audited!.threads, audited!.vgprs, audited!.ldsBytes, audited!.occupancy],
      [64, 8, 512, 16],
    );
    assert.equal(audited!.limit.discrete, 'latency');
    assert.equal(us.discrete, 2 * (audited!.us.discrete + 3));
    assert.deepEqual(doubts, []);
    const doubted = auditProgram([{ ...dispatch, multiplyAdds: 1 }], () => compiled);
    assert.match(doubted.doubts.join(), /bias gradient: its waves made 0 % of the plan's multiply-adds/);
    assert.throws(() => auditProgram([dispatch], () => ({ ...compiled, wave: 32 })), /waves of 32 lanes/);
  });
});

describe("the audit's recording device", () => {
  it('keeps each dispatch with its text and what the host has written', async () => {
    const recorder = new RecordingGpu();
    const adapter = await recorder.gpu.requestAdapter();
    const device = await adapter!.requestDevice();
    const buffer = device.createBuffer({ label: 'numbers', size: 16, usage: 128 });
    device.queue.writeBuffer(buffer, 4, Uint32Array.of(9, 7, 8), 1, 2);
    const layout = device.createBindGroupLayout({ entries: [] });
    const pipeline = await device.createComputePipelineAsync({
      layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module: device.createShaderModule({ code: WGSL }) },
    });
    const entries = [{ binding: 0, resource: { buffer } }];
    const pass = device.createCommandEncoder().beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, device.createBindGroup({ label: 'sum', layout, entries }));
    pass.dispatchWorkgroups(3, 2);
    const [dispatch, ...others] = recorder.take();
    assert.deepEqual([dispatch!.label, dispatch!.code, dispatch!.groups], ['sum', WGSL, [3, 2, 1]]);
    assert.deepEqual([...new Uint32Array(dispatch!.buffers[0]!.contents.buffer)], [0, 7, 8, 0]);
    assert.deepEqual([others, recorder.take()], [[], []]);
  });
});
