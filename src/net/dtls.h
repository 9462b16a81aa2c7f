/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DTLS over datagrams that somebody else sends and receives: a link hands OpenSSL one datagram to
 * read and takes those that it writes, so that one socket can serve many peers (listener_dtls.c)
 * and a connection can look at what comes before OpenSSL does (connection_dtls.c). And a look at
 * the headers of records (RFC 6347, section 4.1), which are in the clear.
 */
#ifndef NET_DTLS_H
#define NET_DTLS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	DTLS_RECORD_BYTES = 13, DTLS_RANDOM_BYTES = 32,
	DTLS_ALERT = 21, DTLS_HANDSHAKE = 22, DTLS_DATA = 23,   /* types of records */
};

/* What stands where a socket would: embedded in whatever knows where datagrams go. */
struct dtls_link {
	const uint8_t *in;              /* the datagram that is read next; NULL: none */
	uint32_t in_bytes;
	uint32_t mtu;                   /* of UDP payload */
	/* 0 or a negative errno: what cannot be sent now is lost, as datagrams are. */
	int (*send)(struct dtls_link *link, const void *octets, uint32_t bytes);
};

/* Owned by the caller, freed after all that use it. NULL: out of memory. */
BIO_METHOD *dtls_method_new(void);
void dtls_method_free(BIO_METHOD *method);

/* A session over the link (borrowed); NULL: out of memory. */
SSL *dtls_session(SSL_CTX *context, BIO_METHOD *method, struct dtls_link *link);

struct dtls_record {                    /* the first of a datagram */
	uint8_t type;
	uint16_t epoch;                 /* 0: in the clear */
	const uint8_t *hello_random;    /* of a ClientHello in the clear; else NULL */
};

/* False: the datagram is no DTLS. */
bool dtls_look(const uint8_t *octets, uint32_t bytes, struct dtls_record *ret);

/* A fatal alert in the clear: "I do not know you". Whoever gets it may believe it or make sure. */
enum { DTLS_STRANGER_BYTES = DTLS_RECORD_BYTES + 2 };
void dtls_stranger(uint64_t number, uint8_t ret[DTLS_STRANGER_BYTES]);

#endif
