/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values as people write them, to numbers and back. Options and the YAML file read with these, the
 * table output and messages write with them. Everything is integer arithmetic: what is read is
 * exact or refused. Escaping of foreign text is in text_escape.c.
 */
#include "base/text.h"

#include <errno.h>
#include <string.h>

#include "base/compiler.h"
#include "base/option.h"

/* A suffix that people write, and what it multiplies by. */
struct unit {
	const char *name;
	uint64_t factor;
};

/* A decimal number: whole + fraction / scale. */
struct decimal {
	uint64_t whole, fraction, scale;
};

static const struct unit duration_units[] = {           /* falling */
	{ "d", 86400000000000 }, { "h", 3600000000000 }, { "m", 60000000000 }, { "s", 1000000000 },
	{ "ms", 1000000 }, { "us", 1000 }, { "ns", 1 },
};
static const struct unit count_units[] = {
	{ "", 1 }, { "k", 1000 }, { "K", 1000 }, { "M", 1000000 }, { "G", 1000000000 },
	{ "T", 1000000000000 },
};

static int decimal_read(const char **at, struct decimal *ret);
static int decimal_times(const struct decimal *d, uint64_t factor, uint64_t *ret);
static int read_component(const char **at, size_t *next_unit, bool first, uint64_t *ret_ns);

/* Parts are added up to INT64_MAX ns (292 years), so that times since 1970 plus a duration do not
 * wrap. */
int text_parse_duration(const char *text, uint64_t *ret_ns)
{
	if (strcmp(text, "off") == 0) {
		*ret_ns = DURATION_OFF;
		return 0;
	}
	uint64_t sum = 0;
	size_t next_unit = 0;
	const char *at = text;
	do {
		uint64_t part;
		int r = read_component(&at, &next_unit, at == text, &part);
		if (r < 0)
			return r;
		if (__builtin_add_overflow(sum, part, &sum) || sum > INT64_MAX)
			return -ERANGE;
	} while (*at);
	*ret_ns = sum;
	return 0;
}

int text_parse_count(const char *text, uint64_t *ret)
{
	struct decimal d;
	int r = decimal_read(&text, &d);
	if (r < 0)
		return r;
	for (size_t i = 0; i < array_count(count_units); i++)
		if (strcmp(text, count_units[i].name) == 0)
			return decimal_times(&d, count_units[i].factor, ret);
	return -EINVAL;
}

int text_parse_bytes(const char *text, uint64_t *ret)
{
	static const char prefixes[] = "KMGTP";
	struct decimal d;
	int r = decimal_read(&text, &d);
	if (r < 0)
		return r;
	unsigned shift = 0;
	if (*text) {
		const char upper[2] = { (char)(*text & ~0x20), 0 };
		const char *prefix = strstr(prefixes, upper);
		if (prefix) {
			shift = 10 * (unsigned)(prefix - prefixes + 1);
			text++;
		}
	}
	if (shift && strcmp(text, "iB") == 0)
		text += 2;
	else if (strcmp(text, "B") == 0)
		text++;
	return *text ? -EINVAL : decimal_times(&d, (uint64_t)1 << shift, ret);
}

/* Digits with at most one point; at least one digit on each side of it. */
static int decimal_read(const char **at, struct decimal *ret)
{
	struct decimal d = { .scale = 1 };
	const char *p = *at;
	if (*p < '0' || *p > '9')
		return -EINVAL;
	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(d.whole, 10, &d.whole) ||
		    __builtin_add_overflow(d.whole, (uint64_t)(*p - '0'), &d.whole))
			return -ERANGE;
	if (*p == '.') {
		for (p++; *p >= '0' && *p <= '9' && d.scale < 1000000000; p++) {
			d.fraction = d.fraction * 10 + (uint64_t)(*p - '0');
			d.scale *= 10;
		}
		if (d.scale == 1 || (*p >= '0' && *p <= '9'))
			return -EINVAL;
	}
	*at = p;
	*ret = d;
	return 0;
}

/* Only what comes out whole: 1.5k is 1500, 1.5 octets are nothing. */
static int decimal_times(const struct decimal *d, uint64_t factor, uint64_t *ret)
{
	unsigned __int128 rest = (unsigned __int128)d->fraction * factor;
	unsigned __int128 sum = (unsigned __int128)d->whole * factor + rest / d->scale;
	if (rest % d->scale)
		return -EINVAL;
	if (sum > UINT64_MAX)
		return -ERANGE;
	*ret = (uint64_t)sum;
	return 0;
}

/* One number and its unit; units fall from one component to the next, a fraction ends the text. */
static int read_component(const char **at, size_t *next_unit, bool first, uint64_t *ret_ns)
{
	struct decimal d;
	int r = decimal_read(at, &d);
	if (r < 0)
		return r;
	if (first && !**at)
		return decimal_times(&d, 1000000000, ret_ns);
	size_t length = strspn(*at, "abcdefghijklmnopqrstuvwxyz");
	for (size_t i = *next_unit; i < array_count(duration_units); i++) {
		const char *name = duration_units[i].name;
		if (strlen(name) != length || memcmp(name, *at, length) != 0)
			continue;
		*next_unit = i + 1;
		*at += length;
		return d.scale > 1 && **at ? -EINVAL : decimal_times(&d, duration_units[i].factor, ret_ns);
	}
	return -EINVAL;
}

/* snprintf's answer as the length that is in the buffer. */
static size_t in_buffer(int length, size_t size)
{
	if (length < 0 || size == 0)
		return 0;
	return (size_t)length < size ? (size_t)length : size - 1;
}

/* Three digits at most, rounded to nearest: 999,950 is 1.0M and not 1000.0k. */
static size_t human(uint64_t value, const char *between, const char *unit, char *buffer,
                    size_t size)
{
	static const char prefixes[] = "kMGTPE";
	if (value < 1000)
		return in_buffer(snprintf(buffer, size, "%u%s%s", (unsigned)value, *unit ? between : "",
		                          unit), size);
	uint64_t tenth = 100;           /* a tenth of the prefix's factor */
	unsigned i = 0;
	while (value / tenth >= 9995 && i < 5) {
		tenth *= 1000;
		i++;
	}
	uint64_t tenths = value / tenth + (value % tenth >= tenth / 2);
	if (tenths < 1000)
		return in_buffer(snprintf(buffer, size, "%u.%u%s%c%s", (unsigned)tenths / 10,
		                          (unsigned)tenths % 10, between, prefixes[i], unit), size);
	uint64_t whole = value / (tenth * 10) + (value % (tenth * 10) >= tenth * 5);
	return in_buffer(snprintf(buffer, size, "%u%s%c%s", (unsigned)whole, between, prefixes[i],
	                          unit), size);
}

size_t text_human_count(uint64_t value, char *buffer, size_t size)
{
	return human(value, "", "", buffer, size);
}

size_t text_human_octets(uint64_t value, char *buffer, size_t size)
{
	return human(value, " ", "B", buffer, size);
}

/* Below a second: one digit behind the point where there is one before it. */
static size_t human_short(uint64_t ns, char *buffer, size_t size)
{
	static const struct unit units[] = { { "ms", 1000000 }, { "us", 1000 } };
	for (size_t i = 0; i < array_count(units); i++) {
		uint64_t factor = units[i].factor, whole = ns / factor;
		unsigned tenth = (unsigned)(ns % factor / (factor / 10));
		if (whole >= 10 || (whole && !tenth))
			return in_buffer(snprintf(buffer, size, "%u%s", (unsigned)whole, units[i].name),
			                 size);
		if (whole)
			return in_buffer(snprintf(buffer, size, "%u.%u%s", (unsigned)whole, tenth,
			                          units[i].name), size);
	}
	return in_buffer(snprintf(buffer, size, "%uns", (unsigned)ns), size);
}

size_t text_human_duration(uint64_t ns, char *buffer, size_t size)
{
	if (ns == DURATION_OFF || ns == 0)
		return in_buffer(snprintf(buffer, size, ns ? "off" : "0s"), size);
	if (ns < 1000000000)
		return human_short(ns, buffer, size);
	uint64_t seconds = ns / 1000000000;
	unsigned tenth = (unsigned)(ns % 1000000000 / 100000000);
	if (seconds < 180)
		return in_buffer(snprintf(buffer, size, "%u.%us", (unsigned)seconds, tenth), size);
	if (seconds < 3600)
		return in_buffer(snprintf(buffer, size, "%um%02us", (unsigned)(seconds / 60),
		                          (unsigned)(seconds % 60)), size);
	if (seconds < 86400)
		return in_buffer(snprintf(buffer, size, "%uh%02um", (unsigned)(seconds / 3600),
		                          (unsigned)(seconds / 60 % 60)), size);
	return in_buffer(snprintf(buffer, size, "%llud%02uh", (unsigned long long)(seconds / 86400),
	                          (unsigned)(seconds / 3600 % 24)), size);
}

static unsigned least(unsigned a, unsigned b) { return a < b ? a : b; }

/* The usual table of prefixes by rows, three rows kept: a swap looks two rows back. */
unsigned text_distance(const char *a, const char *b, unsigned limit)
{
	enum { LONGEST = 63 };
	size_t n = strnlen(a, LONGEST + 1), m = strnlen(b, LONGEST + 1);
	if (n > LONGEST || m > LONGEST || (n > m ? n - m : m - n) >= limit)
		return strcmp(a, b) == 0 ? 0 : limit;
	unsigned char rows[3][LONGEST + 1];
	for (size_t j = 0; j <= m; j++)
		rows[0][j] = (unsigned char)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned char *now = rows[i % 3], *before = rows[(i + 2) % 3], *two = rows[(i + 1) % 3];
		now[0] = (unsigned char)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned best = before[j - 1] + (a[i - 1] != b[j - 1]);
			best = least(best, least(before[j], now[j - 1]) + 1u);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = least(best, two[j - 2] + 1u);
			now[j] = (unsigned char)best;
		}
	}
	return least(rows[n % 3][m], limit);
}

/* A third of the word may be wrong. The start of a name, three letters or more, is as near as one
 * slip. */
void text_nearest_offer(struct text_nearest *nearest, const char *name)
{
	size_t length = strlen(nearest->word);
	unsigned limit = length < 3 ? 2 : (unsigned)(length / 3 + 1);
	if (nearest->best)
		limit = nearest->distance;
	unsigned distance = text_distance(nearest->word, name, limit);
	if (length >= 3 && strncmp(nearest->word, name, length) == 0)
		distance = least(distance, 1);
	if (distance < limit && distance < length) {
		nearest->best = name;
		nearest->distance = distance;
	}
}

void text_print_wrapped(FILE *out, const char *text, unsigned at, unsigned indent, unsigned width)
{
	bool fresh = true;              /* nothing printed on this line yet */
	for (;;) {
		text += strspn(text, " ");
		size_t length = strcspn(text, " ");
		if (length == 0)
			break;
		if (!fresh && at + 1 + length > width) {
			fprintf(out, "\n%*s", (int)indent, "");
			at = indent;
			fresh = true;
		}
		fprintf(out, "%s%.*s", fresh ? "" : " ", (int)length, text);
		at += (unsigned)length + !fresh;
		fresh = false;
		text += length;
	}
	fputc('\n', out);
}
