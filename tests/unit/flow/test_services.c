/* SPDX-License-Identifier: Apache-2.0 */
/* Ports: their kinds, and which of two is the server's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "flow/services.h"

enum { TCP = 6, UDP = 17, SCTP = 132, UDPLITE = 136 };

static struct services s;

static int weigh(uint8_t protocol, uint16_t one, uint16_t other)
{
	const uint64_t *ports = services_of(&s, protocol);
	enum service_kind kind[2] = { service_kind_of(ports, one), service_kind_of(ports, other) };
	enum service_kind turned[2] = { kind[1], kind[0] };
	int server = services_weigh(protocol, kind), back = services_weigh(protocol, turned);
	assert_int_equal(back, server < 0 ? -1 : 1 - server);
	return server;
}

static void every_port_has_its_kind(void **state)
{
	const uint64_t *tcp = services_of(&s, TCP), *udp = services_of(&s, UDP);
	assert_int_equal(service_kind_of(tcp, 443), KIND_SYSTEM);
	assert_int_equal(service_kind_of(udp, 443), KIND_SYSTEM);
	assert_int_equal(service_kind_of(tcp, 8080), KIND_REGISTERED);
	assert_int_equal(service_kind_of(udp, 8080), KIND_USER);
	assert_int_equal(service_kind_of(tcp, 81), KIND_USER);
	assert_int_equal(service_kind_of(tcp, 0), KIND_NONE);
	assert_int_equal(service_kind_of(tcp, 20), KIND_NONE);
	assert_int_equal(service_kind_of(tcp, 511), KIND_USER);
	assert_int_equal(service_kind_of(tcp, 1000), KIND_NONE);
	assert_int_equal(service_kind_of(tcp, 1023), KIND_NONE);
	assert_int_equal(service_kind_of(tcp, 1024), KIND_USER);
	assert_int_equal(service_kind_of(tcp, 32767), KIND_USER);
	assert_int_equal(service_kind_of(tcp, 32768), KIND_CLIENT);
	assert_int_equal(service_kind_of(tcp, 49151), KIND_CLIENT);
	assert_int_equal(service_kind_of(tcp, 49152), KIND_DYNAMIC);
	assert_int_equal(service_kind_of(tcp, 65535), KIND_DYNAMIC);
}

static void nothing_is_registered_where_nothing_can_be(void **state)
{
	for (unsigned port = 49152; port < 65536; port++) {
		assert_int_equal(service_kind_of(s.tcp, (uint16_t)port), KIND_DYNAMIC);
		assert_int_equal(service_kind_of(s.udp, (uint16_t)port), KIND_DYNAMIC);
	}
}

static void a_registered_port_is_a_servers_against_an_ephemeral_one(void **state)
{
	assert_int_equal(weigh(UDP, 443, 50000), 0);
	assert_int_equal(weigh(UDP, 40000, 3478), 1);
	assert_int_equal(weigh(UDPLITE, 40000, 53), 1);
	assert_int_equal(weigh(SCTP, 3868, 40000), 0);
	assert_int_equal(weigh(TCP, 3306, 33333), 0);
}

static void of_udp_no_other_ports_say_anything(void **state)
{
	assert_int_equal(weigh(UDP, 53, 5001), -1);
	assert_int_equal(weigh(UDP, 7000, 6000), -1);
	assert_int_equal(weigh(UDP, 9999, 50000), -1);
	assert_int_equal(weigh(UDP, 443, 5060), -1);
	assert_int_equal(weigh(UDP, 40000, 50000), -1);
}

static void of_tcp_the_kind_that_comes_first_is_the_servers(void **state)
{
	static const uint16_t in_order[] = { 80, 8080, 9998, 40000, 50000 };
	for (unsigned i = 0; i < 5; i++)
		for (unsigned k = i + 1; k < 5; k++)
			assert_int_equal(weigh(TCP, in_order[i], in_order[k]), 0);
	assert_int_equal(weigh(TCP, 80, 443), -1);
	assert_int_equal(weigh(TCP, 50000, 60000), -1);
	assert_int_equal(weigh(TCP, 80, 1000), -1);     /* a client with privileges */
	assert_int_equal(weigh(TCP, 20, 50000), -1);    /* the server of FTP opens this */
}

static void a_service_is_found_by_its_port(void **state)
{
	assert_string_equal(services_get(services_find(TCP, 22))->name, "ssh");
	assert_string_equal(services_get(services_find(UDP, 53))->name, "domain");
	assert_string_equal(services_get(services_find(UDP, 53))->category, "Network");
	assert_string_equal(services_get(services_find(TCP, 20))->name, "ftp-data");
	assert_int_equal(services_find(UDP, 22), 0);
	assert_int_equal(services_find(SCTP, 22), 0);
	assert_int_equal(services_find(TCP, 0), 0);
	assert_int_equal(services_find(TCP, 65535), 0);
	assert_null(services_get(0));
	assert_null(services_get(services_count() + 1));
}

/* By binary search: each port once, in order; each transport that a line names. */
static void every_service_is_found(void **state)
{
	for (unsigned number = 1; number <= services_count(); number++) {
		const struct service *service = services_get(number);
		if (service->transports & 1)
			assert_int_equal(services_find(TCP, service->port), number);
		if (service->transports & 2)
			assert_int_equal(services_find(UDP, service->port), number);
		if (number > 1)
			assert_true(service->port > services_get(number - 1)->port);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_port_has_its_kind),
		cmocka_unit_test(nothing_is_registered_where_nothing_can_be),
		cmocka_unit_test(a_registered_port_is_a_servers_against_an_ephemeral_one),
		cmocka_unit_test(of_udp_no_other_ports_say_anything),
		cmocka_unit_test(of_tcp_the_kind_that_comes_first_is_the_servers),
		cmocka_unit_test(a_service_is_found_by_its_port),
		cmocka_unit_test(every_service_is_found),
	};
	services_init(&s);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
