/**
 * What RADV of Mesa 22.3.6 prints of a bias gradient for NAVI21, as captured: 64 threads sum up 1,568 elements in the first
 * group of the axis y and 2,352 in the others, then one of them adds up 64 sums. Its bounds lie in the constant data.
 */
export const BIAS_GRADIENT_ASSEMBLY = `BB0:
	v_mbcnt_lo_u32_b32 v1, -1, 0 ; d7650001 000100c1
	v_mbcnt_hi_u32_b32 v1, -1, v1 ; d7660001 000202c1
	v_lshlrev_b32_e32 v1, 4, v1 ; 34020284
	s_mov_b64 s[0:1], exec ; be80047e
BB1:
	s_mov_b64 s[6:7], exec ; be86047e
	v_cmpx_le_u32_e32 0x110, v1 ; 7da602ff 00000110
BB2:
	s_andn2_b64 s[6:7], s[6:7], exec ; 8a867e06
	s_cbranch_scc0 BB10 ; bf84000a
BB9:
	s_mov_b64 exec, s[6:7] ; befe0406
	v_lshrrev_b64 v[4:5], 0, 0 ; d7000004 00010080
	v_lshrrev_b64 v[6:7], 0, 0 ; d7000006 00010080
	ds_write_b128 v1, v[4:7] ; db7c0000 00000401
	v_add_nc_u32_e32 v1, 0x400, v1 ; 4a0202ff 00000400
	s_branch BB1 ; bf82fff1
BB10:
	s_mov_b64 exec, s[0:1] ; befe0400
	s_min_u32 s0, s4, 10 ; 83808a04
	s_lshl_b32 s0, s0, 2 ; 8f008200
	s_getpc_b64 s[4:5] ; be841f00
	s_add_u32 s4, s4, 0x25c ; 8004ff04 0000025c
	s_mov_b64 s[8:9], s[4:5] ; be880404
	s_mov_b32 s10, 44 ; be8a03ac
	s_mov_b32 s11, 0x31016fac ; be8b03ff 31016fac
	s_buffer_load_dword s1, s[8:11], s0 ; f4200044 00000000
	s_mov_b64 s[8:9], s[4:5] ; be880404
	s_movk_i32 s10, 0x84 ; b00a0084
	s_mov_b32 s11, 0x31016fac ; be8b03ff 31016fac
	s_buffer_load_dword s0, s[8:11], s0 offset:0x58 ; f4200004 00000058
	s_movk_i32 s6, 0x58 ; b0060058
	s_mov_b32 s7, 0x31016fac ; be8703ff 31016fac
	s_waitcnt lgkmcnt(0) ; bf8cc07f
	s_min_u32 s8, s1, 10 ; 83888a01
	s_lshl_b32 s8, s8, 2 ; 8f088208
	s_buffer_load_dword s4, s[4:7], s8 offset:0x2c ; f4200102 1000002c
	v_mov_b32_e32 v1, v0 ; 7e020300
	v_mov_b32_e32 v2, 0 ; 7e040280
	s_mov_b32 s5, -1 ; be8503c1
	s_mov_b64 s[6:7], exec ; be86047e
	s_mov_b64 s[8:9], -1 ; be8804c1
BB11:
	s_cmp_eq_i32 s5, 0 ; bf008005
	s_cbranch_scc1 BB23 ; bf85001c
BB14:
	s_mov_b64 s[10:11], exec ; be8a047e
	v_cmpx_le_u32_e32 s0, v1 ; 7da60200
BB15:
	s_andn2_b64 s[10:11], s[10:11], exec ; 8a8a7e0a
	s_cbranch_scc0 BB23 ; bf840018
BB22:
	s_mov_b64 exec, s[10:11] ; befe040a
	s_mov_b32 s10, s2 ; be8a0302
	s_movk_i32 s11, 0x8000 ; b00b8000
	s_load_dwordx4 s[12:15], s[10:11], 0x10 ; f4080305 fa000010
	s_waitcnt lgkmcnt(0) ; bf8cc07f
	v_add3_u32 v3, s3, s4, v1 ; d76d0003 04040803
	v_min_u32_e32 v3, 0xf49bf, v3 ; 260606ff 000f49bf
	v_lshlrev_b32_e32 v3, 2, v3 ; 34060682
	buffer_load_dword v3, v3, s[12:15], 0 offen ; e0301000 80030303
	s_add_u32 s5, s8, -1 ; 8005c108
	s_cmp_eq_i32 s8, 0 ; bf008008
	s_sub_i32 s9, s9, src_scc ; 8189fd09
	v_add_nc_u32_e32 v1, 64, v1 ; 4a0202c0
	s_max_u32 s8, s9, s5 ; 84880509
	s_waitcnt vmcnt(0) ; bf8c3f70
	v_add_f32_e32 v2, v2, v3 ; 06040702
	s_xor_b32 s8, s8, s5 ; 89080508
	s_xor_b32 s5, s8, s5 ; 89050508
	s_xor_b32 s8, s8, s5 ; 89080508
	s_branch BB11 ; bf82ffe2
BB23:
	s_mov_b64 exec, s[6:7] ; befe0406
	v_min_u32_e32 v1, 63, v0 ; 260200bf
	v_lshlrev_b32_e32 v1, 2, v1 ; 34020282
	ds_write_b32 v1, v2 ; d8340000 00000201
	v_cmp_eq_i32_e32 vcc, 0, v0 ; 7d040080
	s_waitcnt lgkmcnt(0) ; bf8cc07f
	s_and_saveexec_b64 s[4:5], vcc ; be84246a
	s_cbranch_execz BB34 ; bf880011
BB24:
	v_mov_b32_e32 v0, 0 ; 7e000280
	ds_read_b32 v1, v0 ; d8d80000 01000000
	s_mov_b32 s0, 1 ; be800381
BB25:
	s_cmp_ge_u32 s0, 64 ; bf09c000
	s_cbranch_scc1 BB29 ; bf850008
BB28:
	s_lshl_b32 s6, s0, 2 ; 8f068200
	v_mov_b32_e32 v2, s6 ; 7e040206
	ds_read_b32 v2, v2 ; d8d80000 02000002
	s_waitcnt lgkmcnt(0) ; bf8cc07f
	v_add_f32_e32 v1, v2, v1 ; 06020302
	s_add_u32 s0, s0, 1 ; 80008100
	s_branch BB25 ; bf82fff6
BB29:
	s_waitcnt lgkmcnt(0) ; bf8cc07f
	ds_write_b32 v0, v1 offset:256 ; d8340100 00000100
BB34:
	s_mov_b64 exec, s[4:5] ; befe0404
	v_mov_b32_e32 v0, 0 ; 7e000280
	ds_read_b32 v0, v0 offset:256 ; d8d80100 00000000
	s_and_saveexec_b64 s[4:5], vcc ; be84246a
	s_cbranch_execz BB40 ; bf88000d
BB35:
	s_mov_b32 s0, s3 ; be800303
	s_movk_i32 s3, 0x8000 ; b0038000
	s_load_dwordx4 s[8:11], s[2:3], null ; f4080201 fa000000
	s_add_i32 s6, 0x79ec0, s1 ; 810601ff 00079ec0
	s_add_u32 s6, s6, s0 ; 80060006
	s_min_u32 s6, s6, 0xa1dff ; 8386ff06 000a1dff
	s_lshl_b32 s6, s6, 2 ; 8f068206
	s_waitcnt lgkmcnt(0) ; bf8cc07f
	buffer_store_dword v0, off, s[8:11], s6 glc ; e0704000 06020080
BB40:
	s_endpgm ; bf810000

/* constant data */
[000000] 00000000 00000001 00000002 00000003 00000004 00000005 00000006 00000007
[000032] 00000008 00000009 0000000a 00000000 00000620 00000f50 00001880 000021b0
[000064] 00002ae0 00003410 00003d40 00004670 00004fa0 000058d0 00000620 00000930
[000096] 00000930 00000930 00000930 00000930 00000930 00000930 00000930 00000930
[000128] 00000930`;
