/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages for the user: see error.h. The text lies in the caller's struct and is cut at its size,
 * so that saying what went wrong needs no memory, which may be what there is none of.
 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *err, int code, const char *format, ...)
{
	if (!err)
		return code;
	va_list ap;
	va_start(ap, format);
	vsnprintf(err->text, sizeof err->text, format, ap);
	va_end(ap);
	return code;
}

int error_prefix(struct error *err, int code, const char *format, ...)
{
	if (!err)
		return code;
	char prefix[256], old[sizeof err->text];
	va_list ap;
	va_start(ap, format);
	vsnprintf(prefix, sizeof prefix, format, ap);
	va_end(ap);
	memcpy(old, err->text, sizeof old);
	int n = snprintf(err->text, sizeof err->text, "%s: ", prefix);
	if (n < 0 || (size_t)n >= sizeof err->text)
		return code;
	size_t room = sizeof err->text - (size_t)n, length = strnlen(old, room - 1);
	memcpy(err->text + n, old, length);
	err->text[(size_t)n + length] = '\0';
	return code;
}
