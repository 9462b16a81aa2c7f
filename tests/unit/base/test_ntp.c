/* SPDX-License-Identifier: Apache-2.0 */
/* NTP timestamps against known instants (RFC 5905, figure 4, and the era's end) and against
 * readers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/ntp.h"

static void test_known_instants(void **state)
{
	/* Seconds since 1900 as RFC 5905 lists them: first day of UNIX, of UTC, last of the century. */
	assert_int_equal(ntp_of_microseconds(0), UINT64_C(2208988800) << 32);
	assert_int_equal(ntp_of_microseconds(UINT64_C(63072000) * 1000000), UINT64_C(2272060800) << 32);
	assert_int_equal(ntp_of_nanoseconds(UINT64_C(946598400) * 1000000000),
	                 UINT64_C(3155587200) << 32);
	assert_int_equal(ntp_of_nanoseconds(UINT64_C(1063065600) * 1000000000),
	                 UINT64_C(3272054400) << 32);
}

static void test_era_ends(void **state)
{
	/* 2036-02-07 06:28:16 UTC is second 0 of the next era; half a second before it all bits but
	 * 31. */
	uint64_t end_s = UINT64_C(2085978496);
	assert_int_equal(ntp_of_microseconds(end_s * 1000000), 0);
	assert_int_equal(ntp_of_nanoseconds(end_s * 1000000000 - 500000000),
	                 UINT64_C(0xffffffff80000000));
}

static void test_fractions(void **state)
{
	uint64_t base = UINT64_C(2208988800) << 32;
	assert_int_equal(ntp_of_microseconds(500000), base | 0x80000000);
	assert_int_equal(ntp_of_microseconds(250000), base | 0x40000000);
	/* 1/10^6 of 2^32 is 4294.97; the next multiple of 2^11 is 3 * 2048. */
	assert_int_equal(ntp_of_microseconds(1), base | 0x1800);
	/* 0.999999 of 2^32 is 4294963001.03, the next multiple 2097150 * 2048. */
	assert_int_equal(ntp_of_microseconds(999999), base | 0xfffff000);
	/* 4.29, and 2^32 less 4.29. */
	assert_int_equal(ntp_of_nanoseconds(1), base | 5);
	assert_int_equal(ntp_of_nanoseconds(999999999), base | 0xfffffffc);
}

/* A reader may cut or round; either way the number comes back, and the low 11 bits are zero. */
static void test_readers_get_it_back(void **state)
{
	for (uint64_t us = 0; us < 1000000; us += 37) {
		uint64_t fraction = ntp_of_microseconds(us) & UINT32_MAX;
		assert_int_equal(fraction & 0x7ff, 0);
		assert_int_equal(fraction * 1000000 >> 32, us);
		assert_int_equal((fraction * 1000000 + (UINT64_C(1) << 31)) >> 32, us);
	}
	for (uint64_t ns = 0; ns < 1000000000; ns += 99991) {
		uint64_t fraction = ntp_of_nanoseconds(ns) & UINT32_MAX;
		assert_int_equal(fraction * 1000000000 >> 32, ns);
		assert_int_equal((fraction * 1000000000 + (UINT64_C(1) << 31)) >> 32, ns);
	}
}

/* Ours come back, whatever the era; a writer that cuts is understood, and so is one that leaves
 * rubbish below a microsecond (RFC 7011, section 6.1.9). */
static void test_reading(void **state)
{
	uint64_t now_us = UINT64_C(1700000000123457), next_era_us = UINT64_C(2085978500000001);
	assert_int_equal(ntp_to_microseconds(ntp_of_microseconds(now_us)), now_us);
	assert_int_equal(ntp_to_microseconds(ntp_of_microseconds(next_era_us)), next_era_us);
	assert_int_equal(ntp_to_nanoseconds(ntp_of_nanoseconds(now_us * 1000 + 1)), now_us * 1000 + 1);
	/* 123457 of 10^6 is 530243777.5 of 2^32: cut, and with the low bits cut off or set. */
	uint64_t cut = (UINT64_C(1700000000) + NTP_UNIX_SECONDS) << 32 | 530243777;
	assert_int_equal(ntp_to_microseconds(cut), now_us);
	assert_int_equal(ntp_to_microseconds(cut & ~UINT64_C(0x7ff)), now_us);
	assert_int_equal(ntp_to_microseconds(cut | 0x7ff), now_us);
	for (uint64_t us = 0; us < 1000000; us += 37)
		assert_int_equal(ntp_to_microseconds(ntp_of_microseconds(us)), us);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_instants),
		cmocka_unit_test(test_era_ends),
		cmocka_unit_test(test_fractions),
		cmocka_unit_test(test_readers_get_it_back),
		cmocka_unit_test(test_reading),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
