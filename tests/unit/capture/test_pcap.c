/* SPDX-License-Identifier: Apache-2.0 */
/* pcap files: every magic and byte order, odd values, damage, and a cut at every place. */
#include "craft.h"

#include <stdio.h>
#include <string.h>

enum { US = 0xa1b2c3d4, NS = 0xa1b23c4d, MODIFIED = 0xa1b2cd34 };
#define SECOND UINT64_C(1000000000)

static int teardown(void **state)
{
	remove_folder();
	return 0;
}

static void assert_frame(const struct frame *f, uint64_t time_ns, uint32_t captured, uint32_t wire,
                         unsigned seed)
{
	assert_int_equal(f->time_ns, time_ns);
	assert_int_equal(f->captured_bytes, captured);
	assert_int_equal(f->wire_bytes, wire);
	assert_true(is_pattern(f->data, captured, seed));
	assert_int_equal(f->vlan_tpid, 0);
	assert_int_equal(f->gso_bytes, 0);
}

static void both_units_in_both_byte_orders(void **state)
{
	for (unsigned i = 0; i < 4; i++) {
		struct octets o = { .big = i & 1 };
		bool ns = i & 2;
		put_pcap_header(&o, ns ? NS : US, 65535, 113);
		put_pcap_record(&o, 1700000000, 123456, 60, 1500, 1);
		put_pcap_record(&o, 4294967295u, 999999, 0, 0, 2);
		put_pcap_record(&o, 0, 0, 1, 1, 3);
		struct collected c;
		collect_file(save("a.pcap", &o), &c);
		assert_int_equal(c.count, 3);
		assert_int_equal(c.error_count, 0);
		assert_frame(&c.frames[0], 1700000000 * SECOND + 123456u * (ns ? 1 : 1000), 60,
		             1500, 1);
		assert_frame(&c.frames[1], 4294967295 * SECOND + 999999u * (ns ? 1 : 1000), 0, 0,
		             2);
		assert_frame(&c.frames[2], 0, 1, 1, 3);
		assert_int_equal(c.frames[0].link_type, 113);
		assert_int_equal(c.counters.frames, 3);
		assert_int_equal(c.counters.octets, 1501);
		assert_int_equal(c.counters.file_bytes_read, o.count);
		assert_int_equal(c.counters.file_bytes_total, o.count);
		assert_false(c.counters.drops_known);
		collected_free(&c);
		octets_free(&o);
	}
}

static void modified_format_has_longer_headers(void **state)
{
	for (unsigned big = 0; big < 2; big++) {
		struct octets o = { .big = big };
		put_pcap_header(&o, MODIFIED, 65535, 1);
		for (unsigned i = 0; i < 2; i++) {
			put_u32(&o, 100);
			put_u32(&o, i);
			put_u32(&o, 20);
			put_u32(&o, 20);
			put_u32(&o, 2);         /* interface */
			put_u16(&o, 0x800);
			put_u8(&o, i ? 4 : 0);  /* sent by the host, or to it */
			put_u8(&o, 0);
			put_pattern(&o, 20, i);
		}
		struct collected c;
		collect_file(save("a.pcap", &o), &c);
		assert_int_equal(c.count, 2);
		assert_frame(&c.frames[1], 100 * SECOND + 1000, 20, 20, 1);
		assert_int_equal(c.frames[0].bits, 0);
		assert_int_equal(c.frames[1].bits, FRAME_OUTGOING);
		collected_free(&c);
		octets_free(&o);
	}
}

static void odd_values_are_kept_or_mended(void **state)
{
	struct octets o = { 0 };
	put_pcap_header(&o, US, 0, 1);
	/* a second of microseconds; captured > wire */
	put_pcap_record(&o, 1000, 1000000, 40, 20, 1);
	put_pcap_record(&o, 1000, 4294967295u, 40, 40, 2);
	struct collected c;
	collect_file(save("a.pcap", &o), &c);
	assert_int_equal(c.count, 2);
	assert_frame(&c.frames[0], 1001 * SECOND, 40, 40, 1);
	assert_frame(&c.frames[1], 1000 * SECOND + UINT64_C(4294967295000), 40, 40, 2);
	collected_free(&c);
	octets_free(&o);
}

static void frame_check_sequences_are_cut_where_present(void **state)
{
	struct octets o = { 0 };
	put_pcap_header(&o, US, 0, 0x24000001); /* two 16-bit words at the end of a frame */
	put_pcap_record(&o, 1, 0, 64, 64, 1);                   /* captured with it */
	put_pcap_record(&o, 1, 0, 62, 64, 2);                   /* with half of it */
	put_pcap_record(&o, 1, 0, 50, 64, 3);                   /* without */
	put_pcap_record(&o, 1, 0, 3, 3, 4);                     /* too short to have one */
	struct collected c;
	collect_file(save("a.pcap", &o), &c);
	assert_int_equal(c.count, 4);
	assert_frame(&c.frames[0], SECOND, 60, 60, 1);
	assert_frame(&c.frames[1], SECOND, 60, 60, 2);
	assert_frame(&c.frames[2], SECOND, 50, 60, 3);
	assert_frame(&c.frames[3], SECOND, 3, 3, 4);
	assert_int_equal(c.frames[0].link_type, 1);
	collected_free(&c);

	memcpy(o.at + 20, "\x01\0\0\x20", 4); /* length without the bit that says it counts */
	collect_file(save("a.pcap", &o), &c);
	assert_frame(&c.frames[0], SECOND, 64, 64, 1);
	collected_free(&c);
	octets_free(&o);
}

static void snaplen_cuts_what_is_captured(void **state)
{
	struct octets o = { 0 };
	put_pcap_header(&o, US, 0, 1);
	put_pcap_record(&o, 1, 0, 100, 200, 1);
	put_pcap_record(&o, 1, 0, 64, 64, 2);
	const char *path = save("a.pcap", &o);
	struct collected c;
	collect(&(struct capture_settings){ .names = &path, .name_count = 1, .snaplen_bytes = 64 },
	        &c);
	assert_frame(&c.frames[0], SECOND, 64, 200, 1);
	assert_frame(&c.frames[1], SECOND, 64, 64, 2);
	collected_free(&c);
	octets_free(&o);
}

/* Many frames of all lengths: each block ends inside some frame. */
static void frames_straddle_blocks(void **state)
{
	enum { COUNT = 4000 };
	struct octets o = { 0 };
	put_pcap_header(&o, NS, 0, 1);
	for (unsigned i = 0; i < COUNT; i++)
		put_pcap_record(&o, 1000 + i, i, i * 37 % 1600, i * 37 % 1600, i);
	struct collected c;
	collect_file(save("a.pcap", &o), &c);
	assert_int_equal(c.count, COUNT);
	for (unsigned i = 0; i < COUNT; i++)
		assert_frame(&c.frames[i], (1000 + i) * SECOND + i, i * 37 % 1600, i * 37 % 1600,
		             i);
	assert_int_equal(c.last_clock_ns, (1000 + COUNT - 1) * SECOND + COUNT - 1);
	collected_free(&c);
	octets_free(&o);
}

/* Frames longer than a block; longer than 1 MiB only where the file's snaplen says so. */
static void giant_frames_are_read(void **state)
{
	static const uint32_t sizes[] = { 60, 262144, 61, 1048576, 62, 3000000, 63, 64 };
	struct octets o = { 0 };
	put_pcap_header(&o, US, 4000000, 1);
	for (unsigned i = 0; i < 8; i++)
		put_pcap_record(&o, 1, 0, sizes[i], sizes[i], i);
	struct collected c;
	collect_file(save("a.pcap", &o), &c);
	assert_int_equal(c.count, 8);
	for (unsigned i = 0; i < 8; i++)
		assert_frame(&c.frames[i], SECOND, sizes[i], sizes[i], i);
	collected_free(&c);

	memset(o.at + 16, 0, 4);                                /* no snaplen: the usual bound */
	collect_file(save("a.pcap", &o), &c);
	assert_int_equal(c.count, 5);
	assert_int_equal(c.error_count, 1);
	assert_non_null(strstr(c.errors[0], "3000000 captured bytes, at most 1048576"));
	collected_free(&c);
	octets_free(&o);
}

static void damage_is_told_with_its_place(void **state)
{
	struct octets o = { 0 };
	put_pcap_header(&o, US, 65535, 1);
	put_pcap_record(&o, 1, 0, 60, 60, 1);
	put_pcap_record(&o, 1, 0, 60, 60, 2);
	put_pcap_record(&o, 1, 0, 60, 60, 3);
	memset(o.at + 24 + 76 + 8, 0xff, 4);                    /* the second record's length */
	const char *path = save("a.pcap", &o);
	char expected[300];
	snprintf(expected, sizeof expected,
	         "%s: damaged at byte 100: a packet record says 4294967295 "
	         "captured bytes, at most 1048576 are expected", path);
	struct collected c;
	collect_file(path, &c);
	assert_int_equal(c.count, 1);
	assert_int_equal(c.error_count, 1);
	assert_string_equal(c.errors[0], expected);
	collected_free(&c);
	octets_free(&o);
}

static void other_versions_are_told(void **state)
{
	struct octets o = { 0 };
	put_pcap_header(&o, US, 65535, 1);
	o.at[4] = 3;
	struct collected c;
	collect_file(save("a.pcap", &o), &c);
	assert_int_equal(c.count, 0);
	assert_int_equal(c.error_count, 1);
	assert_non_null(strstr(c.errors[0], "pcap version 3, expected 2"));
	collected_free(&c);
	octets_free(&o);
}

static void a_cut_anywhere_keeps_the_whole_frames(void **state)
{
	struct octets o = { 0 };
	size_t ends[4];
	put_pcap_header(&o, US, 65535, 1);
	for (unsigned i = 0; i < 4; i++) {
		put_pcap_record(&o, 1, i, 11 * i, 60, i);
		ends[i] = o.count;
	}
	size_t whole = o.count;
	for (size_t cut = 12; cut <= whole; cut++) {
		o.count = cut;
		unsigned expected = 0;
		bool clean = cut == 24;
		for (unsigned i = 0; i < 4; i++) {
			expected += ends[i] <= cut;
			clean |= ends[i] == cut;
		}
		struct collected c;
		char place[64];
		snprintf(place, sizeof place, "a.pcap: cut at byte %zu, inside", cut);
		collect_file(save("a.pcap", &o), &c);
		assert_int_equal(c.count, expected);
		assert_int_equal(c.error_count, !clean);
		if (!clean)
			assert_non_null(strstr(c.errors[0], place));
		for (unsigned i = 0; i < expected; i++)
			assert_frame(&c.frames[i], SECOND + i * 1000, 11 * i, 60, i);
		collected_free(&c);
	}
	octets_free(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_units_in_both_byte_orders),
		cmocka_unit_test(modified_format_has_longer_headers),
		cmocka_unit_test(odd_values_are_kept_or_mended),
		cmocka_unit_test(frame_check_sequences_are_cut_where_present),
		cmocka_unit_test(snaplen_cuts_what_is_captured),
		cmocka_unit_test(frames_straddle_blocks),
		cmocka_unit_test(giant_frames_are_read),
		cmocka_unit_test(damage_is_told_with_its_place),
		cmocka_unit_test(other_versions_are_told),
		cmocka_unit_test(a_cut_anywhere_keeps_the_whole_frames),
	};
	return cmocka_run_group_tests(tests, NULL, teardown);
}
