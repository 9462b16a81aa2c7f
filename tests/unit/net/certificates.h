/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and certificates for tests, made anew in a folder of their own under /tmp. */
#ifndef TESTS_UNIT_NET_CERTIFICATES_H
#define TESTS_UNIT_NET_CERTIFICATES_H

#include "net/tls.h"

struct pki {
	char folder[64];
	char ca[96], other_ca[96];
	/* Files with certificate and key in one. */
	char collector[96];             /* localhost, 127.0.0.1, ::1 */
	char exporter[96];              /* exporter.example */
	char expired[96];               /* localhost, since yesterday */
	char elsewhere[96];             /* other.example */
	char foreign[96];               /* localhost, of the other authority */
};

void pki_make(struct pki *pki);
void pki_remove(struct pki *pki);

#endif
