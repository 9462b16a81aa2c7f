/* SPDX-License-Identifier: Apache-2.0 */
/* Tells a capture file by its first octets, and what else it is when it is none. See reader.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/pcapng.h"
#include "capture/reader.h"

static const struct {
	const char *octets;
	uint8_t count;
	reader_walk *walk;              /* NULL: no capture that weir reads */
	const char *what;
} signatures[] = {
	{ "\xa1\xb2\xc3\xd4", 4, pcap_walk, "pcap" },
	{ "\xd4\xc3\xb2\xa1", 4, pcap_walk, "pcap" },
	{ "\xa1\xb2\x3c\x4d", 4, pcap_walk, "pcap" },
	{ "\x4d\x3c\xb2\xa1", 4, pcap_walk, "pcap" },
	{ "\xa1\xb2\xcd\x34", 4, pcap_walk, "pcap" },
	{ "\x34\xcd\xb2\xa1", 4, pcap_walk, "pcap" },
	{ "\x0a\x0d\x0d\x0a", 4, pcapng_walk, "pcapng" },
	{ "\x1f\x8b", 2, NULL, "gzip data inside compressed data" },
	{ "\x28\xb5\x2f\xfd", 4, NULL, "zstd data inside compressed data" },
	{ "\xfd" "7zXZ", 5, NULL, "xz-compressed data" },
	{ "BZh", 3, NULL, "bzip2-compressed data" },
	{ "\x04\x22\x4d\x18", 4, NULL, "lz4-compressed data" },
	{ "\x1f\x9d", 2, NULL, "data compressed by compress(1)" },
	{ "PK\x03\x04", 4, NULL, "a zip archive" },
	{ "\x0c\xa5", 2, NULL, "an nfdump file" },
	{ "\x00\x0a", 2, NULL, "an IPFIX file" },
	{ "snoop\0\0\0", 8, NULL, "a snoop capture" },
	{ "GMBU", 4, NULL, "a Network Monitor capture" },
	{ "RTSS", 4, NULL, "a Network Monitor capture" },
	{ "SQLite format", 12, NULL, "an SQLite database" },
	{ "\x7f" "ELF", 4, NULL, "an ELF program" },
	{ "%PDF", 4, NULL, "a PDF document" },
};

static bool is_text(const uint8_t *octets, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (octets[i] == 0x7f ||
		    (octets[i] < 0x20 && (octets[i] < '\t' || octets[i] > '\r')))
			return false;
	return true;
}

/* An export message begins with its version: NetFlow v5, v9 or IPFIX. */
static bool is_export(const uint8_t *octets, size_t count)
{
	return count >= 2 && octets[0] == 0 && (octets[1] == 5 || octets[1] == 9 || octets[1] == 10);
}

const char *detect_expected(bool messages)
{
	return messages ? "IPFIX or NetFlow messages, or a pcap or pcapng capture of them"
	                : "a pcap or pcapng capture";
}

/* Export messages are looked for first, and only where they are wanted. */
reader_walk *detect_format(const uint8_t *octets, size_t count, bool messages,
                           const char **ret_what)
{
	if (messages && is_export(octets, count))
		return export_walk;
	for (size_t i = 0; i < array_count(signatures); i++) {
		if (count < signatures[i].count ||
		    memcmp(octets, signatures[i].octets, signatures[i].count) != 0)
			continue;
		*ret_what = signatures[i].what;
		return signatures[i].walk;
	}
	*ret_what = count == 0 ? "empty" : is_text(octets, count) ? "text" : "unknown data";
	return NULL;
}

int detect_walk(struct reader *r, struct frame_batch *ret, struct error *err)
{
	size_t count = (size_t)(r->end - r->at);
	const char *what;
	reader_walk *walk = detect_format(r->at, count, r->messages, &what);
	if (!walk && count < DETECT_BYTES)
		return reader_needs(r, DETECT_BYTES, "its first bytes");
	if (!walk)
		return error_set(err, -EBADMSG,
		                 "%s: is %s; expected %s, plain or "
		                 "compressed by gzip or zstd", r->name, what, detect_expected(r->messages));
	r->walk = walk;
	return walk(r, ret, err);
}

void reader_start(struct reader *r, const char *name)
{
	reader_fini(r);
	*r = (struct reader){
		.walk = detect_walk,
		.need_bytes = DETECT_BYTES,
		.name = name,
		.snaplen_bytes = r->snaplen_bytes,
		.interfaces = r->interfaces,
		.messages = r->messages,
		.file = r->file + 1,
	};
}

void reader_fini(struct reader *r)
{
	pcapng_free(r->pcapng);
	r->pcapng = NULL;
}

int reader_damaged(const struct reader *r, struct error *err, const char *format, ...)
{
	char text[256];
	va_list ap;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	return error_set(err, -EBADMSG, "%s: damaged at byte %llu%s: %s", r->name,
	                 (unsigned long long)reader_offset(r),
	                 r->compressed ? " of the decompressed data" : "", text);
}

int reader_cut(const struct reader *r, struct error *err)
{
	size_t have = (size_t)(r->end - r->at);
	if (r->walk == detect_walk) {
		const char *what;
		detect_format(r->at, have, r->messages, &what);
		return error_set(err, -EBADMSG,
		                 "%s: is %s%s; expected %s, plain or "
		                 "compressed by gzip or zstd", r->name, what,
		                 have ? " and only a few bytes long" : "", detect_expected(r->messages));
	}
	return error_set(err, -EBADMSG,
	                 "%s: cut at byte %llu%s, inside %s that needs %zu bytes (%zu are "
	                 "there)", r->name, (unsigned long long)r->end_offset,
	                 r->compressed ? " of the decompressed data" : "", r->inside, r->need_bytes,
	                 have);
}
