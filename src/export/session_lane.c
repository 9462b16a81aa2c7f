/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lanes: each schema with its template id, its encoder and its messages being filled; also the end
 * of a template. See session.h; session_send.c empties lanes.
 */
#include "export/session_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int lane_new(struct export_session *s, const struct schema *schema,
                    struct export_lane **ret, struct error *err);
static int lane_allocate(struct export_session *s, struct export_lane *lane);

struct ipfix_form session_form(const struct export_session *s, uint32_t limit)
{
	return (struct ipfix_form){ .format = s->config.format, .limit = limit, .pad = s->config.pad,
	                            .boot_ms = s->boot_ms };
}

static bool template_fits(struct export_session *s, const struct ipfix_encoder *encoder)
{
	struct ipfix_message message;
	struct ipfix_form form = session_form(s, s->config.message_bytes);
	ipfix_message_begin(&message, s->template_octets, &form);
	return ipfix_message_add_template(&message, encoder);
}

/* All that have a template: lanes, options data, common properties. */
static bool id_is_used(const struct export_session *s, uint16_t id)
{
	for (unsigned i = 0; i < s->lane_count; i++)
		if (s->lanes[i]->encoder && s->lanes[i]->encoder->settings.template_id == id)
			return true;
	for (unsigned i = 0; s->options && i < s->options->template_count; i++) {
		const struct ipfix_encoder *encoder = s->options->templates[i].encoder;
		if (encoder && encoder->settings.template_id == id)
			return true;
	}
	for (unsigned i = 0; i < s->common_count; i++)
		if (session_common_encoder(s->commons[i])->settings.template_id == id)
			return true;
	return false;
}

/* The next one round the circle. There are fewer lanes than ids. */
static uint16_t id_next(const struct export_session *s)
{
	uint16_t id = s->last_id;
	do
		id = id < IPFIX_TEMPLATE_ID_MIN || id == IPFIX_TEMPLATE_ID_MAX ? IPFIX_TEMPLATE_ID_MIN
		                                                              : (uint16_t)(id + 1);
	while (id_is_used(s, id));
	return id;
}

uint16_t session_id_from_top(const struct export_session *s, uint16_t id)
{
	while (id_is_used(s, id))
		id--;
	return id;
}

/* It has the id of common properties already. */
static bool is_reduced(const struct schema *schema)
{
	return schema_find(schema, field_by_id(PEN_IANA, 137), false) >= 0;
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
	struct export_lane *lane = NULL;
	int rc = lane_new(s, schema, &lane, err);
	if (rc < 0)
		return rc;
	s->lanes[s->lane_count++] = lane;
	s->announced = false;
	if (ret_note)
		*ret_note = lane->encoder ? lane->encoder->note : "";
	bool whole = !is_reduced(schema);
	return s->config.common && s->config.format == FORMAT_IPFIX && whole ?
	       session_common_add(s, schema, err) : 0;
}

int session_withdraw(struct export_session *s, const struct ipfix_encoder *encoder,
                     struct error *err)
{
	if (!s->config.withdraws || !s->announced)
		return 0;
	struct ipfix_message m;
	struct ipfix_form form = session_form(s, s->limit_bytes);
	ipfix_message_begin(&m, s->template_octets, &form);
	if (!ipfix_message_add_withdrawal(&m, encoder->settings.template_id, encoder->scope_count > 0))
		return 0;
	bool lost = false;
	return session_send_one(s, &m, &lost, err);
}

/* Data first, then the withdrawal: a template must not go while its records are still on their way
 * (RFC 7011, section 8.1). */
int export_session_withdraw(struct export_session *s, const struct schema *schema,
                            struct error *err)
{
	struct export_lane *lane = lane_find(s, schema);
	if (!lane)
		return 0;
	session_time(s, session_clock(s));
	int rc = session_common_remove(s, schema, err);
	rc = first_failure(rc, lane_flush(s, lane, unless_failed(rc, err)));
	if (lane->encoder)
		rc = first_failure(rc, session_withdraw(s, lane->encoder, unless_failed(rc, err)));
	unsigned at = 0;
	while (s->lanes[at] != lane)
		at++;
	memmove(&s->lanes[at], &s->lanes[at + 1], (--s->lane_count - at) * sizeof s->lanes[0]);
	lane_free(lane);
	return rc;
}

void lane_begin(const struct export_session *s, struct export_lane *lane, uint32_t index)
{
	struct ipfix_form form = session_form(s, s->limit_bytes);
	lane->filling = index;
	ipfix_message_begin(&lane->messages[index],
	                    lane->octets + (size_t)index * s->config.message_bytes, &form);
}

/* A template that fits no message would never reach the collector: told here, with what to
 * change. */
int session_encoder_new(struct export_session *s, const struct schema *schema,
                        struct ipfix_encoder **ret, struct error *err)
{
	uint16_t wanted = schema->template_id;
	if (wanted && id_is_used(s, wanted))
		return error_set(err, -EEXIST, "template id %u is taken", wanted);
	struct ipfix_encoder_settings settings = {
		.format = s->config.format, .template_id = wanted ? wanted : id_next(s),
		.pen = s->config.pen,
		.uptime = s->config.uptime,
	};
	struct ipfix_encoder *encoder;
	int rc = ipfix_encoder_new(schema, &settings, &encoder, err);
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
	if (!wanted)
		s->last_id = settings.template_id;
	*ret = encoder;
	return 0;
}

/* A lane of IPv6 flows in NetFlow v5 has no encoder: its records are counted as unencodable. */
static int lane_new(struct export_session *s, const struct schema *schema,
                    struct export_lane **ret, struct error *err)
{
	struct export_lane *lane = calloc(1, sizeof *lane);
	if (!lane)
		return error_set(err, -ENOMEM, "out of memory for a template");
	lane->schema = schema;
	int rc = 0;
	if (s->config.format != FORMAT_NETFLOW5 || schema->family != 6)
		rc = session_encoder_new(s, schema, &lane->encoder, err);
	if (rc == 0 && lane_allocate(s, lane) < 0)
		rc = error_set(err, -ENOMEM, "out of memory for a template");
	if (rc < 0) {
		lane_free(lane);
		return rc;
	}
	*ret = lane;
	return 0;
}

static int lane_allocate(struct export_session *s, struct export_lane *lane)
{
	uint32_t count = s->config.burst_messages;
	lane->octets = malloc((size_t)count * s->config.message_bytes);
	lane->messages = calloc(count, sizeof *lane->messages);
	lane->burst = calloc(count, sizeof *lane->burst);
	if (!lane->octets || !lane->messages || !lane->burst)
		return -ENOMEM;
	lane_begin(s, lane, 0);
	return 0;
}

void lane_free(struct export_lane *lane)
{
	ipfix_encoder_free(lane->encoder);
	free(lane->octets);
	free(lane->messages);
	free(lane->burst);
	free(lane);
}

struct export_lane *lane_find(const struct export_session *s, const struct schema *schema)
{
	for (unsigned i = 0; i < s->lane_count; i++)
		if (s->lanes[i]->schema->id == schema->id)
			return s->lanes[i];
	return NULL;
}

bool export_session_template(const struct export_session *s, const struct schema *schema,
                             struct output_template *ret)
{
	const struct export_lane *lane = lane_find(s, schema);
	if (!lane || !lane->encoder || !lane->encoder->template_bytes)
		return false;
	const struct ipfix_encoder *e = lane->encoder;
	*ret = (struct output_template){ .id = e->settings.template_id, .record = e->template_record,
	                                 .bytes = e->template_bytes, .note = e->note };
	return true;
}
