/* SPDX-License-Identifier: Apache-2.0 */
/* What differs between versions of libndpi, form by form; see ndpi_compat.h. */
#include "identify/ndpi_compat.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "identify/libndpi/ndpi_forms.h"

/* ---- calls ----------------------------------------------------------------------------------- */

struct ndpi_detection_module_struct *compat_init(void)
{
#if NDPI_FORM_INIT == 1
	return ndpi_init_detection_module(ndpi_no_prefs);
#else
	return ndpi_init_detection_module(NULL);
#endif
}

void compat_all_protocols(struct ndpi_detection_module_struct *module)
{
#if NDPI_HAS_BITMASK
	NDPI_PROTOCOL_BITMASK all;
	NDPI_BITMASK_SET_ALL(all);
	ndpi_set_protocol_detection_bitmask2(module, &all);
#endif
}

bool compat_same_version(void)
{
#if NDPI_HAS_API_VERSION
	if (ndpi_get_api_version() != NDPI_API_VERSION)
		return false;
#endif
	return ndpi_detection_get_sizeof_ndpi_flow_struct() == sizeof(struct ndpi_flow_struct);
}

ndpi_protocol compat_process(struct ndpi_detection_module_struct *module,
                             struct ndpi_flow_struct *flow, const uint8_t *packet,
                             uint16_t bytes, uint64_t time_ms)
{
#if NDPI_FORM_PROCESS == 1
	return ndpi_detection_process_packet(module, flow, packet, bytes, time_ms);
#else
	return ndpi_detection_process_packet(module, flow, packet, bytes, time_ms, NULL);
#endif
}

ndpi_protocol compat_give_up(struct ndpi_detection_module_struct *module,
                             struct ndpi_flow_struct *flow)
{
#if NDPI_FORM_GIVE_UP == 3
	return ndpi_detection_giveup(module, flow);
#else
	u_int8_t guessed = 0;
#if NDPI_FORM_GIVE_UP == 2
	return ndpi_detection_giveup(module, flow, &guessed);
#else
	return ndpi_detection_giveup(module, flow, 1, &guessed);
#endif
#endif
}

uint16_t compat_application(const ndpi_protocol *found)
{
#if NDPI_FORM_RESULT == 1
	return found->app_protocol;
#else
	return found->proto.app_protocol;
#endif
}

uint16_t compat_master(const ndpi_protocol *found)
{
#if NDPI_FORM_RESULT == 1
	return found->master_protocol;
#else
	return found->proto.master_protocol;
#endif
}

bool compat_is_more(struct ndpi_detection_module_struct *module,
                    struct ndpi_flow_struct *flow, const ndpi_protocol *found)
{
#if NDPI_FORM_MORE == 1
	return ndpi_extra_dissection_possible(module, flow);
#else
	return found->state == NDPI_STATE_PARTIAL || flow->extra_packets_func;
#endif
}

unsigned compat_protocol_count(struct ndpi_detection_module_struct *module)
{
#if NDPI_FORM_COUNT == 1
	return ndpi_get_num_supported_protocols(module);
#else
	return ndpi_get_num_protocols(module);
#endif
}

const char *compat_breed(struct ndpi_detection_module_struct *module, uint16_t number)
{
#if NDPI_FORM_BREED == 1
	return ndpi_get_proto_breed_name(module, ndpi_get_proto_breed(module, number));
#else
	return ndpi_get_proto_breed_name(ndpi_get_proto_breed(module, number));
#endif
}

/* ---- what a flow has ------------------------------------------------------------------------- */

static char *alpn_of(const struct ndpi_flow_struct *flow)
{
#if NDPI_FORM_ALPN == 1
	return flow->protos.tls_quic.alpn;
#else
	return flow->protos.tls_quic.advertised_alpns;
#endif
}

const char *compat_alpn(const struct ndpi_flow_struct *flow)
{
	return alpn_of(flow);
}

const char *compat_ja3(const struct ndpi_flow_struct *flow)
{
#if NDPI_HAS_JA3_CLIENT
	return flow->protos.tls_quic.ja3_client;
#else
	return NULL;
#endif
}

bool compat_has_certificate(const struct ndpi_flow_struct *flow)
{
#if NDPI_FORM_CERTIFICATE == 1
	return flow->l4_proto == IPPROTO_TCP && flow->l4.tcp.tls.fingerprint_set;
#else
	return flow->protos.tls_quic.fingerprint_set;
#endif
}

const ndpi_ip_addr_t *compat_dns_answer(const struct ndpi_flow_struct *flow)
{
#if NDPI_FORM_DNS_ANSWER == 1
	return &flow->protos.dns.rsp_addr;
#else
	return &flow->protos.dns.rsp_addr[0];
#endif
}

/* ---- memory ---------------------------------------------------------------------------------- */

#if NDPI_FORM_ALLOCATOR == 1

void compat_set_allocator(void *(*allocate)(size_t bytes))
{
	set_ndpi_malloc(allocate);
}

#else

/* Padded like all others, so that what is behind a piece that has grown can be read. */
enum { GROWN_PADDING = 32 };

static void *reallocate(void *piece, size_t bytes)
{
	return bytes <= SIZE_MAX - GROWN_PADDING ? realloc(piece, bytes + GROWN_PADDING) : NULL;
}

static void *allocate_items(size_t count, size_t bytes)
{
	size_t all;
	if (__builtin_mul_overflow(count, bytes, &all) || all > SIZE_MAX - GROWN_PADDING)
		return NULL;
	return calloc(1, all + GROWN_PADDING);
}

void compat_set_allocator(void *(*allocate)(size_t bytes))
{
	ndpi_set_memory_alloction_functions(allocate, free, allocate_items, reallocate, NULL, NULL,
	                                    NULL, NULL);
}

#endif

static void *message_of(const struct ndpi_flow_struct *flow, unsigned direction)
{
#if NDPI_FORM_MESSAGE == 1
	return flow->l4_proto == IPPROTO_TCP && !direction ? flow->l4.tcp.tls.message.buffer : NULL;
#elif NDPI_FORM_MESSAGE == 2
	return !direction ? flow->tls_quic.message.buffer : NULL;
#else
	return flow->tls_quic.message[direction].buffer;
#endif
}

static void *kerberos_of(const struct ndpi_flow_struct *flow)
{
#if NDPI_FORM_KERBEROS == 1
	return flow->kerberos_buf.pktbuf;
#else
	return flow->l4_proto == IPPROTO_TCP ? flow->l4.tcp.kerberos_buf.pktbuf : NULL;
#endif
}

/* A list to be kept in step with libndpi's own freeing: what is missing here is memory
 * that is not counted. */
unsigned compat_pieces(const struct ndpi_flow_struct *flow, void *ret[COMPAT_PIECES_MAX])
{
	unsigned count = 0;
	ret[count++] = flow->http.url;
	ret[count++] = flow->http.content_type;
	ret[count++] = flow->http.request_content_type;
	ret[count++] = flow->http.user_agent;
	ret[count++] = flow->http.nat_ip;
	ret[count++] = flow->http.detected_os;
	ret[count++] = kerberos_of(flow);
	ret[count++] = message_of(flow, 0);
	ret[count++] = message_of(flow, 1);
	if (flow->l4_proto == IPPROTO_UDP)
		ret[count++] = flow->l4.udp.quic_reasm_buf;
#if NDPI_HAS_HTTP_SERVER
	ret[count++] = flow->http.server;
#endif
#if NDPI_HAS_HTTP_FILENAME
	ret[count++] = flow->http.filename;
#endif
#if NDPI_HAS_RISK_INFOS
	for (unsigned i = 0; i < array_count(flow->risk_infos) && count < COMPAT_PIECES_MAX; i++)
		ret[count++] = flow->risk_infos[i].info;
#endif
	return count;
}

unsigned compat_pieces_of_tls(const struct ndpi_flow_struct *flow, void *ret[COMPAT_PIECES_MAX])
{
	unsigned count = 0;
	ret[count++] = flow->protos.tls_quic.server_names;
	ret[count++] = flow->protos.tls_quic.tls_supported_versions;
	ret[count++] = flow->protos.tls_quic.issuerDN;
	ret[count++] = flow->protos.tls_quic.subjectDN;
	ret[count++] = alpn_of(flow);
#if NDPI_HAS_NEGOTIATED_ALPN
	ret[count++] = flow->protos.tls_quic.negotiated_alpn;
#endif
#if NDPI_HAS_ESNI
	ret[count++] = flow->protos.tls_quic.encrypted_sni.esni;
#endif
#if NDPI_HAS_JA4_RAW
	ret[count++] = flow->protos.tls_quic.ja4_client_raw;
#endif
	return count;
}
