/* SPDX-License-Identifier: Apache-2.0 */
/* Contexts and messages of TLS; see tls.h. */
#include "net/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/compiler.h"

enum { NAME_BYTES = 256 };

struct tls_own {                        /* of a context */
	BIO_METHOD *method;
	/* The certificate that was found wanting last: OpenSSL does not keep it. */
	char name[NAME_BYTES], issuer[NAME_BYTES], since[64], until[64];
};

/* --- contexts --- */

/* What OpenSSL says last, or the system's error behind it. */
static const char *last_reason(void)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;
	ERR_clear_error();
	return reason ? reason : "unknown reason";
}

static int check_readable(const char *what, const char *path, struct error *err)
{
	if (access(path, R_OK) == 0)
		return 0;
	return error_set(err, -errno, "%s=%s: cannot open: %s; expected a file in PEM", what, path,
	                 strerror(errno));
}

static int load_own(SSL_CTX *context, const struct net_certificates *c, struct error *err)
{
	const char *key = c->key ? c->key : c->cert;
	int rc = check_readable("cert", c->cert, err);
	if (rc == 0)
		rc = check_readable("key", key, err);
	if (rc < 0)
		return rc;
	if (SSL_CTX_use_certificate_chain_file(context, c->cert) != 1)
		return error_set(err, -EINVAL, "cert=%s: found no certificate in PEM: %s", c->cert,
		                 last_reason());
	if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
		return error_set(err, -EINVAL, "key=%s: found no private key in PEM that belongs to %s: %s",
		                 key, c->cert, last_reason());
	if (SSL_CTX_check_private_key(context) != 1)
		return error_set(err, -EINVAL, "key=%s: is not the key of %s", key, c->cert);
	return 0;
}

static int load_authorities(SSL_CTX *context, const struct tls_use *use, struct error *err)
{
	const char *ca = use->certificates->ca;
	if (!ca) {
		if (SSL_CTX_set_default_verify_paths(context) == 1)
			return 0;
		return error_set(err, -EINVAL, "the system's authorities cannot be read: %s",
		                 last_reason());
	}
	int rc = check_readable("ca", ca, err);
	if (rc < 0)
		return rc;
	if (SSL_CTX_load_verify_file(context, ca) != 1)
		return error_set(err, -EINVAL, "ca=%s: found no certificates in PEM: %s", ca,
		                 last_reason());
	if (use->is_server)
		SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(ca));
	return 0;
}

/* Names of the list; any of them will do. */
static int expect_names(SSL_CTX *context, const char *names, struct error *err)
{
	char name[NAME_BYTES];
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(context);
	while (*names) {
		size_t length = strcspn(names, ",");
		if (length == 0 || length >= sizeof name)
			return error_set(err, -EINVAL, "peers: expected names with commas between them, "
			                 "found \"%.60s\"", names);
		memcpy(name, names, length);
		name[length] = '\0';
		if (X509_VERIFY_PARAM_add1_host(param, name, 0) != 1)
			return error_set(err, -ENOMEM, "out of memory for TLS");
		names += length + (names[length] == ',');
	}
	return 0;
}

/* What two parameters say together; what is in the files is looked at later. */
static int check_use(const struct tls_use *use, struct error *err)
{
	const struct net_certificates *c = use->certificates;
	if (c->key && !c->cert)
		return error_set(err, -EINVAL, "key=%s is given without cert=FILE", c->key);
	if (!use->is_server)
		return 0;
	if (!c->cert)
		return error_set(err, -EINVAL, "cert=FILE is missing: a listener shows a certificate");
	if (!c->ca)
		return error_set(err, -EINVAL, "ca=FILE is missing: exporters are verified (RFC 7011, "
		                 "section 11.3)");
	return 0;
}

static int note_fault(int good, X509_STORE_CTX *store);

/* Partial writes, so that a message is not held up whole; no renegotiation, no compression: neither
 * is needed, and both have been ways in. */
static int context_fill(SSL_CTX *context, const struct tls_use *use, struct error *err)
{
	const struct net_certificates *c = use->certificates;
	int verify = SSL_VERIFY_PEER | (use->is_server ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);
	SSL_CTX_set_min_proto_version(context, use->datagrams ? DTLS1_2_VERSION : TLS1_2_VERSION);
	SSL_CTX_set_verify(context, verify, note_fault);
	/* Sessions are not resumed: each one verifies both certificates. */
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	int rc = c->cert ? load_own(context, c, err) : 0;
	if (rc == 0)
		rc = load_authorities(context, use, err);
	if (rc == 0 && c->peers)
		rc = expect_names(context, c->peers, err);
	return rc;
}

int tls_context(const struct tls_use *use, SSL_CTX **ret, struct error *err)
{
	int rc = check_use(use, err);
	if (rc < 0)
		return rc;
	const SSL_METHOD *method = use->datagrams
		? (use->is_server ? DTLS_server_method() : DTLS_client_method())
		: (use->is_server ? TLS_server_method() : TLS_client_method());
	SSL_CTX *context = SSL_CTX_new(method);
	if (!context)
		return error_set(err, -ENOMEM, "TLS cannot begin: %s", last_reason());
	struct tls_own *own = calloc(1, sizeof *own);
	SSL_CTX_set_app_data(context, own);
	rc = own ? context_fill(context, use, err) : error_set(err, -ENOMEM, "out of memory for TLS");
	ERR_clear_error();
	if (rc < 0) {
		tls_context_free(context);
		return rc;
	}
	*ret = context;
	return 0;
}

void tls_context_free(SSL_CTX *context)
{
	if (!context)
		return;
	struct tls_own *own = SSL_CTX_get_app_data(context);
	SSL_CTX_free(context);
	if (own)
		BIO_meth_free(own->method);
	free(own);
}

/* --- sockets: OpenSSL's own BIO would raise SIGPIPE --- */

/* recv() and send() in the place of OpenSSL's own read() and write(), which would raise SIGPIPE. */
static int socket_read(BIO *bio, char *buffer, int size)
{
	int fd = (int)(intptr_t)BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	ssize_t n = recv(fd, buffer, (size_t)size, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_read(bio);
	if (n == 0)
		BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
	return (int)n;
}

static int socket_write(BIO *bio, const char *octets, int bytes)
{
	int fd = (int)(intptr_t)BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	ssize_t n = send(fd, octets, (size_t)bytes, MSG_NOSIGNAL);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_retry_write(bio);
	return (int)n;
}

static long socket_control(BIO *bio, int command, long number, void *pointer)
{
	if (command == BIO_CTRL_EOF)
		return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
	return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *socket_method(struct tls_own *own)
{
	if (own->method)
		return own->method;
	own->method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
	if (!own->method)
		return NULL;
	BIO_meth_set_read(own->method, socket_read);
	BIO_meth_set_write(own->method, socket_write);
	BIO_meth_set_ctrl(own->method, socket_control);
	return own->method;
}

int tls_attach(SSL *ssl, int fd)
{
	BIO_METHOD *method = socket_method(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
	BIO *bio = method ? BIO_new(method) : NULL;
	if (!bio)
		return -ENOMEM;
	BIO_set_data(bio, (void *)(intptr_t)fd);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	return 0;
}

int tls_expect_host(SSL *ssl, const char *host)
{
	uint8_t octets[16];
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	if (inet_pton(AF_INET, host, octets) == 1 || inet_pton(AF_INET6, host, octets) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1 ? 0 : -EINVAL;
	if (SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
	             (void *)(uintptr_t)host) != 1)
		return -EINVAL;
	return X509_VERIFY_PARAM_set1_host(param, host, 0) == 1 ? 0 : -EINVAL;
}

/* --- names in certificates --- */

static void common_name(X509 *certificate, char *buffer, size_t size)
{
	buffer[0] = '\0';
	X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, buffer,
	                          (int)size);
}

static bool first_dns_name(X509 *certificate, char *buffer, size_t size)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	bool found = false;
	for (int i = 0; i < sk_GENERAL_NAME_num(names) && !found; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type != GEN_DNS)
			continue;
		snprintf(buffer, size, "%.*s", ASN1_STRING_length(name->d.dNSName),
		         (const char *)ASN1_STRING_get0_data(name->d.dNSName));
		found = true;
	}
	GENERAL_NAMES_free(names);
	return found;
}

static void certificate_name(X509 *certificate, char *buffer, size_t size)
{
	if (!first_dns_name(certificate, buffer, size))
		common_name(certificate, buffer, size);
}

const char *tls_peer_name(SSL *ssl, char *buffer, size_t size)
{
	X509 *certificate = SSL_get0_peer_certificate(ssl);
	buffer[0] = '\0';
	if (certificate)
		certificate_name(certificate, buffer, size);
	return buffer;
}

/* --- reasons --- */

static void time_text(const ASN1_TIME *time, char *buffer, size_t size)
{
	struct tm t;
	if (ASN1_TIME_to_tm(time, &t) != 1 || strftime(buffer, size, "%F %H:%M:%S UTC", &t) == 0)
		snprintf(buffer, size, "an unreadable time");
}

/* Noted for the message: OpenSSL tells the reason later, but not which certificate it was about.
 * The verdict itself is OpenSSL's. */
static int note_fault(int good, X509_STORE_CTX *store)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct tls_own *own = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	X509 *certificate = X509_STORE_CTX_get_current_cert(store);
	if (good || !certificate)
		return good;
	certificate_name(certificate, own->name, sizeof own->name);
	X509_NAME_oneline(X509_get_issuer_name(certificate), own->issuer, sizeof own->issuer);
	time_text(X509_get0_notBefore(certificate), own->since, sizeof own->since);
	time_text(X509_get0_notAfter(certificate), own->until, sizeof own->until);
	return good;
}

/* What is wrong with the peer's certificate. */
static void certificate_fault(SSL *ssl, long fault, char *buffer, size_t size)
{
	const struct tls_own *own = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	switch (fault) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		snprintf(buffer, size, "the peer's certificate is for \"%s\", which is not whom we "
		         "expect", own->name);
		return;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		snprintf(buffer, size, "the peer's certificate (\"%s\") has expired, at %s", own->name,
		         own->until);
		return;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		snprintf(buffer, size, "the peer's certificate (\"%s\") is not yet valid, but from %s",
		         own->name, own->since);
		return;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		snprintf(buffer, size, "the peer's certificate (\"%s\") is from an authority that we do "
		         "not believe: %s; see ca=FILE", own->name, own->issuer);
		return;
	default:
		snprintf(buffer, size, "the peer's certificate (\"%s\"): %s", own->name,
		         X509_verify_cert_error_string(fault));
	}
}

/* Alerts of the peer (RFC 8446, section 6.2) that say something about us. OpenSSL adds 1000. */
static const struct {
	int alert;
	const char *text;
} alerts[] = {
	{ SSL_AD_BAD_CERTIFICATE, "the peer refuses our certificate as bad; is it signed as it wants, "
	                          "and for our name?" },
	{ SSL_AD_UNSUPPORTED_CERTIFICATE, "the peer refuses our certificate: not of a kind, or for a "
	                                  "purpose, that it takes" },
	{ SSL_AD_CERTIFICATE_REVOKED, "the peer says that our certificate is revoked" },
	{ SSL_AD_CERTIFICATE_EXPIRED, "the peer says that our certificate has expired" },
	{ SSL_AD_CERTIFICATE_UNKNOWN, "the peer does not accept our certificate" },
	{ SSL_AD_UNKNOWN_CA, "the peer does not believe the authority of our certificate" },
	{ SSL_AD_ACCESS_DENIED, "the peer denies us access" },
	{ SSL_AD_CERTIFICATE_REQUIRED, "the peer demands a certificate of us; see cert=FILE and "
	                               "key=FILE" },
	{ SSL_AD_PROTOCOL_VERSION, "the peer does not take the version of TLS (1.2 at least)" },
	{ SSL_AD_INSUFFICIENT_SECURITY, "the peer wants stronger ciphers" },
	{ SSL_AD_UNRECOGNIZED_NAME, "the peer does not know the name that we called it by" },
	{ SSL_AD_HANDSHAKE_FAILURE, "the peer found no way to agree (a certificate that it demands of "
	                            "us, see cert=FILE; ciphers)" },
};

static bool alert_fault(unsigned long code, char *buffer, size_t size)
{
	int reason = ERR_GET_REASON(code);
	if (ERR_GET_LIB(code) != ERR_LIB_SSL || reason < SSL_AD_REASON_OFFSET)
		return false;
	for (unsigned i = 0; i < array_count(alerts); i++) {
		if (alerts[i].alert + SSL_AD_REASON_OFFSET != reason)
			continue;
		snprintf(buffer, size, "%s", alerts[i].text);
		return true;
	}
	return false;
}

/* The reasons that users meet, in words that say what to do; others as OpenSSL has them. */
static const char *library_fault(unsigned long code)
{
	switch (ERR_GET_REASON(code)) {
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
		return "the peer has no certificate to show";
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_HTTP_REQUEST:
		return "the peer does not speak TLS";
	case SSL_R_UNSUPPORTED_PROTOCOL:
		return "the peer speaks an old version of TLS; 1.2 is the least";
	case SSL_R_UNEXPECTED_EOF_WHILE_READING:
		return "the peer closed the connection without a word";
	default:
		return ERR_reason_error_string(code);
	}
}

/* In this order: what was wrong with the peer's certificate, what the peer says is wrong with ours,
 * what OpenSSL says, what the system says. */
const char *tls_reason(SSL *ssl, int result, char *buffer, size_t size)
{
	int saved = errno, kind = SSL_get_error(ssl, result);
	unsigned long code = ERR_peek_error();
	long fault = SSL_get_verify_result(ssl);
	bool is_alert = code && ERR_GET_LIB(code) == ERR_LIB_SSL
	                && ERR_GET_REASON(code) >= SSL_AD_REASON_OFFSET;
	const char *text = code ? library_fault(code) : NULL;
	if (fault != X509_V_OK && !is_alert)
		certificate_fault(ssl, fault, buffer, size);
	else if (!is_alert || !alert_fault(code, buffer, size))
		snprintf(buffer, size, "%s", kind == SSL_ERROR_ZERO_RETURN ? "closed by the peer"
		         : text ? text : kind == SSL_ERROR_SYSCALL && saved ? strerror(saved)
		         : "the peer closed the connection without a word");
	ERR_clear_error();
	return buffer;
}
