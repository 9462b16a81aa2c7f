/* SPDX-License-Identifier: Apache-2.0 */
/* See site.h. libpsl wants small letters, no port and no dot at the end, and takes an address for a
 * name of four labels: all that is seen to before it is asked. */
#include "identify/site.h"

#include <arpa/inet.h>
#include <libpsl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static bool is_address(const char *text)
{
	struct in6_addr address;
	return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

/* Letters beyond ASCII stay: names come with these as xn--. A NUL ends nothing. */
static void copy_small(const uint8_t *host, unsigned bytes, char ret[SITE_HOST_MAX + 1])
{
	if (bytes > SITE_HOST_MAX) {
		host += bytes - SITE_HOST_MAX;
		bytes = SITE_HOST_MAX;
	}
	for (unsigned i = 0; i < bytes; i++) {
		bool capital = host[i] >= 'A' && host[i] <= 'Z';
		ret[i] = host[i] ? (char)(capital ? host[i] + 'a' - 'A' : host[i]) : '_';
	}
	ret[bytes] = '\0';
}

/* [2001:db8::1]:8080 to its address, [2001 to nothing; host:8080 to the host. More colons are an
 * address's. */
static void drop_port(char *text)
{
	char *colon = strchr(text, ':'), *end = strchr(text, ']');
	if (*text == '[') {
		size_t length = end ? (size_t)(end - text - 1) : 0;
		memmove(text, text + 1, length);
		text[length] = '\0';
	} else if (colon && strspn(colon + 1, "0123456789") == strlen(colon + 1)) {
		*colon = '\0';
	}
}

static void drop_last_dots(char *text)
{
	size_t length = strlen(text);
	while (length && text[length - 1] == '.')
		text[--length] = '\0';
}

unsigned site_of_host(const void *host, unsigned bytes, char ret[SITE_HOST_MAX + 1])
{
	copy_small(host, bytes, ret);
	drop_port(ret);
	drop_last_dots(ret);
	if (is_address(ret))
		return (unsigned)strlen(ret);
	const char *site = psl_registrable_domain(psl_builtin(), ret);
	if (site)                       /* points into the name */
		memmove(ret, site, strlen(site) + 1);
	return (unsigned)strlen(ret);
}
