/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The backend of what other flows have announced: an FTP data connection, a media stream of SIP or
 * RTSP. It asks for the further payload of flows that announce (IDENTIFY_WATCH), reads
 * it (announce.c) and keeps the ends (expectations.c); of each new flow it says whether it is
 * expected, by which flow, and names it as that flow's application.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "flow/key.h"
#include "identify/ends.h"
#include "identify/expectations.h"

enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };
enum { ENGINE_USER_DEFINED = 6 };

struct expect_worker {
	struct expectations expectations;
	uint64_t time_ms;
};

/* By enum announce_kind, which is the application's number, too. */
static const struct { const char *name, *category; } applications[] = {
	[ANNOUNCE_FTP] = { "FTP_DATA", "Download" }, [ANNOUNCE_SIP] = { "SIP", "VoIP" },
	[ANNOUNCE_RTSP] = { "RTSP", "Media" },
};

static int expect_open(const struct identify_settings *settings, void **ret_worker,
                       struct error *err)
{
	struct expect_worker *w = calloc(1, sizeof *w);
	if (!w || expectations_init(&w->expectations)) {
		free(w);
		return error_set(err, -ENOMEM, "out of memory");
	}
	*ret_worker = w;
	return 0;
}

static void expect_close(void *worker)
{
	struct expect_worker *w = worker;
	expectations_fini(&w->expectations);
	free(w);
}

/* ---- what flows announce --------------------------------------------------------------------- */

static void listen_to(struct expect_worker *w, enum announce_kind kind,
                      const struct flow_touch *touch, const struct announce_message *message)
{
	struct announced ends[ANNOUNCED_MAX];
	unsigned count = announce_read(kind, message, ends);
	struct expected what = { .parent = touch->cold->flow_id, .kind = (uint8_t)kind };
	for (unsigned i = 0; i < count; i++)
		expectations_add(&w->expectations, &ends[i], what, w->time_ms);
}

/* The well-known ports: a flow that was caught in its middle may announce something yet. */
static bool is_announcing_port(const struct key *key)
{
	static const uint16_t ports[] = { 21, 554, 5060, 8554 };
	for (unsigned i = 0; i < array_count(ports); i++)
		if (key->port[0] == ports[i] || key->port[1] == ports[i])
			return true;
	return false;
}

/* FTP and SIP announce at any time of their life: such flows are watched to their end. */
static enum identify_progress overhear(struct expect_worker *w, const struct flow_touch *touch)
{
	const struct packet *p = touch->packet;
	uint32_t bytes = 0;
	const uint8_t *payload = packet_payload(p, false, &bytes);
	if (!payload)
		return IDENTIFY_MORE;
	enum announce_kind kind = announce_kind(payload, bytes);
	if (kind == ANNOUNCE_FTP && p->key.protocol != PROTOCOL_TCP)
		kind = ANNOUNCE_NONE;
	struct announce_message message = { .payload = payload, .bytes = bytes, .family = p->family };
	message.sender = p->family == 6 ? p->key.address.v6[p->sender] : p->key.address.v4[p->sender];
	message.receiver = p->family == 6 ? p->key.address.v6[p->sender ^ 1]
		: p->key.address.v4[p->sender ^ 1];
	if (kind != ANNOUNCE_NONE)
		listen_to(w, kind, touch, &message);
	return kind != ANNOUNCE_NONE || is_announcing_port(&p->key) ? IDENTIFY_WATCH : IDENTIFY_ENOUGH;
}

/* ---- the backend ----------------------------------------------------------------------------- */

static void answer(const struct expected *expected, struct identity *ret)
{
	ret->application = ret->category = expected->kind;
	ret->confidence = CONFIDENCE_ANNOUNCED;
}

/* Asked at the first packet with payload: an announcement that comes later than the flow is found
 * when it ends (parent()). */
static enum identify_progress expect_packet(void *worker, void *state,
                                            const struct identify_packet *packet,
                                            struct identity *ret)
{
	struct expect_worker *w = worker;
	struct identify_flow flow;
	struct expected expected;
	const struct key *key = &packet->touch->packet->key;
	w->time_ms = packet->time_ms;
	if (key->protocol != PROTOCOL_TCP && key->protocol != PROTOCOL_UDP)
		return IDENTIFY_ENOUGH;
	if (w->expectations.live) {
		identify_flow_of_touch(packet->touch, &flow);
		if (expectations_find(&w->expectations, &flow, packet->touch->cold->flow_id, w->time_ms,
		                      &expected))
			answer(&expected, ret);
	}
	return overhear(w, packet->touch);
}

/* Of a flow that is being watched: true as long as there is sense in it. */
static bool expect_watch(void *worker, const struct flow_touch *touch, uint64_t time_ms)
{
	struct expect_worker *w = worker;
	uint32_t bytes = 0;
	const uint8_t *payload = packet_payload(touch->packet, false, &bytes);
	w->time_ms = time_ms;
	if (payload && announce_is_mail(payload, bytes))
		return false;
	overhear(w, touch);
	return true;
}

static void expect_conclude(void *worker, void *state, const struct identify_flow *flow,
                            struct identity *ret)
{
	struct expect_worker *w = worker;
	struct expected expected;
	if (expectations_find(&w->expectations, flow, 0, w->time_ms, &expected))
		answer(&expected, ret);
}

/* Asked before conclude(), which goes by the same time. */
static uint64_t expect_parent(void *worker, const struct identify_begun *begun)
{
	struct expect_worker *w = worker;
	struct expected expected;
	w->time_ms = begun->first_ms;
	return expectations_find(&w->expectations, begun->flow, begun->flow_id, w->time_ms, &expected)
		? expected.parent : 0;
}

static void expect_count(const void *worker, struct identify_counts *to)
{
	to->expectations_replaced += ((const struct expect_worker *)worker)->expectations.replaced;
}

static const char *expect_text(void *worker, enum identify_name kind, unsigned number)
{
	if (number >= array_count(applications))
		return NULL;
	return kind == NAME_APPLICATION ? applications[number].name
		: kind == NAME_CATEGORY ? applications[number].category : NULL;
}

static unsigned expect_application_id(unsigned application, uint8_t ret[APPLICATION_ID_MAX])
{
	ret[0] = ENGINE_USER_DEFINED;
	ret[1] = ret[2] = 0;
	ret[3] = (uint8_t)application;
	return 4;
}

const struct identify_backend identify_expect = {
	.name = "expect", .help = "what other flows have announced: FTP, SIP, RTSP",
	.open = expect_open, .close = expect_close, .packet = expect_packet, .watch = expect_watch,
	.conclude = expect_conclude, .parent = expect_parent,
	.count = expect_count, .text = expect_text,
	.application_id = expect_application_id, .applications = array_count(applications) - 1,
};
