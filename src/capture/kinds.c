/* SPDX-License-Identifier: Apache-2.0 */
/* The list of capture sources. A new kind is one file and one line here (and in source.h). */
#include <stddef.h>

#include "capture/source.h"

const struct capture_kind *const capture_kinds[] = {
	&capture_file,
#ifdef __linux__
	&capture_af_packet,
#endif
	&capture_libpcap,
	NULL,
};

const struct capture_kind *capture_kind_files(void)
{
	return &capture_file;
}

const struct capture_kind *capture_kind_live(void)
{
#ifdef __linux__
	return &capture_af_packet;
#else
	return &capture_libpcap;
#endif
}
