/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Floats with the fewest digits that read back as the same value.
 *
 * Most values that a meter exports are whole or have few decimals, and for those there is a short
 * way: if n = value × 10^k is a whole number below 2^53 and n ÷ 10^k gives the value again, n with
 * its point moved k places is the answer, since both n and 10^k are exact and the division rounds
 * once. The smallest such k has the fewest digits. Everything else asks the C library for 15, 16,
 * then 17 digits (6 to 9 for a float32; subnormals, which hold fewer, from 1), which is slow, and
 * takes the first that reads back. The digits are placed here, so that the point is a point in
 * every locale.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/value_text.h"

enum { DECIMALS_SHORT = 6 };

struct decimal {                        /* 0.d1d2d3... × 10^point */
	char digits[24];
	int count, point;
};

static void strip_zeros(struct decimal *d)
{
	while (d->count > 1 && d->digits[d->count - 1] == '0')
		d->count--;
}

static bool short_way(double value, bool narrow, struct decimal *ret)
{
	static const double powers[DECIMALS_SHORT + 1] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6 };
	double limit = narrow ? 0x1p24 : 0x1p53;
	for (int k = 0; k <= DECIMALS_SHORT; k++) {
		double n = round(value * powers[k]), back = n / powers[k];
		if (n >= limit)
			return false;
		if ((narrow ? (double)(float)back : back) != value)
			continue;
		char digits[20];
		ret->count = (int)value_format_unsigned((uint64_t)n, digits);
		memcpy(ret->digits, digits, (size_t)ret->count);
		ret->point = ret->count - k;
		strip_zeros(ret);
		return true;
	}
	return false;
}

static bool reads_back(const char *text, double value, bool narrow)
{
	return narrow ? (double)strtof(text, NULL) == value : strtod(text, NULL) == value;
}

static void long_way(double value, bool narrow, struct decimal *ret)
{
	char text[40];
	bool subnormal = value < (narrow ? (double)FLT_MIN : DBL_MIN);
	int fewest = subnormal ? 1 : narrow ? FLT_DIG : DBL_DIG;
	for (int digits = fewest; digits <= DBL_DECIMAL_DIG; digits++) {
		snprintf(text, sizeof text, "%.*e", digits - 1, value);
		if (reads_back(text, value, narrow))
			break;
	}
	const char *exponent = strchr(text, 'e');
	ret->count = 0;
	for (const char *at = text; at < exponent && ret->count < 20; at++)
		if (*at >= '0' && *at <= '9')
			ret->digits[ret->count++] = *at;
	ret->point = (int)strtol(exponent + 1, NULL, 10) + 1;
	strip_zeros(ret);
}

static size_t put_zeros(char *out, int count)
{
	if (count <= 0)
		return 0;
	memset(out, '0', (size_t)count);
	return (size_t)count;
}

/* Plain from 1e-6 up to 1e21, with an exponent beyond: what JSON readers print themselves. */
static size_t place(const struct decimal *d, char *out)
{
	size_t at = 0;
	bool plain = d->point > -6 && d->point <= 21;
	int whole = plain ? d->point : 1;               /* digits before the point */
	int taken = whole < 0 ? 0 : whole < d->count ? whole : d->count;
	if (whole <= 0)
		out[at++] = '0';
	memcpy(out + at, d->digits, (size_t)taken);
	at += (size_t)taken;
	at += put_zeros(out + at, whole - taken);
	if (taken < d->count) {
		out[at++] = '.';
		at += put_zeros(out + at, -whole);
		memcpy(out + at, d->digits + taken, (size_t)(d->count - taken));
		at += (size_t)(d->count - taken);
	}
	if (!plain) {
		out[at++] = 'e';
		at += value_format_signed(d->point - 1, out + at);
	}
	return at;
}

static size_t format(double value, bool narrow, char out[32])
{
	struct decimal d;
	size_t at = 0;
	if (signbit(value)) {
		out[at++] = '-';
		value = -value;
	}
	if (!short_way(value, narrow, &d))
		long_way(value, narrow, &d);
	return at + place(&d, out + at);
}

size_t value_format_double(double value, char out[32])
{
	return format(value, false, out);
}

size_t value_format_float(float value, char out[32])
{
	return format((double)value, true, out);
}
