/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of the capture room: capture files made octet by octet, and everything that a
 * source delivers collected into memory, so that tests compare what they wrote with what came out.
 */
#ifndef TESTS_CAPTURE_CRAFT_H
#define TESTS_CAPTURE_CRAFT_H

#include <stdarg.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "capture/capture.h"

struct octets {                         /* grows; free with octets_free() */
	uint8_t *at;
	size_t count, room;
	bool big;                       /* numbers are written most significant octet first */
};

void octets_free(struct octets *o);
void put(struct octets *o, const void *from, size_t count);
void put_u8(struct octets *o, unsigned v);
void put_u16(struct octets *o, unsigned v);
void put_u32(struct octets *o, uint32_t v);
void put_u64(struct octets *o, uint64_t v);
void put_pattern(struct octets *o, size_t count, unsigned seed); /* octets that tell frames apart */
bool is_pattern(const uint8_t *octets, size_t count, unsigned seed);

/* pcap */
void put_pcap_header(struct octets *o, uint32_t magic, uint32_t snaplen, uint32_t link);
void put_pcap_record(struct octets *o, uint32_t seconds, uint32_t fraction, uint32_t captured,
                     uint32_t wire, unsigned seed);

/* pcapng: begin_block() writes type and length, end_block() fills the length in at both ends. */
size_t begin_block(struct octets *o, uint32_t type);
void end_block(struct octets *o, size_t start);
void put_section(struct octets *o);
void put_option(struct octets *o, unsigned code, const void *value, unsigned count);
void put_interface(struct octets *o, unsigned link, uint32_t snaplen);
void put_enhanced(struct octets *o, uint32_t interface, uint64_t ticks, uint32_t captured,
                  uint32_t wire, unsigned seed);

/* A file in the test's own temporary folder; the path is valid until the next 15 calls. */
const char *save(const char *name, const struct octets *o);
const char *path_of(const char *name);
void remove_folder(void);

struct collected {                      /* all that a source delivered until its end */
	unsigned count, room;
	struct frame *frames;           /* data: copies */
	unsigned error_count;
	int codes[32];
	unsigned frames_before[32];     /* how many frames had come when the error did */
	char errors[32][512];
	uint64_t last_clock_ns;
	struct capture_counters counters;
	unsigned interface_count;
	struct capture_interface interfaces[64];
};

/* Opens (must succeed) and reads to the end, releasing each batch at once. */
void collect(const struct capture_settings *settings, struct collected *ret);
void collect_file(const char *path, struct collected *ret);
void collected_free(struct collected *c);

/* open() must fail; the message. */
const char *open_fails(const struct capture_settings *settings);

#endif
