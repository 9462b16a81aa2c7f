/* SPDX-License-Identifier: Apache-2.0 */
/* Bins of histograms, and the packets that a super-frame becomes. */
#include "measure/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "measure/segments.h"

static void check(uint32_t value)
{
	unsigned bin = histogram_bin(value);
	uint32_t middle = histogram_middle(bin);
	uint32_t off = middle > value ? middle - value : value - middle;
	assert_true(bin < HISTOGRAM_BINS_32);
	assert_true(value > UINT16_MAX || bin < HISTOGRAM_BINS_16);
	assert_int_equal(histogram_bin(middle), bin);
	assert_true((uint64_t)off * 16 <= value);
	assert_true(value >= HISTOGRAM_EXACT || middle == value);
}

static void test_bins(void **state)
{
	unsigned before = 0;
	(void)state;
	for (uint32_t value = 0; value <= UINT16_MAX; value++) {
		unsigned bin = histogram_bin(value);
		assert_true(bin == before || bin == before + 1);
		before = bin;
		check(value);
	}
	assert_int_equal(before, HISTOGRAM_BINS_16 - 1);
	for (uint64_t value = 1; value <= UINT32_MAX; value = value * 17 / 16 + 1)
		check((uint32_t)value);
	check(UINT32_MAX);
	assert_int_equal(histogram_bin(UINT32_MAX), HISTOGRAM_BINS_32 - 1);
}

static void test_octaves(void **state)
{
	static const struct { uint32_t value; unsigned bin; } cases[] = {
		{ 0, 0 }, { 15, 0 }, { 16, 1 }, { 31, 1 }, { 32, 2 }, { 127, 3 }, { 128, 4 }, { 511, 5 },
		{ 512, 6 }, { 1023, 6 }, { 1024, 7 }, { UINT32_MAX, 7 },
	};
	(void)state;
	for (unsigned i = 0; i < array_count(cases); i++)
		assert_int_equal(octave_bin(cases[i].value), cases[i].bin);
}

/* 2,500 octets in segments of 1,000, with headers of 40 on each of the three. */
static void test_segments(void **state)
{
	struct frame frame = { .gso_bytes = 1000 };
	struct packet p = { .frame = &frame, .payload_bytes = 2500, .ip_bytes = 2500 + 3 * 40,
	                    .wire_packets = 3 };
	static const uint32_t payload[] = { 1000, 1000, 500 };
	unsigned count = 0;
	(void)state;
	for (struct segment s = segment_first(&p); s.bytes; segment_next(&s, &p)) {
		assert_true(count < 3);
		assert_int_equal(s.payload, payload[count]);
		assert_int_equal(s.bytes, payload[count] + 40);
		count++;
	}
	assert_int_equal(count, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bins), cmocka_unit_test(test_octaves),
		cmocka_unit_test(test_segments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
