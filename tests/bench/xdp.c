/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The XDP program, written out as instructions so that no BPF compiler is needed, and the system
 * calls around it; see xdp.h.
 *
 * One test run takes the kernel some 30 ms to set up, so a single one lasts for all of the sending,
 * and the pace is kept in the program: a frame that comes before its time is dropped, and comes
 * again at once. A timer's signal ends the run.
 *
 * The program writes the number of the flow into the lower 16 bits of the source address, and the
 * complement into the identification: their sum in the header checksum stays the same, so the
 * checksum of the first frame holds for all.
 */
#include "xdp.h"

#include <errno.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "frames.h"

#ifndef BPF_F_TEST_XDP_LIVE_FRAMES
#define BPF_F_TEST_XDP_LIVE_FRAMES (1U << 1)
#endif

enum {
	AT_IDENTIFICATION = FRAME_ETHERNET_BYTES + 4, AT_SOURCE = FRAME_ETHERNET_BYTES + 14,
	REPEAT = 1 << 30, NS_PER_SECOND = 1000000000, CHECK_US = 100000,
};
enum { R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10 };

/* What program and sender share, the one entry of a map. */
struct pace {
	uint64_t start_ns;      /* monotonic clock */
	uint64_t per_second;
	uint64_t sent;
	uint64_t packets;
};

static int bpf(int command, union bpf_attr *attr)
{
	int rc = (int)syscall(SYS_bpf, command, attr, sizeof *attr);
	return rc < 0 ? -errno : rc;
}

static int make_map(void)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof attr);
	attr.map_type = BPF_MAP_TYPE_ARRAY;
	attr.key_size = sizeof(uint32_t);
	attr.value_size = sizeof(struct pace);
	attr.max_entries = 1;
	return bpf(BPF_MAP_CREATE, &attr);
}

static int access_pace(int map, int command, struct pace *pace)
{
	uint32_t key = 0;
	union bpf_attr attr;

	memset(&attr, 0, sizeof attr);
	attr.map_fd = (uint32_t)map;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)pace;
	return bpf(command, &attr);
}

static int load_program(int map, uint32_t flows)
{
	const struct bpf_insn program[] = {
		{ BPF_LDX | BPF_MEM | BPF_W, R7, R1, 0, 0 },                    /* r7 = the frame */
		{ BPF_LDX | BPF_MEM | BPF_W, R3, R1, 4, 0 },                    /* r3 = its end */
		{ BPF_ALU64 | BPF_MOV | BPF_X, R4, R7, 0, 0 },
		{ BPF_ALU64 | BPF_ADD | BPF_K, R4, 0, 0, FRAME_IPV4_BYTES },
		{ BPF_JMP | BPF_JGT | BPF_X, R4, R3, 29, 0 },
		{ BPF_ST | BPF_MEM | BPF_W, R10, 0, -4, 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_X, R2, R10, 0, 0 },
		{ BPF_ALU64 | BPF_ADD | BPF_K, R2, 0, 0, -4 },
		{ BPF_LD | BPF_IMM | BPF_DW, R1, BPF_PSEUDO_MAP_FD, 0, map }, { 0 },
		{ BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem },
		{ BPF_JMP | BPF_JEQ | BPF_K, R0, 0, 22, 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_X, R8, R0, 0, 0 },                  /* r8 = the pace */
		{ BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_ktime_get_ns },
		{ BPF_LDX | BPF_MEM | BPF_DW, R1, R8, offsetof(struct pace, start_ns), 0 },
		{ BPF_ALU64 | BPF_SUB | BPF_X, R0, R1, 0, 0 },
		{ BPF_LDX | BPF_MEM | BPF_DW, R1, R8, offsetof(struct pace, per_second), 0 },
		{ BPF_ALU64 | BPF_MUL | BPF_X, R0, R1, 0, 0 },                  /* r0 = due, in 1e-9 */
		{ BPF_LDX | BPF_MEM | BPF_DW, R2, R8, offsetof(struct pace, sent), 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_X, R3, R2, 0, 0 },
		{ BPF_ALU64 | BPF_MUL | BPF_K, R3, 0, 0, NS_PER_SECOND },
		{ BPF_JMP | BPF_JGE | BPF_X, R3, R0, 12, 0 },
		{ BPF_LDX | BPF_MEM | BPF_DW, R1, R8, offsetof(struct pace, packets), 0 },
		{ BPF_JMP | BPF_JGE | BPF_X, R2, R1, 10, 0 },
		{ BPF_ALU64 | BPF_ADD | BPF_K, R2, 0, 0, 1 },
		{ BPF_STX | BPF_MEM | BPF_DW, R8, R2, offsetof(struct pace, sent), 0 },
		{ BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_prandom_u32 },
		{ BPF_ALU64 | BPF_MUL | BPF_K, R0, 0, 0, (int32_t)flows },
		{ BPF_ALU64 | BPF_RSH | BPF_K, R0, 0, 0, 32 },                  /* r0 = the flow */
		{ BPF_STX | BPF_MEM | BPF_H, R7, R0, AT_SOURCE, 0 },
		{ BPF_ALU64 | BPF_XOR | BPF_K, R0, 0, 0, 0xffff },
		{ BPF_STX | BPF_MEM | BPF_H, R7, R0, AT_IDENTIFICATION, 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_K, R0, 0, 0, XDP_TX },
		{ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_K, R0, 0, 0, XDP_DROP },            /* not due yet */
		{ BPF_JMP | BPF_EXIT, 0, 0, 0, 0 },
	};
	union bpf_attr attr;

	memset(&attr, 0, sizeof attr);
	attr.prog_type = BPF_PROG_TYPE_XDP;
	attr.insns = (uintptr_t)program;
	attr.insn_cnt = sizeof program / sizeof *program;
	attr.license = (uintptr_t)"Apache-2.0";
	return bpf(BPF_PROG_LOAD, &attr);
}

/* Lasts until a signal comes, or REPEAT frames were offered. */
static int run_program(int program, uint32_t ifindex)
{
	struct xdp_md context = { .data_end = FRAME_IPV4_BYTES, .ingress_ifindex = ifindex };
	uint8_t frame[FRAME_BYTES_MAX];
	union bpf_attr attr;

	/* Flow 0, so UDP. An identification of all ones counts as nothing in the checksum. */
	frame_make(frame, 4, 0, 0);
	memset(frame + AT_IDENTIFICATION, 0xff, 2);
	memset(&attr, 0, sizeof attr);
	attr.test.prog_fd = (uint32_t)program;
	attr.test.data_in = (uintptr_t)frame;
	attr.test.data_size_in = FRAME_IPV4_BYTES;
	attr.test.ctx_in = (uintptr_t)&context;
	attr.test.ctx_size_in = sizeof context;
	attr.test.repeat = REPEAT;
	attr.test.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
	return bpf(BPF_PROG_TEST_RUN, &attr);
}

static void on_alarm(int number)
{
	(void)number;
}

static void wake_at(uint64_t us)
{
	const struct sigaction action = { .sa_handler = on_alarm };
	const struct itimerval timer = { { 0, CHECK_US },
		{ (time_t)(us / 1000000), (suseconds_t)(us % 1000000) } };

	sigaction(SIGALRM, us ? &action : &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
	setitimer(ITIMER_REAL, us ? &timer : &(struct itimerval){ 0 }, NULL);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

static int send_all(const struct xdp_plan *plan, int map, int program, struct pace *pace)
{
	*pace = (struct pace){ now_ns(), plan->per_second, 0, plan->packets };
	int rc = access_pace(map, BPF_MAP_UPDATE_ELEM, pace);
	wake_at(plan->packets * 1000000 / plan->per_second + CHECK_US);
	while (rc == 0 && pace->sent < plan->packets) {
		rc = run_program(program, plan->ifindex);
		if (rc == -EINTR)
			rc = 0;
		if (rc == 0)
			rc = access_pace(map, BPF_MAP_LOOKUP_ELEM, pace);
	}
	wake_at(0);
	return rc;
}

int xdp_send(const struct xdp_plan *plan, uint64_t *ret_sent)
{
	struct pace pace;
	int map = make_map();

	if (map < 0)
		return map;
	int program = load_program(map, plan->flows);
	int rc = program < 0 ? program : send_all(plan, map, program, &pace);
	if (program >= 0)
		close(program);
	close(map);
	if (rc == 0)
		*ret_sent = pace.sent;
	return rc;
}
