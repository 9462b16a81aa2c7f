/* SPDX-License-Identifier: Apache-2.0 */
/* See announce.h. A text is a piece of the payload that gets shorter from its front as it is read;
 * a reader that does not find what it looks for says so and its caller gives up the line. */
#include "identify/announce.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, PORT_MAX = 65535, METHOD_MAX = 16 };

struct text {
	const char *at, *end;
};

struct list {                           /* what has been found */
	const struct announce_message *message;
	struct announced *item;
	unsigned count;
};

/* ---- texts ----------------------------------------------------------------------------------- */

static size_t left(const struct text *t) { return (size_t)(t->end - t->at); }

/* Takes a word of either case. */
static bool take(struct text *t, const char *word)
{
	size_t length = strlen(word);
	if (left(t) < length || strncasecmp(t->at, word, length))
		return false;
	t->at += length;
	return true;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* False as soon as it is larger than it may be: no number of any length overflows. */
static bool take_number(struct text *t, unsigned most, unsigned *ret)
{
	unsigned value = 0;
	const char *start = t->at;
	for (; t->at < t->end && is_digit(*t->at); t->at++) {
		value = value * 10 + (unsigned)(*t->at - '0');
		if (value > most)
			return false;
	}
	*ret = value;
	return t->at > start;
}

/* Goes on to the first of these characters; false (at the end) if there is none. */
static bool skip_to(struct text *t, const char *set)
{
	while (t->at < t->end && !(*t->at && strchr(set, *t->at)))
		t->at++;
	return t->at < t->end;
}

/* The next line, without its end. */
static bool next_line(struct text *rest, struct text *ret)
{
	if (rest->at == rest->end)
		return false;
	const char *stop = memchr(rest->at, '\n', left(rest));
	ret->at = rest->at;
	ret->end = stop ? stop : rest->end;
	rest->at = stop ? stop + 1 : rest->end;
	return true;
}

/* A literal of the flow's own family; what is announced for the other one is of no use. */
static bool take_address(struct text *t, unsigned family, uint8_t ret[16])
{
	static const char set[] = { "0123456789abcdefABCDEF:." };
	char literal[INET6_ADDRSTRLEN];
	size_t length = 0;
	while (length < left(t) && length < sizeof literal - 1
	       && memchr(set, t->at[length], sizeof set - 1))
		length++;
	memcpy(literal, t->at, length);
	literal[length] = '\0';
	uint8_t address[16] = { 0 };
	if (inet_pton(family == 6 ? AF_INET6 : AF_INET, literal, address) != 1)
		return false;
	t->at += length;
	memcpy(ret, address, 16);
	return true;
}

/* ---- what is found --------------------------------------------------------------------------- */

static void copy_address(uint8_t to[16], const uint8_t *from, unsigned family)
{
	memset(to, 0, 16);
	memcpy(to, from, family == 6 ? 16 : 4);
}

/* Nobody listens at port 0 or at no address. */
static void add(struct list *list, const struct announced *item)
{
	static const uint8_t nowhere[16];
	if (item->port && list->count < ANNOUNCED_MAX && memcmp(item->address, nowhere, 16))
		list->item[list->count++] = *item;
}

/* Of the sender or the receiver of the message, with the other one as its peer. */
static struct announced end_of(const struct announce_message *m, bool sender, uint8_t protocol)
{
	struct announced a = { .family = m->family, .protocol = protocol };
	copy_address(a.address, sender ? m->sender : m->receiver, m->family);
	copy_address(a.peer, sender ? m->receiver : m->sender, m->family);
	return a;
}

/* ---- FTP ------------------------------------------------------------------------------------- */

/* The sender listens at `address`. Behind a translator of addresses it is seen under the one that
 * it sends from: both are expected. NULL: it has said none. */
static void add_listener(struct list *list, const uint8_t *address, unsigned port)
{
	struct announced a = end_of(list->message, true, PROTOCOL_TCP);
	a.port = (uint16_t)port;
	add(list, &a);
	if (!address || !memcmp(address, a.address, 16))
		return;
	memcpy(a.address, address, 16);
	add(list, &a);
}

/* h1,h2,h3,h4,p1,p2 */
static void read_six(struct list *list, struct text line)
{
	uint8_t address[16] = { 0 };
	unsigned value[6];
	for (unsigned i = 0; i < 6; i++)
		if ((i && !take(&line, ",")) || !take_number(&line, 255, &value[i]))
			return;
	for (unsigned i = 0; i < 4; i++)
		address[i] = (uint8_t)value[i];
	if (list->message->family == 4)
		add_listener(list, address, value[4] * 256 + value[5]);
}

/* |2|2001:db8::1|6446| with any separator; the answer to EPSV has only the port. */
static void read_extended(struct list *list, struct text line)
{
	uint8_t address[16];
	unsigned family = list->message->family, number = 0, port = 0;
	char separator[2] = { line.at < line.end ? *line.at : '\0', '\0' };
	bool given = false;
	if (!take(&line, separator) || !*separator || is_digit(*separator))
		return;
	if (take_number(&line, 2, &number) && number != (family == 6 ? 2 : 1))
		return;
	if (!take(&line, separator))
		return;
	if (!take(&line, separator)) {
		given = take_address(&line, family, address);
		if (!given || !take(&line, separator))
			return;
	}
	if (take_number(&line, PORT_MAX, &port) && take(&line, separator))
		add_listener(list, given ? address : NULL, port);
}

/* Commands of the client and answers of the server, told apart by how they begin. */
static void read_ftp_line(struct list *list, struct text line)
{
	if (take(&line, "PORT ")) {
		read_six(list, line);
	} else if (take(&line, "EPRT ")) {
		read_extended(list, line);
	} else if (take(&line, "227 ")) {
		if (skip_to(&line, "0123456789"))
			read_six(list, line);
	} else if (take(&line, "229 ")) {
		if (skip_to(&line, "(") && take(&line, "("))
			read_extended(list, line);
	}
}

/* ---- SDP ------------------------------------------------------------------------------------- */

struct media {                          /* of an SDP text, up to the line at hand */
	struct announced session, own;  /* where media go by c=, for all and for this one */
	unsigned port, rtcp_port;       /* 0: no media yet; RTCP is next to it */
	bool is_rtp;
};

/* The stream's port, and that of RTCP: said, or by custom the next one. */
static void end_media(struct list *list, struct media *m)
{
	if (m->port) {
		m->own.port = (uint16_t)m->port;
		add(list, &m->own);
		m->own.port = (uint16_t)(m->rtcp_port ? m->rtcp_port : m->port + 1);
		if (m->is_rtp)
			add(list, &m->own);
	}
	m->own = m->session;
	m->port = m->rtcp_port = 0;
}

/* c=IN IP4 192.0.2.1/127 */
static void read_connection(struct media *m, bool in_media, struct text line)
{
	struct announced *to = in_media ? &m->own : &m->session;
	if (!take(&line, "IN IP"))
		return;
	unsigned family = left(&line) && *line.at == '6' ? 6 : 4;
	line.at += left(&line) > 0;
	uint8_t address[16];
	if (!take(&line, " ") || !take_address(&line, family, address))
		return;
	memcpy(to->address, address, 16);
	to->family = (uint8_t)family;
	if (!in_media)
		m->own = m->session;
}

/* m=audio 49170/2 RTP/AVP 0 */
static void read_media(struct media *m, struct text line)
{
	unsigned port = 0;
	if (!skip_to(&line, " ") || !take(&line, " ") || !take_number(&line, PORT_MAX, &port))
		return;
	if (!skip_to(&line, " ") || !take(&line, " "))
		return;
	m->is_rtp = take(&line, "RTP/") || take(&line, "UDP/TLS/RTP/");
	if (m->is_rtp || take(&line, "UDP"))
		m->port = port;
}

/* c= before the first m= is for all media, behind one for that alone. */
static void read_sdp_line(struct list *list, struct media *m, bool *in_media, struct text line)
{
	if (take(&line, "m=")) {
		end_media(list, m);
		*in_media = true;
		read_media(m, line);
	} else if (take(&line, "c=")) {
		read_connection(m, *in_media, line);
	} else if (take(&line, "a=rtcp:")) {
		take_number(&line, PORT_MAX, &m->rtcp_port);
	}
}

/* ---- RTSP ------------------------------------------------------------------------------------ */

/* "4588-4589" or "4588" of the sender or the receiver. */
static void read_port_pair(struct list *list, bool sender, struct text line)
{
	struct announced a = end_of(list->message, sender, PROTOCOL_UDP);
	unsigned port[2] = { 0 };
	if (!take_number(&line, PORT_MAX, &port[0]))
		return;
	if (take(&line, "-"))
		take_number(&line, PORT_MAX, &port[1]);
	for (unsigned i = 0; i < 2; i++) {
		a.port = (uint16_t)port[i];
		add(list, &a);
	}
}

/* Transport: RTP/AVP;unicast;client_port=4588-4589;server_port=6256-6257 */
static void read_transport(struct list *list, bool from_server, struct text line)
{
	while (skip_to(&line, ";,")) {
		line.at++;
		if (take(&line, "client_port="))
			read_port_pair(list, !from_server, line);
		else if (take(&line, "server_port="))
			read_port_pair(list, from_server, line);
	}
}

/* ---- messages -------------------------------------------------------------------------------- */

/* Behind a method in capitals. */
static bool is_request(struct text t, const char *const *targets)
{
	unsigned length = 0;
	while (length < METHOD_MAX && t.at < t.end && ((*t.at >= 'A' && *t.at <= 'Z') || *t.at == '_'))
		t.at++, length++;
	if (!length || !take(&t, " "))
		return false;
	for (; *targets; targets++)
		if (take(&t, *targets))
			return true;
	return false;
}

static bool starts(struct text t, const char *const *words)
{
	for (; *words; words++)
		if (take(&t, *words))
			return true;
	return false;
}

enum announce_kind announce_kind(const uint8_t *payload, uint32_t bytes)
{
	static const char *const sip[] = { "sip:", "sips:", "tel:", NULL };
	static const char *const rtsp[] = { "rtsp:", "rtspu:", "* RTSP/", NULL };
	static const char *const ftp[] = { "220 ", "220-", "USER ", "PORT ", "EPRT ", "EPSV", "PASV",
	                                   "227 ", "229 ", NULL };
	struct text t = { (const char *)payload, (const char *)payload + bytes };
	if (starts(t, (const char *const []){ "SIP/2.0 ", NULL }) || is_request(t, sip))
		return ANNOUNCE_SIP;
	if (starts(t, (const char *const []){ "RTSP/1.0 ", NULL }) || is_request(t, rtsp))
		return ANNOUNCE_RTSP;
	return starts(t, ftp) ? ANNOUNCE_FTP : ANNOUNCE_NONE;
}

bool announce_is_mail(const uint8_t *payload, uint32_t bytes)
{
	static const char *const mail[] = { "EHLO ", "HELO ", "LHLO ", "+OK", "MAIL FROM:", NULL };
	return starts((struct text){ (const char *)payload, (const char *)payload + bytes }, mail);
}

/* Line by line, so work is bounded by the payload; what is more than can be told is left out. */
unsigned announce_read(enum announce_kind kind, const struct announce_message *message,
                       struct announced ret[ANNOUNCED_MAX])
{
	struct list list = { .message = message, .item = ret };
	const char *start = (const char *)message->payload;
	struct text rest = { start, start + message->bytes }, line, at;
	struct media media = { .session = end_of(message, true, PROTOCOL_UDP) };
	bool in_media = false;
	bool from_server = starts(rest, (const char *const []){ "RTSP/", NULL });
	media.session.any_peer = true;
	media.own = media.session;
	while (list.count < ANNOUNCED_MAX && next_line(&rest, &line)) {
		at = line;
		if (kind == ANNOUNCE_FTP)
			read_ftp_line(&list, line);
		else if (kind == ANNOUNCE_RTSP && take(&at, "Transport:"))
			read_transport(&list, from_server, at);
		else
			read_sdp_line(&list, &media, &in_media, line);
	}
	end_media(&list, &media);
	return list.count;
}
