/* SPDX-License-Identifier: Apache-2.0 */
/* See collector.h. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/compiler.h"
#include "base/hash.h"
#include "collect/collector_inner.h"

/* ---- opening --------------------------------------------------------------------------------- */

/* What is made here is taken apart by collector_close(), however far it got. */
static int open_all(struct collector *c, struct error *err)
{
	struct hash_secret secret;
	uint64_t word;
	hash_secret_init(&secret);
	memcpy(&word, secret.octets + 8, sizeof word);
	int r = decoder_new(&c->setup.decoder, &c->decoder);
	if (r)
		return error_set(err, r, "out of memory");
	exporters_init(&c->exporters, c->decoder, c->setup.exporters_max, word);
	if (c->setup.file_count)
		r = collect_files_open(c, &c->files, err);
	if (!r && c->setup.listen_count)
		r = collect_listen_open(c, &c->listen, err);
	return r;
}

int collector_open(const struct collector_setup *setup, struct collector **ret, struct error *err)
{
	struct collector *c = calloc(1, sizeof *c);
	if (!c)
		return error_set(err, -ENOMEM, "out of memory");
	c->setup = *setup;
	int r = open_all(c, err);
	if (r) {
		collector_close(c);
		return r;
	}
	*ret = c;
	return 0;
}

void collector_close(struct collector *c)
{
	if (!c)
		return;
	collect_files_close(c->files);
	collect_listen_close(c->listen);
	if (c->exporters.decoder)
		exporters_fini(&c->exporters);
	decoder_free(c->decoder);
	free(c);
}

/* ---- reading --------------------------------------------------------------------------------- */

int collector_read(struct collector *c, uint64_t deadline_ns, struct error *err)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	c->now_ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
	if (c->files)
		return collect_files_read(c->files, err);
	return c->listen ? collect_listen_read(c->listen, deadline_ns, err) : -ENODATA;
}

void collector_flush(struct collector *c)
{
	decoder_flush(c->decoder);
}

void collector_end(struct collector *c)
{
	if (c->files)
		collect_files_end(c->files);
	if (c->listen) {
		collect_listen_counters(c->listen, &c->counters);
		collect_listen_close(c->listen);
		c->listen = NULL;
	}
	decoder_flush(c->decoder);
}

/* What is odd about a message that is well-formed, and is to be told (RFC 7011, sections 8.1 and
 * 11.6; RFC 5471, section 3.6.7). */
static const struct { size_t counter; const char *text; } oddities[] = {
#define ODDITY(member, text) { offsetof(struct decode_counters, member), text }
	ODDITY(gaps, "a gap in the sequence numbers"),
	ODDITY(dropped[DECODE_DROP_reserved_set], "a set whose number has no meaning"),
	ODDITY(conflicts, "a template differs from the one whose id it has"),
	ODDITY(withdrawals_ignored, "a withdrawal over datagrams, or of a template that is not there"),
	ODDITY(templates_refused, "there is no room for a template"),
	ODDITY(dropped[DECODE_DROP_no_room], "there is no room for data ahead of their template"),
	ODDITY(dropped[DECODE_DROP_malformed], "data that waited for their template are malformed"),
#undef ODDITY
};

static uint64_t oddity(const struct collect_session *session, unsigned i)
{
	const void *counters = decode_session_counters(session->decode);
	return *(const uint64_t *)((const uint8_t *)counters + oddities[i].counter);
}

/* Some counters of a session are worth a line when they move; they are compared before and after,
 * so the decoder need not know who listens. */
enum decode_fault collector_message(struct collector *c, struct collect_session *session,
                                    const struct decode_message *message)
{
	uint64_t before[array_count(oddities)];
	c->counters.delivered++;
	c->counters.delivered_octets += message->bytes;
	for (unsigned i = 0; i < array_count(oddities); i++)
		before[i] = oddity(session, i);
	enum decode_fault fault = collect_session_message(&c->exporters, session, message);
	for (unsigned i = 0; i < array_count(oddities); i++)
		if (unlikely(oddity(session, i) != before[i]))
			collector_note(c, "%s: %s", session->exporter->name, oddities[i].text);
	if (fault != FAULT_none)
		collector_note(c, "%s: a message of %u octets was discarded: %s",
		               session->exporter->name, message->bytes, decode_fault_text(fault));
	return fault;
}

void collector_counters(struct collector *c, struct collector_counters *ret)
{
	*ret = c->counters;
	if (c->files)
		collect_files_counters(c->files, ret);
	if (c->listen)
		collect_listen_counters(c->listen, ret);
}

const struct exporters *collector_exporters(const struct collector *c)
{
	return &c->exporters;
}

/* ---- notes ----------------------------------------------------------------------------------- */

static uint64_t monotonic_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* True when a line may be said now; *ret_held: so many were not since the last. */
static bool may_say(struct note_rate *rate, uint64_t *ret_held)
{
	enum { LINES = 10 };
	const uint64_t while_ns = 10000000000u;
	uint64_t now = monotonic_ns();
	if (now - rate->since_ns >= while_ns) {
		rate->since_ns = now;
		rate->lines = 0;
	}
	if (rate->lines >= LINES) {
		rate->held_back++;
		return false;
	}
	rate->lines++;
	*ret_held = rate->held_back;
	rate->held_back = 0;
	return true;
}

/* Lines beyond the rate are counted, and their number told with the next one. */
void collector_note(struct collector *c, const char *format, ...)
{
	char text[512];
	uint64_t held = 0;
	if (!c->setup.note || !may_say(&c->rate, &held))
		return;
	va_list ap;
	va_start(ap, format);
	int length = vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	if (held && length >= 0 && (size_t)length < sizeof text)
		snprintf(text + length, sizeof text - (size_t)length,
		         " (and %llu more lines like this)", (unsigned long long)held);
	c->setup.note(c->setup.note_context, text);
}
