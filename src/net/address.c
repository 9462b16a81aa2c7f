/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses of outputs and listeners, taken apart in place: one copy of the text is cut at its
 * delimiters. Strict: what is not in the grammar of address.h is refused with the reason. Paths are
 * kept as written (they may hold strftime patterns such as %F); names and values of parameters are
 * percent-decoded.
 */
#include "net/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/text.h"

enum { ADDRESS_BYTES_MAX = 4096, SCHEME_BYTES_MAX = 32 };

static const struct {
	const char *suffix, *scheme;
} suffixes[] = {
	{ ".json", "json" }, { ".jsonl", "json" }, { ".ndjson", "json" }, { ".csv", "csv" },
	{ ".ipfix", "ipfix" },
};

static int check_text(const char *text, struct error *err);
static int split(struct address *a, char *work, struct error *err);
static int split_parameters(struct address *a, char *at, struct error *err);

/* One block holds three texts: the address as written, the copy that is cut up, and the scheme,
 * which is written anew in lower case. */
int address_parse(const char *text, struct address *ret, struct error *err)
{
	int r = check_text(text, err);
	if (r < 0)
		return r;
	size_t size = strlen(text) + 1;
	char *storage = malloc(2 * size + SCHEME_BYTES_MAX);
	if (!storage)
		return error_set(err, -ENOMEM, "%s: out of memory", text);
	struct address address = {
		.text = memcpy(storage, text, size),
		.scheme = memset(storage + 2 * size, 0, SCHEME_BYTES_MAX),
		.storage = storage,
	};
	r = split(&address, memcpy(storage + size, text, size), err);
	if (r < 0) {
		free(storage);
		return r;
	}
	*ret = address;
	return 0;
}

void address_fini(struct address *address)
{
	free(address->storage);
	*address = (struct address){ 0 };
}

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* What need not be encoded in a parameter's name or value. */
static bool is_plain(char c)
{
	return is_letter(c) || is_digit(c) || (c && strchr("-._~/:,@", c));
}

static size_t put_encoded(char *to, const char *text)
{
	char *at = to;
	for (; *text; text++)
		at += sprintf(at, is_plain(*text) ? "%c" : "%%%02x", (unsigned char)*text);
	return (size_t)(at - to);
}

/* The zone of a link-local address is written with its percent sign encoded (RFC 6874). */
static void put_host(char *to, const struct address *a, unsigned host)
{
	const char *name = a->hosts[host].host, *zone = strchr(name, '%');
	int length = zone ? (int)(zone - name) : (int)strlen(name);
	if (strchr(name, ':'))
		to += sprintf(to, "[%.*s%s%s]", length, name, zone ? "%25" : "", zone ? zone + 1 : "");
	else
		to += sprintf(to, "%s", name);
	if (a->hosts[host].port)
		sprintf(to, ":%u", a->hosts[host].port);
}

/* Written out and parsed again: so there is one way to make an address, and its message names the
 * one host. */
int address_of_host(const struct address *a, unsigned host, const char *without,
                    struct address *ret, struct error *err)
{
	/* Encoding makes at most three of one. */
	char *text = malloc(3 * strlen(a->text) + 64), *at = text;
	char separator = '?';
	if (!text)
		return error_set(err, -ENOMEM, "%s: out of memory", a->text);
	at += sprintf(at, "%s://", a->scheme);
	put_host(at, a, host);
	at += strlen(at);
	for (unsigned i = 0; i < a->parameter_count; i++) {
		if (without && strcmp(a->parameters[i].name, without) == 0)
			continue;
		*at++ = separator;
		separator = '&';
		at += put_encoded(at, a->parameters[i].name);
		*at++ = '=';
		at += put_encoded(at, a->parameters[i].value);
	}
	*at = '\0';
	int rc = address_parse(text, ret, err);
	free(text);
	return rc;
}

const char *address_parameter(const struct address *address, const char *name)
{
	for (unsigned i = 0; i < address->parameter_count; i++) {
		if (strcmp(address->parameters[i].name, name) != 0)
			continue;
		/* Asking is what marks it: for its users the address stays a constant. */
		struct address *writable = (struct address *)(uintptr_t)address;
		writable->parameters[i].used = true;
		return address->parameters[i].value;
	}
	return NULL;
}

/* "a, b, c", cut where the room ends. */
static void join(const char *const *names, char *buffer, size_t size)
{
	size_t length = 0;
	buffer[0] = '\0';
	for (; names && *names && length < size; names++)
		length += (size_t)snprintf(buffer + length, size - length, "%s%s", length ? ", " : "",
		                           *names);
}

/* A parameter that is known but was not asked for has no effect here (`cert` over UDP): that is
 * told apart from one that nobody knows. */
int address_check_used(const struct address *address, const char *const *known, struct error *err)
{
	for (unsigned i = 0; i < address->parameter_count; i++) {
		const struct address_parameter *p = &address->parameters[i];
		if (p->used)
			continue;
		struct text_nearest nearest = { .word = p->name };
		char all[300];
		for (const char *const *k = known; k && *k; k++) {
			if (strcmp(*k, p->name) == 0)
				return error_set(err, -EINVAL, "%.100s: the parameter '%s' has no effect here",
				                 address->text, p->name);
			text_nearest_offer(&nearest, *k);
		}
		join(known, all, sizeof all);
		return error_set(err, -EINVAL, "%.100s: unknown parameter '%.60s'%s%s%s%s%s", address->text,
		                 p->name, nearest.best ? "; did you mean " : "",
		                 nearest.best ? nearest.best : "", nearest.best ? "?" : "",
		                 *all ? "; possible: " : "; there are none here", all);
	}
	return 0;
}

/* Control characters would end up in messages and file names. */
static int check_text(const char *text, struct error *err)
{
	if (!*text)
		return error_set(err, -EINVAL, "the address is empty, expected one such as json:- or "
		                               "flows.csv");
	if (strlen(text) > ADDRESS_BYTES_MAX)
		return error_set(err, -ENAMETOOLONG, "%.60s...: the address is longer than %d octets", text,
		                 ADDRESS_BYTES_MAX);
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return error_set(err, -EINVAL, "%.100s: a control character (octet 0x%02x) in an "
			                               "address",
			                 text, (unsigned)*p);
	return 0;
}


/* Length of the scheme before its colon, 0 where the text has none. */
static size_t scheme_length(const char *text)
{
	const char *p = text;
	if (!is_letter(*p))
		return 0;
	while (is_letter(*p) || is_digit(*p) || *p == '+' || *p == '-' || *p == '.')
		p++;
	return *p == ':' ? (size_t)(p - text) : 0;
}

static bool has_suffix(const char *path, size_t length, const char *suffix)
{
	size_t n = strlen(suffix);
	return length > n && memcmp(path + length - n, suffix, n) == 0;
}

/* A file told by its name, a compression's suffix aside. */
static int scheme_of_name(struct address *a, const char *path, struct error *err)
{
	size_t length = strlen(path);
	if (has_suffix(path, length, ".gz"))
		length -= 3;
	else if (has_suffix(path, length, ".zst"))
		length -= 4;
	for (size_t i = 0; i < array_count(suffixes); i++) {
		size_t start = length - strlen(suffixes[i].suffix);
		if (!has_suffix(path, length, suffixes[i].suffix) || path[start - 1] == '/')
			continue;
		memcpy(a->scheme, suffixes[i].scheme, strlen(suffixes[i].scheme) + 1);
		return 0;
	}
	return error_set(err, -EINVAL, "%.150s: the name does not tell the format: expected .json, "
	                               ".csv or .ipfix (also with .gz or .zst behind it), or a scheme "
	                               "in front such as json:%.60s, csv:%.60s, ipfix+udp://HOST:PORT",
	                               a->text, path, path);
}

/* Digits alone: strtoul() would take signs and blanks. */
static int check_port(const struct address *a, const char *text, uint16_t *ret, struct error *err)
{
	unsigned port = 0;
	size_t digits = strspn(text, "0123456789");
	for (size_t i = 0; i < digits && i < 6; i++)
		port = port * 10 + (unsigned)(text[i] - '0');
	if (digits == 0 || digits > 5 || text[digits] || port == 0 || port > 65535)
		return error_set(err, -EINVAL, "%.150s: found port '%.40s', expected 1 to 65535", a->text,
		                 text);
	*ret = (uint16_t)port;
	return 0;
}

/* A name (RFC 952 letters, and underscores, as they occur), or an IPv4 address where it looks like
 * one. */
static int check_name(const struct address *a, const char *host, struct error *err)
{
	struct in_addr v4;
	size_t length = strlen(host);
	size_t good = strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._");
	if (host[good] == ':')
		return error_set(err, -EINVAL, "%.150s: an IPv6 address stands in brackets: [%.60s]",
		                 a->text,
		                 host);
	if (host[good])
		return error_set(err, -EINVAL, "%.150s: '%c' cannot be part of a host name ('%.60s')",
		                 a->text,
		                 host[good], host);
	if (length > 253 || host[0] == '.' || host[0] == '-' || strstr(host, ".."))
		return error_set(err, -EINVAL, "%.150s: '%.60s' is no host name", a->text, host);
	if (strspn(host, "0123456789.") == length && inet_pton(AF_INET, host, &v4) != 1)
		return error_set(err, -EINVAL, "%.150s: '%.60s' is no IPv4 address", a->text, host);
	return 0;
}

/* The text between brackets: an IPv6 address, with a zone where it is link-local (RFC 6874:
 * "%25eth0"). */
static int check_ipv6(const struct address *a, char *host, struct error *err)
{
	struct in6_addr v6;
	char *zone = strchr(host, '%');
	if (zone)
		*zone = '\0';
	bool good = inet_pton(AF_INET6, host, &v6) == 1;
	if (zone) {
		*zone++ = '%';
		if (strncmp(zone, "25", 2) == 0 && zone[2])
			memmove(zone, zone + 2, strlen(zone + 2) + 1);
		good = good && *zone && !strpbrk(zone, "%:/[]");
	}
	if (!good)
		return error_set(err, -EINVAL, "%.150s: '%.60s' is no IPv6 address", a->text, host);
	return 0;
}

/* One "host", "host:port", "[v6]" or "[v6]:port"; NUL-terminated. */
static int read_host(struct address *a, char *at, struct error *err)
{
	char *port = NULL;
	int r;
	if (a->host_count == ADDRESS_HOSTS_MAX)
		return error_set(err, -E2BIG, "%.150s: more than %d hosts", a->text, ADDRESS_HOSTS_MAX);
	if (*at == '[') {
		char *end = strchr(at, ']');
		if (!end || (end[1] && end[1] != ':'))
			return error_set(err, -EINVAL, "%.150s: expected [ADDRESS]:PORT, found '%.60s'",
			                 a->text,
			                 at);
		port = end[1] ? end + 2 : NULL;
		*end = '\0';
		r = check_ipv6(a, ++at, err);
	} else {
		char *colon = strchr(at, ':');
		if (colon && !strchr(colon + 1, ':')) {
			*colon = '\0';
			port = colon + 1;
		}
		if (!*at)
			return error_set(err, -EINVAL, "%.150s: a host is missing, expected HOST:PORT",
			                 a->text);
		r = check_name(a, at, err);
	}
	uint16_t number = 0;
	if (r == 0 && port)
		r = check_port(a, port, &number, err);
	if (r < 0)
		return r;
	a->hosts[a->host_count].host = at;
	a->hosts[a->host_count++].port = number;
	return 0;
}

static int split_hosts(struct address *a, char *at, struct error *err)
{
	if (*at == '/')
		return error_set(err, -EINVAL, "%.150s: a host is missing after '//'; a file is written "
		                               "%s:%.60s",
		                 a->text, a->scheme, at);
	char *slash = strchr(at, '/');
	if (slash)
		return error_set(err, -EINVAL, "%.150s: '%.60s' after the host is not expected", a->text,
		                 slash);
	for (char *comma; ; at = comma + 1) {
		comma = strchr(at, ',');
		if (comma)
			*comma = '\0';
		int r = read_host(a, at, err);
		if (r < 0 || !comma)
			return r;
	}
}

static int split(struct address *a, char *work, struct error *err)
{
	char *question = strchr(work, '?');
	if (question) {
		*question = '\0';
		int r = split_parameters(a, question + 1, err);
		if (r < 0)
			return r;
	}
	size_t length = scheme_length(work);
	if (length >= SCHEME_BYTES_MAX)
		return error_set(err, -EINVAL, "%.150s: the scheme before ':' is too long", a->text);
	if (length == 0) {
		a->path = work;
		return scheme_of_name(a, work, err);
	}
	for (size_t i = 0; i < length; i++)
		a->scheme[i] = (char)(work[i] >= 'A' && work[i] <= 'Z' ? work[i] + 32 : work[i]);
	char *rest = work + length + 1;
	if (strncmp(rest, "//", 2) == 0)
		return split_hosts(a, rest + 2, err);
	a->path = *rest ? rest : NULL;
	return 0;
}

static int hex_digit(char c)
{
	return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
	     : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A NUL is refused: the values become C strings. */
static int decode(const struct address *a, char *text, struct error *err)
{
	char *out = text;
	for (const char *p = text; *p; p++) {
		if (*p != '%') {
			*out++ = *p;
			continue;
		}
		int high = hex_digit(p[1]), low = high < 0 ? -1 : hex_digit(p[2]);
		if (low < 0 || high * 16 + low == 0)
			return error_set(err, -EINVAL, "%.150s: '%.3s' in a parameter is no percent-encoded "
			                               "octet; write %%25 for a percent sign", a->text, p);
		*out++ = (char)(high * 16 + low);
		p += 2;
	}
	*out = '\0';
	return 0;
}

/* Twice the same name is a mistake: nobody could say which of the two counts. */
static int add_parameter(struct address *a, char *at, struct error *err)
{
	char *value = strchr(at, '=');
	if (value)
		*value++ = '\0';
	else
		value = at + strlen(at);
	int r = decode(a, at, err);
	if (r == 0)
		r = decode(a, value, err);
	if (r < 0)
		return r;
	if (!*at)
		return error_set(err, -EINVAL, "%.150s: a parameter without a name, expected "
		                               "?name=value&...",
		                 a->text);
	for (unsigned i = 0; i < a->parameter_count; i++)
		if (strcmp(a->parameters[i].name, at) == 0)
			return error_set(err, -EINVAL, "%.150s: the parameter '%.60s' is given twice", a->text,
			                 at);
	if (a->parameter_count == ADDRESS_PARAMETERS_MAX)
		return error_set(err, -E2BIG, "%.150s: more than %d parameters", a->text,
		                 ADDRESS_PARAMETERS_MAX);
	a->parameters[a->parameter_count++] = (struct address_parameter){ .name = at, .value = value };
	return 0;
}

static int split_parameters(struct address *a, char *at, struct error *err)
{
	for (char *end; ; at = end + 1) {
		end = strchr(at, '&');
		if (end)
			*end = '\0';
		int r = add_parameter(a, at, err);
		if (r < 0 || !end)
			return r;
	}
}
