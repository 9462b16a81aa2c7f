/* SPDX-License-Identifier: Apache-2.0 */
/* Crafted captures and collected frames: see craft.h. */
#include "craft.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

void octets_free(struct octets *o)
{
	free(o->at);
	*o = (struct octets){ 0 };
}

void put(struct octets *o, const void *from, size_t count)
{
	while (o->count + count > o->room) {
		o->room = o->room ? o->room * 2 : 256;
		o->at = realloc(o->at, o->room);
		assert_non_null(o->at);
	}
	if (count)
		memcpy(o->at + o->count, from, count);
	o->count += count;
}

static void put_number(struct octets *o, uint64_t v, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		put_u8(o, (unsigned)(v >> 8 * (o->big ? count - 1 - i : i)));
}

void put_u8(struct octets *o, unsigned v)
{
	uint8_t octet = (uint8_t)v;
	put(o, &octet, 1);
}

void put_u16(struct octets *o, unsigned v) { put_number(o, v, 2); }
void put_u32(struct octets *o, uint32_t v) { put_number(o, v, 4); }
void put_u64(struct octets *o, uint64_t v) { put_number(o, v, 8); }

static uint8_t pattern(size_t i, unsigned seed)
{
	return (uint8_t)(seed * 31 + i * 7 + (i >> 8));
}

void put_pattern(struct octets *o, size_t count, unsigned seed)
{
	for (size_t i = 0; i < count; i++)
		put_u8(o, pattern(i, seed));
}

bool is_pattern(const uint8_t *octets, size_t count, unsigned seed)
{
	for (size_t i = 0; i < count; i++)
		if (octets[i] != pattern(i, seed))
			return false;
	return true;
}

void put_pcap_header(struct octets *o, uint32_t magic, uint32_t snaplen, uint32_t link)
{
	put_u32(o, magic);
	put_u16(o, 2);
	put_u16(o, 4);
	put_u64(o, 0);
	put_u32(o, snaplen);
	put_u32(o, link);
}

void put_pcap_record(struct octets *o, uint32_t seconds, uint32_t fraction, uint32_t captured,
                     uint32_t wire, unsigned seed)
{
	put_u32(o, seconds);
	put_u32(o, fraction);
	put_u32(o, captured);
	put_u32(o, wire);
	put_pattern(o, captured, seed);
}

size_t begin_block(struct octets *o, uint32_t type)
{
	size_t start = o->count;
	put_u32(o, type);
	put_u32(o, 0);
	return start;
}

void end_block(struct octets *o, size_t start)
{
	while (o->count % 4 != start % 4)
		put_u8(o, 0);
	uint32_t length = (uint32_t)(o->count - start) + 4;
	put_u32(o, length);
	memcpy(o->at + start + 4, o->at + o->count - 4, 4);
}

void put_section(struct octets *o)
{
	size_t block = begin_block(o, 0x0a0d0d0a);
	put_u32(o, 0x1a2b3c4d);
	put_u16(o, 1);
	put_u16(o, 0);
	put_u64(o, UINT64_MAX);
	end_block(o, block);
}

void put_option(struct octets *o, unsigned code, const void *value, unsigned count)
{
	put_u16(o, code);
	put_u16(o, count);
	put(o, value, count);
	while (count++ % 4)
		put_u8(o, 0);
}

void put_interface(struct octets *o, unsigned link, uint32_t snaplen)
{
	size_t block = begin_block(o, 1);
	put_u16(o, link);
	put_u16(o, 0);
	put_u32(o, snaplen);
	end_block(o, block);
}

void put_enhanced(struct octets *o, uint32_t interface, uint64_t ticks, uint32_t captured,
                  uint32_t wire, unsigned seed)
{
	size_t block = begin_block(o, 6);
	put_u32(o, interface);
	put_u32(o, (uint32_t)(ticks >> 32));
	put_u32(o, (uint32_t)ticks);
	put_u32(o, captured);
	put_u32(o, wire);
	put_pattern(o, captured, seed);
	end_block(o, block);
}

const char *path_of(const char *name)
{
	static char paths[16][160];
	static unsigned turn;
	if (!folder[0]) {
		strcpy(folder, "/tmp/weir-capture-XXXXXX");
		assert_non_null(mkdtemp(folder));
	}
	char *path = paths[turn++ % 16];
	snprintf(path, sizeof paths[0], "%s/%s", folder, name);
	return path;
}

const char *save(const char *name, const struct octets *o)
{
	const char *path = path_of(name);
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(o->at, 1, o->count, file), o->count);
	assert_int_equal(fclose(file), 0);
	return path;
}

static void remove_all(const char *path)
{
	DIR *directory = opendir(path);
	for (struct dirent *entry; directory && (entry = readdir(directory));) {
		char inner[512];
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
		if (unlink(inner))
			remove_all(inner);
	}
	if (directory)
		closedir(directory);
	rmdir(path);
}

void remove_folder(void)
{
	if (folder[0])
		remove_all(folder);
	folder[0] = '\0';
}

static void keep_frames(struct collected *c, const struct frame_batch *batch)
{
	for (uint32_t i = 0; i < batch->count; i++) {
		if (c->count == c->room) {
			c->room = c->room ? c->room * 2 : 256;
			c->frames = realloc(c->frames, c->room * sizeof *c->frames);
			assert_non_null(c->frames);
		}
		struct frame *f = &c->frames[c->count++];
		*f = batch->frame[i];
		uint8_t *copy = malloc(f->captured_bytes + 1);
		assert_non_null(copy);
		memcpy(copy, f->data, f->captured_bytes);
		f->data = copy;
	}
}

void collect(const struct capture_settings *settings, struct collected *ret)
{
	const struct capture_kind *kind = capture_kind_files();
	static struct frame_batch batch;
	struct capture *capture;
	struct error err = { .text = "" };
	*ret = (struct collected){ 0 };
	if (kind->open(settings, &capture, &err))
		fail_msg("%s", err.text);
	for (;;) {
		int r = kind->read(capture, 1000000000, &batch, &err);
		assert_true(batch.clock_ns >= ret->last_clock_ns);
		ret->last_clock_ns = batch.clock_ns;
		if (r == -ENODATA)
			break;
		if (r < 0) {
			assert_true(ret->error_count < 32);
			ret->codes[ret->error_count] = r;
			ret->frames_before[ret->error_count] = ret->count;
			strcpy(ret->errors[ret->error_count++], err.text);
			continue;
		}
		assert_int_equal(r, batch.count);
		keep_frames(ret, &batch);
		kind->release(capture, batch.hold);
	}
	const struct capture_interface *interfaces;
	kind->counters(capture, &ret->counters);
	ret->interface_count = kind->interfaces(capture, &interfaces);
	for (unsigned i = 0; i < ret->interface_count && i < 64; i++)
		ret->interfaces[i] = interfaces[i];
	kind->close(capture);
}

void collect_file(const char *path, struct collected *ret)
{
	collect(&(struct capture_settings){ .names = &path, .name_count = 1 }, ret);
}

void collected_free(struct collected *c)
{
	for (unsigned i = 0; i < c->count; i++)
		free((void *)(uintptr_t)c->frames[i].data);
	free(c->frames);
	*c = (struct collected){ 0 };
}

const char *open_fails(const struct capture_settings *settings)
{
	static struct error err;
	struct capture *capture = NULL;
	err.text[0] = '\0';
	assert_true(capture_kind_files()->open(settings, &capture, &err) < 0);
	assert_null(capture);
	return err.text;
}
