/* SPDX-License-Identifier: Apache-2.0 */
/* Lanes, bursts, templates in time; session.h says what it is for. */
#include "export/session.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/compiler.h"
#include "ipfix/format.h"

#define SECOND_NS UINT64_C(1000000000)

struct export_lane {                    /* records of one template on their way */
	struct ipfix_encoder *encoder;
	uint32_t filling;               /* the message that takes records; those before are full */
	uint32_t records;               /* in all of them */
	uint64_t oldest_ns;             /* since when the first of them waits */
	uint8_t *octets;                /* burst_messages times message_bytes */
	struct ipfix_message *messages;
	struct export_message *burst;   /* the same for the sender */
};

static int lane_new(struct export_session *s, struct ipfix_encoder *encoder,
                    struct export_lane **ret);
static void lane_free(struct export_lane *lane);
static struct export_lane *lane_find(const struct export_session *s, const struct schema *schema);
static int lane_take(struct export_session *s, struct export_lane *lane,
                     const struct record_batch *batch,
                     struct error *err);
static int lane_flush(struct export_session *s, struct export_lane *lane, struct error *err);
static int templates_send(struct export_session *s, struct error *err);
static void session_time(struct export_session *s, uint64_t now_ns);

/* Keeps the first failure: rc so far, what happened next, and where its message goes. */
static int first_failure(int rc, int next)
{
	return rc < 0 ? rc : next;
}

static struct error *unless_failed(int rc, struct error *err)
{
	return rc < 0 ? NULL : err;
}

int export_session_init(struct export_session *s, const struct export_session_config *config,
                        const struct export_sender *sender, struct error *err)
{
	*s = (struct export_session){ .config = *config, .sender = *sender };
	if (s->config.message_bytes > IPFIX_MESSAGE_BYTES_MAX)
		s->config.message_bytes = IPFIX_MESSAGE_BYTES_MAX;
	if (s->config.burst_messages == 0)
		s->config.burst_messages = 1;
	s->limit_bytes = s->config.message_bytes;
	s->template_octets = malloc(s->config.message_bytes);
	if (!s->template_octets)
		return error_set(err, -ENOMEM, "out of memory for an IPFIX session");
	return 0;
}

void export_session_fini(struct export_session *s)
{
	for (unsigned i = 0; i < s->lane_count; i++)
		lane_free(s->lanes[i]);
	free(s->lanes);
	free(s->template_octets);
	*s = (struct export_session){ 0 };
}

/* --- schemas --- */

static bool template_fits(struct export_session *s, const struct ipfix_encoder *encoder)
{
	struct ipfix_message message;
	ipfix_message_begin(&message, s->template_octets, s->config.message_bytes, s->config.pad);
	return ipfix_message_add_template(&message, encoder);
}

int export_session_schema(struct export_session *s, const struct schema *schema,
                          const char **ret_note,
                          struct error *err)
{
	if (s->lane_count > IPFIX_TEMPLATE_ID_MAX - IPFIX_TEMPLATE_ID_MIN)
		return error_set(err, -E2BIG, "no template id is left");
	struct export_lane **grown = realloc(s->lanes, (s->lane_count + 1) * sizeof *grown);
	if (!grown)
		return error_set(err, -ENOMEM, "out of memory for a template");
	s->lanes = grown;
	struct ipfix_encoder *encoder;
	uint16_t id = (uint16_t)(IPFIX_TEMPLATE_ID_MIN + s->lane_count);
	int rc = ipfix_encoder_new(schema, id, &encoder, err);
	if (rc < 0)
		return rc;
	if (!template_fits(s, encoder)) {
		rc = error_set(err, -EMSGSIZE, "a template of %u fields takes %u octets and messages have "
		               "at most %u: choose fewer fields or a larger mtu", encoder->step_count,
		               encoder->template_bytes + IPFIX_HEADER_BYTES + IPFIX_SET_HEADER_BYTES,
		               s->config.message_bytes);
		ipfix_encoder_free(encoder);
		return rc;
	}
	rc = lane_new(s, encoder, &s->lanes[s->lane_count]);
	if (rc < 0)
		return error_set(err, rc, "out of memory for a template");
	s->lane_count++;
	s->announced = false;
	if (ret_note)
		*ret_note = encoder->note;
	return 0;
}

static void lane_begin(const struct export_session *s, struct export_lane *lane, uint32_t index)
{
	lane->filling = index;
	ipfix_message_begin(&lane->messages[index],
	                    lane->octets + (size_t)index * s->config.message_bytes, s->limit_bytes,
	                    s->config.pad);
}

/* Owns the encoder from here on, also when it fails. */
static int lane_new(struct export_session *s, struct ipfix_encoder *encoder,
                    struct export_lane **ret)
{
	uint32_t count = s->config.burst_messages;
	struct export_lane *lane = calloc(1, sizeof *lane);
	if (!lane) {
		ipfix_encoder_free(encoder);
		return -ENOMEM;
	}
	lane->encoder = encoder;
	lane->octets = malloc((size_t)count * s->config.message_bytes);
	lane->messages = calloc(count, sizeof *lane->messages);
	lane->burst = calloc(count, sizeof *lane->burst);
	if (!lane->octets || !lane->messages || !lane->burst) {
		lane_free(lane);
		return -ENOMEM;
	}
	lane_begin(s, lane, 0);
	*ret = lane;
	return 0;
}

static void lane_free(struct export_lane *lane)
{
	ipfix_encoder_free(lane->encoder);
	free(lane->octets);
	free(lane->messages);
	free(lane->burst);
	free(lane);
}

static struct export_lane *lane_find(const struct export_session *s, const struct schema *schema)
{
	for (unsigned i = 0; i < s->lane_count; i++)
		if (s->lanes[i]->encoder->schema->id == schema->id)
			return s->lanes[i];
	return NULL;
}

bool export_session_template(const struct export_session *s, const struct schema *schema,
                             struct output_template *ret)
{
	const struct export_lane *lane = lane_find(s, schema);
	if (!lane)
		return false;
	const struct ipfix_encoder *e = lane->encoder;
	*ret = (struct output_template){ .id = e->template_id, .record = e->template_record,
	                                 .bytes = e->template_bytes, .note = e->note };
	return true;
}

/* --- records in --- */

static uint64_t session_clock(const struct export_session *s)
{
	struct timespec t;
	if (s->config.clock)
		return s->config.clock(s->config.clock_context);
	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

int export_session_write(struct export_session *s, const struct record_batch *batch,
                         struct error *err)
{
	struct export_lane *lane = lane_find(s, batch->schema);
	s->counters.taken += batch->count;
	if (!lane) {
		s->counters.lost += batch->count;
		s->sequence += batch->count;
		return error_set(err, -EINVAL, "records of a schema that was not announced");
	}
	session_time(s, session_clock(s));
	return lane_take(s, lane, batch, err);
}

/* One record fits no message of this length: counted, and missing in the sequence. */
static void too_large(struct export_session *s)
{
	s->counters.too_large++;
	s->sequence++;
}

static int lane_take(struct export_session *s, struct export_lane *lane,
                     const struct record_batch *batch,
                     struct error *err)
{
	int rc = 0;
	for (uint32_t row = 0; row < batch->count;) {
		struct ipfix_message *message = &lane->messages[lane->filling];
		uint32_t taken = ipfix_message_add_rows(message, lane->encoder, batch, row,
		                                        batch->count - row);
		if (taken && lane->records == 0)
			lane->oldest_ns = s->now_ns;
		lane->records += taken;
		s->counters.waiting += taken;
		row += taken;
		if (row == batch->count)
			break;
		if (ipfix_message_is_empty(message)) {
			too_large(s);
			row++;
		} else if (lane->filling + 1 < s->config.burst_messages) {
			lane_begin(s, lane, lane->filling + 1);
		} else {
			rc = first_failure(rc, lane_flush(s, lane, unless_failed(rc, err)));
		}
	}
	return rc;
}

/* --- messages out --- */

/* A template must not be younger than data that it describes (RFC 7011, section 8.2): when the
 * clock was set back, templates go out again with the new time. */
static void session_time(struct export_session *s, uint64_t now_ns)
{
	uint32_t time_s = (uint32_t)(now_ns / SECOND_NS);
	s->now_ns = now_ns;
	if ((int32_t)(time_s - s->time_s) < 0)
		export_session_forget(s);
	s->time_s = time_s;
}

static bool templates_due(const struct export_session *s)
{
	const struct export_session_config *c = &s->config;
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
			s->counters.lost += messages[i].records;
			continue;
		}
		s->counters.sent += messages[i].records;
		s->counters.octets += messages[i].bytes;
		s->counters.messages++;
	}
	s->messages_since += count;
	return rc;
}

static void message_seal(struct export_session *s, struct ipfix_message *m,
                         struct export_message *ret)
{
	struct ipfix_header header = {
		.export_time_s = s->time_s, .sequence = s->sequence, .domain = s->config.domain,
	};
	ipfix_message_seal(m, &header);
	s->sequence += m->records;
	*ret = (struct export_message){ .octets = m->octets, .bytes = m->bytes, .records = m->records };
}

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
	if (s->sender.ready)
		s->sender.ready(s->sender.context, bytes);
	if (templates_due(s))
		rc = templates_send(s, err);
	for (uint32_t i = 0; i < count; i++) {
		message_seal(s, &lane->messages[first + i], &lane->burst[i]);
		s->counters.waiting -= lane->burst[i].records;
		lane->records -= lane->burst[i].records;
	}
	return first_failure(rc, session_send(s, lane->burst, count, unless_failed(rc, err)));
}

/* In pieces, so that templates come after exactly as many messages as was asked for. */
static int lane_flush(struct export_session *s, struct export_lane *lane, struct error *err)
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

/* --- templates --- */

/* Sends one message of templates from lane *at on, and moves *at behind those that went into it. */
static int templates_send_some(struct export_session *s, unsigned *at, bool *lost,
                               struct error *err)
{
	struct ipfix_message m;
	ipfix_message_begin(&m, s->template_octets, s->limit_bytes, s->config.pad);
	if (!ipfix_message_add_template(&m, s->lanes[*at]->encoder)) {
		/* The path has become narrower than this template: better in fragments than never. */
		ipfix_message_begin(&m, s->template_octets, s->config.message_bytes, s->config.pad);
		ipfix_message_add_template(&m, s->lanes[*at]->encoder);
	}
	while (++*at < s->lane_count)
		if (!ipfix_message_add_template(&m, s->lanes[*at]->encoder))
			break;
	struct export_message message;
	message_seal(s, &m, &message);
	int rc = session_send(s, &message, 1, err);
	*lost |= message.lost;
	return rc;
}

static int templates_send(struct export_session *s, struct error *err)
{
	int rc = 0;
	bool lost = false;
	for (unsigned at = 0; at < s->lane_count;)
		rc = first_failure(rc, templates_send_some(s, &at, &lost, unless_failed(rc, err)));
	s->announced = !lost;
	if (!lost) {
		s->templates_ns = s->now_ns;
		s->messages_since = 0;
	}
	return rc;
}

int export_session_announce(struct export_session *s, struct error *err)
{
	session_time(s, session_clock(s));
	return templates_send(s, err);
}

void export_session_forget(struct export_session *s)
{
	s->announced = false;
}

void export_session_restart(struct export_session *s)
{
	s->sequence = 0;
	export_session_forget(s);
}

/* --- time --- */

/* Templates that are due go out even when no data follow: a collector that starts late wants
 * them. */
static int templates_keep(struct export_session *s, struct error *err)
{
	if (s->lane_count == 0 || !templates_due(s))
		return 0;
	if (s->sender.ready)
		s->sender.ready(s->sender.context, s->config.message_bytes);
	return templates_due(s) ? templates_send(s, err) : 0;
}

int export_session_tick(struct export_session *s, uint64_t now_ns, uint64_t *ret_next_ns,
                        struct error *err)
{
	session_time(s, now_ns);
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
	*ret_next_ns = next_ns;
	return rc;
}

int export_session_flush(struct export_session *s, struct error *err)
{
	session_time(s, session_clock(s));
	int rc = templates_keep(s, err);
	for (unsigned i = 0; i < s->lane_count; i++)
		rc = first_failure(rc, lane_flush(s, s->lanes[i], unless_failed(rc, err)));
	return rc;
}

void export_session_limit(struct export_session *s, uint32_t message_bytes)
{
	uint32_t most = s->config.message_bytes;
	s->limit_bytes = message_bytes < most ? message_bytes : most;
}

void export_session_revoke(struct export_session *s, uint64_t records)
{
	if (records > s->counters.sent)
		records = s->counters.sent;
	s->counters.sent -= records;
	s->counters.lost += records;
}
