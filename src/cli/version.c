/* SPDX-License-Identifier: Apache-2.0 */
/* `weir --version`: the version, and what was found when the program was configured. */
#include <stdio.h>

#include "cli/command.h"
#include "config.h"

static const char *aes(void)
{
#if defined(__x86_64__)
	return __builtin_cpu_supports("aes") ? "yes" : "built in, not in this processor";
#else
	return "no";
#endif
}

int version_print(void)
{
	printf("weir %s\n", WEIR_VERSION);
	printf("  %-12s%s\n", "AF_PACKET", WEIR_HAVE_AF_PACKET ? "yes (TPACKET_V3)" : "no");
	printf("  %-12s%s\n", "libpcap", WEIR_LIBPCAP_VERSION);
	printf("  %-12s%s\n", "gzip", "zlib " WEIR_ZLIB_VERSION);
	printf("  %-12s%s\n", "zstd", "libzstd " WEIR_ZSTD_VERSION);
	printf("  %-12s%s\n", "YAML", "libyaml " WEIR_YAML_VERSION);
	printf("  %-12s%s\n", "TLS, DTLS", "OpenSSL " WEIR_OPENSSL_VERSION);
	printf("  %-12s%s\n", "SCTP", "usrsctp " WEIR_USRSCTP_VERSION);
	printf("  %-12s%s\n", "nDPI", WEIR_HAVE_NDPI ? "libndpi " WEIR_NDPI_VERSION : "no");
	printf("  %-12s%s\n", "host names", "libpsl " WEIR_PSL_VERSION);
	printf("  %-12s%s\n", "AES hash", aes());
	return STATUS_FINE;
}
