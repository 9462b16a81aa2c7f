/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers of the message formats: IPFIX (RFC 7011, sections 3 and 7; RFC 5103, section 6), NetFlow
 * v9 (RFC 3954) and NetFlow v5.
 */
#ifndef IPFIX_FORMAT_H
#define IPFIX_FORMAT_H

enum ipfix_format { FORMAT_IPFIX, FORMAT_NETFLOW9, FORMAT_NETFLOW5 };

enum {
	IPFIX_VERSION = 10,
	IPFIX_PORT = 4739, IPFIX_SECURE_PORT = 4740,
	IPFIX_HEADER_BYTES = 16,
	IPFIX_SET_HEADER_BYTES = 4,
	IPFIX_MESSAGE_BYTES_MAX = 65535,

	IPFIX_SET_TEMPLATE = 2,
	IPFIX_SET_OPTIONS_TEMPLATE = 3,
	IPFIX_TEMPLATE_ID_MIN = 256,
	IPFIX_TEMPLATE_ID_MAX = 65535,

	IPFIX_ENTERPRISE_BIT = 0x8000,  /* of the element id in a template: a PEN follows */
	IPFIX_LENGTH_VARIABLE = 65535,  /* element length in a template */
	IPFIX_LENGTH_LONG = 255,        /* first length octet: two more follow */
};

enum {
	NETFLOW9_VERSION = 9,
	NETFLOW9_PORT = 2055,           /* no assignment: what most collectors listen on */
	NETFLOW9_HEADER_BYTES = 20,
	NETFLOW9_SET_TEMPLATE = 0,
	NETFLOW9_SET_OPTIONS_TEMPLATE = 1,
	NETFLOW9_SCOPE_SYSTEM = 1,
	NETFLOW9_SCOPE_INTERFACE = 2,
	NETFLOW9_FIRST_SWITCHED = 22,   /* flowStartSysUpTime */
	NETFLOW9_LAST_SWITCHED = 21,

	NETFLOW5_VERSION = 5,
	NETFLOW5_HEADER_BYTES = 24,
	NETFLOW5_RECORD_BYTES = 48,
	NETFLOW5_RECORDS_MAX = 30,      /* in a datagram */
};

#endif
