/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Community ID, version 1: a name for a flow that other tools compute alike (docs/measures.md).
 *
 *   "1:" base64(SHA-1(seed, lower end's address, the other's, protocol, 0, both ports))
 *
 * The parser's key is made by the same rules (packet.h), ICMP included, so all that is to do is to
 * lay it out. Computed when a record is written; a flow needs no space for it.
 */
#include "measure/measure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "flow/key.h"

enum { SHA1_BYTES = 20, ID_BYTES = 2 + 28, INPUT_BYTES_MAX = 2 + 2 * 16 + 2 + 4 };
enum { ICMP = 1, TCP = 6, UDP = 17, ICMP6 = 58, SCTP = 132 };

struct community {                      /* a worker's */
	EVP_MD *sha1;
	EVP_MD_CTX *context;
	uint16_t seed;
};

struct tuple {                          /* what a key says */
	const uint8_t *address[2];      /* network order */
	uint16_t port[2];
	unsigned address_bytes;
	uint8_t protocol;
};

static void community_close(void *worker)
{
	struct community *c = worker;
	EVP_MD_CTX_free(c->context);
	EVP_MD_free(c->sha1);
	free(c);
}

/* OpenSSL is asked for SHA-1 once: looking it up costs more than a digest. */
static int community_open(const void *argument, void **ret_worker, struct error *err)
{
	const struct measure_settings *settings = argument;
	struct community *c = calloc(1, sizeof *c);
	if (!c)
		return error_set(err, -ENOMEM, "out of memory");
	c->sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
	c->context = EVP_MD_CTX_new();
	c->seed = (uint16_t)settings->community_seed;
	if (!c->sha1 || !c->context) {
		community_close(c);
		return error_set(err, -ENOTSUP, "measure community: OpenSSL gives no SHA-1 here");
	}
	*ret_worker = c;
	return 0;
}

/* False when the key lacks a part of the tuple. */
static bool read_key(const struct flow_view *view, struct tuple *ret)
{
	const struct key *key = (const struct key *)(const void *)view->flow->key;
	uint8_t family = key_family(key, view->key_bytes);
	bool six = family == 6;
	if (!view->plan->full_tuple[six] || !family)
		return false;
	ret->protocol = key->protocol;
	ret->address_bytes = six ? 16 : 4;
	for (unsigned i = 0; i < 2; i++) {
		ret->port[i] = key->port[i];
		ret->address[i] = key_address(key, view->key_bytes, i);
	}
	return true;
}

static bool uses_ports(uint8_t protocol)
{
	return protocol == ICMP || protocol == TCP || protocol == UDP || protocol == ICMP6
		|| protocol == SCTP;
}

/* The end that stands first. A message of ICMP that has no counterpart stands as it was sent, with
 * its code for the other port. */
static unsigned order(struct tuple *t)
{
	bool icmp = t->protocol == ICMP || t->protocol == ICMP6;
	for (unsigned i = 0; i < 2 && icmp; i++)
		if (t->port[i ^ 1] == ICMP_ONE_WAY) {
			t->port[i ^ 1] = t->port[i] & 0xff;
			t->port[i] >>= 8;
			return i;
		}
	int by_address = memcmp(t->address[0], t->address[1], t->address_bytes);
	return by_address ? by_address > 0 : t->port[0] > t->port[1];
}

static void put_16(uint8_t **at, uint16_t value)
{
	*(*at)++ = (uint8_t)(value >> 8);
	*(*at)++ = (uint8_t)value;
}

/* The lower end first, as the specification orders them; a key that the user cut may have another
 * order than the parser's. */
static uint32_t lay_out(struct tuple *t, uint16_t seed, uint8_t octets[INPUT_BYTES_MAX])
{
	uint8_t *at = octets;
	unsigned first = order(t);
	put_16(&at, seed);
	for (unsigned i = 0; i < 2; i++, at += t->address_bytes)
		memcpy(at, t->address[first ^ i], t->address_bytes);
	put_16(&at, (uint16_t)(t->protocol << 8));
	for (unsigned i = 0; i < 2 && uses_ports(t->protocol); i++)
		put_16(&at, t->port[first ^ i]);
	return (uint32_t)(at - octets);
}

/* Fragments whose ports nobody has told have no ID: it would be that of another flow. */
static void community_write(const struct flow_view *view, unsigned field, struct value_writer *w)
{
	const struct community *c = view->worker;
	uint8_t input[INPUT_BYTES_MAX], sum[SHA1_BYTES], id[ID_BYTES + 1] = "1:";
	struct tuple t;
	if (!read_key(view, &t))
		return;
	if (uses_ports(t.protocol) && !t.port[0] && !t.port[1])
		return;                         /* they are not known */
	uint32_t bytes = lay_out(&t, c->seed, input);
	if (EVP_DigestInit_ex2(c->context, c->sha1, NULL) != 1
	    || EVP_DigestUpdate(c->context, input, bytes) != 1
	    || EVP_DigestFinal_ex(c->context, sum, NULL) != 1)
		return;
	EVP_EncodeBlock(id + 2, sum, SHA1_BYTES);
	value_write_octets(w, id, ID_BYTES);
}

static const char *const community_fields[] = { "communityId", NULL };

const struct flow_hook measure_community = {
	.name = "community", .help = "Community ID, a name that other tools give a flow, too",
	.fields = community_fields, .scope = HOOK_SCOPE_FLOW, .biflow = true,
	.open = community_open, .write = community_write, .close = community_close,
};
