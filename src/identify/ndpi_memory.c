/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libndpi holds of a flow beside its state. It puts messages together that come in several
 * packets and trusts the length a message says: a TLS record of 64 kB that never ends, Kerberos of
 * 12 kB. Whoever opens many such flows would have gigabytes of a pool of 64k states, so the backend
 * counts and lets go of flows (ndpi.c). Allocations must not fail instead: not every dissector
 * looks.
 *
 * It also reads a few octets behind what it has allocated: of a QUIC frame that ends where the
 * packet ends, the length that would follow. Every piece gets some zeros behind it.
 */
#include <malloc.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "identify/ndpi.h"

enum { PIECE_PADDING = 32 };

static void *allocate(size_t bytes)
{
	return bytes <= SIZE_MAX - PIECE_PADDING ? calloc(1, bytes + PIECE_PADDING) : NULL;
}

/* libndpi has one allocator for the process: every worker sets the same, before any starts. */
void ndpi_pad_pieces(void)
{
	set_ndpi_malloc(allocate);
}

static size_t held(void *piece)
{
	return piece ? malloc_usable_size(piece) : 0;
}

bool ndpi_is_tls(const struct ndpi_flow_struct *flow)
{
	for (unsigned i = 0; i < NDPI_PROTOCOL_SIZE; i++)
		switch (flow->detected_protocol_stack[i]) {
		case NDPI_PROTOCOL_TLS: case NDPI_PROTOCOL_DTLS: case NDPI_PROTOCOL_QUIC:
		case NDPI_PROTOCOL_MAIL_SMTPS: case NDPI_PROTOCOL_MAIL_POPS: case NDPI_PROTOCOL_MAIL_IMAPS:
			return true;
		default:
			break;
		}
	return false;
}

/* The pieces that ndpi_free_flow_data() frees; of a union, those it holds to be there. */
size_t ndpi_flow_bytes(const struct ndpi_flow_struct *flow)
{
	size_t bytes = held(flow->http.url) + held(flow->http.content_type)
		+ held(flow->http.request_content_type)
		+ held(flow->http.user_agent) + held(flow->http.nat_ip)
		+ held(flow->http.detected_os)
		+ held(flow->kerberos_buf.pktbuf);
	if (flow->l4_proto == IPPROTO_TCP)
		bytes += held(flow->l4.tcp.tls.message.buffer);
	else if (flow->l4_proto == IPPROTO_UDP)
		bytes += held(flow->l4.udp.quic_reasm_buf);
	if (ndpi_is_tls(flow))
		bytes += held(flow->protos.tls_quic.server_names)
			+ held(flow->protos.tls_quic.alpn)
			+ held(flow->protos.tls_quic.tls_supported_versions)
			+ held(flow->protos.tls_quic.issuerDN)
			+ held(flow->protos.tls_quic.subjectDN)
			+ held(flow->protos.tls_quic.encrypted_sni.esni);
	return bytes;
}
