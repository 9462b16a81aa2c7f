/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values as text for people and machines, and back. One spelling for every output that writes text:
 *   numbers          decimal; floats with the fewest digits that read back as the same value
 *   boolean          true, false
 *   times            an integer in the unit of the field's type
 *   addresses        192.0.2.1, RFC 5952 for IPv6, 00:00:5e:00:53:01 for MAC
 *   strings          UTF-8; octets that are none (and, outside JSON, control characters) as \xNN
 *   octet arrays     hexadecimal digits
 *   basicList        a JSON array (list.h); other structured data are hexadecimal digits
 *   unsigned256      0x and hexadecimal digits
 * A backslash in a string stands for itself, except before x and two hexadecimal digits, where it
 * is written \x5c: what was written can always be read back octet by octet. Absent values are "".
 */
#ifndef RECORD_VALUE_TEXT_H
#define RECORD_VALUE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "record/record.h"

/* Enough for every value whose type has a fixed length, with quotes and a terminating zero. */
enum { VALUE_TEXT_FIXED_MAX = 80 };

/* Both return the length of the whole text, as snprintf does: what does not fit `size` with its
 * terminating zero is cut between characters. JSON is quoted where it must be. */
size_t value_to_text(const struct record_batch *batch, const uint8_t *row, unsigned column,
                     char *buffer, size_t size);
size_t value_to_json(const struct record_batch *batch, const uint8_t *row, unsigned column,
                     char *buffer, size_t size);

/* Numbers and booleans: the JSON form has no quotes. */
bool value_is_bare_in_json(enum field_type type);

/* Reads what value_to_text writes, by the type of the writer's column (a list: its octets in
 * hexadecimal digits). Integers may be 0x...; a
 * value out of the type's range is an error and leaves the row as it was. Texts are not cut:
 * -EMSGSIZE when longer than the column's cap. */
int value_from_text(struct value_writer *w, const char *text, size_t length, struct error *err);

/* The pieces. Each writes without a terminating zero and returns the length. */
size_t value_format_unsigned(uint64_t value, char out[20]);
size_t value_format_signed(int64_t value, char out[20]);
size_t value_format_float(float value, char out[32]);           /* finite */
size_t value_format_double(double value, char out[32]);         /* finite */
size_t value_format_mac(const uint8_t octets[6], char out[17]);
size_t value_format_ipv4(const uint8_t octets[4], char out[15]);
size_t value_format_ipv6(const uint8_t octets[16], char out[45]);
size_t value_format_hex(const uint8_t *octets, size_t bytes, char *out);        /* 2 * bytes */

/* Strings, escaped as said above, cut and counted as value_to_text does. JSON comes with its quotes
 * and has \n, \u00NN and the like for control characters. */
size_t value_escape_text(const void *octets, size_t bytes, char *buffer, size_t size);
size_t value_escape_json(const void *octets, size_t bytes, char *buffer, size_t size);

/* Length of the well-formed UTF-8 sequence (RFC 3629) at the front, 1 to 4; 0 when there is none.
 * */
unsigned value_utf8_length(const uint8_t *octets, size_t bytes);

#endif
