/* SPDX-License-Identifier: Apache-2.0 */
/* What messages announce, and that damaged ones announce nothing. Each line of a table is a message
 * from 192.0.2.1 to 192.0.2.9 (or their IPv6 twins) and the ends in it, as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "base/compiler.h"
#include "identify/announce.h"

struct example {
	const char *text;
	const char *ends;               /* "address:port/protocol<peer", joined by blanks */
};

static void describe(const struct announced *a, char *out, size_t size)
{
	char address[INET6_ADDRSTRLEN], peer[INET6_ADDRSTRLEN];
	int family = a->family == 6 ? AF_INET6 : AF_INET;
	inet_ntop(family, a->address, address, sizeof address);
	inet_ntop(family, a->peer, peer, sizeof peer);
	snprintf(out, size, "%s%s:%u/%u<%s", *out ? " " : "", address, a->port, a->protocol,
	         a->any_peer ? "*" : peer);
}

/* From a copy of just that size: a sanitizer sees what is read behind it. */
static void ends_of(const char *text, int family, char *out, size_t size)
{
	struct announced ends[ANNOUNCED_MAX];
	uint8_t sender[16], receiver[16];
	size_t bytes = strlen(text);
	uint8_t *copy = malloc(bytes ? bytes : 1);
	assert_non_null(copy);
	memcpy(copy, text, bytes);
	inet_pton(family, family == AF_INET6 ? "2001:db8::1" : "192.0.2.1", sender);
	inet_pton(family, family == AF_INET6 ? "2001:db8::9" : "192.0.2.9", receiver);
	struct announce_message m = { .payload = copy, .bytes = (uint32_t)bytes, .sender = sender,
	                              .receiver = receiver, .family = family == AF_INET6 ? 6 : 4 };
	enum announce_kind kind = announce_kind(copy, m.bytes);
	unsigned count = kind ? announce_read(kind, &m, ends) : 0;
	*out = '\0';
	for (unsigned i = 0; i < count; i++) {
		char one[128] = "";
		describe(&ends[i], one, sizeof one);
		snprintf(out + strlen(out), size - strlen(out), "%s%s", i ? " " : "", one);
	}
	free(copy);
}

static void check(const struct example *examples, unsigned count, int family)
{
	char ends[1024];
	for (unsigned i = 0; i < count; i++) {
		ends_of(examples[i].text, family, ends, sizeof ends);
		if (strcmp(ends, examples[i].ends))
			fail_msg("%s\nannounces %s\nexpected %s", examples[i].text, ends, examples[i].ends);
	}
}

#define PASSIVE "192.0.2.1:40090/6<192.0.2.9"

static void test_ftp(void **state)
{
	static const struct example examples[] = {
		{ "227 Entering Passive Mode (192,0,2,1,156,154).\r\n", PASSIVE },
		{ "227 Entering Passive Mode 192,0,2,1,156,154", PASSIVE },
		{ "227 =192,0,2,1,156,154\r\n", PASSIVE },
		{ "PORT 192,0,2,1,156,154\r\n", PASSIVE },
		{ "port 192,0,2,1,156,154\n", "192.0.2.1:40090/6<192.0.2.9" },
		{ "TYPE I\r\nPORT 192,0,2,1,156,154\r\n", "" },     /* begins like no FTP: never read */
		{ "USER a\r\nPORT 192,0,2,1,156,154\r\n", PASSIVE },
		{ "227 Entering Passive Mode (10,0,0,7,156,154)\r\n", PASSIVE
		  " 10.0.0.7:40090/6<192.0.2.9" },
		{ "229 Entering Extended Passive Mode (|||40090|)\r\n", PASSIVE },
		{ "229 ok (!!!40090!)\r\n", PASSIVE },
		{ "EPRT |1|192.0.2.1|40090|\r\n", PASSIVE },
		{ "EPRT |1|192.0.2.1|65536|\r\n", "" },
		{ "EPRT |2|2001:db8::1|40090|\r\n", "" },
		{ "EPRT |1|192.0.2|40090|\r\n", "" },
		{ "EPRT |1|192.0.2.1|40090", "" }, { "EPRT |", "" }, { "EPRT ", "" },
		{ "229 ok (|||0|)\r\n", "" }, { "229 ok (|||x|)\r\n", "" }, { "229 (", "" },
		{ "227 Entering Passive Mode (192,0,2,256,156,154)\r\n", "" },
		{ "227 Entering Passive Mode (192,0,2,1,156", "" },
		{ "227 Entering Passive Mode (192,0,2,1,0,0)\r\n", "" },
		{ "PORT 192,0,2,1,156,99999999999999999999\r\n", "" },
		{ "227 ", "" }, { "", "" }, { "PORT", "" },
	};
	check(examples, array_count(examples), AF_INET);
}

static void test_ftp_over_ipv6(void **state)
{
	static const struct example examples[] = {
		{ "EPRT |2|2001:db8::1|40090|\r\n", "2001:db8::1:40090/6<2001:db8::9" },
		{ "229 Extended (|||40090|)\r\n", "2001:db8::1:40090/6<2001:db8::9" },
		{ "EPRT |1|192.0.2.1|40090|\r\n", "" }, { "PORT 192,0,2,1,156,154\r\n", "" },
	};
	check(examples, array_count(examples), AF_INET6);
}

#define INVITE "INVITE sip:a@example.net SIP/2.0\r\nc: application/sdp\r\n\r\nv=0\r\n"
#define OK "SIP/2.0 200 OK\r\n\r\nv=0\r\n"

static void test_sdp(void **state)
{
	static const struct example examples[] = {
		{ INVITE "c=IN IP4 198.51.100.5\r\nm=audio 6000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n",
		  "198.51.100.5:6000/17<* 198.51.100.5:6001/17<*" },
		{ OK "c=IN IP4 198.51.100.5\nm=audio 6000/2 RTP/SAVPF 0\nc=IN IP4 198.51.100.6\n"
		  "a=rtcp:6100\nm=video 7000 UDP/TLS/RTP/SAVPF 9\nm=image 8000 udptl t38\n"
		  "m=application 9 TCP/BFCP *\nm=audio 0 RTP/AVP 0\n",
		  "198.51.100.6:6000/17<* 198.51.100.6:6100/17<* 198.51.100.5:7000/17<* "
		  "198.51.100.5:7001/17<* 198.51.100.5:8000/17<*" },
		{ OK "m=audio 6000 RTP/AVP 0\r\n", "192.0.2.1:6000/17<* 192.0.2.1:6001/17<*" },
		{ OK "c=IN IP6 2001:db8::5\r\nm=audio 6000 RTP/AVP 0\r\n",
		  "2001:db8::5:6000/17<* 2001:db8::5:6001/17<*" },
		{ OK "c=IN IP4 0.0.0.0\r\nm=audio 6000 RTP/AVP 0\r\n", "" },
		{ OK "c=IN IP4 198.51.100.5/127\r\nm=audio 65535 RTP/AVP 0\r\n",
		  "198.51.100.5:65535/17<*" },
		{ OK "m=audio", "" }, { OK "m=audio 6000", "" }, { OK "m=", "" }, { OK "c=IN IP", "" },
		{ OK "c=IN IP4 999.1.1.1\r\nm=audio 65536 RTP/AVP 0\r\n", "" },
	};
	check(examples, array_count(examples), AF_INET);
}

static void test_many_media_are_bounded(void **state)
{
	char text[4096] = OK, ends[2048];
	for (unsigned i = 0; i < 60; i++)
		strcat(text, "m=audio 6000 RTP/AVP 0\r\n");
	ends_of(text, AF_INET, ends, sizeof ends);
	unsigned count = 0;
	for (const char *at = ends; (at = strchr(at, '<')); at++)
		count++;
	assert_int_equal(count, ANNOUNCED_MAX);
}

static void test_rtsp(void **state)
{
	static const struct example examples[] = {
		{ "SETUP rtsp://example.net/a RTSP/1.0\r\nCSeq: 3\r\n"
		  "Transport: RTP/AVP;unicast;client_port=4588-4589\r\n\r\n",
		  "192.0.2.1:4588/17<192.0.2.9 192.0.2.1:4589/17<192.0.2.9" },
		{ "RTSP/1.0 200 OK\r\ntransport: RTP/AVP;unicast;client_port=4588-4589;"
		  "server_port=6256-6257\r\n\r\n",
		  "192.0.2.9:4588/17<192.0.2.1 192.0.2.9:4589/17<192.0.2.1 "
		  "192.0.2.1:6256/17<192.0.2.9 192.0.2.1:6257/17<192.0.2.9" },
		{ "RTSP/1.0 200 OK\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n", "" },
		{ "RTSP/1.0 200 OK\r\nTransport: ;client_port=;server_port=-1\r\n\r\n", "" },
		{ "RTSP/1.0 200 OK\r\nTransport:", "" },
	};
	check(examples, array_count(examples), AF_INET);
}

static void test_kinds(void **state)
{
	static const struct { const char *text; enum announce_kind kind; bool mail; } examples[] = {
		{ "220 ftp.example.net ready\r\n", ANNOUNCE_FTP, false },
		{ "EHLO example.net\r\n", ANNOUNCE_NONE, true }, { "+OK ready", ANNOUNCE_NONE, true },
		{ "GET / HTTP/1.1\r\n", ANNOUNCE_NONE, false }, { "INVITE", ANNOUNCE_NONE, false },
		{ "OPTIONS sip:x SIP/2.0\r\n", ANNOUNCE_SIP, false },
		{ "OPTIONS * RTSP/1.0\r\n", ANNOUNCE_RTSP, false },
		{ "SIP/2.0 100 Trying\r\n", ANNOUNCE_SIP, false }, { "", ANNOUNCE_NONE, false },
	};
	for (unsigned i = 0; i < array_count(examples); i++) {
		const uint8_t *text = (const uint8_t *)examples[i].text;
		uint32_t bytes = (uint32_t)strlen(examples[i].text);
		assert_int_equal(announce_kind(text, bytes), examples[i].kind);
		assert_int_equal(announce_is_mail(text, bytes), examples[i].mail);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ftp), cmocka_unit_test(test_ftp_over_ipv6),
		cmocka_unit_test(test_sdp), cmocka_unit_test(test_many_media_are_bounded),
		cmocka_unit_test(test_rtsp), cmocka_unit_test(test_kinds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
