/* SPDX-License-Identifier: Apache-2.0 */
/* UDP: a datagram is a message, whoever sends one has a session (listener.h). */
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/error.h"
#include "net/listener_inner.h"

/* Whoever sends has a session, until it is unheard for too long or others need the room. */
static void udp_datagram(struct listener *l, unsigned socket, const struct datagram *d)
{
	struct session *s = session_find(l, &d->remote, socket);
	if (!s)
		s = session_new(l, &d->remote, socket);
	if (s)
		session_message(l, s, &(struct net_message){ .octets = d->octets, .bytes = d->bytes });
}

static int udp_open(struct listener *l, struct error *err)
{
	struct datagram_reader *reader;
	int rc = datagram_reader_new(&reader);
	if (rc < 0)
		return error_set(err, rc, "out of memory for a listener");
	l->own = reader;
	for (unsigned i = 0; i < l->socket_count; i++)
		datagram_socket(l, i);
	return 0;
}

static void udp_readable(struct listener *l, unsigned socket)
{
	datagram_read(l->own, l, socket, udp_datagram);
}

static void udp_close(struct listener *l)
{
	datagram_reader_free(l->own);
}

const struct listener_transport listener_udp = {
	.session_bytes = sizeof(struct session),
	.told_at_once = true,
	.socket_type = SOCK_DGRAM,
	.open = udp_open,
	.readable = udp_readable,
	.close = udp_close,
};
