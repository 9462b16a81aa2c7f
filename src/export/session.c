/* SPDX-License-Identifier: Apache-2.0 */
/* Records in, the account of those that are missed, and time; session.h says what it is for. */
#include "export/session_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/compiler.h"

/* No lane yet, nothing sent: templates go out with the first data, or by
 * export_session_announce(). */
int export_session_init(struct export_session *s, const struct export_session_config *config,
                        const struct export_sender *sender, struct error *err)
{
	*s = (struct export_session){ .config = *config, .sender = *sender };
	if (s->config.message_bytes > IPFIX_MESSAGE_BYTES_MAX)
		s->config.message_bytes = IPFIX_MESSAGE_BYTES_MAX;
	if (s->config.burst_messages == 0)
		s->config.burst_messages = 1;
	s->limit_bytes = s->config.message_bytes;
	session_boot_set(s, session_clock(s) / 1000000);
	s->template_octets = malloc(s->config.message_bytes);
	if (!s->template_octets || session_options_new(s) < 0) {
		export_session_fini(s);
		return error_set(err, -ENOMEM, "out of memory for an IPFIX session");
	}
	return 0;
}

void export_session_fini(struct export_session *s)
{
	for (unsigned i = 0; i < s->lane_count; i++)
		lane_free(s->lanes[i]);
	free(s->lanes);
	session_options_free(s);
	session_commons_free(s);
	free(s->template_octets);
	*s = (struct export_session){ 0 };
}

/* --- records in --- */

uint64_t session_clock(const struct export_session *s)
{
	struct timespec t;
	if (s->config.clock)
		return s->config.clock(s->config.clock_context);
	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

/* So many records will never arrive: the collector is to see it. NetFlow v9 counts messages. */
static void sequence_skip(struct export_session *s, uint64_t records)
{
	if (s->config.format != FORMAT_NETFLOW9)
		s->sequence[session_stream(s)] += (uint32_t)records;
}

void session_missed(struct export_session *s, const struct record_amount *amount)
{
	struct output_missed *missed = &s->counters.missed;
	if (amount->records == 0)
		return;
	if (missed->amount.records == 0)
		missed->first_ns = s->now_ns;
	missed->last_ns = s->now_ns;
	record_amount_add(&missed->amount, amount);
}

/* They have sequence numbers, so that the collector sees the gap. */
static void missed_rows(struct export_session *s, const struct record_batch *batch, uint32_t first,
                        uint32_t count)
{
	struct record_amount amount = { 0 };
	record_amount_add_rows(&amount, batch, first, count);
	session_missed(s, &amount);
	sequence_skip(s, count);
}

static bool is_foreign(const struct export_lane *lane, const struct record_batch *batch,
                       uint32_t row)
{
	unsigned column = (unsigned)lane->encoder->foreign_column;
	return record_is_present(batch->schema, record_row(batch, row), column);
}

/* Takes those rows that the format can carry. */
static int take_own(struct export_session *s, struct export_lane *lane,
                    const struct record_batch *batch, struct error *err)
{
	int rc = 0;
	for (uint32_t row = 0; row < batch->count;) {
		struct ipfix_rows rows = { .batch = batch, .first = row };
		for (; row < batch->count && !is_foreign(lane, batch, row); row++)
			rows.count++;
		rc = first_failure(rc, lane_take(s, lane, &rows, unless_failed(rc, err)));
		for (; row < batch->count && is_foreign(lane, batch, row); row++)
			s->counters.unencodable++;
	}
	return rc;
}

/* By the kind of lane: common properties apart, NetFlow v5 with IPv6 rows to leave out, plain. */
int export_session_write(struct export_session *s, const struct record_batch *batch,
                         struct error *err)
{
	struct export_lane *lane = lane_find(s, batch->schema);
	s->counters.taken += batch->count;
	session_time(s, session_clock(s));
	struct export_common *common = session_common_find(s, batch->schema);
	struct ipfix_rows rows = { .batch = batch, .count = batch->count };
	if (common)
		return session_common_write(s, common, batch, err);
	if (lane && lane->encoder && lane->encoder->foreign_column >= 0)
		return take_own(s, lane, batch, err);
	if (lane && lane->encoder)
		return lane_take(s, lane, &rows, err);
	if (lane) {
		s->counters.unencodable += batch->count;
		return 0;
	}
	s->counters.lost += batch->count;
	missed_rows(s, batch, 0, batch->count);
	return error_set(err, -EINVAL, "records of a schema that was not announced");
}

/* One record fits no message of this length: counted, and missing in the sequence. */
static void too_large(struct export_session *s, const struct record_batch *batch, uint32_t row)
{
	s->counters.too_large++;
	missed_rows(s, batch, row, 1);
}

/* Goes on with another message; false when the lane has to be flushed first. */
static bool lane_advance(struct export_session *s, struct export_lane *lane)
{
	if (lane->filling + 1 >= s->config.burst_messages)
		return false;
	lane_begin(s, lane, lane->filling + 1);
	return true;
}

/* Fills message after message; the burst goes when its last one is full. A row that fits no empty
 * message is too large for any. */
int lane_take(struct export_session *s, struct export_lane *lane, const struct ipfix_rows *rows,
              struct error *err)
{
	const struct record_batch *batch = rows->batch;
	uint32_t row = rows->first, end = rows->first + rows->count;
	int rc = rows->count ? session_boot(s, lane, rows, err) : 0;
	while (row < end) {
		struct ipfix_message *message = &lane->messages[lane->filling];
		uint32_t taken = ipfix_message_add_rows(message, lane->encoder, batch, row, end - row);
		if (taken && lane->records == 0)
			lane->oldest_ns = s->now_ns;
		lane->records += taken;
		s->counters.waiting += taken;
		row += taken;
		if (row == end)
			break;
		if (ipfix_message_is_empty(message))
			too_large(s, batch, row++);
		else if (!lane_advance(s, lane))
			rc = first_failure(rc, lane_flush(s, lane, unless_failed(rc, err)));
	}
	return rc;
}

/* --- time --- */

/* A template must not be younger than data that it describes (RFC 7011, section 8.2): when the
 * clock was set back, templates go out again with the new time. */
void session_time(struct export_session *s, uint64_t now_ns)
{
	uint32_t time_s = (uint32_t)(now_ns / SECOND_NS);
	s->now_ns = now_ns;
	if ((int32_t)(time_s - s->time_s) < 0)
		export_session_forget(s);
	s->time_s = time_s;
}

/* Templates that are due go out even when no data follow: a collector that starts late wants
 * them. */
static int templates_keep(struct export_session *s, struct error *err)
{
	if (s->lane_count == 0 || !(session_templates_due(s) || session_options_due(s)))
		return 0;
	session_ready(s, s->config.message_bytes);
	if (session_templates_due(s))
		return session_templates(s, err);
	return session_options_due(s) ? session_options(s, err) : 0;
}

/* Common properties are told again after as long as templates are, with the next records. */
static void commons_keep(struct export_session *s)
{
	uint64_t refresh_ns = s->config.template_refresh_ns;
	if (!s->common_count || !refresh_ns || s->now_ns - s->commons_ns < refresh_ns)
		return;
	s->commons_ns = s->now_ns;
	session_commons_forget(s);
}

/* Lanes are looked at one by one, there are few. A clock that was set back counts as time that is
 * up. */
int export_session_tick(struct export_session *s, uint64_t now_ns, uint64_t *ret_next_ns,
                        struct error *err)
{
	session_time(s, now_ns);
	commons_keep(s);
	int rc = templates_keep(s, err);
	uint64_t next_ns = UINT64_MAX;
	for (unsigned i = 0; i < s->lane_count; i++) {
		struct export_lane *lane = s->lanes[i];
		bool old = now_ns < lane->oldest_ns || now_ns - lane->oldest_ns >= s->config.hold_ns;
		if (lane->records && old)
			rc = first_failure(rc, lane_flush(s, lane, unless_failed(rc, err)));
		if (lane->records && lane->oldest_ns + s->config.hold_ns < next_ns)
			next_ns = lane->oldest_ns + s->config.hold_ns;
	}
	if (s->config.template_refresh_ns && s->templates_ns + s->config.template_refresh_ns < next_ns)
		next_ns = s->templates_ns + s->config.template_refresh_ns;
	if (s->options && s->options->sent_ns + s->config.options_refresh_ns < next_ns)
		next_ns = s->options->sent_ns + s->config.options_refresh_ns;
	*ret_next_ns = next_ns;
	return rc;
}

int export_session_flush(struct export_session *s, struct error *err)
{
	session_time(s, session_clock(s));
	int rc = templates_keep(s, err);
	return first_failure(rc, session_flush_lanes(s, unless_failed(rc, err)));
}

int export_session_finish(struct export_session *s, struct error *err)
{
	int rc = export_session_flush(s, err);
	if (!s->options || s->lane_count == 0)
		return rc;
	session_ready(s, s->config.message_bytes);
	return first_failure(rc, session_options(s, unless_failed(rc, err)));
}

int64_t export_session_saved(const struct export_session *s)
{
	return session_commons_saved(s);
}

void export_session_limit(struct export_session *s, uint32_t message_bytes)
{
	uint32_t most = s->config.message_bytes;
	s->limit_bytes = message_bytes < most ? message_bytes : most;
}

void export_session_revoke(struct export_session *s, const struct record_amount *amount)
{
	struct record_amount known = *amount;
	if (known.records > s->counters.sent)
		known.records = s->counters.sent;
	s->counters.sent -= known.records;
	s->counters.lost += known.records;
	session_missed(s, &known);
}

void export_session_missed(struct export_session *s, const struct output_missed *missed)
{
	struct output_missed *all = &s->counters.missed;
	if (all->amount.records == 0)
		all->first_ns = missed->first_ns;
	all->last_ns = missed->last_ns;
	record_amount_add(&all->amount, &missed->amount);
	sequence_skip(s, missed->amount.records);
}
