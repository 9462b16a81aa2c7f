/* SPDX-License-Identifier: Apache-2.0 */
/* The backends there are, the surest first, and choosing among them by name. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "identify/identify.h"

extern const struct identify_backend identify_ndpi, identify_expect,
	identify_port;

const struct identify_backend *const identify_backends[] = {
#if WEIR_HAVE_NDPI
	&identify_ndpi,
#endif
	&identify_expect,
	&identify_port,
	NULL
};

static const struct identify_backend *find(const char *name, size_t length)
{
	for (unsigned i = 0; identify_backends[i]; i++)
		if (strlen(identify_backends[i]->name) == length
		    && !memcmp(identify_backends[i]->name, name, length))
			return identify_backends[i];
	return NULL;
}

/* A build without libndpi says so, rather than that it never heard of ndpi. */
static int unknown_backend(const char *name, size_t length, struct error *err)
{
	char names[128] = "";
	for (unsigned i = 0; identify_backends[i]; i++) {
		size_t used = strlen(names);
		snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "",
		         identify_backends[i]->name);
	}
	if (!WEIR_HAVE_NDPI && length == 4 && !memcmp(name, "ndpi", 4))
		return error_set(err, -ENOTSUP, "ndpi is not in this build: libndpi was left out, "
		                 "expected some of %s", names);
	return error_set(err, -EINVAL, "no backend \"%.*s\", expected some of %s", (int)length, name,
	                 names);
}

int identify_choose(const char *names, struct identify_choice *ret, struct error *err)
{
	struct identify_choice choice = { .count = 0 };
	if (!names)
		names = WEIR_HAVE_NDPI ? "ndpi,expect" : "expect,port";
	for (const char *at = names; *at; at += *at == ',') {
		size_t length = strcspn(at, ",");
		const struct identify_backend *backend = find(at, length);
		if (!backend)
			return unknown_backend(at, length, err);
		for (unsigned i = 0; i < choice.count; i++)
			if (choice.backend[i] == backend)
				return error_set(err, -EINVAL, "backend %s is there twice", backend->name);
		choice.backend[choice.count++] = backend;
		at += length;
	}
	if (!choice.count)
		return error_set(err, -EINVAL, "no backend is named");
	*ret = choice;
	return 0;
}
