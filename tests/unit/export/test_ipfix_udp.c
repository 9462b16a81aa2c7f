/* SPDX-License-Identifier: Apache-2.0 */
/* ipfix+udp over the loopback interface: what arrives, what is refused, what parameters may say. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "output/output.h"
#include "../ipfix/records.h"

extern const struct output_kind output_ipfix_udp;

struct fixture {
	struct output_env env;
	struct output *output;
	struct schema *schema;
	int collector;
	uint16_t port;
	unsigned messages;              /* lines for the log */
	char line[512];                 /* the last one */
};

static void fixture_message(void *context, const char *text)
{
	struct fixture *f = context;
	f->messages++;
	snprintf(f->line, sizeof f->line, "%s", text);
}

static void collector_open(struct fixture *f, int family)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(f->port),
	                          .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	const void *address = family == AF_INET ? (const void *)&v4 : &v6;
	socklen_t size = family == AF_INET ? sizeof v4 : sizeof v6;
	struct sockaddr_storage bound;
	socklen_t bound_size = sizeof bound;
	f->collector = socket(family, SOCK_DGRAM, 0);
	int room = 1 << 22;
	assert_int_equal(setsockopt(f->collector, SOL_SOCKET, SO_RCVBUF, &room, sizeof room), 0);
	assert_int_equal(bind(f->collector, address, size), 0);
	assert_int_equal(getsockname(f->collector, (struct sockaddr *)&bound, &bound_size), 0);
	f->port = ntohs(((struct sockaddr_in *)&bound)->sin_port);
}

static int output_try(struct fixture *f, const char *text, struct error *err)
{
	struct address address;
	int rc = address_parse(text, &address, err);
	if (rc < 0)
		return rc;
	rc = output_ipfix_udp.open(&address, &f->env, &f->output, err);
	address_fini(&address);
	return rc;
}

static void fixture_init(struct fixture *f, const char *host, const char *parameters)
{
	char text[256];
	struct error err = { "" };
	*f = (struct fixture){ .env = { .live = true, .message = fixture_message } };
	f->env.context = f;
	collector_open(f, strchr(host, '[') ? AF_INET6 : AF_INET);
	snprintf(text, sizeof text, "ipfix+udp://%s:%u?options=off%s%s", host, f->port,
	         *parameters ? "&" : "", parameters);
	if (output_try(f, text, &err) < 0)
		fail_msg("%s", err.text);
	f->schema = records_schema("sourceIPv4Address,octetDeltaCount,reverseOctetDeltaCount", 0);
	assert_int_equal(output_ipfix_udp.schema(f->output, f->schema, NULL), 0);
}

static void fixture_fini(struct fixture *f)
{
	output_ipfix_udp.close(f->output);
	schema_free(f->schema);
	close(f->collector);
}

static struct output_counters counters_of(const struct fixture *f)
{
	struct output_counters counters;
	output_ipfix_udp.counters(f->output, &counters);
	assert_true(output_counters_balanced(&counters));
	return counters;
}

static void write_rows(struct fixture *f, unsigned count)
{
	struct record_batch *batch = record_batch_new(f->schema, count);
	for (unsigned i = 0; i < count; i++) {
		records_row(batch);
		records_unsigned(batch, 1, i);
	}
	assert_int_equal(output_ipfix_udp.write(f->output, batch, NULL), 0);
	record_batch_release(batch);
	counters_of(f);
}

static void finish(struct fixture *f)
{
	assert_int_equal(output_ipfix_udp.finish(f->output, UINT64_MAX, NULL), 0);
}

struct received {
	unsigned datagrams, templates;
	uint32_t records, octets, longest;
};

/* All that waits at the collector. Records have 20 octets; each message has one set. */
static struct received receive(struct fixture *f)
{
	struct received r = { 0 };
	uint8_t octets[65536];
	ssize_t n;
	while ((n = recv(f->collector, octets, sizeof octets, MSG_DONTWAIT)) > 0) {
		assert_int_equal(load_be16(octets), 10);
		assert_int_equal(load_be16(octets + 2), n);
		r.datagrams++;
		r.octets += (uint32_t)n;
		r.longest = (uint32_t)n > r.longest ? (uint32_t)n : r.longest;
		if (load_be16(octets + 16) == 2) {
			r.templates++;
			continue;
		}
		assert_int_equal(load_be16(octets + 16), 256);
		assert_int_equal(load_be32(octets + 8), r.records);
		assert_int_equal((n - 20) % 20, 0);
		r.records += (uint32_t)(n - 20) / 20;
	}
	return r;
}

static void check_arrival(const char *host, const char *parameters, uint32_t longest,
                          uint32_t records)
{
	struct fixture f;
	fixture_init(&f, host, parameters);
	for (uint32_t left = records; left > 0; left -= left < 64 ? left : 64)
		write_rows(&f, left < 64 ? left : 64);
	finish(&f);
	struct received r = receive(&f);
	struct output_counters counters = counters_of(&f);
	assert_int_equal(r.records, records);
	assert_int_equal(r.longest, longest);
	assert_in_range(r.templates, 1, 1 + r.datagrams / 256);
	assert_int_equal(counters.sent, records);
	assert_int_equal(counters.messages, r.datagrams);
	assert_int_equal(counters.octets, r.octets);
	assert_int_equal(f.messages, 0);
	fixture_fini(&f);
}

/* 1500 less 28 less 20 is 72 records and 12 octets; IPv6 has 20 octets less: 71. */
static void test_path_mtu(void **state)
{
	check_arrival("127.0.0.1", "", 20 + 72 * 20, 5000);
	check_arrival("[::1]", "", 20 + 71 * 20, 5000);
}

static void test_name_and_source(void **state)
{
	struct addrinfo *found;
	if (getaddrinfo("localhost", NULL, NULL, &found) != 0)
		skip();                 /* a root without /etc/hosts */
	freeaddrinfo(found);
	check_arrival("localhost", "source=127.0.0.1", 20 + 72 * 20, 100);
}

static void test_mtu_parameter(void **state)
{
	check_arrival("127.0.0.1", "mtu=128", 100, 1000);       /* 128 - 28 */
	check_arrival("127.0.0.1", "mtu=147", 100, 1000);
	check_arrival("127.0.0.1", "mtu=148", 120, 1000);
	check_arrival("127.0.0.1", "mtu=65535", 65500, 8000);   /* 20 + 3274 * 20 */
}

static void test_pacing_loses_nothing(void **state)
{
	check_arrival("127.0.0.1", "rate=1M", 20 + 72 * 20, 10000);
}

static void test_template_packets(void **state)
{
	struct fixture f;
	fixture_init(&f, "127.0.0.1", "template-packets=2&mtu=128");
	write_rows(&f, 4 * 10);
	finish(&f);
	assert_int_equal(receive(&f).templates, 5);
	fixture_fini(&f);
}

static void test_domain(void **state)
{
	struct fixture f;
	uint8_t octets[2000];
	fixture_init(&f, "127.0.0.1", "domain=4294967295");
	finish(&f);
	assert_true(recv(f.collector, octets, sizeof octets, MSG_DONTWAIT) > 16);
	assert_int_equal(load_be32(octets + 12), UINT32_MAX);
	fixture_fini(&f);
}

/* A collector that is gone: one line, records counted, templates first when it is back. */
static void test_refusal(void **state)
{
	struct fixture f;
	uint64_t next_ns;
	fixture_init(&f, "127.0.0.1", "");
	write_rows(&f, 64);
	finish(&f);
	assert_int_equal(receive(&f).records, 64);
	close(f.collector);
	for (unsigned i = 0; i < 20; i++) {
		write_rows(&f, 5000);
		output_ipfix_udp.tick(f.output, 0, &next_ns, NULL);
	}
	finish(&f);
	struct output_counters counters = counters_of(&f);
	assert_int_equal(counters.accepted, 64 + 100000);
	assert_int_equal(counters.sent, 64);
	assert_int_equal(counters.dropped[DROP_SEND_FAILED], 100000);
	assert_int_equal(f.messages, 1);
	assert_non_null(strstr(f.line, "refused"));

	collector_open(&f, AF_INET);
	nanosleep(&(struct timespec){ .tv_sec = 1, .tv_nsec = 100000000 }, NULL);
	write_rows(&f, 1);
	finish(&f);
	uint8_t octets[2000];
	assert_true(recv(f.collector, octets, sizeof octets, MSG_DONTWAIT) > 16);
	assert_int_equal(load_be16(octets + 16), 2);
	assert_true(recv(f.collector, octets, sizeof octets, MSG_DONTWAIT) > 16);
	assert_int_equal(load_be32(octets + 8), 64 + 100000);   /* the gap shows */
	assert_int_equal(f.messages, 2);
	assert_non_null(strstr(f.line, "100000 records were lost"));
	fixture_fini(&f);
}

static void test_wrong_addresses(void **state)
{
	static const struct { const char *text, *expected; } cases[] = {
		{ "ipfix+udp://127.0.0.1?mtu=1", "expected a number from 128 to 65535" },
		{ "ipfix+udp://127.0.0.1?mtu=x", "mtu is \"x\"" },
		{ "ipfix+udp://127.0.0.1?rate=fast", "rate is \"fast\"" },
		{ "ipfix+udp://127.0.0.1?template-refresh=off", "template-refresh is \"off\"" },
		{ "ipfix+udp://127.0.0.1?domain=4294967296", "domain" },
		{ "ipfix+udp://127.0.0.1?mtux=1400", "mtux" },
		{ "ipfix+udp://127.0.0.1?source=::1", "source" },
		{ "ipfix+udp://127.0.0.1?source=192.0.2.77", "cannot send from \"192.0.2.77\"" },
		{ "ipfix+udp://127.0.0.1,127.0.0.2", "found 2 hosts" },
		{ "ipfix+udp://no-such-host.invalid", "cannot resolve" },
	};
	struct fixture f = { .env = { .live = true } };
	for (unsigned i = 0; i < array_count(cases); i++) {
		struct error err = { "" };
		assert_true(output_try(&f, cases[i].text, &err) < 0);
		assert_null(f.output);
		if (!strstr(err.text, cases[i].expected))
			fail_msg("%s: %s", cases[i].text, err.text);
		assert_non_null(strstr(err.text, "ipfix+udp://"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_path_mtu),
		cmocka_unit_test(test_name_and_source),
		cmocka_unit_test(test_mtu_parameter),
		cmocka_unit_test(test_pacing_loses_nothing),
		cmocka_unit_test(test_template_packets),
		cmocka_unit_test(test_domain),
		cmocka_unit_test(test_refusal),
		cmocka_unit_test(test_wrong_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
