/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which application a flow is of. identify.c is the hook: it takes detection state from a bounded
 * pool when a flow's first payload comes, shows payload to the backends and gives the state back as
 * soon as they have seen enough. A backend is one file behind `struct identify_backend`, listed in
 * backends.c. fields.c writes what is known into records; attributes.h keeps names and texts.
 */
#ifndef IDENTIFY_IDENTIFY_H
#define IDENTIFY_IDENTIFY_H

#include "base/error.h"
#include "flow/hook.h"
#include "identify/attributes.h"

/* The ends of a flow, as far as its key says them. */
struct identify_flow {
	uint8_t  family;                /* 4 or 6; 0: the key does not say */
	uint8_t  protocol;
	uint16_t port[2];               /* [0] the initiator's */
	uint8_t  address[2][16];        /* network order; of IPv4 the first 4 octets */
};

struct identify_begun {                 /* a flow, told by its record */
	const struct identify_flow *flow;
	uint64_t flow_id;
	uint64_t first_ms;              /* its first packet */
};

struct identify_found {                 /* a flow whose application has become known, or another */
	struct identify_flow flow;
	const char *application, *master;       /* names; master NULL where there is none */
};

struct sessions;                        /* sessions.h */

/* What open() of the hook gets; copied. Bounds are for each worker. */
struct identify_settings {
	const char *backends;           /* names, in the order asked; NULL: as identify_choose() */
	uint64_t tcp_packets, udp_packets;      /* with payload, to look at before giving up; other
	                                         * protocols as UDP */
	uint64_t states;                /* flows being looked at, at a time, in a worker */
	uint64_t text_bytes;            /* of attributes, in a worker */
	uint64_t memory_bytes;          /* of messages that backends put together, in a worker */
	uint64_t session_gap_ns;        /* of silence, that ends a session */
	struct sessions *sessions;      /* of the meter, shared by its workers; NULL: nobody asks for
	                                 * them, or its key does not tell clients apart */
	bool wide_keys;                 /* of the meter: flow->key is a struct key_wide (flow/key.h) */
	/* Told at once, in the worker's thread; what it gets is borrowed. NULL: nobody asks. */
	void (*found)(void *context, const struct identify_found *found);
	void *context;
};

enum identify_confidence {              /* applicationConfidence: how an answer was found */
	CONFIDENCE_NONE = 0, CONFIDENCE_PORT = 1, CONFIDENCE_ADDRESS = 2, CONFIDENCE_CACHE = 3,
	CONFIDENCE_PAYLOAD = 4, CONFIDENCE_ANNOUNCED = 5
};

/* An answer. Numbers are the backend's own; 0: unknown. */
struct identity {
	uint16_t application, master;   /* what runs over what: Google over TLS */
	uint16_t category;
	uint8_t  confidence;            /* enum identify_confidence */
	uint8_t  backend;               /* index into the meter's backends */
};

/* A packet with payload, whole from its IP header on: lengths in it are those of `ip_bytes`. */
struct identify_packet {
	const struct flow_touch *touch;
	const uint8_t *ip;
	uint16_t ip_bytes;
	uint64_t time_ms;               /* never goes back */
};

struct identify_counts {                /* what was lost or refused, of a worker */
	uint64_t gave_way;              /* flows concluded for others: --identify-flows */
	uint64_t texts_dropped;         /* flows without attributes: --identify-texts */
	uint64_t memory_refused;        /* flows given up by ndpi: --identify-memory */
	uint64_t expectations_replaced; /* ends that flows have announced, before they expired */
	uint64_t sessions_replaced;     /* that were not over */
	uint64_t packets_not_shown;     /* that no dissector can be trusted with */
};

/* What a backend says of a flow behind a packet. */
enum identify_progress {
	IDENTIFY_MORE, IDENTIFY_ENOUGH,
	IDENTIFY_WATCH                  /* enough to answer; all further payload goes to watch() */
};

enum identify_name { NAME_APPLICATION, NAME_CATEGORY, NAME_GROUP, NAME_RISK };
enum { APPLICATION_ID_MAX = 7 };

/* A way to find out; constant. A worker's part is made by open(), a flow's is zeroed octets of the
 * pool. */
struct identify_backend {
	const char *name, *help;
	uint32_t state_bytes;           /* of a flow while it is looked at, zeroed; 0: none */
	bool bare;                      /* wants TCP segments without payload, too, behind the first
	                                 * that has some */
	/* A worker's. */
	int  (*open)(const struct identify_settings *settings, void **ret_worker, struct error *err);
	void (*close)(void *worker);
	/* Looks at a packet. `ret` is what is known so far: application 0 while nothing is. NULL: only
	 * conclude() answers. */
	enum identify_progress (*packet)(void *worker, void *state,
	                                 const struct identify_packet *packet, struct identity *ret);
	/* Payload behind IDENTIFY_WATCH, without state or a copy; false: no more of it. NULL: never
	 * asked for. */
	bool (*watch)(void *worker, const struct flow_touch *touch, uint64_t time_ms);
	/* Nothing more will come: the best answer there is. state is NULL where it never had any. */
	void (*conclude)(void *worker, void *state, const struct identify_flow *flow,
	                 struct identity *ret);
	/* The flow that has announced this one: its flow id, 0: none. NULL: it knows of none. */
	uint64_t (*parent)(void *worker, const struct identify_begun *begun);
	/* What else it has learned; NULL: nothing. */
	void (*attributes)(void *worker, const void *state, const struct identity *identity,
	                   struct attribute_list *to);
	/* Before state goes back: what it points at. NULL: nothing. */
	void (*release)(void *worker, void *state);
	/* Adds what it had to do without; NULL: it has all it needs. */
	void (*count)(const void *worker, struct identify_counts *to);
	/* The name behind a number, of NAME_RISK a bit; NULL: none. The worker may be NULL with
	 * backends whose names are constant. */
	const char *(*text)(void *worker, enum identify_name kind, unsigned number);
	uint16_t applications;          /* numbers are 1 to this; 0: application_count() knows */
	unsigned (*application_count)(void *worker);
	/* applicationId (RFC 6759): classification engine and selector. Returns its length. */
	unsigned (*application_id)(unsigned application, uint8_t ret[APPLICATION_ID_MAX]);
};

extern const struct identify_backend *const identify_backends[];        /* NULL-terminated */

enum { IDENTIFY_BACKENDS_MAX = 8 };
struct identify_choice {                /* which backends, in the order they are asked */
	const struct identify_backend *backend[IDENTIFY_BACKENDS_MAX];
	unsigned count;
};

/* A list of names; NULL: ndpi,expect, or expect,port in a build without libndpi. The error names
 * what is unknown. */
int identify_choose(const char *names, struct identify_choice *ret, struct error *err);

extern const struct flow_hook identify_hook;

struct identify_application {           /* for options data */
	uint8_t id[APPLICATION_ID_MAX], id_bytes;
	char name[48];
};

/* All that the backends chosen can name; the caller frees *ret. */
int identify_applications(const struct identify_settings *settings,
                          struct identify_application **ret, unsigned *ret_count,
                          struct error *err);

#endif
