/* SPDX-License-Identifier: Apache-2.0 */
/* Records from texts, and what an output made of them, for the tests of json, csv and table. */
#ifndef TEST_PRINT_ROWS_H
#define TEST_PRINT_ROWS_H

#include "output/output.h"

/* A schema of these columns, "octetDeltaCount,reverseOctetDeltaCount". The caller frees. */
struct schema *rows_schema(const char *names);

/* Appends a row: texts between bars in the order of the columns, "17|443|-"; "-" is absent. */
void rows_add(struct record_batch *batch, const char *values);

/* A file of its own in a folder of its own; both go with rows_fini. */
struct rows_file {
	char folder[64], path[80];
	struct address address;
	struct output_env env;
	struct output *output;
};

/* Opens `scheme:FILE` with parameters such as "?int64=string". */
void rows_open(struct rows_file *f, const char *scheme, const char *parameters);
/* Writes a batch. */
void rows_write(struct rows_file *f, const struct record_batch *batch);
/* Finishes the output and returns the file's text; valid until the next call. */
const char *rows_finish(struct rows_file *f);

#endif
