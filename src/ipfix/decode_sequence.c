/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sequence numbers: what is missing, late or begun anew (RFC 7011, sections 3.1 and 11.6). IPFIX
 * counts data records by session and domain, over SCTP by stream; NetFlow v9 counts messages, v5
 * flows. A message behind the expected number is late when it was exported no later than the one
 * before it, and a restart when it was exported after it. A late message was counted as lost
 * before, and no longer is.
 */
#include <stdlib.h>

#include "ipfix/decode_session.h"

/* A jump ahead by more than this is no loss that anyone could have had. */
static const int64_t jump_most = 1 << 26;

/* Stream 0 shares the domain's own: without other streams SCTP is like TCP here. */
static struct decode_sequence *sequence_of(struct decode_reading *r)
{
	struct decode_session *s = r->session;
	struct decode_domain *d = r->domain;
	if (s->setup.transport != DECODE_SCTP || r->message->stream == 0)
		return &d->sequence;
	struct decode_sequence *q = map_get(&d->streams, r->message->stream);
	if (q || !budget_take(&s->budget, sizeof *q + 2 * sizeof(struct map_slot)))
		return q;
	q = calloc(1, sizeof *q);
	if (q && !map_put(&d->streams, r->message->stream, q))
		return q;
	free(q);
	return NULL;
}

/* Over streams nothing overtakes: whoever goes back has begun anew. A late datagram takes back as
 * many lost ones as it counts for. */
static void see_behind(struct decode_reading *r, const struct decode_sequence *q, uint32_t step,
                       bool *ret_late)
{
	bool datagrams = r->session->setup.transport == DECODE_DATAGRAMS;
	*ret_late = datagrams && r->context.export_ms <= q->export_ms;
	if (!*ret_late) {
		r->counters.restarts++;
		return;
	}
	struct decode_counters *c = &r->session->counters;
	r->counters.reordered++;
	c->lost -= c->lost < step ? c->lost : step;
}

/* Numbers are compared modulo 2^32. A jump beyond what can be lost is a restart; a small one ahead
 * is a gap. */
void decode_sequence_see(struct decode_reading *r, uint32_t sequence, uint32_t step)
{
	struct decode_sequence *q = sequence_of(r);
	if (!q)
		return;
	int32_t ahead = q->known ? (int32_t)(sequence - q->next) : 0;
	bool late = false;
	if (ahead > jump_most) {
		r->counters.restarts++;
	} else if (ahead > 0) {
		r->counters.gaps++;
		r->counters.lost += (uint32_t)ahead;
	} else if (ahead < 0) {
		see_behind(r, q, step, &late);
	}
	if (late)
		return;
	/* Records of sets that could not be decoded were counted by the sender only. */
	q->known = !(r->uncounted && r->protocol == DECODE_IPFIX);
	q->next = sequence + step;
	q->export_ms = r->context.export_ms;
}
