/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times as IPFIX carries dateTimeMicroseconds and dateTimeNanoseconds: 64-bit NTP timestamps,
 * seconds since 1900 and a binary fraction (RFC 7011, sections 6.1.9 and 6.1.10). The seconds wrap
 * in 2036, when the next NTP era begins; what would lie before 1970 is taken as of the next era.
 *
 * Fractions are rounded up: the error is below half a unit even where the 11 low bits are zero, so
 * a reader that cuts and a reader that rounds both get back the number that went in. Read, they are
 * rounded to the nearest unit, which is right for writers that cut as well.
 */
#ifndef BASE_NTP_H
#define BASE_NTP_H

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

/* dateTimeNanoseconds: the fraction has all 32 bits, so a step is 0.23 ns and every nanosecond has
 * one of its own. */
static inline uint64_t ntp_of_nanoseconds(uint64_t ns)
{
	uint64_t seconds = ns / 1000000000, rest = ns % 1000000000;
	uint64_t fraction = ((rest << 32) + 999999999) / 1000000000;
	return (seconds + NTP_UNIX_SECONDS) << 32 | fraction;
}

/* Seconds since 1970 of an NTP timestamp. */
static inline uint64_t ntp_unix_seconds(uint64_t ntp)
{
	uint64_t seconds = ntp >> 32;
	return seconds >= NTP_UNIX_SECONDS ? seconds - NTP_UNIX_SECONDS
	       : seconds + (UINT64_C(1) << 32) - NTP_UNIX_SECONDS;
}

/* The low 11 bits are not looked at, as RFC 7011, section 6.1.9, asks of readers. */
static inline uint64_t ntp_to_microseconds(uint64_t ntp)
{
	uint64_t fraction = (uint32_t)ntp & ~UINT64_C(0x7ff);
	return ntp_unix_seconds(ntp) * 1000000 + ((fraction * 1000000 + (UINT64_C(1) << 31)) >> 32);
}

/* Exact for what ntp_of_nanoseconds() made, over the whole era. */
static inline uint64_t ntp_to_nanoseconds(uint64_t ntp)
{
	uint64_t fraction = (uint32_t)ntp;
	return ntp_unix_seconds(ntp) * 1000000000
	       + ((fraction * 1000000000 + (UINT64_C(1) << 31)) >> 32);
}

#endif
