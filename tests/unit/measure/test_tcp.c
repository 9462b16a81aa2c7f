/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pure parts of the tcp measure where no capture gets: what is more than 2^30 octets behind,
 * a history that is full, every combination of flags. The rest: tests/measures/test_tcp.py.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "measure/tcp_hot.h"

static struct tcp_segment segment(unsigned sender, uint32_t seq, uint32_t payload, uint32_t ack)
{
	return (struct tcp_segment){
		.time_ns = 1000, .seq = seq, .ack = ack, .payload = payload, .end = seq + payload,
		.window = 1000, .ip_bytes = 40, .packets = 1, .flags = TCP_FLAG_ACK,
		.sender = (uint8_t)sender,
	};
}

static unsigned take(struct tcp_space *t, struct tcp_segment s)
{
	unsigned verdict = 0;
	if (!tcp_is_ordinary(t, &s)) {
		verdict = tcp_judge(t, &s);
		tcp_follow(t, &s, verdict);
	}
	if (t->side[0].hole_count | t->side[1].hole_count)
		tcp_holes_passed(t, &s);
	return verdict;
}

static void every_combination_of_flags_is_spread(void **state)
{
	(void)state;
	for (unsigned flags = 0; flags < 256; flags++)
		for (unsigned bit = 0; bit < 8; bit++)
			assert_int_equal(tcp_spread_flags((uint8_t)flags) >> (8 * bit) & 0xff,
			                 flags >> bit & 1);
}

static void a_hole_out_of_reach_is_forgotten_and_stays_lost(void **state)
{
	struct tcp_trouble trouble = { 0 };
	struct tcp_space t = { .trouble = &trouble };
	uint32_t at = 0xfffff000;
	(void)state;
	take(&t, segment(0, at, 100, 1));
	assert_int_equal(take(&t, segment(0, at + 300, 100, 1)), TCP_GAP);
	assert_int_equal(t.side[0].hole_count, 1);
	assert_int_equal(trouble.side[0].lost, 200);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(take(&t, segment(0, at + 400 + i * 0x10000000u, 0x10000000, 1)), 0);
	assert_int_equal(t.side[0].hole_count, 0);
	assert_int_equal(trouble.side[0].lost, 200);
	assert_int_equal(t.side[0].next - t.side[0].low, TCP_REACH);
}

static void without_a_chunk_there_are_no_holes(void **state)
{
	struct tcp_space t = { .bits = TCP_LACKING };
	(void)state;
	take(&t, segment(0, 0, 100, 1));
	assert_int_equal(take(&t, segment(0, 300, 100, 1)), TCP_GAP);
	assert_int_equal(t.side[0].hole_count, 0);
	assert_int_equal(t.side[0].next, 400);
}

static void a_history_keeps_what_fits(void **state)
{
	struct tcp_space t = { 0 };
	char text[TCP_HISTORY_BYTES + 1];
	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		struct tcp_segment s = segment(i & 1, i, 0, 0);
		s.flags = TCP_FLAG_RST;
		tcp_state_follow(&t, &s, 0, 0, 0);
	}
	assert_int_equal(tcp_history_text(&t, 0, true, text), TCP_HISTORY_BYTES + 1);
	assert_memory_equal(text, "^RrRrRr", 7);
	assert_int_equal(tcp_history_text(&t, 1, false, text), TCP_HISTORY_BYTES);
	assert_memory_equal(text, "rRrRrR", 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_combination_of_flags_is_spread),
		cmocka_unit_test(a_hole_out_of_reach_is_forgotten_and_stays_lost),
		cmocka_unit_test(without_a_chunk_there_are_no_holes),
		cmocka_unit_test(a_history_keeps_what_fits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
