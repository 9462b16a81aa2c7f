/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of output kinds: externs only, one line for each. A kind is a file in print,
 * export or store that defines a const struct output_kind; nothing registers itself, so
 * nothing gets lost in a static library. Also here: names of drop reasons, the standard
 * fields, the balance of an account.
 */
#include <string.h>

#include "base/compiler.h"
#include "output/output.h"

extern const struct output_kind output_csv;             /* print/csv.c */
extern const struct output_kind output_ipfix_dtls;      /* export/ipfix_connection.c */
extern const struct output_kind output_ipfix_file;      /* export/ipfix_file.c */
extern const struct output_kind output_ipfix_sctp;      /* export/ipfix_connection.c */
extern const struct output_kind output_ipfix_tcp;       /* export/ipfix_connection.c */
extern const struct output_kind output_ipfix_tls;       /* export/ipfix_connection.c */
extern const struct output_kind output_ipfix_udp;       /* export/ipfix_udp.c */
extern const struct output_kind output_json;            /* print/json.c */
extern const struct output_kind output_netflow5_udp;    /* export/netflow_udp.c */
extern const struct output_kind output_netflow9_udp;    /* export/netflow_udp.c */
extern const struct output_kind output_null;            /* null.c */
extern const struct output_kind output_table;           /* print/table.c */

const struct output_kind *const output_kinds[] = {
	&output_table,
	&output_json,
	&output_csv,
	&output_ipfix_file,
	&output_ipfix_udp,
	&output_ipfix_tcp,
	&output_ipfix_tls,
	&output_ipfix_dtls,
	&output_ipfix_sctp,
	&output_netflow9_udp,
	&output_netflow5_udp,
	&output_null,
	NULL
};

const char *const output_common_parameters[] = {
	"queue", "SIZE", "memory for records that wait for this output (default 64M); live, what finds "
	                 "no room is dropped and counted",
	"fields", "LIST", "fields of its records, or changes to those that it would have, as --fields",
	NULL
};

const char *const output_standard_fields[] = {
	"flowStartMicroseconds", "flowEndMicroseconds",
	"sourceIPv4Address", "sourceIPv6Address", "destinationIPv4Address", "destinationIPv6Address",
	"protocolIdentifier", "sourceTransportPort", "destinationTransportPort",
	"vlanId", "dot1qCustomerVlanId",
	"packetDeltaCount", "octetDeltaCount", "reversePacketDeltaCount", "reverseOctetDeltaCount",
	"tcpControlBits", "reverseTcpControlBits",
	"icmpTypeCodeIPv4", "reverseIcmpTypeCodeIPv4", "icmpTypeCodeIPv6", "reverseIcmpTypeCodeIPv6",
	"flowEndReason", "biflowDirection", "ingressInterface",
	NULL
};

static const char *const drop_names[] = {
	[DROP_QUEUE_FULL] = "queue_full",
	[DROP_SEND_FAILED] = "send_failed",
	[DROP_TOO_LARGE] = "too_large",
	[DROP_UNENCODABLE] = "unencodable",
	[DROP_WRITE_FAILED] = "write_failed",
};
_Static_assert(array_count(drop_names) == DROP_COUNT, "every drop reason has a name");

const struct output_kind *output_kind_find(const char *scheme)
{
	for (unsigned i = 0; output_kinds[i]; i++)
		if (strcmp(output_kinds[i]->scheme, scheme) == 0)
			return output_kinds[i];
	return NULL;
}

const char *output_drop_name(enum output_drop reason)
{
	return (unsigned)reason < DROP_COUNT ? drop_names[reason] : "unknown";
}

bool output_counters_balanced(const struct output_counters *counters)
{
	uint64_t sum = counters->acknowledged + counters->sent + counters->queued + counters->spilled;
	for (unsigned i = 0; i < DROP_COUNT; i++)
		sum += counters->dropped[i];
	return sum == counters->accepted;
}

int output_check_parameters(const struct output_kind *kind, const struct address *address,
                            struct error *err)
{
	const char *names[ADDRESS_PARAMETERS_MAX + 1];
	unsigned count = 0;
	for (const char *const *p = kind->parameters; p && *p && count < ADDRESS_PARAMETERS_MAX; p += 3)
		names[count++] = *p;
	for (const char *const *p = output_common_parameters; *p && count < ADDRESS_PARAMETERS_MAX;
	     p += 3)
		names[count++] = *p;
	names[count] = NULL;
	return address_check_used(address, names, err);
}
