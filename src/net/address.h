/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Address syntax, one for all outputs and listeners:
 *   scheme[+transport]://host[:port][,host2[:port2]...][?name=value&...]
 *                                              ipfix+udp://[::1]:4739?mtu=1400
 *   scheme:path[?name=value&...]                           json:-   csv:flows-%F.csv?rotate=5m
 *   path                                       a file, told by its name (.json, .csv, .ipfix, ...)
 * A missing part is NULL or 0; nothing is resolved here. Names and values of parameters are
 * percent-decoded; paths are taken as written.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum { ADDRESS_PARAMETERS_MAX = 32, ADDRESS_HOSTS_MAX = 16 };

/* One of ?name=value&...; strings belong to the address. */
struct address_parameter {
	const char *name, *value;       /* percent-decoded; value "" when none was given */
	bool used;                      /* set by address_parameter(): what is unused is an error */
};

/* An address taken apart. Nothing in it is judged beyond the syntax. */
struct address {
	char *text;                     /* as written, for messages */
	char *scheme;                   /* "ipfix+udp"; "" when none was written */
	char *path;                     /* for scheme:path; "-" is standard output */
	unsigned host_count;
	struct { char *host; uint16_t port; } hosts[ADDRESS_HOSTS_MAX]; /* port 0: the scheme's own */
	unsigned parameter_count;
	struct address_parameter parameters[ADDRESS_PARAMETERS_MAX];
	char *storage;                  /* owns all the strings */
};

/* Copies the text; nothing of it is needed afterwards. -EINVAL with a message that quotes what is
 * wrong, -ENOMEM. ret needs its fini only on success. */
int address_parse(const char *text, struct address *ret, struct error *err);
void address_fini(struct address *address);

/* The address with only one of its hosts, and without the parameter `without` (NULL: with all). */
int address_of_host(const struct address *address, unsigned host, const char *without,
                    struct address *ret, struct error *err);

/* The value of a parameter, marked as used; NULL when absent. */
const char *address_parameter(const struct address *address, const char *name);
/* An error that names the first parameter nobody asked for, and what would have been possible. */
int address_check_used(const struct address *address, const char *const *known, struct error *err);

#endif
