/* SPDX-License-Identifier: Apache-2.0 */
/* Sets and header of one message; see message.h. */
#include "ipfix/message.h"

#include "base/compiler.h"
#include "ipfix/format.h"

static void put_u16(uint8_t *to, uint32_t value)
{
	uint16_t word = __builtin_bswap16((uint16_t)value);
	memcpy(to, &word, sizeof word);
}

static void put_u32(uint8_t *to, uint32_t value)
{
	value = __builtin_bswap32(value);
	memcpy(to, &value, sizeof value);
}

void ipfix_message_begin(struct ipfix_message *m, uint8_t *octets, uint32_t limit, bool pad)
{
	if (limit > IPFIX_MESSAGE_BYTES_MAX)
		limit = IPFIX_MESSAGE_BYTES_MAX;
	*m = (struct ipfix_message){
		.octets = octets, .limit = limit, .bytes = IPFIX_HEADER_BYTES, .pad = pad,
	};
}

/* What a set of this id may still take, beside the header that it needs when it is not open. */
static uint32_t set_room(const struct ipfix_message *m, uint16_t set_id)
{
	uint32_t end = m->bytes;
	if (!m->set_at || m->set_id != set_id) {
		end += IPFIX_SET_HEADER_BYTES;
		if (m->set_at && m->pad)
			end += 3;       /* closing the open set may pad it */
	}
	return end < m->limit ? m->limit - end : 0;
}

static void set_open(struct ipfix_message *m, uint16_t set_id, uint32_t padding_below)
{
	if (m->set_at && m->set_id == set_id)
		return;
	ipfix_message_close(m);
	m->set_at = m->bytes;
	m->set_id = set_id;
	m->padding_below = padding_below;
	put_u16(m->octets + m->set_at, set_id);
	m->bytes += IPFIX_SET_HEADER_BYTES;
}

bool ipfix_message_add_template(struct ipfix_message *m, const struct ipfix_encoder *encoder)
{
	uint16_t set_id = encoder->scope_count ? IPFIX_SET_OPTIONS_TEMPLATE : IPFIX_SET_TEMPLATE;
	if (set_room(m, set_id) < encoder->template_bytes)
		return false;
	set_open(m, set_id, 4);         /* no template record is shorter than 4 octets */
	memcpy(m->octets + m->bytes, encoder->template_record, encoder->template_bytes);
	m->bytes += encoder->template_bytes;
	return true;
}

uint32_t ipfix_message_add_rows(struct ipfix_message *m, const struct ipfix_encoder *encoder,
                                const struct record_batch *batch, uint32_t first, uint32_t count)
{
	uint32_t taken = 0;
	while (taken < count) {
		size_t bytes;
		uint32_t room = set_room(m, encoder->template_id);
		struct ipfix_rows rows = { batch, first + taken, count - taken };
		rows.count = ipfix_encoder_measure(encoder, &rows, room, &bytes);
		if (rows.count == 0)
			break;
		set_open(m, encoder->template_id, ipfix_record_bytes_min(encoder));
		ipfix_encoder_rows(encoder, &rows, m->octets + m->bytes);
		m->bytes += (uint32_t)bytes;
		m->records += rows.count;
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

uint32_t ipfix_message_seal(struct ipfix_message *m, const struct ipfix_header *header)
{
	ipfix_message_close(m);
	put_u16(m->octets, IPFIX_VERSION);
	put_u16(m->octets + 2, m->bytes);
	put_u32(m->octets + 4, header->export_time_s);
	put_u32(m->octets + 8, header->sequence);
	put_u32(m->octets + 12, header->domain);
	return m->bytes;
}
