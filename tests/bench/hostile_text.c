/* SPDX-License-Identifier: Apache-2.0 */
/* Stories in good form, or nearly: lines of text, DNS, the marks that protocols begin with. */
#include "hostile.h"

#include <string.h>

#define COUNT(array) (uint32_t)(sizeof(array) / sizeof *(array))
#define DRAW(dice, array) (array)[dice_below(dice, COUNT(array))]

/* ---- lines ----------------------------------------------------------------------------------- */

static const char *const http_starts[] = {
	"GET / HTTP/1.1\r\n", "POST /a?b=<script>alert(1)</script>&c=' or 1=1-- HTTP/1.1\r\n",
	"CONNECT example.org:443 HTTP/1.1\r\n", "OPTIONS * HTTP/1.0\r\n", "GET http://",
	"HTTP/1.1 200 OK\r\n", "HTTP/1.1 ", "M-SEARCH * HTTP/1.1\r\n", "NOTIFY * HTTP/1.1\r\n",
	"PROPFIND /", "GET /download.exe HTTP/1.1\r\n", "RPC_CONNECT ", "GET /socket.io/?EIO=3",
};
static const char *const http_headers[] = {
	"Host: ", "Host:", "User-Agent: ", "Content-Type: ", "Content-Length: ", "Server: ", "Origin: ",
	"X-Forwarded-For: ", "Referer: ", "Accept: application/x-rtsp-tunnelled", "Upgrade: websocket",
	"Transfer-Encoding: chunked", "Content-Encoding: ", "Authorization: Basic ", "Cookie: ",
	"User-Agent: Mozilla/5.0 (", "Content-Disposition: attachment; filename=", "X-Session-Type: ",
	"Content-Type: application/octet-stream", "Content-Type: video/", "ST: ssdp:", "NT: ",
	"Sec-WebSocket-Key: ", "x-steam-sid: ", "Icy-MetaData: 1", "LOCATION: http://",
};
static const char *const ends[] = { "\r\n", "\r\n", "\r\n", "\n", "\r", "", "\r\n\r\n", ": " };

static void http_part(struct story_part *part, struct dice *dice, bool start)
{
	if (start)
		part_text(part, DRAW(dice, http_starts));
	for (uint32_t lines = dice_odd(dice, 70); lines; lines--) {
		part_text(part, DRAW(dice, http_headers));
		part_word(part, dice, dice_percent(dice, 5) ? dice_below(dice, 900) : dice_below(dice, 24));
		part_text(part, DRAW(dice, ends));
	}
}

/* Headers without an end, in as many packets as are looked at. */
void tell_http(struct story *story, struct dice *dice)
{
	static const uint16_t ports[] = { 80, 8080, 443, 3128, 1900, 8000, 5985 };
	unsigned parts = 1 + dice_below(dice, STORY_PARTS_MAX);
	story->port = DRAW(dice, ports);
	story->udp = story->port == 1900;
	for (unsigned i = 0; i < parts; i++)
		http_part(story_add(story, dice_percent(dice, 25)), dice, !i || dice_percent(dice, 40));
}

static const struct speech {
	uint16_t port;
	const char *line[8];
} speeches[] = {
	{ 25, { "220 mail ESMTP ", "EHLO ", "250-STARTTLS", "AUTH LOGIN", "MAIL FROM:<", "STARTTLS",
		"AUTH PLAIN AGFiYwB4eXo=", "235 " } },
	{ 21, { "220 FTP ", "USER ", "331 ", "PASS ", "230 ", "AUTH TLS", "PORT 10,0,0,1,", "227 (" } },
	{ 110, { "+OK ", "USER ", "PASS ", "CAPA", "STLS", "-ERR ", "LIST", "APOP " } },
	{ 143, { "* OK ", "a1 LOGIN ", "a1 STARTTLS", "a1 OK ", "* CAPABILITY ", "a2 LOGIN \"", "a ",
		"1 BAD" } },
	{ 5060, { "INVITE sip:", "SIP/2.0 200 OK", "REGISTER sip:", "Via: SIP/2.0/UDP ",
		"From: <sip:", "m=audio ", "To: ", "Call-ID: " } },
	{ 554, { "OPTIONS rtsp://", "RTSP/1.0 200 OK", "DESCRIBE rtsp://", "CSeq: ", "Transport: ",
		"SETUP rtsp://", "m=video 0 RTP/AVP", "PLAY rtsp://" } },
	{ 23, { "\xff\xfb\x01\xff\xfd\x03", "login: ", "root", "Password: ", "\xff\xfa\x18", "# ",
		"\xff\xf0", "telnet" } },
	{ 22, { "SSH-2.0-OpenSSH_", "SSH-1.99-", "SSH-2.0-", "SSH-", "SSH-2.0-dropbear_", "SSH-2.0-P",
		"\x00\x00\x01\x2c\x0a\x14", "SSH-2.0-libssh" } },
	{ 194, { "NICK ", "USER ", ":irc NOTICE AUTH", "JOIN #", "PRIVMSG ", "PING :", "DCC SEND ",
		"PASS " } },
	{ 6379, { "*1\r\n$4\r\nPING", "+PONG", "$-1", "*3\r\n$3\r\nSET", ":1000", "-ERR", "*", "$" } },
	{ 43, { "example.org", "domain ", "% ", "whois", "\r\n", "as1234", "-", "n " } },
	{ 9418, { "0032git-upload-pack /", "ffff", "0000", "0004", "001e# service=git", "zzzz", "003",
		"0001" } },
	{ 5222, { "<?xml version='1.0'?>", "<stream:stream to='", "xmlns='jabber:client'", "<auth ",
		"<iq type='", "</stream>", "<message to=\"", "<starttls" } },
	{ 11211, { "get ", "set ", "stats", "VALUE ", "STAT ", "END", "STORED", "delete " } },
};

void tell_lines(struct story *story, struct dice *dice)
{
	const struct speech *speech = &DRAW(dice, speeches);
	unsigned parts = 1 + dice_below(dice, STORY_PARTS_MAX);
	story->port = speech->port;
	story->udp = speech->port == 5060 && dice_percent(dice, 50);
	for (unsigned i = 0; i < parts; i++) {
		struct story_part *part = story_add(story, dice_below(dice, 2));
		uint32_t most = dice_percent(dice, 10) ? 60 : 4;
		for (uint32_t lines = 1 + dice_below(dice, most); lines; lines--) {
			part_text(part, DRAW(dice, speech->line));
			part_word(part, dice, dice_percent(dice, 10) ? dice_below(dice, 700)
			          : dice_below(dice, 16));
			part_text(part, DRAW(dice, ends));
		}
	}
}

/* ---- DNS ------------------------------------------------------------------------------------- */

/* A name of labels, or a pointer: to itself, to another pointer, beyond the end. */
static void dns_name(struct story_part *part, struct dice *dice)
{
	for (uint32_t labels = dice_below(dice, dice_percent(dice, 5) ? 120 : 5); labels; labels--) {
		uint32_t bytes = dice_percent(dice, 10) ? dice_odd(dice, 63) : 1 + dice_below(dice, 12);
		part_number(part, dice_percent(dice, 4) ? dice_below(dice, 256) : bytes, 1);
		part_word(part, dice, bytes);
	}
	if (dice_percent(dice, 40))
		part_number(part, 0xc000u | (dice_percent(dice, 60) ? part->bytes + dice_below(dice, 5) - 2u
		            : dice_odd(dice, 0x3fff)), 2);
	else
		part_number(part, 0, 1);
}

static void dns_message(struct story_part *part, struct dice *dice, bool answer)
{
	static const uint16_t types[] = { 1, 28, 5, 16, 12, 33, 255, 0, 65535, 15, 10, 41 };
	uint32_t questions = dice_percent(dice, 80) ? 1 : dice_odd(dice, 0xffff);
	uint32_t answers = !answer ? 0 : dice_percent(dice, 80) ? dice_below(dice, 4)
		: dice_odd(dice, 0xffff);
	part_number(part, dice_next(dice), 2);
	part_number(part, (answer ? 0x8180u : 0x0100u) | (dice_percent(dice, 10) ? 3 : 0), 2);
	part_number(part, (uint64_t)questions << 48 | (uint64_t)answers << 32
	            | (dice_percent(dice, 10) ? dice_next(dice) & 0xffffffff : 0), 8);
	for (uint32_t i = 0; i < questions && i < 6; i++) {
		dns_name(part, dice);
		part_number(part, (uint32_t)DRAW(dice, types) << 16 | 1, 4);
	}
	for (uint32_t i = 0; i < answers && i < 60; i++) {
		uint32_t bytes = dice_percent(dice, 60) ? 4 : dice_below(dice, 40);
		dns_name(part, dice);
		part_number(part, (uint64_t)DRAW(dice, types) << 48 | 1ull << 32 | 300, 8);
		part_number(part, dice_percent(dice, 80) ? bytes : dice_odd(dice, 0xffff), 2);
		part_noise(part, dice, bytes);
	}
}

void tell_dns(struct story *story, struct dice *dice)
{
	static const uint16_t ports[] = { 53, 53, 53, 5353, 5355, 137 };
	unsigned parts = 1 + dice_below(dice, 3);
	story->port = DRAW(dice, ports);
	story->udp = dice_percent(dice, 80);
	for (unsigned i = 0; i < parts; i++) {
		struct story_part *part = story_add(story, i & 1);
		if (!story->udp)
			part_number(part, dice_odd(dice, 0xffff), 2);
		dns_message(part, dice, dice_percent(dice, 50));
	}
}

/* ---- marks and noise ------------------------------------------------------------------------- */

static const struct mark {
	bool udp;
	uint16_t port;
	uint8_t bytes;
	const char *octets;
} marks[] = {
	{ 0, 6881, 20, "\x13""BitTorrent protocol" }, { 1, 6881, 12, "d1:ad2:id20:" },
	{ 1, 3478, 8, "\x00\x01\x00\x08\x21\x12\xa4\x42" }, { 1, 3478, 6, "\x01\x01\x00\x0c\x21\x12" },
	{ 0, 3389, 11, "\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00" }, { 1, 123, 1, "\x1b" },
	{ 0, 445, 8, "\x00\x00\x00\x55\xff""SMB" }, { 0, 445, 8, "\x00\x00\x00\x55\xfe""SMB" },
	{ 0, 3306, 6, "\x4a\x00\x00\x00\x0a""8" }, { 0, 5432, 8, "\x00\x00\x00\x08\x04\xd2\x16\x2f" },
	{ 0, 27017, 4, "\x3f\x00\x00\x00" }, { 0, 1883, 8, "\x10\x20\x00\x04MQTT" },
	{ 1, 67, 4, "\x01\x01\x06\x00" }, { 1, 161, 7, "\x30\x26\x02\x01\x01\x04\x06" },
	{ 0, 88, 8, "\x00\x00\x00\x80\x6a\x81\x30\x30" }, { 1, 88, 5, "\x6a\x81\xcf\x30\x81" },
	{ 0, 389, 5, "\x30\x0c\x02\x01\x01" }, { 1, 69, 8, "\x00\x01""file\x00o" },
	{ 1, 1194, 9, "\x38\x01\x02\x03\x04\x05\x06\x07\x08" },
	{ 1, 500, 8, "\x01\x02\x03\x04\x05\x06\x07\x08" }, { 1, 1812, 4, "\x01\x01\x00\x40" },
	{ 1, 5683, 4, "\x40\x01\x00\x01" }, { 1, 2055, 4, "\x00\x09\x00\x01" },
	{ 1, 6343, 8, "\x00\x00\x00\x05\x00\x00\x00\x01" }, { 1, 8801, 4, "\x01\x00\x03\x90" },
	{ 1, 10001, 4, "\x02\x06\x00\xa0" }, { 1, 17500, 9, "{\"host_in" },
	{ 1, 51820, 4, "\x01\x00\x00\x00" }, { 1, 5004, 4, "\x80\x60\x00\x01" },
	{ 1, 5005, 4, "\x80\xc8\x00\x06" }, { 0, 1720, 4, "\x03\x00\x00\x4c" },
	{ 0, 179, 16, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" },
	{ 0, 102, 7, "\x03\x00\x00\x16\x11\xe0\x00" },
	{ 0, 502, 8, "\x00\x01\x00\x00\x00\x06\x01\x03" }, { 0, 9042, 5, "\x04\x00\x00\x00\x05" },
	{ 0, 1080, 3, "\x05\x01\x00" }, { 0, 4662, 5, "\xe3\x20\x00\x00\x00" },
	{ 1, 4672, 2, "\xe4\x20" }, { 0, 1935, 3, "\x03\x00\x00" }, { 0, 2222, 7, "SSH-2.0" },
	{ 1, 138, 4, "\x11\x0a\x00\x01" }, { 1, 34001, 7, "\x06\x00\x00\x00\x00\x00\x00" },
	{ 1, 27015, 5, "\xff\xff\xff\xffT" }, { 1, 19302, 4, "\x00\x01\x00\x5c" },
	{ 0, 210, 2, "\xb4\x82" }, { 0, 8333, 4, "\xf9\xbe\xb4\xd9" },
	{ 0, 3333, 21, "{\"id\":1,\"method\":\"mini" }, { 1, 1719, 3, "\x80\x08\x50" },
	{ 1, 2152, 4, "\x30\xff\x00\x24" }, { 0, 2775, 8, "\x00\x00\x00\x2f\x00\x00\x00\x09" },
	{ 0, 655, 4, "0 a " }, { 0, 4000, 4, "\x02\x12\x34\x56" }, { 0, 8009, 4, "\x12\x34\x01\x00" },
};

void tell_marks(struct story *story, struct dice *dice)
{
	const struct mark *mark = &DRAW(dice, marks);
	unsigned parts = 1 + dice_below(dice, 6);
	story->port = mark->port;
	story->udp = mark->udp;
	for (unsigned i = 0; i < parts; i++) {
		struct story_part *part = story_add(story, dice_below(dice, 2));
		if (!i || dice_percent(dice, 60))
			part_octets(part, mark->octets, mark->bytes);
		part_noise(part, dice, dice_percent(dice, 50) ? dice_below(dice, 40)
		           : dice_below(dice, 900));
	}
}

void tell_noise(struct story *story, struct dice *dice)
{
	unsigned parts = 1 + dice_below(dice, STORY_PARTS_MAX);
	story->port = (uint16_t)dice_below(dice, dice_percent(dice, 50) ? 1024 : 65536);
	story->udp = dice_percent(dice, 60);
	for (unsigned i = 0; i < parts; i++)
		part_noise(story_add(story, dice_below(dice, 2)), dice,
		           1 + dice_below(dice, dice_percent(dice, 60) ? 30 : 1400));
}
