/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NetFlow's time since boot: which boot serves the records that come, and what the header says.
 * See session.h.
 */
#include "export/session_parts.h"

#define UPTIME_MS_MAX UINT64_C(0xffffffff)
#define BOOT_BEFORE_MS UINT64_C(3600000)        /* so that records a little out of order fit */


/* What the header says: now, or where that is too long after the boot the latest record's time. */
uint64_t session_boot_time_ns(const struct export_session *s, uint64_t boot_ms)
{
	uint64_t now_ms = s->now_ns / 1000000;
	if (s->config.format == FORMAT_IPFIX || now_ms - boot_ms <= UPTIME_MS_MAX)
		return s->now_ns;
	return (s->latest_ms > boot_ms ? s->latest_ms : boot_ms) * 1000000;
}

void session_boot_set(struct export_session *s, uint64_t earliest_ms)
{
	s->boot_ms = earliest_ms > BOOT_BEFORE_MS ? earliest_ms - BOOT_BEFORE_MS : 0;
}

/* Times and the header's uptime both have to fit 32 bits of milliseconds. Where records are older
 * than that themselves (files), only the former is asked. */
static bool boot_serves(const struct export_session *s, uint64_t earliest_ms, uint64_t latest_ms)
{
	uint64_t now_ms = s->now_ns / 1000000;
	if (earliest_ms < s->boot_ms)
		return false;
	return latest_ms - s->boot_ms <= UPTIME_MS_MAX &&
	       (now_ms - s->boot_ms <= UPTIME_MS_MAX || now_ms - earliest_ms > UPTIME_MS_MAX / 2);
}

/* Another boot for messages from here on, if the present one does not serve these rows. */
int session_boot(struct export_session *s, const struct export_lane *lane,
                       const struct ipfix_rows *rows, struct error *err)
{
	uint64_t earliest_ms, latest_ms;
	int rc = 0;
	if (!ipfix_encoder_times(lane->encoder, rows, &earliest_ms, &latest_ms))
		return 0;
	if (!boot_serves(s, earliest_ms, latest_ms)) {
		rc = session_flush_lanes(s, err);
		session_boot_set(s, earliest_ms);
		s->latest_ms = 0;
		for (unsigned i = 0; i < s->lane_count; i++)
			lane_begin(s, s->lanes[i], 0);
	}
	s->latest_ms = latest_ms > s->latest_ms ? latest_ms : s->latest_ms;
	return rc;
}
