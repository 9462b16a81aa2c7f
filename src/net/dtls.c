/* SPDX-License-Identifier: Apache-2.0 */
/* Links between OpenSSL and datagrams; see dtls.h. */
#include "net/dtls.h"

#include <string.h>

#include "base/compiler.h"

/* One datagram, once: OpenSSL never reads twice without being given another. */
static int link_read(BIO *bio, char *buffer, int size)
{
	struct dtls_link *link = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (!link->in) {
		BIO_set_retry_read(bio);
		return -1;
	}
	uint32_t bytes = link->in_bytes < (uint32_t)size ? link->in_bytes : (uint32_t)size;
	memcpy(buffer, link->in, bytes);
	link->in = NULL;
	return (int)bytes;
}

static int link_write(BIO *bio, const char *octets, int bytes)
{
	struct dtls_link *link = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	link->send(link, octets, (uint32_t)bytes);
	return bytes;
}

static long link_control(BIO *bio, int command, long number, void *pointer)
{
	const struct dtls_link *link = BIO_get_data(bio);
	switch (command) {
	case BIO_CTRL_FLUSH:
	case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT:
		return 1;
	case BIO_CTRL_DGRAM_QUERY_MTU:
	case BIO_CTRL_DGRAM_GET_MTU:
	case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
		return (long)link->mtu;
	default:
		return 0;
	}
}

BIO_METHOD *dtls_method_new(void)
{
	BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagrams");
	if (!method)
		return NULL;
	BIO_meth_set_read(method, link_read);
	BIO_meth_set_write(method, link_write);
	BIO_meth_set_ctrl(method, link_control);
	return method;
}

void dtls_method_free(BIO_METHOD *method)
{
	BIO_meth_free(method);
}

/* OpenSSL must not ask for the path's MTU: there is no socket behind this BIO. */
SSL *dtls_session(SSL_CTX *context, BIO_METHOD *method, struct dtls_link *link)
{
	SSL *ssl = SSL_new(context);
	BIO *bio = BIO_new(method);
	if (!ssl || !bio) {
		SSL_free(ssl);
		BIO_free(bio);
		return NULL;
	}
	BIO_set_data(bio, link);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	SSL_set_options(ssl, SSL_OP_NO_QUERY_MTU);
	SSL_set_mtu(ssl, (long)link->mtu);
	return ssl;
}

/* Only what stands in the clear is looked at. Of a ClientHello in pieces the first one is
 * recognised. */
bool dtls_look(const uint8_t *octets, uint32_t bytes, struct dtls_record *ret)
{
	enum { CLIENT_HELLO = 1, HANDSHAKE_BYTES = 12, VERSION_BYTES = 2, FRAGMENT_AT = 6 };
	const uint8_t *body = octets + DTLS_RECORD_BYTES;
	if (bytes < DTLS_RECORD_BYTES || octets[1] != 0xfe || octets[0] < 20 || octets[0] > 25)
		return false;
	*ret = (struct dtls_record){ .type = octets[0], .epoch = load_be16(octets + 3) };
	bool is_hello = ret->type == DTLS_HANDSHAKE && ret->epoch == 0
	                && bytes >= DTLS_RECORD_BYTES + HANDSHAKE_BYTES + VERSION_BYTES
	                            + DTLS_RANDOM_BYTES
	                && body[0] == CLIENT_HELLO && memcmp(body + FRAGMENT_AT, "\0\0\0", 3) == 0;
	if (is_hello)
		ret->hello_random = body + HANDSHAKE_BYTES + VERSION_BYTES;
	return true;
}

void dtls_stranger(uint64_t number, uint8_t ret[DTLS_STRANGER_BYTES])
{
	static const uint8_t alert[DTLS_STRANGER_BYTES] = {
		DTLS_ALERT, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
		2 /* fatal */, 10 /* unexpected message */
	};
	memcpy(ret, alert, sizeof alert);
	for (unsigned i = 0; i < 6; i++)
		ret[10 - i] = (uint8_t)(number >> 8 * i);
}
