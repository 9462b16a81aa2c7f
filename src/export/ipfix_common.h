/* SPDX-License-Identifier: Apache-2.0 */
/* What the IPFIX outputs have in common: default fields, parameters, and the report of left-out
 * columns. */
#ifndef EXPORT_IPFIX_COMMON_H
#define EXPORT_IPFIX_COMMON_H

#include "export/session.h"
#include "net/address.h"
#include "output/output.h"

/* Times in milliseconds, and of the reverse elements those that collectors know best. */
extern const char *const ipfix_default_fields[];

/* A parameter that is a number (1000, 10k), a size or a duration within bounds; *value is left
 * as it is when the parameter is absent. The message says what was expected. */
int ipfix_parameter_count(const struct address *address, const char *name, const uint64_t bounds[2],
                          uint64_t *value, struct error *err);
int ipfix_parameter_duration(const struct address *address, const char *name,
                             const uint64_t bounds[2],
                             uint64_t *value_ns, struct error *err);

#define IPFIX_OPTIONS_PARAMETER \
	"options", "DURATION|off", "options data (statistics, keys, names) after this time (default 1m)"
/* What every way of sending IPFIX messages takes. */
#define IPFIX_MESSAGE_PARAMETERS \
	"domain", "NUMBER", "observation domain id (default 1)", \
	"pen", "NUMBER", "enterprise number of weir's own elements (default 32473)", \
	IPFIX_OPTIONS_PARAMETER, \
	"pad", "on|off", "fill sets up to multiples of 4 octets (default off)", \
	"reduce", "common", "tell what records have in common once (RFC 5473): few collectors know it"
/* Those, or what NetFlow has of them, by config->format; into the config. */
int ipfix_parameters_message(const struct address *address, struct export_session_config *config,
                             struct error *err);

/* Over transports that lose datagrams, templates come again. */
enum {
	IPFIX_TEMPLATE_MESSAGES = 256,
	IPFIX_TEMPLATE_REFRESH_S = 600,         /* RFC 6728, templateRefreshTimeout */
};
/* "template-refresh" and "template-packets" into the config, which has the defaults. */
int ipfix_parameter_templates(const struct address *address, struct export_session_config *config,
                              struct error *err);

/* Adds the schema to the session; a note about left-out columns goes to the log under `name`. */
int ipfix_add_schema(struct export_session *s, const struct schema *schema,
                     const struct output_env *env,
                     const char *name, struct error *err);

/* An error for an address without a host. */
int ipfix_check_host(const struct address *address, uint16_t port, struct error *err);

/* Both ends of a socket, so that a live meter can leave its own export out. */
bool ipfix_endpoint(int fd, struct output_endpoint *ret);

/* A line for the log, begun with the name. */
void ipfix_message_line(const struct output_env *env, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
