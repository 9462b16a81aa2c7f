/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The site that a host belongs to: the part of its name that somebody has registered, by the Public
 * Suffix List that libpsl has built in. www.shop.example.co.uk and cdn.example.co.uk are of one
 * site, example.co.uk. sessions.h groups flows by it.
 */
#ifndef IDENTIFY_SITE_H
#define IDENTIFY_SITE_H

enum { SITE_HOST_MAX = 255 };           /* octets of a host; what is longer loses its beginning */

/* Writes the site in small letters, and returns its length; 0: there is none. A port and dots
 * at the end of the host are left out. An address is a site by itself, and so is a name that nobody
 * can register, such as co.uk, or one of a single label. Any octets do: there is no error. An
 * address in brackets that lacks its end tells nothing: 0. */
unsigned site_of_host(const void *host, unsigned bytes, char ret[SITE_HOST_MAX + 1]);

#endif
