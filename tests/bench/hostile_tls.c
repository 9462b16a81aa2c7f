/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stories of TLS, over TCP and within QUIC. A QUIC Initial (RFC 9000, RFC 9001) is spoilt before it
 * is encrypted, with the keys that anyone can derive: a dissector that checks the tag finds it good
 * and reads what is wrong inside.
 */
#include "hostile.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

enum { HANDSHAKE = 22, CLIENT_HELLO = 1, SERVER_HELLO = 2, CERTIFICATE = 11 };
enum { EXTENSION_NAME = 0, EXTENSION_GROUPS = 10, EXTENSION_POINTS = 11, EXTENSION_SIGNATURES = 13,
	EXTENSION_ALPN = 16, EXTENSION_VERSIONS = 43, EXTENSION_ESNI = 0xffce, EXTENSION_QUIC = 57 };

/* ---- TLS ------------------------------------------------------------------------------------- */

/* What follows the length at `at`; a part that was full before has none. */
static void patch_length(struct story_part *part, unsigned at, unsigned width)
{
	if (part->bytes < at + width)
		return;
	unsigned bytes = part->bytes - at - width;
	for (unsigned i = 0; i < width; i++)
		part->octets[at + i] = (uint8_t)(bytes >> 8 * (width - 1 - i));
}

/* A list of `width` octet numbers behind a length, as most extensions are. */
static void tls_list(struct story_part *part, struct dice *dice, unsigned prefix, unsigned width)
{
	uint32_t items = dice_percent(dice, 90) ? dice_below(dice, 16) : dice_below(dice, 300);
	part_number(part, items * width, prefix);
	for (uint32_t i = 0; i < items; i++)
		part_number(part, dice_percent(dice, 20) ? 0x0a0a0a0a : dice_next(dice) & 0x1fff, width);
}

static void tls_names(struct story_part *part, struct dice *dice, bool alpn)
{
	static const char *const protocols[] = { "h2", "http/1.1", "doq", "imap", "", "xmpp-client" };
	unsigned at = part->bytes;
	part_number(part, 0, 2);
	for (uint32_t i = 1 + dice_below(dice, dice_percent(dice, 10) ? 60 : 3); i; i--) {
		const char *protocol = protocols[dice_below(dice, 6)];
		uint32_t bytes = dice_percent(dice, 5) ? dice_below(dice, 500) : 3 + dice_below(dice, 20);
		if (alpn) {
			part_number(part, strlen(protocol), 1);
			part_text(part, protocol);
		} else {
			part_number(part, (uint64_t)bytes, 3);
			part_word(part, dice, bytes);
		}
	}
	patch_length(part, at, 2);
}

static void tls_extension(struct story_part *part, struct dice *dice)
{
	static const uint16_t types[] = { EXTENSION_NAME, EXTENSION_NAME, EXTENSION_GROUPS,
		EXTENSION_POINTS, EXTENSION_SIGNATURES, EXTENSION_ALPN, EXTENSION_ALPN, EXTENSION_VERSIONS,
		EXTENSION_ESNI, EXTENSION_QUIC, 51, 45, 0xff01, 23, 0x2a2a, 65281, 5, 18 };
	uint16_t type = types[dice_below(dice, sizeof types / sizeof *types)];
	part_number(part, type, 2);
	unsigned at = part->bytes;
	part_number(part, 0, 2);
	switch (type) {
	case EXTENSION_NAME: tls_names(part, dice, false); break;
	case EXTENSION_ALPN: tls_names(part, dice, true); break;
	case EXTENSION_GROUPS: case EXTENSION_SIGNATURES: tls_list(part, dice, 2, 2); break;
	case EXTENSION_POINTS: tls_list(part, dice, 1, 1); break;
	case EXTENSION_VERSIONS: tls_list(part, dice, 1, 2); break;
	default: part_noise(part, dice, dice_below(dice, 60));
	}
	patch_length(part, at, 2);
	if (dice_percent(dice, 4) && part->bytes >= at + 2u)
		part->octets[at + dice_below(dice, 2)] ^= (uint8_t)dice_next(dice);
}

static void tls_hello(struct story_part *part, struct dice *dice, bool client)
{
	unsigned start = part->bytes;
	part_number(part, client ? CLIENT_HELLO : SERVER_HELLO, 1);
	part_number(part, 0, 3);
	part_number(part, 0x0303, 2);
	part_noise(part, dice, 32);
	uint32_t session = dice_percent(dice, 80) ? dice_below(dice, 33) : dice_odd(dice, 255);
	part_number(part, session, 1);
	part_noise(part, dice, dice_percent(dice, 90) ? session : 0);
	if (client)
		tls_list(part, dice, 2, 2);
	else
		part_number(part, 0x1301, 2);
	part_number(part, client ? 0x0100 : 0, client ? 2 : 1);
	unsigned at = part->bytes;
	part_number(part, 0, 2);
	for (uint32_t i = dice_below(dice, 14); i; i--)
		tls_extension(part, dice);
	if (part->bytes >= at + 2u)
		patch_length(part, at, 2);
	patch_length(part, start + 1, 3);
}

/* DER as certificates have it: names, times and alternative names behind lengths. */
static void tls_certificate(struct story_part *part, struct dice *dice)
{
	static const char *const pieces[] = { "\x06\x03\x55\x04\x03", "\x06\x03\x55\x04\x06",
		"\x06\x03\x55\x04\x0a", "\x06\x03\x55\x1d\x11\x04", "\x17\x0d""220101000000Z",
		"\x18\x0f""20220101000000Z", "\x30\x82\x03\x12", "\x55\x04\x07", "\x30\x1e\x17\x0d" };
	part_number(part, CERTIFICATE, 1);
	part_number(part, dice_odd(dice, 0xffff), 3);
	part_number(part, dice_odd(dice, 0xffff), 3);
	part_number(part, dice_odd(dice, 0xffff), 3);
	for (uint32_t i = dice_below(dice, 40); i; i--) {
		uint32_t bytes = dice_odd(dice, 255);
		part_text(part, pieces[dice_below(dice, 9)]);
		part_number(part, 0x0c, 1);
		part_number(part, bytes, 1);
		part_word(part, dice, dice_percent(dice, 70) ? bytes : dice_below(dice, 20));
	}
}

static void tls_record(struct story_part *part, struct dice *dice, bool client)
{
	part_number(part, dice_percent(dice, 90) ? HANDSHAKE : 20 + dice_below(dice, 5), 1);
	part_number(part, dice_percent(dice, 90) ? 0x0301 + dice_below(dice, 3)
	            : dice_next(dice) & 0xffff, 2);
	unsigned at = part->bytes;
	part_number(part, 0, 2);
	if (!client && dice_percent(dice, 40))
		tls_certificate(part, dice);
	else
		tls_hello(part, dice, client);
	if (part->bytes >= at + 2u)
		patch_length(part, at, 2);
	if (dice_percent(dice, 15) && part->bytes >= at + 2u) {         /* never ends */
		part->octets[at] = 0x40;
		part->octets[at + 1] = (uint8_t)dice_next(dice);
	}
}

void tell_tls(struct story *story, struct dice *dice)
{
	static const uint16_t ports[] = { 443, 443, 443, 853, 993, 995, 465, 5061, 8443, 4433 };
	unsigned parts = 1 + dice_below(dice, STORY_PARTS_MAX);
	story->port = ports[dice_below(dice, 10)];
	for (unsigned i = 0; i < parts; i++) {
		bool server = i && dice_percent(dice, 60);
		struct story_part *part = story_add(story, server);
		if (i > 1 && dice_percent(dice, 60))
			part_noise(part, dice, dice_below(dice, STORY_PART_BYTES));
		else
			tls_record(part, dice, !server);
	}
}

/* ---- QUIC ------------------------------------------------------------------------------------ */

enum { SECRET_BYTES = 32, KEY_BYTES = 16, IV_BYTES = 12, TAG_BYTES = 16, QUIC_LEAST = 1200 };

struct quic_keys { uint8_t key[KEY_BYTES], iv[IV_BYTES], header[KEY_BYTES]; };

/* HKDF-Expand-Label (RFC 8446, 7.1) of at most one block. */
static void expand(const uint8_t secret[SECRET_BYTES], const char *label, uint8_t *ret,
                   unsigned bytes)
{
	uint8_t info[64] = { 0, (uint8_t)bytes, (uint8_t)(6 + strlen(label)) }, block[SECRET_BYTES];
	size_t length = strlen(label);
	memcpy(info + 3, "tls13 ", 6);
	memcpy(info + 9, label, length);
	info[9 + length] = 0;
	info[10 + length] = 1;
	HMAC(EVP_sha256(), secret, SECRET_BYTES, info, 11 + length, block, NULL);
	memcpy(ret, block, bytes);
}

static void quic_keys_of(const uint8_t *id, unsigned bytes, struct quic_keys *ret)
{
	static const uint8_t salt[] = { 0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
		0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a };
	uint8_t initial[SECRET_BYTES], client[SECRET_BYTES];
	HMAC(EVP_sha256(), salt, sizeof salt, id, bytes, initial, NULL);
	expand(initial, "client in", client, SECRET_BYTES);
	expand(client, "quic key", ret->key, KEY_BYTES);
	expand(client, "quic iv", ret->iv, IV_BYTES);
	expand(client, "quic hp", ret->header, KEY_BYTES);
}

/* What lies behind `header` octets is encrypted, a tag added, and the header protected. The packet
 * number is 0, in the header's last four octets. */
static void quic_seal(struct story_part *part, unsigned header, const struct quic_keys *keys)
{
	uint8_t mask[KEY_BYTES];
	int bytes;
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	if (!context)
		abort();
	EVP_EncryptInit_ex(context, EVP_aes_128_gcm(), NULL, keys->key, keys->iv);
	EVP_EncryptUpdate(context, NULL, &bytes, part->octets, (int)header);
	EVP_EncryptUpdate(context, part->octets + header, &bytes, part->octets + header,
	                  part->bytes - (int)header);
	EVP_EncryptFinal_ex(context, mask, &bytes);
	EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, part->octets + part->bytes);
	part->bytes += TAG_BYTES;
	EVP_EncryptInit_ex(context, EVP_aes_128_ecb(), NULL, keys->header, NULL);
	EVP_EncryptUpdate(context, mask, &bytes, part->octets + header, KEY_BYTES);
	EVP_CIPHER_CTX_free(context);
	part->octets[0] ^= mask[0] & 0x0f;
	for (unsigned i = 0; i < 4; i++)
		part->octets[header - 4 + i] ^= mask[1 + i];
}

/* Frames around pieces of a hello that lies in `whole`, of which `*at` octets have been told. */
static void quic_frames(struct story_part *part, struct dice *dice, const struct story_part *whole,
                        unsigned *at)
{
	for (uint32_t frames = 1 + dice_below(dice, 4); frames; frames--) {
		unsigned left = whole->bytes - *at;
		unsigned bytes = frames > 1 || dice_percent(dice, 30) ? dice_below(dice, left + 1) : left;
		if (dice_percent(dice, 20))
			part_number(part, dice_below(dice, 3), 1);
		part_number(part, 0x06, 1);
		part_number(part, 0x4000 | (dice_percent(dice, 95) ? *at : dice_odd(dice, 0x3fff)), 2);
		part_number(part, 0x4000 | (dice_percent(dice, 95) ? bytes : dice_odd(dice, 0x3fff)), 2);
		part_octets(part, whole->octets + *at, bytes);
		*at += bytes;
	}
}

static void quic_initial(struct story_part *part, struct dice *dice, const struct story_part *whole,
                         unsigned *at)
{
	uint8_t id[20];
	struct quic_keys keys;
	struct story_part inner = { .bytes = 0 };
	unsigned id_bytes = 8 + dice_below(dice, 13), other = dice_below(dice, 9);
	for (unsigned i = 0; i < id_bytes; i++)
		id[i] = (uint8_t)dice_next(dice);
	quic_frames(&inner, dice, whole, at);
	if (dice_percent(dice, 40))
		part_spoil(&inner, dice);
	unsigned room = STORY_PART_BYTES - 100;
	inner.bytes = inner.bytes < room ? inner.bytes : (uint16_t)room;
	while (inner.bytes < QUIC_LEAST)
		part_number(&inner, 0, 1);
	part_number(part, 0xc3, 1);
	part_number(part, 1, 4);
	part_number(part, id_bytes, 1);
	part_octets(part, id, id_bytes);
	part_number(part, other, 1);
	part_noise(part, dice, other);
	part_number(part, 0, 1);
	part_number(part, 0x4000u | (4u + inner.bytes + TAG_BYTES), 2);
	part_number(part, 0, 4);
	unsigned header = part->bytes;
	part_octets(part, inner.octets, inner.bytes);
	quic_keys_of(id, id_bytes, &keys);
	quic_seal(part, header, &keys);
}

void tell_quic(struct story *story, struct dice *dice)
{
	struct story_part whole = { .bytes = 0 };
	unsigned at = 0;
	story->port = 443;
	story->udp = true;
	tls_hello(&whole, dice, true);
	for (uint32_t parts = 1 + dice_below(dice, 4); parts; parts--)
		quic_initial(story_add(story, 0), dice, &whole, &at);
}
