/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what is known of a flow to fields of its record. One table: the field, how it is written,
 * and the attribute it comes from. All of them speak of the biflow.
 */
#include <string.h>

#include "base/compiler.h"
#include "identify/inner.h"

enum how {
	HOW_ID, HOW_NAME, HOW_CATEGORY, HOW_GROUP, HOW_CONFIDENCE, HOW_MASTER,
	HOW_PARENT, HOW_SESSION, HOW_OCTETS, HOW_NUMBER, HOW_HOST, HOW_METHOD, HOW_RISK_NAMES
};

/* FIELD(name, how, attribute) */
#define FIELDS \
	FIELD("applicationId", HOW_ID, 0) \
	FIELD("applicationName", HOW_NAME, 0) \
	FIELD("applicationCategoryName", HOW_CATEGORY, 0) \
	FIELD("applicationGroupName", HOW_GROUP, 0) \
	FIELD("applicationConfidence", HOW_CONFIDENCE, 0) \
	FIELD("applicationMasterName", HOW_MASTER, 0) \
	FIELD("parentFlowId", HOW_PARENT, 0) \
	FIELD("applicationSessionId", HOW_SESSION, 0) \
	FIELD("applicationHostName", HOW_OCTETS, ATTRIBUTE_HOST_NAME) \
	FIELD("flowRisk", HOW_NUMBER, ATTRIBUTE_RISK) \
	FIELD("flowRiskNames", HOW_RISK_NAMES, ATTRIBUTE_RISK) \
	FIELD("flowRiskScore", HOW_NUMBER, ATTRIBUTE_RISK_SCORE) \
	FIELD("tlsVersion", HOW_NUMBER, ATTRIBUTE_TLS_VERSION) \
	FIELD("tlsCipherSuite", HOW_NUMBER, ATTRIBUTE_TLS_CIPHER) \
	FIELD("tlsJa3Fingerprint", HOW_OCTETS, ATTRIBUTE_TLS_JA3) \
	FIELD("tlsJa3sFingerprint", HOW_OCTETS, ATTRIBUTE_TLS_JA3S) \
	FIELD("tlsAlpn", HOW_OCTETS, ATTRIBUTE_TLS_ALPN) \
	FIELD("sslCertificateSHA1", HOW_OCTETS, ATTRIBUTE_TLS_SHA1) \
	FIELD("sshClientVersion", HOW_OCTETS, ATTRIBUTE_SSH_CLIENT) \
	FIELD("sshServerVersion", HOW_OCTETS, ATTRIBUTE_SSH_SERVER) \
	FIELD("sshHassh", HOW_OCTETS, ATTRIBUTE_SSH_HASSH) \
	FIELD("sshHasshServer", HOW_OCTETS, ATTRIBUTE_SSH_HASSH_SERVER) \
	FIELD("DNSName", HOW_HOST, ATTRIBUTE_DNS_TYPE) \
	FIELD("DNSQType", HOW_NUMBER, ATTRIBUTE_DNS_TYPE) \
	FIELD("DNSRCode", HOW_NUMBER, ATTRIBUTE_DNS_CODE) \
	FIELD("DNSAnswers", HOW_NUMBER, ATTRIBUTE_DNS_ANSWERS) \
	FIELD("DNSAType", HOW_NUMBER, ATTRIBUTE_DNS_ANSWER_TYPE) \
	FIELD("DNSRData", HOW_OCTETS, ATTRIBUTE_DNS_ANSWER) \
	FIELD("httpRequestMethod", HOW_METHOD, ATTRIBUTE_HTTP_METHOD) \
	FIELD("httpRequestHost", HOW_HOST, ATTRIBUTE_HTTP_METHOD) \
	FIELD("httpRequestTarget", HOW_OCTETS, ATTRIBUTE_HTTP_TARGET) \
	FIELD("httpStatusCode", HOW_NUMBER, ATTRIBUTE_HTTP_STATUS) \
	FIELD("httpContentType", HOW_OCTETS, ATTRIBUTE_HTTP_TYPE) \
	FIELD("httpUserAgent", HOW_OCTETS, ATTRIBUTE_USER_AGENT)

const char *const identify_field_names[] = {
#define FIELD(name, how, attribute) name,
	FIELDS
#undef FIELD
	NULL
};

static const struct { uint8_t how, attribute; } fields[] = {
#define FIELD(name, how, attribute) { how, attribute },
	FIELDS
#undef FIELD
};

static void write_text(struct value_writer *w, const char *text)
{
	if (text && *text)
		value_write_octets(w, text, (uint32_t)strlen(text));
}

/* Names that no longer fit are left out whole. */
static void write_risk_names(const struct identify_worker *w, const struct identity *identity,
                             uint64_t risk, struct value_writer *to)
{
	char text[512];
	size_t used = 0;
	for (unsigned bit = 0; bit < 64; bit++) {
		const char *name = risk >> bit & 1 ? identify_text(w, identity, NAME_RISK, bit) : NULL;
		size_t length = name ? strlen(name) : 0;
		if (!name || used + length + 2 > sizeof text)
			continue;
		if (used)
			text[used++] = ',';
		memcpy(text + used, name, length);
		used += length;
	}
	if (used)
		value_write_octets(to, text, (uint32_t)used);
}

/* The order is that of libndpi's numbers. */
static const char *method_name(uint64_t number)
{
	static const char *const names[] = {
		NULL, "OPTIONS", "GET", "HEAD", "PATCH", "POST", "PUT", "DELETE", "TRACE", "CONNECT"
	};
	return number < array_count(names) ? names[number] : NULL;
}

/* The host's name may be under another tag's wing: see attributes.h. */
static void write_attribute(const struct flow_view *view, unsigned field, struct value_writer *to)
{
	const struct identified *s = view->space;
	const struct attribute_list *all = text_of(view->worker, s);
	unsigned bytes = 0;
	const uint8_t *value = attribute_find(all, fields[field].attribute, &bytes);
	if (value && fields[field].how == HOW_HOST)
		value = attribute_find(all, ATTRIBUTE_HOST_NAME, &bytes);
	if (!value)
		return;
	switch (fields[field].how) {
	case HOW_HOST:
	case HOW_OCTETS: value_write_octets(to, value, bytes); break;
	case HOW_NUMBER: value_write_unsigned(to, attribute_number(value, bytes)); break;
	case HOW_METHOD: write_text(to, method_name(attribute_number(value, bytes))); break;
	case HOW_RISK_NAMES:
		write_risk_names(view->worker, &s->identity, attribute_number(value, bytes), to);
		break;
	default: break;
	}
}

static void write_name(const struct flow_view *view, enum identify_name kind, unsigned number,
                       struct value_writer *to)
{
	const struct identified *s = view->space;
	write_text(to, identify_text(view->worker, &s->identity, kind, number));
}

static void write_id(const struct flow_view *view, struct value_writer *to)
{
	const struct identified *s = view->space;
	const struct identify_worker *w = view->worker;
	uint8_t id[APPLICATION_ID_MAX];
	unsigned bytes = w->choice.backend[s->identity.backend]->application_id(s->identity.application,
	                                                                        id);
	value_write_octets(to, id, bytes);
}

static void write_identity(const struct flow_view *view, unsigned how, struct value_writer *to)
{
	const struct identity *i = &((const struct identified *)view->space)->identity;
	switch (how) {
	case HOW_ID: write_id(view, to); break;
	case HOW_NAME: write_name(view, NAME_APPLICATION, i->application, to); break;
	case HOW_CATEGORY: write_name(view, NAME_CATEGORY, i->category, to); break;
	case HOW_GROUP: write_name(view, NAME_GROUP, i->application, to); break;
	case HOW_CONFIDENCE: value_write_unsigned(to, i->confidence); break;
	case HOW_MASTER:
		if (i->master)
			write_name(view, NAME_APPLICATION, i->master, to);
		break;
	default: break;
	}
}

void identify_write(const struct flow_view *view, unsigned field, struct value_writer *to)
{
	const struct identified *s = view->space;
	if (fields[field].how == HOW_PARENT && s->parent)
		value_write_unsigned(to, s->parent);
	else if (fields[field].how == HOW_SESSION && s->session)
		value_write_unsigned(to, s->session);
	else if (fields[field].attribute && s->text)
		write_attribute(view, field, to);
	else if (!fields[field].attribute && s->identity.application)
		write_identity(view, fields[field].how, to);
}
