/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times as IPFIX carries dateTimeMicroseconds and dateTimeNanoseconds: 64-bit NTP timestamps,
 * seconds since 1900 and a binary fraction (RFC 7011, sections 6.1.9 and 6.1.10). The seconds wrap
 * in 2036, when the next NTP era begins; a reader knows the era by the export time.
 *
 * Fractions are rounded up: the error is below half a unit even where the 11 low bits are zero, so
 * a reader that cuts and a reader that rounds both get back the number that went in.
 */
#ifndef IPFIX_NTP_H
#define IPFIX_NTP_H

#include <stdint.h>

#define NTP_UNIX_SECONDS UINT64_C(2208988800)   /* 1900-01-01 to 1970-01-01 */

/* The low 11 bits of the fraction are below a microsecond; senders set them to zero. */
static inline uint64_t ntp_of_microseconds(uint64_t us)
{
	uint64_t seconds = us / 1000000, rest = us % 1000000;
	uint64_t fraction = ((rest << 32) + 999999) / 1000000;
	fraction = (fraction + 0x7ff) & ~UINT64_C(0x7ff);
	return (seconds + NTP_UNIX_SECONDS) << 32 | fraction;
}

static inline uint64_t ntp_of_nanoseconds(uint64_t ns)
{
	uint64_t seconds = ns / 1000000000, rest = ns % 1000000000;
	uint64_t fraction = ((rest << 32) + 999999999) / 1000000000;
	return (seconds + NTP_UNIX_SECONDS) << 32 | fraction;
}

#endif
