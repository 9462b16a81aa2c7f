/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table: the flow view in a file and on terminals (a pseudo terminal of a chosen size),
 * columns that grow and go, colours. What a line must say is written by hand; no line may be
 * wider than its terminal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/compiler.h"
#include "print/table.h"
#include "rows.h"

#define FLOW_FIELDS \
	"flowStartMicroseconds,flowEndMicroseconds,sourceIPv4Address,sourceIPv6Address," \
	"destinationIPv4Address,destinationIPv6Address,protocolIdentifier,sourceTransportPort," \
	"destinationTransportPort,vlanId,dot1qCustomerVlanId,packetDeltaCount,octetDeltaCount," \
	"reversePacketDeltaCount,reverseOctetDeltaCount,tcpControlBits,reverseTcpControlBits," \
	"icmpTypeCodeIPv4,reverseIcmpTypeCodeIPv4,icmpTypeCodeIPv6,reverseIcmpTypeCodeIPv6," \
	"flowEndReason,biflowDirection"

/* 2023-11-14 22:13:20 UTC */
#define WEB "1700000000123456|1700000002623456|192.0.2.1|-|198.51.100.7|-|6|50000|443|0|-" \
            "|10|1200|12|15000000|27|26|-|-|-|-|3|1"
#define PING "1700000001000000|1700000001001000|192.0.2.1|-|192.0.2.2|-|1|0|0|0|-" \
             "|1|84|1|84|-|-|2048|0|-|-|1|1"
#define DNS6 "1700000002000000|1700000002000000|-|2001:db8::1|-|2001:db8::53|17|5353|53|100|7" \
             "|1|80|0|0|-|-|-|-|-|-|2|1"

static void test_in_a_file(void **state)
{
	struct rows_file f;
	struct error err = { "" };
	struct schema *schema = rows_schema(FLOW_FIELDS);
	struct record_batch *batch = record_batch_new(schema, 8);
	rows_add(batch, WEB);
	rows_add(batch, PING);
	rows_add(batch, DNS6);
	rows_open(&f, "table", "");
	assert_int_equal(f.output->kind->schema(f.output, schema, &err), 0);
	rows_write(&f, batch);
	assert_string_equal(
		rows_finish(&f),
		"START           DUR PROTO SOURCE                    DESTINATION           VLAN      "
		"PKT-> <-PKT OCT-> <-OCT END    FLAGS\n"
		"22:13:20.123   2.5s tcp   192.0.2.1:50000       <-> 198.51.100.7:443      -         "
		"   10    12  1.2k 15.0M end    SAPF SAP\n"
		"22:13:21.000    1ms icmp  192.0.2.1             <-> 192.0.2.2             -         "
		"    1     1    84    84 idle   8/0 0/0\n"
		"22:13:22.000     0s udp   [2001:db8::1]:5353     -> [2001:db8::53]:53     100.7     "
		"    1     -    80     - active -\n");
	record_batch_release(batch);
	schema_free(schema);
}

static void test_chosen_fields(void **state)
{
	struct rows_file f;
	struct error err = { "" };
	struct schema *schema = rows_schema("sourceIPv4Address,octetDeltaCount,reverseOctetDeltaCount,"
	                                    "flowStartMilliseconds,interfaceName");
	struct record_batch *batch = record_batch_new(schema, 8);
	rows_add(batch, "192.0.2.1|17|-|1700000000123|eth0");
	rows_open(&f, "table", "");
	assert_int_equal(f.output->kind->schema(f.output, schema, &err), 0);
	rows_write(&f, batch);
	const char *text = rows_finish(&f);
	const char *second = strchr(text, '\n') + 1;
	assert_memory_equal(text, "src ", 4);
	assert_non_null(strstr(text, " octets"));
	assert_non_null(strstr(text, "<-octets"));
	assert_string_equal(second + strspn(second, " "), second);
	assert_non_null(strstr(second, "192.0.2.1"));
	assert_non_null(strstr(second, " 17 "));
	assert_non_null(strstr(second, " - "));
	assert_non_null(strstr(second, "22:13:20.123"));
	assert_non_null(strstr(second, "eth0\n"));
	record_batch_release(batch);
	schema_free(schema);
}

/* --- on a terminal --- */

struct screen {
	int master;
	struct address address;
	struct output_env env;
	struct output *output;
	struct schema *schema;
	struct record_batch *batch;
	char text[1 << 16];
};

static void screen_open(struct screen *s, unsigned columns, unsigned lines, const char *fields)
{
	struct error err = { "" };
	struct winsize size = { .ws_col = (unsigned short)columns, .ws_row = (unsigned short)lines };
	struct termios mode;
	char text[96];
	memset(s, 0, sizeof *s);
	s->master = posix_openpt(O_RDWR | O_NOCTTY);
	assert_true(s->master >= 0 && grantpt(s->master) == 0 && unlockpt(s->master) == 0);
	assert_int_equal(ioctl(s->master, TIOCSWINSZ, &size), 0);
	assert_int_equal(tcgetattr(s->master, &mode), 0);
	mode.c_oflag &= ~(tcflag_t)OPOST;
	assert_int_equal(tcsetattr(s->master, TCSANOW, &mode), 0);
	snprintf(text, sizeof text, "table:%s", ptsname(s->master));
	assert_int_equal(address_parse(text, &s->address, &err), 0);
	if (output_kind_find("table")->open(&s->address, &s->env, &s->output, &err) < 0)
		fail_msg("%s", err.text);
	s->schema = rows_schema(fields);
	assert_int_equal(s->output->kind->schema(s->output, s->schema, &err), 0);
	s->batch = record_batch_new(s->schema, 200);
}

/* What the screen shows. A terminal buffers little, so reading goes along with writing. */
static const char *screen_write(struct screen *s)
{
	struct error err = { "" };
	size_t bytes = strlen(s->text);
	for (unsigned i = 0; i < s->batch->count; i++) {
		struct record_batch *one = record_batch_new(s->schema, 1);
		memcpy(record_batch_append(one), record_row(s->batch, i), s->schema->row_bytes);
		assert_int_equal(s->output->kind->write(s->output, one, &err), 0);
		record_batch_release(one);
		ssize_t n = read(s->master, s->text + bytes, sizeof s->text - 1 - bytes);
		assert_true(n > 0);
		bytes += (size_t)n;
		s->text[bytes] = '\0';
	}
	return s->text;
}

static void screen_close(struct screen *s)
{
	struct error err = { "" };
	assert_int_equal(s->output->kind->finish(s->output, UINT64_MAX, &err), 0);
	s->output->kind->close(s->output);
	close(s->master);
	record_batch_release(s->batch);
	schema_free(s->schema);
	address_fini(&s->address);
}

static unsigned longest_line(const char *text)
{
	unsigned longest = 0;
	while (*text) {
		unsigned length = (unsigned)strcspn(text, "\n");
		if (length > longest)
			longest = length;
		text += length + 1;
	}
	return longest;
}

static unsigned occurrences(const char *text, const char *word)
{
	unsigned count = 0;
	for (; (text = strstr(text, word)); text++)
		count++;
	return count;
}

static void show_at(unsigned columns, const char *present, const char *absent)
{
	struct screen s;
	screen_open(&s, columns, 50, FLOW_FIELDS);
	rows_add(s.batch, WEB);
	rows_add(s.batch, PING);
	rows_add(s.batch, DNS6);
	rows_add(s.batch,
	         "1700000002000000|1700000002000000|-|2001:db8:1111:2222:3333:4444:5555:6666|-|"
	         "2001:db8:1111:2222:3333:4444:5555:7777|17|53530|53|0|-|1|80|0|0|-|-|-|-|-|-|1|1");
	rows_add(s.batch, WEB);
	const char *text = screen_write(&s);
	assert_true(longest_line(text) <= columns);
	char words[128];
	snprintf(words, sizeof words, "%s", present);
	for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
		assert_non_null(strstr(text, word));
	snprintf(words, sizeof words, "%s", absent);
	for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
		assert_null(strstr(text, word));
	screen_close(&s);
}

static void test_as_wide_as_the_terminal(void **state)
{
	setenv("NO_COLOR", "1", 1);
	show_at(200, "START DUR PROTO VLAN END FLAGS "
	        "[2001:db8:1111:2222:3333:4444:5555:6666]:53530 100.7", "..");
	show_at(120, "START DUR PROTO END FLAGS <-OCT 192.0.2.1:50000", "zzz");
	show_at(80, "PROTO PKT-> <-PKT OCT-> <-OCT 192.0.2.1:50000 198.51.100.7:443 ..", "START FLAGS");
	show_at(53, "SOURCE DESTINATION 192.0.2.1:50000 198.51.100.7:443", "PKT->");
	for (unsigned columns = 46; columns < 260; columns += 7)
		show_at(columns, "SOURCE", "zzz");
}

static void test_header_every_screenful(void **state)
{
	struct screen s;
	setenv("NO_COLOR", "1", 1);
	screen_open(&s, 120, 10, FLOW_FIELDS);
	for (unsigned i = 0; i < 40; i++)
		rows_add(s.batch, WEB);
	const char *text = screen_write(&s);
	/* nine lines a screen beside the prompt: a header and eight records */
	assert_int_equal(occurrences(text, "SOURCE"), 5);
	assert_int_equal(occurrences(text, "\n"), 45);
	screen_close(&s);
}

static void test_columns_grow_under_a_new_header(void **state)
{
	struct screen s;
	setenv("NO_COLOR", "1", 1);
	screen_open(&s, 200, 50, FLOW_FIELDS);
	rows_add(s.batch, WEB);
	assert_null(strstr(screen_write(&s), "VLAN"));
	s.batch->count = 0;
	rows_add(s.batch, DNS6);
	rows_add(s.batch, WEB);
	const char *text = screen_write(&s);
	assert_int_equal(occurrences(text, "SOURCE"), 2);
	assert_int_equal(occurrences(text, "VLAN"), 1);
	screen_close(&s);
}

static void test_colour_only_where_wanted(void **state)
{
	struct screen s;
	unsetenv("NO_COLOR");
	setenv("TERM", "xterm", 1);
	screen_open(&s, 120, 50, FLOW_FIELDS);
	rows_add(s.batch, WEB);
	assert_non_null(strchr(screen_write(&s), '\033'));
	screen_close(&s);
	setenv("NO_COLOR", "1", 1);
	screen_open(&s, 120, 50, FLOW_FIELDS);
	rows_add(s.batch, WEB);
	assert_null(strchr(screen_write(&s), '\033'));
	screen_close(&s);
	unsetenv("NO_COLOR");
	setenv("TERM", "dumb", 1);
	screen_open(&s, 120, 50, FLOW_FIELDS);
	rows_add(s.batch, WEB);
	assert_null(strchr(screen_write(&s), '\033'));
	screen_close(&s);
}

/* --- the layout alone --- */

static void test_layout_order(void **state)
{
	struct table_column c[] = {
		{ "a", .keep = 10, .needed = 10, .wanted = true },
		{ "b", .keep = 200, .needed = 40, .least = 10, .wanted = true },
		{ "c", .keep = 20, .needed = 10, .wanted = true },
		{ "d", .keep = 150, .needed = 10, .wanted = true },
		{ "e", .keep = 1, .needed = 10 },
	};
	unsigned count = array_count(c);
	table_layout(c, count, TABLE_UNLIMITED);
	assert_true(c[0].shown && c[1].shown && c[2].shown && c[3].shown && !c[4].shown);
	table_layout(c, count, 73);     /* 70 and three blanks: just fits */
	assert_true(c[0].shown && c[2].shown);
	table_layout(c, count, 72);
	assert_true(!c[0].shown && c[2].shown);
	table_layout(c, count, 61);
	assert_true(!c[0].shown && !c[2].shown && c[1].width == 40 && c[3].shown);
	table_layout(c, count, 30);
	assert_true(c[1].width == 19 && c[3].shown);
	table_layout(c, count, 20);
	assert_true(c[1].shown && c[1].width == 10 && !c[3].shown);
	table_layout(c, count, 5);      /* one column stays, whatever happens */
	assert_true(c[1].shown);
}

static void test_shorten(void **state)
{
	static const struct {
		const char *text;
		unsigned wide, width;
		const char *expected;
	} cases[] = {
		{ "short", 5, 10, "short" },
		{ "[2001:db8::1]:443", 17, 12, "[2001..]:443" },
		{ "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 6, 5, "\xc3\xa9\xc3\xa9..\xc3\xa9" },
	};
	for (unsigned i = 0; i < array_count(cases); i++) {
		struct table_column c = { .wide = (uint16_t)cases[i].wide,
		                          .width = (uint8_t)cases[i].width };
		char text[CELL_BYTES] = "";
		strcpy(c.text, cases[i].text);
		c.bytes = (uint16_t)strlen(c.text);
		assert_int_equal(table_shorten(&c, text), strlen(cases[i].expected));
		assert_string_equal(text, cases[i].expected);
	}
}

static int use_utc(void **state)
{
	setenv("TZ", "UTC", 1);
	tzset();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_a_file),
		cmocka_unit_test(test_chosen_fields),
		cmocka_unit_test(test_as_wide_as_the_terminal),
		cmocka_unit_test(test_header_every_screenful),
		cmocka_unit_test(test_columns_grow_under_a_new_header),
		cmocka_unit_test(test_colour_only_where_wanted),
		cmocka_unit_test(test_layout_order),
		cmocka_unit_test(test_shorten),
	};
	return cmocka_run_group_tests(tests, use_utc, NULL);
}
