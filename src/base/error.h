/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message for the user about bad input from the user (options, files, rules).
 * Bad input from the wire is no error: it has a fate (packet/fate.def) and a counter.
 * Functions that can fail this way take a `struct error *` last and return a negative errno.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

/* The caller's, on the stack as a rule: { "" } to begin with, and "" still when nothing failed. */
struct error {
	char text[512];         /* says where, what was found and what was expected; "" while unset */
};

/* Formats the message (cut at its size) and returns `code`, so that callers can
 * `return error_set(...)`. err may be NULL: then only the code is returned. */
int error_set(struct error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before the message that is there, for callers that know better where it happened
 * (file, option); cut at its size. Returns `code`; err may be NULL. */
int error_prefix(struct error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
