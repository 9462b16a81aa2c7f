/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: what net reads of strangers by itself, before OpenSSL or usrsctp do: headers of DTLS
 * records, chunks of SCTP packets, the frames of a stream. And addresses, which come from users;
 * one of several hosts must come to the same address by itself.
 */
#include <stdlib.h>
#include <string.h>

#include "net/address.h"
#include "net/dtls.h"
#include "net/listener.h"
#include "net/sctp.h"

static void check(int holds)
{
	if (!holds)
		abort();
}

static void dtls(const uint8_t *data, uint32_t size)
{
	struct dtls_record record;
	if (dtls_look(data, size, &record) && record.hello_random)
		check(record.hello_random + DTLS_RANDOM_BYTES <= data + size);
}

static void sctp(const uint8_t *data, uint32_t size, bool behind_ipv4)
{
	const uint8_t *at = data;
	uint32_t left = size;
	struct sctp_ports ports;
	struct sctp_chunk chunk;
	if (!sctp_look(behind_ipv4, &at, &left, &ports))
		return;
	struct sctp_packet packet = sctp_packet_of(at, left);
	for (unsigned i = 0; sctp_chunk_next(&packet, &chunk); i++)
		check(chunk.body + chunk.bytes <= data + size && i < size);
}

static void address(const uint8_t *data, size_t size)
{
	struct address all, one, again;
	char *text = malloc(size + 1);
	check(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	int rc = address_parse(text, &all, NULL);
	free(text);
	if (rc < 0)
		return;
	if (all.host_count && address_of_host(&all, 0, NULL, &one, NULL) == 0) {
		check(address_of_host(&one, 0, NULL, &again, NULL) == 0);
		check(strcmp(one.text, again.text) == 0 && one.host_count == 1);
		check(strcmp(one.hosts[0].host, all.hosts[0].host) == 0);
		check(one.parameter_count == all.parameter_count);
		address_fini(&again);
		address_fini(&one);
	}
	address_fini(&all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > UINT16_MAX)
		return 0;
	dtls(data, (uint32_t)size);
	sctp(data, (uint32_t)size, false);
	sctp(data, (uint32_t)size, true);
	int64_t length = net_frame_ipfix(data, (uint32_t)size);
	check(length <= UINT16_MAX && (length <= 0 || length >= 16));
	address(data, size);
	return 0;
}
