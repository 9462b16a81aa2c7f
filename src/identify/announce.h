/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Announcements of connections and streams in the payload of others: FTP's PORT, EPRT and the
 * answers to PASV and EPSV (RFC 959, RFC 2428), media in SDP (RFC 8866) inside SIP and RTSP, RTSP's
 * Transport header (RFC 2326). Reads one packet's payload and keeps nothing; expect.c decides
 * what becomes of it. Payload is hostile: nothing is read outside of it, and work is bounded by
 * its size.
 */
#ifndef IDENTIFY_ANNOUNCE_H
#define IDENTIFY_ANNOUNCE_H

#include <stdbool.h>
#include <stdint.h>

/* The protocols that announce other connections. */
enum announce_kind { ANNOUNCE_NONE, ANNOUNCE_FTP, ANNOUNCE_SIP, ANNOUNCE_RTSP };

struct announce_message {               /* borrowed */
	const uint8_t *payload;
	uint32_t bytes;
	uint8_t  family;                /* of both ends, 4 or 6 */
	const uint8_t *sender, *receiver;       /* addresses in network order */
};

struct announced {                      /* an end that somebody will talk to */
	uint8_t  address[16], peer[16]; /* network order; of IPv4 the first 4 octets, the rest is 0 */
	uint16_t port;
	uint8_t  family, protocol;
	bool     any_peer;              /* media come from wherever the other side says */
};

enum { ANNOUNCED_MAX = 16 };            /* of one message; what is more is left out */

/* What the payload begins like; FTP is a guess that a line of another protocol can take back. */
enum announce_kind announce_kind(const uint8_t *payload, uint32_t bytes);
/* True where the payload shows that a connection taken for FTP is of mail. */
bool announce_is_mail(const uint8_t *payload, uint32_t bytes);

/* Returns how many ends the message announces. */
unsigned announce_read(enum announce_kind kind, const struct announce_message *message,
                       struct announced ret[ANNOUNCED_MAX]);

#endif
