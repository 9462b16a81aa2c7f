/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a filter: compiling it, and saying where it goes wrong. libpcap names no place in
 * a syntax error, so the place is searched: it is the first word after which no text can be a
 * filter any more, found by trying ends of all sorts. That happens only when a filter is
 * refused.
 */
#include "packet/filter_text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"

#define EXPECTED "expected a pcap-filter expression"

enum { LINK_ETHERNET = 1 };

static bool is_word_character(char c);
static size_t find_place(const char *text);
static const char *find_quoted(const char *text, const char *message);

/* Link types that expressions are written for; one that means something on any of them is a
 * filter. */
static const uint16_t usual_links[] = { LINK_ETHERNET, 113, 127, 101 };

/* One link type that can compile it is enough: an expression may have a meaning on Ethernet alone,
 * and nobody knows yet what the files hold. */
int packet_filter_check(const char *text, struct error *err)
{
	char message[PCAP_ERRBUF_SIZE] = "", other[PCAP_ERRBUF_SIZE];

	for (size_t i = 0; i < array_count(usual_links); i++) {
		struct bpf_program code;
		if (packet_filter_compile(text, usual_links[i], &code, i == 0 ? message : other) == 0) {
			pcap_freecode(&code);
			return 0;
		}
	}
	bool syntax = strstr(message, "syntax error") != NULL;
	const char *quoted = syntax ? NULL : find_quoted(text, message);
	if (!syntax && !quoted)
		return error_set(err, -EINVAL, "filter \"%s\": %s (" EXPECTED ")", text, message);
	size_t place = quoted ? (size_t)(quoted - text) : find_place(text), length = 0;
	if (text[place] == '\0')
		return error_set(err, -EINVAL, "filter \"%s\": column %zu: %s at its end (" EXPECTED ")",
		                 text, place + 1, message);
	while (is_word_character(text[place + length]))
		length++;
	return error_set(err, -EINVAL, "filter \"%s\": column %zu, at \"%.*s\": %s (" EXPECTED ")",
	                 text, place + 1, length ? (int)length : 1, text + place, message);
}

/* libpcap's name for what files call a link type; they differ in a few old numbers. */
static int dlt_of(uint16_t link_type)
{
	switch (link_type) {
	case 101:
	case 14:
		return DLT_RAW;
	case 100:
		return DLT_ATM_RFC1483;
	default:
		return link_type;
	}
}

/* A handle that captures nothing stands for the link type; libpcap needs one to compile. */
int packet_filter_compile(const char *text, uint16_t link_type, struct bpf_program *ret,
                          char *ret_message)
{
	pcap_t *handle = pcap_open_dead(dlt_of(link_type), FILTER_VIEW_BYTES);

	if (!handle) {
		snprintf(ret_message, PCAP_ERRBUF_SIZE, "no memory");
		return -ENOMEM;
	}
	int r = pcap_compile(handle, ret, text, 1, PCAP_NETMASK_UNKNOWN);
	if (r < 0)
		snprintf(ret_message, PCAP_ERRBUF_SIZE, "%s", pcap_geterr(handle));
	pcap_close(handle);
	return r < 0 ? -EINVAL : 0;
}

static bool is_word_character(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.' || c == ':';
}

bool packet_filter_names(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
		if ((at == text || !is_word_character(at[-1])) && !is_word_character(at[length]))
			return true;
	return false;
}

/* Whether the text, or the start of one, could go on to be a filter. */
static bool could_go_on(const char *text, size_t length)
{
	static const char *const ends[] = {
		"", " ip", " 80", " 1.2.3.4", " = 0", "] = 0", " 1] = 0", " 1 = 0", " port 80"
	};
	char attempt[1200], message[PCAP_ERRBUF_SIZE];
	int open = 0;

	for (size_t i = 0; i < length; i++)
		open += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
	for (size_t i = 0; i < array_count(ends); i++) {
		struct bpf_program code;
		int n = snprintf(attempt, sizeof attempt, "%.*s%s", (int)length, text, ends[i]);
		if (n < 0 || (size_t)n + (open > 0 ? (size_t)open : 0) >= sizeof attempt)
			return true;
		for (int j = 0; j < open; j++)
			strcat(attempt, ")");
		int r = packet_filter_compile(attempt, LINK_ETHERNET, &code, message);
		if (r == 0)
			pcap_freecode(&code);
		if (r == 0 || strstr(message, "rejects all packets"))
			return true;
	}
	return false;
}

/* libpcap says "syntax error" and no place. The place is the first word after which no filter
 * can be made any more; where the whole text could go on, it is its end. */
static size_t find_place(const char *text)
{
	size_t length = strlen(text), at = 0;

	while (at < length) {
		size_t start = at + strspn(text + at, " \t\n"), end = start;
		while (end < length && is_word_character(text[end]))
			end++;
		if (end == start && end < length)
			end++;
		if (start == end)
			break;
		if (!could_go_on(text, end))
			return start;
		at = end;
	}
	return length;
}

/* A word that libpcap quotes in its message ("unknown host 'x'"), if the text has it. */
static const char *find_quoted(const char *text, const char *message)
{
	char word[128];
	const char *open = strchr(message, '\''), *close = open ? strchr(open + 1, '\'') : NULL;
	const char *name = strrchr(message, ' ');

	if (close && (size_t)(close - open - 1) < sizeof word) {
		snprintf(word, sizeof word, "%.*s", (int)(close - open - 1), open + 1);
		return *word ? strstr(text, word) : NULL;
	}
	return name && name[1] ? strstr(text, name + 1) : NULL;
}
