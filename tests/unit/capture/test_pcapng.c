/* SPDX-License-Identifier: Apache-2.0 */
/* pcapng files: blocks of all kinds, sections, time units, options, damage, and a cut at every
 * place. */
#include "craft.h"

#include <stdio.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

static int teardown(void **state)
{
	remove_folder();
	return 0;
}

static void put_timed_interface(struct octets *o, unsigned link, unsigned resolution,
                                int64_t offset)
{
	size_t block = begin_block(o, 1);
	uint8_t tsresol = (uint8_t)resolution;
	put_u16(o, link);
	put_u16(o, 0);
	put_u32(o, 0);
	put_option(o, 9, &tsresol, 1);
	put_u16(o, 14);
	put_u16(o, 8);
	put_u64(o, (uint64_t)offset);
	put_u32(o, 0);
	end_block(o, block);
}

static void put_simple(struct octets *o, uint32_t captured, uint32_t wire, unsigned seed)
{
	size_t block = begin_block(o, 3);
	put_u32(o, wire);
	put_pattern(o, captured, seed);
	end_block(o, block);
}

static void put_obsolete(struct octets *o, unsigned interface, uint64_t ticks, uint32_t captured,
                         uint32_t wire, unsigned seed)
{
	size_t block = begin_block(o, 2);
	put_u16(o, interface);
	put_u16(o, 7);                  /* drops */
	put_u32(o, (uint32_t)(ticks >> 32));
	put_u32(o, (uint32_t)ticks);
	put_u32(o, captured);
	put_u32(o, wire);
	put_pattern(o, captured, seed);
	end_block(o, block);
}

static void put_unknown(struct octets *o)
{
	size_t block = begin_block(o, 0x0bad0bad);
	put_pattern(o, 32, 99);
	end_block(o, block);
}

static void assert_frame(const struct frame *f, uint64_t time_ns, uint32_t captured, uint32_t wire,
                         unsigned seed)
{
	assert_int_equal(f->time_ns, time_ns);
	assert_int_equal(f->captured_bytes, captured);
	assert_int_equal(f->wire_bytes, wire);
	assert_true(is_pattern(f->data, captured, seed));
}

static void all_packet_blocks_in_both_byte_orders(void **state)
{
	for (unsigned big = 0; big < 2; big++) {
		struct octets o = { .big = big };
		put_section(&o);
		put_interface(&o, 1, 64);
		put_interface(&o, 101, 0);
		put_unknown(&o);
		put_enhanced(&o, 0, 1700000000123456, 61, 1500, 1);
		put_simple(&o, 64, 90, 2); /* cut by the snaplen of interface 0 */
		put_obsolete(&o, 1, 1700000000654321, 33, 30, 3);
		put_unknown(&o);
		put_simple(&o, 10, 10, 4);
		struct collected c;
		collect_file(save("a.pcapng", &o), &c);
		assert_int_equal(c.error_count, 0);
		assert_int_equal(c.count, 4);
		assert_frame(&c.frames[0], 1700000000123456000, 61, 1500, 1);
		assert_frame(&c.frames[1], 1700000000123456000, 64, 90, 2);
		assert_frame(&c.frames[2], 1700000000654321000, 33, 33, 3);
		assert_frame(&c.frames[3], 1700000000654321000, 10, 10, 4);
		assert_int_equal(c.frames[0].bits, 0);
		assert_int_equal(c.frames[1].bits, FRAME_DAMAGED_TIME);
		assert_int_equal(c.frames[0].link_type, 1);
		assert_int_equal(c.frames[2].link_type, 101);
		assert_int_equal(c.interface_count, 2);
		assert_int_not_equal(c.frames[0].interface, c.frames[2].interface);
		assert_int_equal(c.counters.octets, 1500 + 90 + 33 + 10);
		collected_free(&c);
		octets_free(&o);
	}
}

static void time_units_and_offsets(void **state)
{
	static const struct {
		unsigned resolution;
		int64_t offset;
		uint64_t ticks, time_ns;
	} cases[] = {
		{ 0, 0, 1700000000, 1700000000 * SECOND },
		{ 3, 0, 1700000000123, 1700000000 * SECOND + 123000000 },
		{ 6, 0, 1700000000123456, 1700000000 * SECOND + 123456000 },
		{ 9, 0, 1700000000123456789, 1700000000 * SECOND + 123456789 },
		{ 6, 1700000000, 123456, 1700000000 * SECOND + 123456000 },
		{ 6, -100, 1700000100000001, 1700000000 * SECOND + 1000 },
		/* ps: cut, not rounded */
		{ 12, 1700000000, 123456789999, 1700000000 * SECOND + 123456789 },
		{ 19, 1700000000, 9999999999, 1700000000 * SECOND },
		{ 127, 1700000000, 12345, 1700000000 * SECOND },
		{ 0x80, 0, 1700000000, 1700000000 * SECOND },
		{ 0x80 | 1, 0, 3400000001, 1700000000 * SECOND + 500000000 },
		{ 0x80 | 10, 0, (UINT64_C(1700000000) << 10) + 1, 1700000000 * SECOND + 976562 },
		{ 0x80 | 32, 0, (UINT64_C(1700000000) << 32) + 4294967295,
		  1700000000 * SECOND + 999999999 },
		{ 0x80 | 63, 1700000000, UINT64_C(1) << 62, 1700000000 * SECOND + 500000000 },
		{ 0x80 | 127, 1700000000, UINT64_MAX, 1700000000 * SECOND },
	};
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct octets o = { .big = i & 1 };
		struct collected c;
		put_section(&o);
		put_timed_interface(&o, 1, cases[i].resolution, cases[i].offset);
		put_enhanced(&o, 0, cases[i].ticks, 20, 20, i);
		collect_file(save("a.pcapng", &o), &c);
		assert_int_equal(c.count, 1);
		assert_frame(&c.frames[0], cases[i].time_ns, 20, 20, i);
		assert_int_equal(c.frames[0].bits, 0);
		collected_free(&c);
		octets_free(&o);
	}
}

/* Times that do not fit: the frame stays, with the time of the one before. */
static void impossible_times_are_marked(void **state)
{
	static const struct {
		unsigned resolution;
		int64_t offset;
		uint64_t ticks;
	} cases[] = {
		{ 0, 0, UINT64_MAX }, { 6, 0, UINT64_MAX },
		{ 6, INT64_MAX, 1 }, { 6, INT64_MIN, 1 },
		{ 9, -2, 1000000000 }, { 9, 1000, UINT64_MAX }, { 0x80, 0, UINT64_MAX },
	};
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct octets o = { 0 };
		struct collected c;
		put_section(&o);
		put_interface(&o, 1, 0);
		put_timed_interface(&o, 1, cases[i].resolution, cases[i].offset);
		put_enhanced(&o, 0, 5000000, 20, 20, 1);
		put_enhanced(&o, 1, cases[i].ticks, 20, 20, 2);
		collect_file(save("a.pcapng", &o), &c);
		assert_int_equal(c.count, 2);
		assert_frame(&c.frames[1], 5 * SECOND, 20, 20, 2);
		assert_int_equal(c.frames[1].bits, FRAME_DAMAGED_TIME);
		collected_free(&c);
		octets_free(&o);
	}
}

static void sections_start_afresh(void **state)
{
	struct octets o = { 0 };
	put_section(&o);
	put_interface(&o, 1, 0);
	put_interface(&o, 101, 0);
	put_enhanced(&o, 1, 1000000, 20, 20, 1);
	o.big = true;
	put_section(&o);
	put_timed_interface(&o, 113, 9, 0);
	put_enhanced(&o, 0, 2000000001, 20, 20, 2);
	o.big = false;
	put_section(&o);
	put_interface(&o, 1, 0);
	put_enhanced(&o, 0, 3000000, 20, 20, 3);
	put_enhanced(&o, 1, 3000000, 20, 20, 4);                /* the first section's interface */
	struct collected c;
	collect_file(save("a.pcapng", &o), &c);
	assert_int_equal(c.count, 3);
	assert_frame(&c.frames[0], SECOND, 20, 20, 1);
	assert_frame(&c.frames[1], 2 * SECOND + 1, 20, 20, 2);
	assert_frame(&c.frames[2], 3 * SECOND, 20, 20, 3);
	assert_int_equal(c.frames[0].link_type, 101);
	assert_int_equal(c.frames[1].link_type, 113);
	assert_int_equal(c.frames[2].link_type, 1);
	assert_int_equal(c.interface_count, 3);
	assert_int_equal(c.error_count, 1);
	assert_non_null(strstr(c.errors[0],
	                       "names interface 1, the section has described 1 so far"));
	collected_free(&c);
	octets_free(&o);
}

static void put_flagged(struct octets *o, uint32_t flags)
{
	size_t block = begin_block(o, 6);
	put_u32(o, 0);
	put_u64(o, 0);
	put_u32(o, 61);
	put_u32(o, 64);
	put_pattern(o, 61, 1);
	put_u8(o, 0);
	put_u8(o, 0);
	put_u8(o, 0);
	put_option(o, 1, "a comment", 9);
	put_u16(o, 2);
	put_u16(o, 4);
	put_u32(o, flags);
	put_u32(o, 0);
	end_block(o, block);
}

static void options_name_interfaces_and_directions(void **state)
{
	for (unsigned big = 0; big < 2; big++) {
		struct octets o = { .big = big };
		put_section(&o);
		size_t block = begin_block(&o, 1);
		put_u16(&o, 1);
		put_u16(&o, 0);
		put_u32(&o, 0);
		put_option(&o, 2, "eth\n0", 5);
		put_u32(&o, 0);
		end_block(&o, block);
		put_flagged(&o, 1);                             /* inbound */
		put_flagged(&o, 2);                             /* outbound */
		put_flagged(&o, 2 | 4 << 5); /* and with a check sequence of 4 octets */
		struct collected c;
		collect_file(save("a.pcapng", &o), &c);
		assert_int_equal(c.count, 3);
		assert_string_equal(c.interfaces[0].name, "eth_0");
		assert_int_equal(c.frames[0].bits, 0);
		assert_int_equal(c.frames[1].bits, FRAME_OUTGOING);
		assert_int_equal(c.frames[2].bits, FRAME_OUTGOING);
		assert_frame(&c.frames[1], 0, 61, 64, 1);
		assert_frame(&c.frames[2], 0, 60, 60, 1);
		collected_free(&c);
		octets_free(&o);
	}
}

static void check_sequences_by_interface(void **state)
{
	static const uint8_t values[] = { 4, 32, 3 };
	for (unsigned i = 0; i < 3; i++) {
		struct octets o = { 0 };
		put_section(&o);
		size_t block = begin_block(&o, 1);
		put_u32(&o, 1);
		put_u32(&o, 0);
		put_option(&o, 13, &values[i], 1);
		end_block(&o, block);
		put_enhanced(&o, 0, 0, 64, 64, 1);
		struct collected c;
		collect_file(save("a.pcapng", &o), &c);
		assert_int_equal(c.frames[0].wire_bytes, i < 2 ? 60 : 64);
		collected_free(&c);
		octets_free(&o);
	}
}

/* Options that claim to be longer than their block end the options, not the file. */
static void options_stay_in_their_block(void **state)
{
	struct octets o = { 0 };
	put_section(&o);
	size_t block = begin_block(&o, 1);
	put_u32(&o, 1);
	put_u32(&o, 0);
	put_u16(&o, 2);
	put_u16(&o, 60000);
	put_u32(&o, 0x41414141);
	end_block(&o, block);
	put_enhanced(&o, 0, 1000000, 20, 20, 1);
	struct collected c;
	collect_file(save("a.pcapng", &o), &c);
	assert_int_equal(c.count, 1);
	assert_int_equal(c.error_count, 0);
	assert_string_equal(c.interfaces[0].name, "");
	collected_free(&c);
	octets_free(&o);
}

static void assert_damaged(struct octets *o, unsigned frames, const char *message)
{
	struct collected c;
	collect_file(save("a.pcapng", o), &c);
	assert_int_equal(c.count, frames);
	assert_int_equal(c.error_count, 1);
	if (!strstr(c.errors[0], message))
		fail_msg("\"%s\" instead of \"%s\"", c.errors[0], message);
	collected_free(&c);
}

static void damage_is_told_with_its_place(void **state)
{
	struct octets o = { 0 };
	put_section(&o);                                        /* 28 octets */
	put_interface(&o, 1, 0);                                /* 20 */
	put_enhanced(&o, 0, 0, 20, 20, 1);                      /* 52 */
	put_enhanced(&o, 0, 0, 20, 20, 2);                      /* at 100 */
	o.at[100 + 48] = 99;
	assert_damaged(&o, 1,
	               "damaged at byte 100: a block's length is 52 at its start and 99 at its end");
	o.at[100 + 48] = 52;
	o.at[100 + 4] = 53;
	assert_damaged(&o, 1,
	               "damaged at byte 100: a block's length is 53, expected a multiple of 4");
	memset(o.at + 100 + 4, 0xfc, 4);
	assert_damaged(&o, 1, "damaged at byte 100: a block's length is 4244438268");
	memcpy(o.at + 100 + 4, "\x34\0\0\0", 4);
	o.at[100 + 20] = 24;
	assert_damaged(&o, 1,
	               "damaged at byte 100: a packet block says 24 captured bytes, at most 20");
	o.at[100 + 20] = 20;
	o.at[12] = 2;
	assert_damaged(&o, 0, "damaged at byte 0: pcapng version 2, expected 1");
	o.at[12] = 1;
	o.at[8] = 0;
	assert_damaged(&o, 0, "damaged at byte 0: a section's byte-order mark is");
	octets_free(&o);
}

static void a_cut_anywhere_keeps_the_whole_frames(void **state)
{
	struct octets o = { 0 };
	size_t ends[4], boundaries[7], frames = 0, count = 0;
	put_section(&o);
	boundaries[count++] = o.count;
	put_interface(&o, 1, 0);
	boundaries[count++] = o.count;
	put_unknown(&o);
	boundaries[count++] = o.count;
	for (unsigned i = 0; i < 4; i++) {
		put_enhanced(&o, 0, 1000000, 5 * i, 60, i);
		ends[frames++] = boundaries[count++] = o.count;
	}
	size_t whole = o.count;
	for (size_t cut = 12; cut <= whole; cut++) {
		unsigned expected = 0;
		bool clean = false;
		char place[64];
		struct collected c;
		o.count = cut;
		for (unsigned i = 0; i < 4; i++)
			expected += ends[i] <= cut;
		for (unsigned i = 0; i < count; i++)
			clean |= boundaries[i] == cut;
		snprintf(place, sizeof place, "a.pcapng: cut at byte %zu, inside a block", cut);
		collect_file(save("a.pcapng", &o), &c);
		assert_int_equal(c.count, expected);
		assert_int_equal(c.error_count, !clean);
		if (!clean)
			assert_non_null(strstr(c.errors[0], place));
		collected_free(&c);
	}
	octets_free(&o);
}

/* One flipped octet anywhere: no crash, and never more frames than there are. */
static void a_flip_anywhere_is_survived(void **state)
{
	struct octets o = { 0 };
	put_section(&o);
	put_timed_interface(&o, 1, 9, 5);
	put_flagged(&o, 2);
	put_simple(&o, 10, 10, 1);
	put_obsolete(&o, 0, 5, 10, 10, 2);
	for (size_t i = 0; i < o.count; i++) {
		for (unsigned bit = 0; bit < 8; bit += 3) {
			struct collected c;
			struct capture *capture;
			struct error err;
			o.at[i] ^= (uint8_t)(1 << bit);
			const char *path = save("a.pcapng", &o);
			struct capture_settings settings = { .names = &path, .name_count = 1 };
			o.at[i] ^= (uint8_t)(1 << bit);
			if (capture_kind_files()->open(&settings, &capture, &err))
				continue;
			capture_kind_files()->close(capture);
			collect_file(path, &c);
			assert_true(c.count <= 3);
			collected_free(&c);
		}
	}
	octets_free(&o);
}

/* A file may name more interfaces than anyone needs: the list stays bounded. */
static void interfaces_are_bounded(void **state)
{
	struct octets o = { 0 };
	put_section(&o);
	for (unsigned i = 0; i < 3000; i++) {
		size_t block = begin_block(&o, 1);
		char name[16];
		put_u32(&o, 1);
		put_u32(&o, 0);
		put_option(&o, 2, name, (unsigned)snprintf(name, sizeof name, "if%u", i % 2000));
		end_block(&o, block);
		put_enhanced(&o, i, 0, 4, 4, i);
	}
	struct collected c;
	collect_file(save("a.pcapng", &o), &c);
	assert_int_equal(c.count, 3000);
	assert_int_equal(c.error_count, 0);
	assert_int_equal(c.interface_count, 1024);
	assert_int_equal(c.frames[2000].interface, c.frames[0].interface);
	for (unsigned i = 0; i < c.count; i++)
		assert_true(c.frames[i].interface < 1024);
	collected_free(&c);
	octets_free(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_packet_blocks_in_both_byte_orders),
		cmocka_unit_test(time_units_and_offsets),
		cmocka_unit_test(impossible_times_are_marked),
		cmocka_unit_test(sections_start_afresh),
		cmocka_unit_test(options_name_interfaces_and_directions),
		cmocka_unit_test(check_sequences_by_interface),
		cmocka_unit_test(options_stay_in_their_block),
		cmocka_unit_test(damage_is_told_with_its_place),
		cmocka_unit_test(a_cut_anywhere_keeps_the_whole_frames),
		cmocka_unit_test(a_flip_anywhere_is_survived),
		cmocka_unit_test(interfaces_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, teardown);
}
