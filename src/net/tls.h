/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS and DTLS by OpenSSL, version 1.2 at least: certificates from files, whom to believe, and what
 * went wrong in words. Both ends show a certificate (RFC 7011, section 11.3). The names of OpenSSL
 * stay behind this header and the files that include it in net/.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct ssl_st;
struct ssl_ctx_st;

struct net_certificates {               /* files in PEM; NULL: none */
	const char *cert;               /* our certificate, and the chain behind it */
	const char *key;                /* its private key; NULL: in the same file */
	const char *ca;                 /* whom we believe; NULL: client: the system's authorities */
	const char *peers;              /* names that the peer may have, comma-separated; NULL: client:
	                                 * the host's; listener: any that `ca` vouches for */
};

/* Which end we are, and what for: a context is made for one of these and serves all sessions. */
struct tls_use {
	const struct net_certificates *certificates;    /* borrowed for the call */
	bool is_server, datagrams;      /* we listen; it is DTLS */
	const char *host;               /* client: the name or address that was asked for */
};

/* Reads all files. A message names the file and what is wrong with it. */
int tls_context(const struct tls_use *use, struct ssl_ctx_st **ret, struct error *err);
void tls_context_free(struct ssl_ctx_st *context);

/* TLS over a connected socket (not closed with it), which raises no SIGPIPE. 0 or -ENOMEM. */
int tls_attach(struct ssl_st *ssl, int fd);

/* Tells the handshake whom to expect, on top of the context (a client: name and SNI). */
int tls_expect_host(struct ssl_st *ssl, const char *host);

/* Why a handshake, a read or a write failed, in words: the peer's certificate (with its name, and
 * what was expected), the peer's alert, or OpenSSL's own reason. Empties OpenSSL's queue of errors.
 * `result` is what the call returned. Returns the buffer. */
const char *tls_reason(struct ssl_st *ssl, int result, char *buffer, size_t size);

/* The peer's name by its certificate: the first DNS name, else the common name; "" if none. */
const char *tls_peer_name(struct ssl_st *ssl, char *buffer, size_t size);

#endif
