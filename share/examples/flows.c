/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A flow meter in a few lines: prints the flows of a capture file and how many there were.
 *	cc flows.c -o flows $(pkg-config --cflags --libs --static weir)
 *	./flows capture.pcap
 */
#include <stdio.h>

#include <weir/weir.h>

static void print_record(void *context, const struct weir_record *record)
{
	unsigned *count = context;
	char line[4096];
	weir_record_json(record, line, sizeof line);
	puts(line);
	(*count)++;
}

int main(int argc, char **argv)
{
	struct weir *w;
	unsigned count = 0;
	if (argc != 2) {
		fprintf(stderr, "usage: flows CAPTURE\n");
		return 2;
	}
	if (weir_open(&w) < 0)
		return 1;
	weir_on_record(w, print_record, &count);
	int r = weir_set(w, "read", argv[1]);
	if (r == 0)
		r = weir_set(w, "idle-timeout", "15s");
	if (r == 0)
		r = weir_run(w);
	if (r != 0)
		fprintf(stderr, "flows: %s\n", weir_error(w));
	fprintf(stderr, "%u records, libweir %s\n", count, weir_version());
	weir_close(w);
	return r == 0 ? 0 : 1;
}
