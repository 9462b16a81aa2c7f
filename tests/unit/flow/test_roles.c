/* SPDX-License-Identifier: Apache-2.0 */
/* What messages say of their sender, protocol by protocol, and that none is read past its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "flow/roles.h"

enum { OTHER = 40000, MESSAGE_MAX = 64 };

struct sample {
	uint16_t port;                  /* of the protocol */
	bool from_port;                 /* sent from it, not to it */
	enum role role;
	uint32_t bytes;
	char octets[24];                /* the first of them; the rest is 0 */
};

static const struct sample samples[] = {
	{ 53, false, ROLE_CLIENT, 17, "\0\1\1\0\0\1" },
	{ 53, true, ROLE_SERVER, 17, "\0\1\x81\x80\0\1" },
	{ 53, true, ROLE_SERVER, 12, "\0\1\x81\x85\0\0" },
	{ 53, true, ROLE_UNKNOWN, 17, "\0\1\1\0\0\1" },          /* a question from the port */
	{ 53, false, ROLE_UNKNOWN, 17, "\0\1\x81\x80\0\1" },     /* a response to it */
	{ 53, false, ROLE_UNKNOWN, 17, "\0\1\1\0\0\0" },         /* no question */
	{ 53, false, ROLE_UNKNOWN, 11, "\0\1\1\0\0\1" },
	{ 137, false, ROLE_CLIENT, 50, "\0\1\x29\x10\0\1" },
	{ 5353, true, ROLE_SERVER, 50, "\0\0\x84\0\0\0" },
	{ 67, false, ROLE_CLIENT, 60, "\1\1\6\0" },
	{ 67, true, ROLE_SERVER, 60, "\2\1\6\0" },
	{ 67, true, ROLE_UNKNOWN, 60, "\3\1\6\0" },
	{ 67, true, ROLE_UNKNOWN, 27, "\2\1\6\0" },
	{ 547, false, ROLE_CLIENT, 30, "\1" },
	{ 547, true, ROLE_SERVER, 30, "\2" },
	{ 547, true, ROLE_SERVER, 30, "\7" },
	{ 547, true, ROLE_UNKNOWN, 30, "\12" },                  /* Reconfigure: of its own accord */
	{ 547, true, ROLE_UNKNOWN, 30, "\xff" },
	{ 123, false, ROLE_CLIENT, 48, "\x23" },
	{ 123, true, ROLE_SERVER, 48, "\x24" },
	{ 123, true, ROLE_SERVER, 48, "\x22" },
	{ 123, false, ROLE_UNKNOWN, 48, "\x21" },                /* symmetric: either */
	{ 123, true, ROLE_UNKNOWN, 48, "\x25" },                 /* broadcast */
	{ 123, true, ROLE_UNKNOWN, 47, "\x24" },
	{ 123, false, ROLE_CLIENT, 12, "\x16\2" },
	{ 123, true, ROLE_SERVER, 12, "\x16\x82" },
	{ 161, false, ROLE_CLIENT, 40, "\x30\x26\2\1\1\4\6public\xa0" },
	{ 161, true, ROLE_SERVER, 40, "\x30\x26\2\1\1\4\6public\xa2" },
	{ 161, true, ROLE_SERVER, 40, "\x30\x82\0\x24\2\1\0\4\6public\xa2" },
	{ 162, false, ROLE_CLIENT, 40, "\x30\x26\2\1\1\4\6public\xa7" },
	{ 161, false, ROLE_UNKNOWN, 40, "\x30\x26\2\1\3\x30" },  /* version 3 */
	{ 161, false, ROLE_UNKNOWN, 13, "\x30\x26\2\1\1\4\6public" },
	{ 1812, false, ROLE_CLIENT, 40, "\1\1\0\x28" },
	{ 1812, true, ROLE_SERVER, 40, "\2\1\0\x28" },
	{ 1813, true, ROLE_SERVER, 20, "\5\1\0\x14" },
	{ 3799, false, ROLE_CLIENT, 40, "\x28\1\0\x28" },
	{ 1812, true, ROLE_UNKNOWN, 40, "\2\1\0\1" },            /* a length that cannot be */
	{ 69, false, ROLE_CLIENT, 20, "\0\1name" },
	{ 69, false, ROLE_UNKNOWN, 20, "\0\3\0\1" },
	{ 5060, true, ROLE_SERVER, 40, "SIP/2.0 200 OK" },
	{ 5060, false, ROLE_UNKNOWN, 40, "INVITE sip:a@b SIP/2.0" },
	{ 5060, true, ROLE_UNKNOWN, 7, "SIP/2.0 200 OK" },
	{ 3478, false, ROLE_CLIENT, 28, "\0\1\0\10\x21\x12\xa4\x42" },
	{ 3478, true, ROLE_SERVER, 28, "\1\1\0\10\x21\x12\xa4\x42" },
	{ 3478, true, ROLE_SERVER, 28, "\1\x11\0\10\x21\x12\xa4\x42" },
	{ 3478, false, ROLE_UNKNOWN, 28, "\0\x11\0\10\x21\x12\xa4\x42" },       /* an indication */
	{ 3478, false, ROLE_UNKNOWN, 28, "\0\1\0\10\x21\x12\xa4\x43" },
	{ 5683, false, ROLE_CLIENT, 10, "\x40\1" },
	{ 5683, true, ROLE_SERVER, 10, "\x60\x45" },
	{ 5683, true, ROLE_UNKNOWN, 10, "\x60\0" },              /* empty: an acknowledgement */
	{ 1900, false, ROLE_CLIENT, 40, "M-SEARCH * HTTP/1.1" },
	{ 1900, true, ROLE_SERVER, 40, "HTTP/1.1 200 OK" },
	{ 1900, false, ROLE_UNKNOWN, 40, "NOTIFY * HTTP/1.1" },
	{ 500, false, ROLE_CLIENT, 40, "SPI8octe\0\0\0\0\0\0\0\0\x21\x20\x22\x08" },
	{ 500, true, ROLE_SERVER, 40, "SPI8octeSPI8octe\x21\x20\x22\x20" },
	{ 4500, true, ROLE_SERVER, 44, "\0\0\0\0SPI8octeSPI8octe\x21\x20\x22\x20" },
	{ 500, false, ROLE_UNKNOWN, 40, "SPI8octeSPI8octe\x2e\x20\x25\x08" },   /* any later exchange */
	{ 500, false, ROLE_CLIENT, 40, "SPI8octe\0\0\0\0\0\0\0\0\1\x10\2" },
	{ 500, true, ROLE_UNKNOWN, 40, "SPI8octeSPI8octe\1\x10\2" },
	{ 1194, false, ROLE_CLIENT, 14, "\x38" },
	{ 1194, true, ROLE_SERVER, 26, "\x40" },
	{ 1194, true, ROLE_UNKNOWN, 26, "\x48" },
};

/* A copy of just this size, so that a sanitizer sees the first octet too many. */
static enum role role_of(const struct sample *s, uint32_t bytes)
{
	uint8_t message[MESSAGE_MAX] = { 0 }, *exact = malloc(bytes ? bytes : 1);
	const uint16_t port[2] = { s->port, OTHER };
	assert_non_null(exact);
	memcpy(message, s->octets, sizeof s->octets);
	memcpy(exact, message, bytes);
	enum role role = role_by_rule(role_rule_of(port), s->from_port ? s->port : OTHER,
	                              s->from_port ? OTHER : s->port, exact, bytes);
	free(exact);
	return role;
}

static void each_message_shows_its_role(void **state)
{
	for (unsigned i = 0; i < array_count(samples); i++)
		if (role_of(&samples[i], samples[i].bytes) != samples[i].role)
			fail_msg("sample %u, port %u", i, samples[i].port);
}

static void cut_messages_are_not_read_past_their_end(void **state)
{
	for (unsigned i = 0; i < array_count(samples); i++)
		for (uint32_t bytes = 0; bytes < samples[i].bytes; bytes++) {
			enum role role = role_of(&samples[i], bytes);
			assert_true(role == samples[i].role || role == ROLE_UNKNOWN);
		}
}

static void noise_does_no_harm(void **state)
{
	uint32_t x = 1;
	for (unsigned n = 0; n < 200000; n++) {
		struct sample s = { .port = samples[n % array_count(samples)].port, .from_port = n & 1 };
		for (unsigned i = 0; i < sizeof s.octets; i++)
			s.octets[i] = (char)((x = x * 1664525 + 1013904223) >> 24);
		role_of(&s, x >> 8 & 63);
	}
}

static void the_lower_port_decides(void **state)
{
	const uint16_t both[2] = { 5353, 53 }, none[2] = { 9000, 50000 }, one[2] = { 40000, 123 };
	assert_int_equal(role_rule_of(both), RULE_DNS);
	assert_int_equal(role_rule_of(none), RULE_NONE);
	assert_int_equal(role_rule_of(one), RULE_NTP);
}

static enum role role_of_text(const char *text, uint32_t bytes)
{
	return role_by_rule(RULE_SEGMENT, 1, 2, (const uint8_t *)text, bytes);
}

static void tcp_is_known_by_its_octets(void **state)
{
	assert_int_equal(role_of_text("GET / HTTP/1.1\r\n", 16), ROLE_CLIENT);
	assert_int_equal(role_of_text("CONNECT a:443 HTTP/1.1", 22), ROLE_CLIENT);
	assert_int_equal(role_of_text("HTTP/1.1 200 OK", 15), ROLE_SERVER);
	assert_int_equal(role_of_text("GET", 3), ROLE_UNKNOWN);
	assert_int_equal(role_of_text("OPTIONS * RTSP/1.0", 18), ROLE_UNKNOWN);
	assert_int_equal(role_of_text("\x16\3\1\2\0\1\0\1\xfc", 9), ROLE_CLIENT);
	assert_int_equal(role_of_text("\x16\3\3\0\x7a\2\0\0\x76", 9), ROLE_SERVER);
	assert_int_equal(role_of_text("\x17\3\3\0\x7a\2\0\0\x76", 9), ROLE_UNKNOWN);
	assert_int_equal(role_of_text("\x16\3\3\0\x7a\2\0\0\x76", 8), ROLE_UNKNOWN);
	assert_int_equal(role_of_text("", 0), ROLE_UNKNOWN);
}

static void icmp_requests_and_replies(void **state)
{
	static const uint8_t requests[] = { 8, 13, 15, 17 }, replies[] = { 0, 14, 16, 18 };
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(role_of_icmp(1, requests[i]), ROLE_CLIENT);
		assert_int_equal(role_of_icmp(1, replies[i]), ROLE_SERVER);
	}
	assert_int_equal(role_of_icmp(58, 128), ROLE_CLIENT);
	assert_int_equal(role_of_icmp(58, 129), ROLE_SERVER);
	assert_int_equal(role_of_icmp(58, 136), ROLE_UNKNOWN);  /* neighbours speak unasked */
	assert_int_equal(role_of_icmp(1, 3), ROLE_UNKNOWN);
	assert_int_equal(role_of_icmp(1, 255), ROLE_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_message_shows_its_role),
		cmocka_unit_test(cut_messages_are_not_read_past_their_end),
		cmocka_unit_test(noise_does_no_harm),
		cmocka_unit_test(the_lower_port_decides),
		cmocka_unit_test(tcp_is_known_by_its_octets),
		cmocka_unit_test(icmp_requests_and_replies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
