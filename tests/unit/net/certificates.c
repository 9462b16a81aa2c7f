/* SPDX-License-Identifier: Apache-2.0 */
#include "certificates.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { DAY_S = 86400 };

struct issuer {
	X509 *certificate;
	EVP_PKEY *key;
};

struct wish {
	const char *name;               /* common name */
	const char *alternatives;       /* "DNS:localhost,IP:127.0.0.1"; NULL: none */
	long from_s, until_s;           /* from now */
	const struct issuer *issuer;    /* NULL: itself */
};

static void extension(X509 *certificate, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	assert_non_null(e);
	assert_int_equal(X509_add_ext(certificate, e, -1), 1);
	X509_EXTENSION_free(e);
}

static struct issuer make(const struct wish *wish)
{
	static long serial = 1;
	struct issuer made = { X509_new(), EVP_EC_gen("P-256") };
	const struct issuer *issuer = wish->issuer ? wish->issuer : &made;
	X509_NAME *name = X509_get_subject_name(made.certificate);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)wish->name, -1, -1,
	                           0);
	X509_set_version(made.certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), serial++);
	X509_gmtime_adj(X509_getm_notBefore(made.certificate), wish->from_s);
	X509_gmtime_adj(X509_getm_notAfter(made.certificate), wish->until_s);
	X509_set_issuer_name(made.certificate, X509_get_subject_name(issuer->certificate));
	X509_set_pubkey(made.certificate, made.key);
	if (!wish->issuer)
		extension(made.certificate, NID_basic_constraints, "critical,CA:TRUE");
	if (wish->alternatives)
		extension(made.certificate, NID_subject_alt_name, wish->alternatives);
	assert_true(X509_sign(made.certificate, issuer->key, EVP_sha256()) > 0);
	return made;
}

static void write_out(const struct issuer *made, bool with_key, const char *path)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	PEM_write_X509(file, made->certificate);
	if (with_key)
		PEM_write_PrivateKey(file, made->key, NULL, NULL, 0, NULL, NULL);
	fclose(file);
}

static void drop(struct issuer *made)
{
	X509_free(made->certificate);
	EVP_PKEY_free(made->key);
}

static void leaf(const struct pki *pki, const char *file, const struct wish *wish, char *path,
                 size_t size)
{
	struct issuer made = make(wish);
	snprintf(path, size, "%s/%s.pem", pki->folder, file);
	write_out(&made, true, path);
	drop(&made);
}

void pki_make(struct pki *pki)
{
	static const char here[] = "DNS:localhost,IP:127.0.0.1,IP:::1";
	snprintf(pki->folder, sizeof pki->folder, "/tmp/weir-test-pki-XXXXXX");
	assert_non_null(mkdtemp(pki->folder));
	struct issuer ca = make(&(struct wish){ "Test authority", NULL, -DAY_S, DAY_S, NULL });
	struct issuer other = make(&(struct wish){ "Another authority", NULL, -DAY_S, DAY_S, NULL });
	snprintf(pki->ca, sizeof pki->ca, "%s/ca.pem", pki->folder);
	snprintf(pki->other_ca, sizeof pki->other_ca, "%s/other.pem", pki->folder);
	write_out(&ca, false, pki->ca);
	write_out(&other, false, pki->other_ca);
	leaf(pki, "collector", &(struct wish){ "collector", here, -DAY_S, DAY_S, &ca },
	     pki->collector, sizeof pki->collector);
	leaf(pki, "exporter", &(struct wish){ "exporter.example", NULL, -DAY_S, DAY_S, &ca },
	     pki->exporter, sizeof pki->exporter);
	leaf(pki, "expired", &(struct wish){ "collector", here, -3 * DAY_S, -DAY_S, &ca },
	     pki->expired, sizeof pki->expired);
	leaf(pki, "elsewhere", &(struct wish){ "other", "DNS:other.example", -DAY_S, DAY_S, &ca },
	     pki->elsewhere, sizeof pki->elsewhere);
	leaf(pki, "foreign", &(struct wish){ "collector", here, -DAY_S, DAY_S, &other },
	     pki->foreign, sizeof pki->foreign);
	drop(&ca);
	drop(&other);
}

void pki_remove(struct pki *pki)
{
	const char *files[] = { pki->ca, pki->other_ca, pki->collector, pki->exporter, pki->expired,
	                        pki->elsewhere, pki->foreign };
	for (unsigned i = 0; i < sizeof files / sizeof *files; i++)
		unlink(files[i]);
	rmdir(pki->folder);
}
