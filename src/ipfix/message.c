/* SPDX-License-Identifier: Apache-2.0 */
/* Sets and header of one message; see message.h. */
#include "ipfix/message.h"

#include "base/compiler.h"
#include "base/wire.h"

#define SECOND_NS UINT64_C(1000000000)

struct numbers {                        /* in what the formats differ */
	uint8_t header_bytes, set_header_bytes;
	uint8_t set_template, set_options_template;
	uint16_t records_max;
};

static const struct numbers numbers[] = {
	[FORMAT_IPFIX] = { IPFIX_HEADER_BYTES, IPFIX_SET_HEADER_BYTES, IPFIX_SET_TEMPLATE,
	                   IPFIX_SET_OPTIONS_TEMPLATE, UINT16_MAX },
	[FORMAT_NETFLOW9] = { NETFLOW9_HEADER_BYTES, IPFIX_SET_HEADER_BYTES, NETFLOW9_SET_TEMPLATE,
	                      NETFLOW9_SET_OPTIONS_TEMPLATE, UINT16_MAX },
	[FORMAT_NETFLOW5] = { NETFLOW5_HEADER_BYTES, 0, 0, 0, NETFLOW5_RECORDS_MAX },
};

static void put_u16(uint8_t *to, uint32_t value)
{
	uint16_t word = __builtin_bswap16((uint16_t)value);
	memcpy(to, &word, sizeof word);
}

void ipfix_message_begin(struct ipfix_message *m, uint8_t *octets, const struct ipfix_form *form)
{
	uint32_t limit = form->limit;
	if (limit > IPFIX_MESSAGE_BYTES_MAX)
		limit = IPFIX_MESSAGE_BYTES_MAX;
	*m = (struct ipfix_message){
		.octets = octets, .limit = limit, .bytes = numbers[form->format].header_bytes,
		.pad = form->pad, .format = (uint8_t)form->format, .boot_ms = form->boot_ms,
	};
}

bool ipfix_message_is_empty(const struct ipfix_message *m)
{
	return m->bytes <= numbers[m->format].header_bytes;
}

/* What a set of this id may still take, beside the header that it needs when it is not open. */
static uint32_t set_room(const struct ipfix_message *m, uint16_t set_id)
{
	uint32_t end = m->bytes;
	if (!m->set_at || m->set_id != set_id) {
		end += numbers[m->format].set_header_bytes;
		if (m->set_at && m->pad)
			end += 3;       /* closing the open set may pad it */
	}
	return end < m->limit ? m->limit - end : 0;
}

static void set_open(struct ipfix_message *m, uint16_t set_id, uint32_t padding_below)
{
	if ((m->set_at && m->set_id == set_id) || m->format == FORMAT_NETFLOW5)
		return;
	ipfix_message_close(m);
	m->set_at = m->bytes;
	m->set_id = set_id;
	m->padding_below = padding_below;
	put_u16(m->octets + m->set_at, set_id);
	m->bytes += IPFIX_SET_HEADER_BYTES;
}

/* True without doing anything where the format has no templates. */
bool ipfix_message_add_template(struct ipfix_message *m, const struct ipfix_encoder *encoder)
{
	const struct numbers *n = &numbers[m->format];
	uint16_t set_id = encoder->scope_count ? n->set_options_template : n->set_template;
	if (encoder->template_bytes == 0)
		return true;
	if (encoder->scope_count)
		ipfix_message_close(m);         /* some collectors read the first one of a set only */
	if (set_room(m, set_id) < encoder->template_bytes)
		return false;
	set_open(m, set_id, 4);         /* no template record is shorter than 4 octets */
	memcpy(m->octets + m->bytes, encoder->template_record, encoder->template_bytes);
	m->bytes += encoder->template_bytes;
	m->templates++;
	return true;
}

bool ipfix_message_add_withdrawal(struct ipfix_message *m, uint16_t id, bool options)
{
	uint16_t set_id = options ? IPFIX_SET_OPTIONS_TEMPLATE : IPFIX_SET_TEMPLATE;
	enum { WITHDRAWAL_BYTES = 4 };
	if (m->format != FORMAT_IPFIX || set_room(m, set_id) < WITHDRAWAL_BYTES)
		return false;
	set_open(m, set_id, 0);
	put_u16(m->octets + m->bytes, id);
	put_u16(m->octets + m->bytes + 2, 0);
	m->bytes += WITHDRAWAL_BYTES;
	return true;
}

/* Each turn measures a block and encodes it; the set is opened only when at least one row fits. */
uint32_t ipfix_message_add_rows(struct ipfix_message *m, const struct ipfix_encoder *encoder,
                                const struct record_batch *batch, uint32_t first, uint32_t count)
{
	uint32_t taken = 0;
	uint16_t id = encoder->settings.template_id;
	uint64_t most = numbers[m->format].records_max - m->amount.records;
	while (taken < count) {
		size_t bytes;
		struct ipfix_rows rows = { batch, first + taken, count - taken, m->boot_ms };
		if (rows.count > most - taken)
			rows.count = (uint32_t)(most - taken);
		rows.count = ipfix_encoder_measure(encoder, &rows, set_room(m, id), &bytes);
		if (rows.count == 0)
			break;
		set_open(m, id, ipfix_record_bytes_min(encoder));
		ipfix_encoder_rows(encoder, &rows, m->octets + m->bytes, &m->amount);
		m->bytes += (uint32_t)bytes;
		taken += rows.count;
	}
	return taken;
}

void ipfix_message_close(struct ipfix_message *m)
{
	if (!m->set_at)
		return;
	uint32_t padding = -m->bytes & 3;
	if (m->pad && padding < m->padding_below && padding <= m->limit - m->bytes) {
		memset(m->octets + m->bytes, 0, padding);
		m->bytes += padding;
	}
	put_u16(m->octets + m->set_at + 2, m->bytes - m->set_at);
	m->set_at = 0;
}

static void put_ipfix(struct wire_writer *w, const struct ipfix_message *m,
                      const struct ipfix_header *header)
{
	wire_put_u16(w, IPFIX_VERSION);
	wire_put_u16(w, (uint16_t)m->bytes);
	wire_put_u32(w, (uint32_t)(header->time_ns / SECOND_NS));
	wire_put_u32(w, header->sequence);
	wire_put_u32(w, header->domain);
}

/* The header's time has no fraction: that of the second that follows, so that the boot can be
 * calculated from it to the millisecond and no record ends after it. */
static void put_netflow9(struct wire_writer *w, const struct ipfix_message *m,
                         const struct ipfix_header *header)
{
	uint64_t time_s = (header->time_ns + SECOND_NS - 1) / SECOND_NS;
	wire_put_u16(w, NETFLOW9_VERSION);
	wire_put_u16(w, (uint16_t)(m->amount.records + m->templates));
	wire_put_u32(w, (uint32_t)(time_s * 1000 - m->boot_ms));
	wire_put_u32(w, (uint32_t)time_s);
	wire_put_u32(w, header->sequence);
	wire_put_u32(w, header->domain);
}

static void put_netflow5(struct wire_writer *w, const struct ipfix_message *m,
                         const struct ipfix_header *header)
{
	uint64_t time_ms = header->time_ns / 1000000;
	wire_put_u16(w, NETFLOW5_VERSION);
	wire_put_u16(w, (uint16_t)m->amount.records);
	wire_put_u32(w, (uint32_t)(time_ms - m->boot_ms));
	wire_put_u32(w, (uint32_t)(time_ms / 1000));
	wire_put_u32(w, (uint32_t)(time_ms % 1000 * 1000000));
	wire_put_u32(w, header->sequence);
	wire_put_u16(w, (uint16_t)header->domain);
	wire_put_u16(w, header->sampling);
}

uint32_t ipfix_message_seal(struct ipfix_message *m, const struct ipfix_header *header)
{
	struct wire_writer w = wire_writer_of(m->octets, numbers[m->format].header_bytes);
	ipfix_message_close(m);
	if (m->format == FORMAT_IPFIX)
		put_ipfix(&w, m, header);
	else if (m->format == FORMAT_NETFLOW9)
		put_netflow9(&w, m, header);
	else
		put_netflow5(&w, m, header);
	return m->bytes;
}
