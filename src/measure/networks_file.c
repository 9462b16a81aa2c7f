/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a file of networks: a line each, "prefix, AS number, name, site", of which only the prefix
 * must be there. While the file is read the prefixes are a plain array, whose values are the
 * numbers of entries; at its end they become a table (base/prefix.h). Texts stand in one growing
 * area, each once, since thousands of prefixes share a name: a map of their hashes knows where.
 */
#include "measure/networks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/prefix.h"
#include "base/text.h"

enum { LINE_BYTES_MAX = 1024, TEXT_BYTES_MAX = 255, WORDS = 4, SHOWN = 64 };

struct entry {
	uint32_t line;
	uint32_t as_number;
	uint32_t name, site;            /* offsets into the texts */
	uint8_t bits;
};

struct networks {                       /* freed by its last holder */
	atomic_uint holders;
	struct prefix_table *table;
	struct entry *entries;
	uint32_t count;
	char *texts;                    /* each ends in a NUL; the first is empty */
	size_t text_bytes;
};

struct reading {
	struct networks *to;
	struct prefix *prefixes;        /* as many as entries */
	size_t room, text_room;         /* of both arrays, and of the texts */
	struct hash_secret secret;
	struct map known;               /* hash of a text to its offset + 1 */
	const char *path;
	uint32_t line;
	struct error *err;
};

static int read_lines(struct reading *r, FILE *in);
static int read_line(struct reading *r, char *text);
static int make_table(struct reading *r);

/* Everything is made in a table of its own; what the workers look at stays as it is until all of it
 * is known to be good. */
int networks_read(FILE *in, const char *path, struct networks **ret, struct error *err)
{
	struct reading r = { .path = path, .err = err, .to = calloc(1, sizeof *r.to) };
	if (!r.to)
		return error_set(err, -ENOMEM, "%s: out of memory", path);
	atomic_init(&r.to->holders, 1);
	hash_secret_init(&r.secret);
	map_init(&r.known, load_64(r.secret.octets));
	int result = read_lines(&r, in);
	if (!result)
		result = make_table(&r);
	free(r.prefixes);
	map_fini(&r.known);
	if (result)
		networks_release(r.to);
	else
		*ret = r.to;
	return result;
}

int networks_load(const char *path, struct networks **ret, struct error *err)
{
	FILE *in = fopen(path, "re");
	if (!in) {
		int r = -errno;
		return error_set(err, r, "%s: cannot open: %s; expected a file of networks", path,
		                 strerror(-r));
	}
	int r = networks_read(in, path, ret, err);
	fclose(in);
	return r;
}

struct networks *networks_hold(struct networks *networks)
{
	if (networks)
		atomic_fetch_add(&networks->holders, 1);
	return networks;
}

void networks_release(struct networks *networks)
{
	if (!networks || atomic_fetch_sub(&networks->holders, 1) != 1)
		return;
	prefix_table_free(networks->table);
	free(networks->entries);
	free(networks->texts);
	free(networks);
}

bool networks_find(const struct networks *networks, unsigned family, const uint8_t *address,
                   struct network *ret)
{
	uint32_t found = family == 4 ? prefix_find4(networks->table, address)
		: prefix_find6(networks->table, address);
	if (found == PREFIX_NONE)
		return false;
	const struct entry *e = &networks->entries[found];
	*ret = (struct network){ .as_number = e->as_number, .bits = e->bits,
	                         .name = networks->texts + e->name,
	                         .site = networks->texts + e->site };
	return true;
}

size_t networks_bytes(const struct networks *networks)
{
	return prefix_table_bytes(networks->table) + networks->count * sizeof networks->entries[0]
		+ networks->text_bytes;
}

/* ---- texts ----------------------------------------------------------------------------------- */

static int no_memory(struct reading *r)
{
	return error_set(r->err, -ENOMEM, "%s: out of memory", r->path);
}

/* Texts are told by their place, not by a pointer: the area moves as it grows. */
static int append_text(struct reading *r, const char *text, uint32_t *ret)
{
	struct networks *n = r->to;
	size_t bytes = strlen(text) + 1;
	if (n->text_bytes + bytes > r->text_room) {
		size_t room = (n->text_bytes + bytes) * 2;
		char *more = room <= UINT32_MAX ? realloc(n->texts, room) : NULL;
		if (!more)
			return no_memory(r);
		n->texts = more;
		r->text_room = room;
	}
	memcpy(n->texts + n->text_bytes, text, bytes);
	*ret = (uint32_t)n->text_bytes;
	n->text_bytes += bytes;
	return 0;
}

/* The offset of a text, which is appended unless it is there. (Another of its hash is too rare to
 * be kept once.) */
static int keep_text(struct reading *r, const char *text, uint32_t *ret)
{
	uint64_t hash = hash_siphash13(&r->secret, text, strlen(text));
	uintptr_t known = (uintptr_t)map_get(&r->known, hash);
	if (known && !strcmp(r->to->texts + known - 1, text)) {
		*ret = (uint32_t)(known - 1);
		return 0;
	}
	int result = append_text(r, text, ret);
	if (result || known)
		return result;
	return map_put(&r->known, hash, (void *)((uintptr_t)*ret + 1)) ? no_memory(r) : 0;
}

/* ---- words ----------------------------------------------------------------------------------- */

/* A message about a word of the present line. */
static int wrong(struct reading *r, const char *word, const char *expected)
{
	char shown[SHOWN + 1];
	text_escape(word, strlen(word), shown, sizeof shown);
	return error_set(r->err, -EINVAL, "%s:%u: \"%s\" found, expected %s", r->path, r->line, shown,
	                 expected);
}

static char *trimmed(char *text)
{
	static const char blanks[] = " \t\r\n";
	text += strspn(text, blanks);
	size_t length = strlen(text);
	while (length && strchr(blanks, text[length - 1]))
		length--;
	text[length] = '\0';
	return text;
}

/* Digits and nothing else, up to `most`; -1: they are not. */
static int64_t number_of(const char *text, uint64_t most)
{
	uint64_t value = 0;
	if (!*text)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		value = value * 10 + (unsigned)(*text - '0');
		if (value > most)
			return -1;
	}
	return (int64_t)value;
}

static bool has_bits_behind(const struct prefix *p)
{
	unsigned width = p->family == 4 ? 32 : 128;
	for (unsigned i = p->bits; i < width; i++)
		if (p->address[i / 8] & 0x80 >> i % 8)
			return true;
	return false;
}

/* The slash is put back, since messages quote the word. */
static int read_prefix(struct reading *r, char *word, struct prefix *ret)
{
	static const char expected[] = "a prefix such as 192.0.2.0/24 or 2001:db8::/32";
	struct prefix p = { .family = strchr(word, ':') ? 6 : 4 };
	char *slash = strchr(word, '/');
	int64_t width = p.family == 4 ? 32 : 128;
	int64_t bits = slash ? number_of(slash + 1, (uint64_t)width) : width;
	if (slash)
		*slash = '\0';
	bool is_address = inet_pton(p.family == 4 ? AF_INET : AF_INET6, word, p.address) == 1;
	if (slash)
		*slash = '/';
	if (!is_address || bits < 0)
		return wrong(r, word, expected);
	p.bits = (uint8_t)bits;
	if (has_bits_behind(&p))
		return wrong(r, word, "no bits of the address behind the length of the prefix");
	*ret = p;
	return 0;
}

static bool is_said(const char *word)
{
	return *word && strcmp(word, "-") != 0;
}

/* With or without the letters AS. */
static int read_as_number(struct reading *r, const char *word, uint32_t *ret)
{
	if (!is_said(word))
		return 0;
	bool letters = (word[0] == 'A' || word[0] == 'a') && (word[1] == 'S' || word[1] == 's');
	int64_t value = number_of(letters ? word + 2 : word, UINT32_MAX);
	if (value < 0)
		return wrong(r, word, "the number of an autonomous system, 0 to 4294967295");
	*ret = (uint32_t)value;
	return 0;
}

/* What text_escape() leaves as it is stands on one line and is well-formed. */
static int read_text(struct reading *r, const char *word, uint32_t *ret)
{
	char escaped[4 * TEXT_BYTES_MAX + 1];
	size_t bytes = strlen(word);
	if (bytes > TEXT_BYTES_MAX)
		return wrong(r, word, "a text of at most 255 octets");
	if (text_escape(word, bytes, escaped, sizeof escaped) != bytes)
		return wrong(r, word, "UTF-8 without control characters");
	return is_said(word) ? keep_text(r, word, ret) : 0;
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* Both arrays grow together; when one cannot, nothing is lost but the room. */
static int make_room(struct reading *r)
{
	struct networks *n = r->to;
	if (n->count < r->room)
		return 0;
	if (r->room >= PREFIX_COUNT_MAX)
		return error_set(r->err, -E2BIG, "%s:%u: too many prefixes", r->path, r->line);
	size_t room = r->room ? r->room * 2 : 64;
	struct entry *entries = realloc(n->entries, room * sizeof *entries);
	if (entries)
		n->entries = entries;
	struct prefix *prefixes = entries ? realloc(r->prefixes, room * sizeof *prefixes) : NULL;
	if (!prefixes)
		return no_memory(r);
	r->prefixes = prefixes;
	r->room = room;
	return 0;
}

/* Cuts at commas, in place; how many words there are. Those that are missing are empty. */
static unsigned cut_words(char *text, char *words[WORDS])
{
	static char nothing[] = "";
	unsigned count = 0;
	for (char *word = text; word; count++) {
		char *comma = strchr(word, ',');
		if (comma)
			*comma = '\0';
		if (count < WORDS)
			words[count] = trimmed(word);
		word = comma ? comma + 1 : NULL;
	}
	for (unsigned i = count; i < WORDS; i++)
		words[i] = nothing;
	return count;
}

/* The entry counts only when all of its words were good. */
static int read_line(struct reading *r, char *text)
{
	struct entry e = { .line = r->line };
	struct prefix p;
	char *words[WORDS];
	text = trimmed(text);
	if (!*text || *text == '#')
		return 0;
	unsigned count = cut_words(text, words);
	if (count > WORDS)
		return error_set(r->err, -EINVAL, "%s:%u: %u values found, expected at most %d: prefix, AS"
		                 " number, name, site", r->path, r->line, count, WORDS);
	int result = make_room(r);
	if (!result)
		result = read_prefix(r, words[0], &p);
	if (!result)
		result = read_as_number(r, words[1], &e.as_number);
	if (!result)
		result = read_text(r, words[2], &e.name);
	if (!result)
		result = read_text(r, words[3], &e.site);
	if (result)
		return result;
	e.bits = p.bits;
	p.value = r->to->count;
	r->prefixes[r->to->count] = p;
	r->to->entries[r->to->count++] = e;
	return 0;
}

/* A line, without its end, into `text`; false at the end of the file. *ret_fault says what is wrong
 * with it, or is NULL. */
static bool next_line(FILE *in, char text[LINE_BYTES_MAX], const char **ret_fault)
{
	int c = getc_unlocked(in);
	size_t bytes = 0;
	*ret_fault = NULL;
	if (c == EOF)
		return false;
	for (; c != EOF && c != '\n' && !*ret_fault; c = getc_unlocked(in)) {
		if (c == '\0')
			*ret_fault = "a NUL octet found, expected text";
		else if (bytes + 1 == LINE_BYTES_MAX)
			*ret_fault = "a line of more than 1023 octets found, expected a shorter one";
		else
			text[bytes++] = (char)c;
	}
	text[bytes] = '\0';
	return true;
}

/* Some editors begin a file of UTF-8 with a mark. */
static char *behind_mark(char *text)
{
	static const char mark[] = { '\xef', '\xbb', '\xbf' };
	for (size_t i = 0; i < sizeof mark; i++)
		if (text[i] != mark[i])
			return text;
	return text + sizeof mark;
}

/* The empty text comes first, so that place 0 means "not said". */
static int read_lines(struct reading *r, FILE *in)
{
	char text[LINE_BYTES_MAX];
	const char *fault;
	uint32_t empty;
	int result = append_text(r, "", &empty);
	while (!result && next_line(in, text, &fault)) {
		r->line++;
		result = fault ? error_set(r->err, -EINVAL, "%s:%u: %s", r->path, r->line, fault)
			: read_line(r, r->line == 1 ? behind_mark(text) : text);
	}
	if (!result && ferror(in))
		return error_set(r->err, -EIO, "%s: cannot read; expected a file of networks", r->path);
	return result;
}

/* A prefix that is there twice is a mistake of the file: which line counts could not be told. */
static int make_table(struct reading *r)
{
	struct networks *n = r->to;
	uint32_t same[2];
	int result = prefix_table_new(r->prefixes, n->count, &n->table, same);
	if (result == -EEXIST) {
		uint32_t a = n->entries[same[0]].line, b = n->entries[same[1]].line;
		return error_set(r->err, -EINVAL, "%s:%u: the prefix of line %u found again, expected each"
		                 " once", r->path, a < b ? b : a, a < b ? a : b);
	}
	return result == -ENOMEM ? no_memory(r) : result;
}
