/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The account of a session. At any time between messages:
 *   messages = decoded + sum of discarded, and the same for octets
 *   sets (of decoded messages) = template sets + decoded + waiting + sum of dropped
 *   records = what was emitted and options data
 * Reasons are lists that give counters, names for --stats and the documentation.
 */
#ifndef IPFIX_DECODE_COUNTERS_H
#define IPFIX_DECODE_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

/* Why a message was discarded. */
#define DECODE_FAULTS(F) \
	F(none, "decoded") \
	F(too_short, "shorter than its header") \
	F(version, "neither NetFlow v5, v9 nor IPFIX") \
	F(length, "its length contradicts what came") \
	F(set_length, "a set runs over the end of the message") \
	F(template, "a template that is cut or contradicts itself") \
	F(record, "a record runs over the end of its set") \
	F(count, "fewer records than its header says") \
	F(memory, "no memory for its records or its domain")

/* Why a message was discarded; FAULT_none: it was not. */
enum decode_fault {
#define F(name, text) FAULT_##name,
	DECODE_FAULTS(F)
#undef F
	FAULT_COUNT
};

/* Why a set of a message that was decoded gave no records. */
#define DECODE_DROPS(D) \
	D(unknown_template, "data whose template did not come in time") \
	D(no_room, "data whose template had not come, beyond the bound on what waits") \
	D(reserved_set, "a set number that has no meaning") \
	D(unusable_template, "data of a template without fields that say anything") \
	D(no_key, "reverse elements without an end of the flow (RFC 5103, section 4)") \
	D(layouts, "more different templates than are kept apart") \
	D(malformed, "data that waited and turned out to be malformed") \
	D(empty, "a set without records")

/* Why a set was; DECODE_DROP_COUNT: it was not. */
enum decode_drop {
#define D(name, text) DECODE_DROP_##name,
	DECODE_DROPS(D)
#undef D
	DECODE_DROP_COUNT
};

/* Of one session. A message adds to them once it has been read, all at a time. */
struct decode_counters {
	uint64_t messages, octets;              /* received */
	uint64_t by_version[3];                 /* of the messages decoded: v5, v9, IPFIX */
	uint64_t discarded[FAULT_COUNT], discarded_octets[FAULT_COUNT];         /* [0]: decoded */

	uint64_t sets;                          /* in decoded messages */
	uint64_t template_sets, data_sets;      /* of them: read; decoded, at once or later */
	uint64_t waiting;                       /* of them: data ahead of their template, still */
	uint64_t dropped[DECODE_DROP_COUNT];
	uint64_t early;                         /* ever waited */

	uint64_t records, options_records;      /* decoded: flows; options data */

	uint64_t templates, withdrawals;        /* definitions that were new or changed; obeyed */
	uint64_t templates_refused;             /* for want of room */
	uint64_t templates_expired;
	uint64_t conflicts;                     /* streams: another template under an id in use */
	uint64_t withdrawals_ignored;           /* over datagrams, or of what was never defined */
	uint64_t elements_left_out;             /* elements beyond a row's width, by template */

	uint64_t gaps, lost;                    /* in sequence numbers; records (v9: messages) */
	uint64_t reordered, restarts;
};

const char *decode_fault_name(enum decode_fault fault);         /* "set_length" */
const char *decode_fault_text(enum decode_fault fault);
const char *decode_drop_name(enum decode_drop drop);
void decode_counters_add(struct decode_counters *to, const struct decode_counters *from);

#endif
