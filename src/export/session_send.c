/* SPDX-License-Identifier: Apache-2.0 */
/* Messages out: bursts of a lane, and templates with options data in time. See session.h. */
#include "export/session_parts.h"

#include <string.h>

bool session_templates_due(const struct export_session *s)
{
	const struct export_session_config *c = &s->config;
	if (c->format == FORMAT_NETFLOW5)
		return false;
	if (!s->announced)
		return true;
	if (c->template_refresh_ns && s->now_ns - s->templates_ns >= c->template_refresh_ns)
		return true;
	return c->template_messages && s->messages_since >= c->template_messages;
}

/* Gives the messages to the sender and settles the account. */
static int session_send(struct export_session *s, struct export_message *messages, unsigned count,
                        struct error *err)
{
	int rc = s->sender.send(s->sender.context, messages, count, err);
	for (unsigned i = 0; i < count; i++) {
		if (messages[i].lost) {
			s->counters.lost += messages[i].amount.records;
			session_missed(s, &messages[i].amount);
			continue;
		}
		s->counters.sent += messages[i].amount.records;
		s->counters.octets += messages[i].bytes;
		s->counters.messages++;
	}
	s->messages_since += count;
	return rc;
}

/* The sequence number is that of the first record in the message, so it moves on behind it; in v9
 * it counts messages. */
static void message_seal(struct export_session *s, struct ipfix_message *m,
                         enum export_stream stream, struct export_message *ret)
{
	uint32_t *sequence = &s->sequence[stream];
	struct ipfix_header header = {
		.time_ns = session_boot_time_ns(s, m->boot_ms), .sequence = *sequence,
		.domain = s->config.domain, .sampling = s->config.sampling,
	};
	ipfix_message_seal(m, &header);
	*sequence += s->config.format == FORMAT_NETFLOW9 ? 1 : (uint32_t)m->amount.records;
	*ret = (struct export_message){ .octets = m->octets, .bytes = m->bytes, .stream = stream,
	                                .amount = m->amount };
}

int session_send_one(struct export_session *s, struct ipfix_message *m, bool *ret_lost,
                     struct error *err)
{
	struct export_message message;
	message_seal(s, m, EXPORT_STREAM_CONTROL, &message);
	message.amount = (struct record_amount){ 0 };   /* options data are no flow records */
	int rc = session_send(s, &message, 1, err);
	*ret_lost = message.lost;
	return rc;
}

/* The sender may have waited for long: the export time is that of now. */
void session_ready(struct export_session *s, uint32_t bytes)
{
	if (!s->sender.ready)
		return;
	s->sender.ready(s->sender.context, bytes);
	session_time(s, session_clock(s));
}

static int commons_send(struct export_session *s, struct error *err);

/* Sends messages[first ... first + count - 1] of the lane, behind templates where those are due. */
static int lane_send(struct export_session *s, struct export_lane *lane, uint32_t first,
                     uint32_t count,
                     struct error *err)
{
	int rc = 0;
	uint32_t bytes = 0;
	for (uint32_t i = 0; i < count; i++) {
		ipfix_message_close(&lane->messages[first + i]);
		bytes += lane->messages[first + i].bytes;
	}
	session_ready(s, bytes);
	if (session_templates_due(s))
		rc = session_templates(s, err);
	if (session_commons_pending(s))
		rc = first_failure(rc, commons_send(s, unless_failed(rc, err)));
	for (uint32_t i = 0; i < count; i++) {
		message_seal(s, &lane->messages[first + i], session_stream(s), &lane->burst[i]);
		s->counters.waiting -= lane->burst[i].amount.records;
		lane->records -= (uint32_t)lane->burst[i].amount.records;
	}
	rc = first_failure(rc, session_send(s, lane->burst, count, unless_failed(rc, err)));
	session_options_count(s, lane->schema->process, lane->burst, count);
	return rc;
}

/* In pieces, so that templates come after exactly as many messages as was asked for. */
int lane_flush(struct export_session *s, struct export_lane *lane, struct error *err)
{
	uint32_t total = lane->filling + !ipfix_message_is_empty(&lane->messages[lane->filling]);
	int rc = 0;
	for (uint32_t first = 0; first < total;) {
		uint32_t count = total - first, every = s->config.template_messages;
		uint32_t left = s->messages_since < every ? every - s->messages_since : every;
		if (every && count > left)
			count = left;
		rc = first_failure(rc, lane_send(s, lane, first, count, unless_failed(rc, err)));
		first += count;
	}
	lane_begin(s, lane, 0);
	return rc;
}

int session_flush_lanes(struct export_session *s, struct error *err)
{
	int rc = 0;
	for (unsigned i = 0; i < s->lane_count; i++)
		rc = first_failure(rc, lane_flush(s, s->lanes[i], unless_failed(rc, err)));
	return rc;
}

/* --- templates and options data: messages made one at a time --- */

/* Puts templates and options data into one message after the other. */
struct composer {
	struct export_session *session;
	struct ipfix_message message;
	bool lost;                      /* of what was sent so far */
	int rc;                         /* the first failure */
	struct error *err;
};

static void compose_begin(struct composer *c, uint32_t limit)
{
	struct ipfix_form form = session_form(c->session, limit);
	ipfix_message_begin(&c->message, c->session->template_octets, &form);
}

static void compose_send(struct composer *c)
{
	bool lost = false;
	if (ipfix_message_is_empty(&c->message))
		return;
	int rc = session_send_one(c->session, &c->message, &lost, unless_failed(c->rc, c->err));
	c->rc = first_failure(c->rc, rc);
	c->lost |= lost;
	compose_begin(c, c->session->limit_bytes);
}

static void compose_template(struct composer *c, const struct ipfix_encoder *encoder)
{
	if (ipfix_message_add_template(&c->message, encoder))
		return;
	compose_send(c);
	if (ipfix_message_add_template(&c->message, encoder))
		return;
	/* The path has become narrower than this template: better in fragments than never. */
	compose_begin(c, c->session->config.message_bytes);
	ipfix_message_add_template(&c->message, encoder);
}

/* A row that fits no message is left out. */
static void compose_rows(struct composer *c, const struct ipfix_encoder *encoder,
                         const struct ipfix_rows *rows)
{
	uint32_t row = rows->first, end = rows->first + rows->count;
	while (row < end) {
		row += ipfix_message_add_rows(&c->message, encoder, rows->batch, row, end - row);
		if (row == end)
			break;
		if (ipfix_message_is_empty(&c->message))
			row++;
		else
			compose_send(c);
	}
}

/* Batches whose schema the format cannot carry have no encoder and are left out. */
static void compose_options(struct composer *c, struct export_options *o)
{
	for (unsigned i = 0; i < o->batch_count; i++) {
		const struct ipfix_encoder *encoder = session_options_encoder(o, o->batches[i]->schema);
		struct ipfix_rows rows = { .batch = o->batches[i], .count = o->batches[i]->count };
		if (encoder)
			compose_rows(c, encoder, &rows);
	}
}

/* Properties that the collector does not know yet; first their templates, when those are due. */
static void compose_commons(struct composer *c, bool templates)
{
	struct export_session *s = c->session;
	for (unsigned i = 0; i < s->common_count && templates; i++) {
		compose_template(c, session_common_encoder(s->commons[i]));
		session_common_announced(s, s->commons[i]);
	}
	for (unsigned i = 0; i < s->common_count; i++) {
		struct ipfix_rows rows = session_common_untold(s->commons[i]);
		compose_rows(c, session_common_encoder(s->commons[i]), &rows);
	}
}

static struct composer compose(struct export_session *s, struct error *err)
{
	struct composer c = { .session = s, .err = err };
	compose_begin(&c, s->limit_bytes);
	return c;
}

/* All in one go, options data behind them. Templates count as announced only when nothing of it was
 * lost. */
int session_templates(struct export_session *s, struct error *err)
{
	struct export_options *o = s->options;
	if (s->config.format == FORMAT_NETFLOW5)
		return 0;
	session_options_collect(s);
	struct composer c = compose(s, err);
	for (unsigned i = 0; i < s->lane_count; i++)
		compose_template(&c, s->lanes[i]->encoder);
	for (unsigned i = 0; o && i < o->template_count; i++)
		if (o->templates[i].encoder)
			compose_template(&c, o->templates[i].encoder);
	if (!s->announced)
		session_commons_forget(s);
	compose_commons(&c, true);
	if (o)
		compose_options(&c, o);
	compose_send(&c);
	session_options_release(s);
	s->announced = !c.lost;
	if (!c.lost) {
		s->templates_ns = s->now_ns;
		s->messages_since = 0;
	}
	return c.rc;
}

/* Those that have not been told yet, ahead of the records that refer to them. */
static int commons_send(struct export_session *s, struct error *err)
{
	struct composer c = compose(s, err);
	compose_commons(&c, false);
	compose_send(&c);
	if (c.lost)
		s->announced = false;           /* all of it again, with the next records */
	return c.rc;
}

int session_options(struct export_session *s, struct error *err)
{
	unsigned known = s->options->template_count;
	session_options_collect(s);
	if (s->options->template_count != known || !s->announced) {
		session_options_release(s);
		return session_templates(s, err);
	}
	struct composer c = compose(s, err);
	compose_options(&c, s->options);
	compose_send(&c);
	session_options_release(s);
	return c.rc;
}

int export_session_announce(struct export_session *s, struct error *err)
{
	session_time(s, session_clock(s));
	return session_templates(s, err);
}

void export_session_forget(struct export_session *s)
{
	s->announced = false;
}

void export_session_restart(struct export_session *s)
{
	memset(s->sequence, 0, sizeof s->sequence);
	export_session_forget(s);
}
