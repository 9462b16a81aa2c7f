/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The YAML file: one mapping of long option names to values. Read as a whole document by libyaml,
 * which keeps the place of every node, so each message can say line and column.
 * libyaml's time grows with the square of depth and of anchors, so a first pass over the events,
 * which stops where either is unreasonable, keeps a hostile file from taking minutes. No node is
 * followed deeper than a list of values in an entry of a list.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/option_set.h"

enum { YAML_BYTES_MAX = 1 << 20, YAML_DEPTH_MAX = 8, YAML_ANCHORS_MAX = 64 };

/* A file being read: for the whole time of option_read_yaml(). */
struct yaml_file {
	const char *path;               /* as the user named it, for messages */
	struct option_set *set;         /* of the mapping that is being read */
	yaml_document_t document;       /* of libyaml; nodes live in it */
	struct error *err;              /* the caller's */
};

static int read_whole(const char *path, unsigned char **ret, size_t *ret_bytes, struct error *err);
static int check_shape(const struct yaml_file *file, const unsigned char *octets, size_t bytes);
static int load(struct yaml_file *file, yaml_parser_t *parser);
static int read_document(struct yaml_file *file);
static int read_mapping(struct yaml_file *file, const yaml_node_t *node);

int option_read_yaml(struct option_set *set, const char *path, struct error *err)
{
	struct yaml_file file = { .path = path, .set = set, .err = err };
	unsigned char *octets = NULL;
	size_t bytes = 0;
	yaml_parser_t parser;
	int r = read_whole(path, &octets, &bytes, err);
	if (r < 0)
		return r;
	r = check_shape(&file, octets, bytes);
	if (r == 0 && !yaml_parser_initialize(&parser))
		r = error_set(err, -ENOMEM, "%s: out of memory", path);
	if (r < 0) {
		free(octets);
		return r;
	}
	yaml_parser_set_input_string(&parser, octets, bytes);
	r = load(&file, &parser);
	if (r == 0) {
		r = read_document(&file);
		yaml_document_delete(&file.document);
	}
	yaml_parser_delete(&parser);
	free(octets);
	return r;
}

/* One octet more than may be is asked for: that is how a file that is too large shows, pipes
 * included. */
static int read_whole(const char *path, unsigned char **ret, size_t *ret_bytes, struct error *err)
{
	FILE *f = fopen(path, "re");
	if (!f)
		return error_set(err, -errno, "%s: cannot open: %s; expected a configuration (YAML)",
		                 path, strerror(errno));
	unsigned char *octets = malloc(YAML_BYTES_MAX + 1);
	if (!octets) {
		fclose(f);
		return error_set(err, -ENOMEM, "%s: out of memory", path);
	}
	errno = 0;
	size_t bytes = fread(octets, 1, YAML_BYTES_MAX + 1, f);
	int r = 0;
	if (ferror(f))
		r = error_set(err, errno ? -errno : -EIO,
		              "%s: cannot read: %s; expected a configuration (YAML)", path,
		              strerror(errno ? errno : EIO));
	else if (bytes > YAML_BYTES_MAX)
		r = error_set(err, -E2BIG, "%s: larger than %d octets, expected a configuration", path,
		              YAML_BYTES_MAX);
	fclose(f);
	if (r < 0) {
		free(octets);
		return r;
	}
	*ret = octets;
	*ret_bytes = bytes;
	return 0;
}

/* "weir.yaml:4:7" into a buffer; libyaml counts from 0. */
static const char *place(const struct yaml_file *file, yaml_mark_t mark, char *buffer, size_t size)
{
	snprintf(buffer, size, "%.160s:%zu:%zu", file->path, mark.line + 1, mark.column + 1);
	return buffer;
}

static int fail(const struct yaml_file *file, const yaml_node_t *node, const char *text)
{
	char where[200];
	return error_set(file->err, -EINVAL, "%s: %s",
	                 place(file, node->start_mark, where, sizeof where), text);
}

static int depth_change(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		return 1;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return -1;
	default:
		return 0;
	}
}

static bool has_anchor(const yaml_event_t *event)
{
	return (event->type == YAML_SCALAR_EVENT && event->data.scalar.anchor) ||
	       (event->type == YAML_SEQUENCE_START_EVENT && event->data.sequence_start.anchor) ||
	       (event->type == YAML_MAPPING_START_EVENT && event->data.mapping_start.anchor);
}

/* Depth and anchors only: where the text is no YAML, loading it says so better. */
static int check_shape(const struct yaml_file *file, const unsigned char *octets, size_t bytes)
{
	yaml_parser_t parser;
	yaml_event_t event;
	char where[200];
	int r = 0, depth = 0, anchors = 0;
	bool more = yaml_parser_initialize(&parser);
	if (!more)
		return error_set(file->err, -ENOMEM, "%s: out of memory", file->path);
	yaml_parser_set_input_string(&parser, octets, bytes);
	while (more && r == 0 && yaml_parser_parse(&parser, &event)) {
		more = event.type != YAML_STREAM_END_EVENT;
		depth += depth_change(&event);
		anchors += has_anchor(&event);
		if (depth > YAML_DEPTH_MAX || anchors > YAML_ANCHORS_MAX)
			r = error_set(file->err, -E2BIG, "%s: %s, expected a mapping of names to values",
			              place(file, event.start_mark, where, sizeof where),
			              depth > YAML_DEPTH_MAX ? "nested too deeply" : "too many anchors");
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return r;
}

static int fail_syntax(const struct yaml_file *file, const yaml_parser_t *parser)
{
	const char *problem = parser->problem ? parser->problem : "cannot be read";
	char where[200];
	if (parser->error == YAML_READER_ERROR)
		return error_set(file->err, -EINVAL, "%s: no YAML: %s at octet %zu", file->path, problem,
		                 parser->problem_offset);
	return error_set(file->err, -EINVAL, "%s: no YAML: %s%s%s",
	                 place(file, parser->problem_mark, where, sizeof where),
	                 parser->context ? parser->context : "", parser->context ? ", " : "", problem);
}

/* Loads the first document and makes sure that there is no second. */
static int load(struct yaml_file *file, yaml_parser_t *parser)
{
	yaml_document_t second;
	if (!yaml_parser_load(parser, &file->document))
		return fail_syntax(file, parser);
	if (!yaml_document_get_root_node(&file->document))
		return 0;               /* the stream has ended: there is nothing behind it */
	int r = 0;
	if (!yaml_parser_load(parser, &second)) {
		r = fail_syntax(file, parser);
	} else {
		yaml_node_t *root = yaml_document_get_root_node(&second);
		if (root)
			r = fail(file, root, "a second document, expected one");
		yaml_document_delete(&second);
	}
	if (r < 0)
		yaml_document_delete(&file->document);
	return r;
}

static bool is_null(const yaml_node_t *node)
{
	const char *text = (const char *)node->data.scalar.value;
	return node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

/* The text of a scalar node that can be a value; NULL with a message otherwise. */
static const char *scalar(const struct yaml_file *file, const yaml_node_t *node, const char *wanted)
{
	char text[200];
	const char *value = (const char *)node->data.scalar.value;
	snprintf(text, sizeof text, "found %s, expected %s",
	         node->type == YAML_SEQUENCE_NODE ? "a list" :
	         node->type == YAML_MAPPING_NODE ? "a mapping" : "nothing", wanted);
	if (node->type != YAML_SCALAR_NODE || is_null(node)) {
		fail(file, node, text);
		return NULL;
	}
	if (strlen(value) != node->data.scalar.length) {
		fail(file, node, "the value contains an octet 0");
		return NULL;
	}
	return value;
}

/* `vlan-key: no` is `no-vlan-key: yes`. What is no flag stays as it is, for the message. */
static const char *opposite(const char *value)
{
	static const char *const pairs[][2] = { { "true", "false" }, { "yes", "no" }, { "on", "off" } };
	for (unsigned i = 0; i < 3; i++)
		for (unsigned k = 0; k < 2; k++)
			if (strcmp(value, pairs[i][k]) == 0)
				return pairs[i][!k];
	return value;
}

/* "weir.yaml:4:7: count" into a buffer. */
static const char *place_of(const struct yaml_file *file, const struct option *option,
                            const yaml_node_t *node, bool negated, char where[300])
{
	char spot[200];
	snprintf(where, 300, "%s: %s%s", place(file, node->start_mark, spot, sizeof spot),
	         negated && option->type == OPTION_FLAG ? "no-" : "",
	         option->name + (negated && option->type == OPTION_INVERSE ? 3 : 0));
	return where;
}

static int store(struct yaml_file *file, const struct option *option, const yaml_node_t *node,
                 bool negated)
{
	char where[300], wanted[200];
	if (option_argument(option, wanted, sizeof wanted) == 0)
		snprintf(wanted, sizeof wanted, "true or false");
	const char *value = scalar(file, node, wanted);
	if (!value)
		return -EINVAL;
	place_of(file, option, node, negated, where);
	if (negated)
		value = opposite(value);
	return option_store(file->set, option, &(struct given){ value, where, SOURCE_FILE }, file->err);
}

/* The items of a list, each judged where it stands, as one text. */
static int store_joined(struct yaml_file *file, const struct option *option,
                        const yaml_node_t *node)
{
	char where[300], *text = NULL;
	size_t length = 0;
	FILE *joined = open_memstream(&text, &length);
	int r = joined ? 0 : error_set(file->err, -ENOMEM, "%s: out of memory", file->path);
	for (yaml_node_item_t *i = node->data.sequence.items.start;
	     r == 0 && i < node->data.sequence.items.top; i++) {
		const yaml_node_t *item = yaml_document_get_node(&file->document, *i);
		const char *value = scalar(file, item, "text");
		r = !value ? -EINVAL : option->check ? option->check(value, file->err) : 0;
		if (r < 0 && value)
			error_prefix(file->err, r, "%s", place_of(file, option, item, false, where));
		fprintf(joined, "%s%s", i > node->data.sequence.items.start ? "," : "",
		        value ? value : "");
	}
	if (joined && fclose(joined) && r == 0)
		r = error_set(file->err, -ENOMEM, "%s: out of memory", file->path);
	place_of(file, option, node, false, where);
	if (r == 0)
		r = option_store(file->set, option, &(struct given){ text, where, SOURCE_FILE }, file->err);
	free(text);
	return r;
}

/* The entry's set takes the place of the file's while its mapping is read: names in it are looked
 * up in the entry's table. */
static int read_entry(struct yaml_file *file, const struct option *option, const yaml_node_t *node)
{
	struct option_set *outer = file->set, *entry;
	char spot[200], text[200];
	if (node->type != YAML_MAPPING_NODE) {
		snprintf(text, sizeof text, "%s: expected a mapping of names to values, such as '%s: %s'",
		         option->name, option->entry->table[0].name, option->entry->table[0].argument);
		return fail(file, node, text);
	}
	int r = option_entry_add(outer, option, place(file, node->start_mark, spot, sizeof spot),
	                         &entry, file->err);
	if (r < 0)
		return r;
	file->set = entry;
	r = read_mapping(file, node);
	file->set = outer;
	return r < 0 ? r : option_entry_check(outer, option, entry, file->err);
}

/* What a node with a list in it becomes, item by item. */
static int store_items(struct yaml_file *file, const struct option *option, const yaml_node_t *node)
{
	for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top;
	     i++) {
		const yaml_node_t *item = yaml_document_get_node(&file->document, *i);
		int r = option->type == OPTION_ENTRIES ? read_entry(file, option, item)
			: store(file, option, item, false);
		if (r < 0)
			return r;
	}
	return 0;
}

static int store_all(struct yaml_file *file, const struct option *option, const yaml_node_t *node,
                     bool negated)
{
	char text[200];
	bool list = node->type == YAML_SEQUENCE_NODE;
	if (list && (option->type == OPTION_LIST || option->type == OPTION_ENTRIES))
		return store_items(file, option, node);
	if (list && option->joined)
		return store_joined(file, option, node);
	if (option->type != OPTION_ENTRIES)
		return store(file, option, node, negated);
	snprintf(text, sizeof text, "%s: expected a list, such as '- %s: %s'", option->name,
	         option->entry->table[0].name, option->entry->table[0].argument);
	return fail(file, node, text);
}

static int fail_key(const struct yaml_file *file, const yaml_node_t *node, const char *key)
{
	const char *near = option_suggest(file->set->table, key, strlen(key));
	char text[400];
	snprintf(text, sizeof text, "unknown option '%.100s'%s%s%s", key, near ? "; did you mean " : "",
	         near ? near : "", near ? "?" : "");
	return fail(file, node, text);
}

/* A name that stands twice is refused here: libyaml lets it pass, and which of the two won would
 * depend on the order. */
static int read_pair(struct yaml_file *file, const yaml_node_t *key, const yaml_node_t *value,
                     bool *seen)
{
	char text[400];
	const char *name = scalar(file, key, "the name of an option");
	if (!name)
		return -EINVAL;
	bool negated;
	const struct option *option = option_find(file->set->table, name, strlen(name), &negated);
	if (!option)
		return fail_key(file, key, name);
	if (option->command_line_only) {
		snprintf(text, sizeof text, "%s stands on the command line only", name);
		return fail(file, key, text);
	}
	if (seen[option - file->set->table]) {
		snprintf(text, sizeof text, "%s is given twice%s", name,
		         option->type == OPTION_LIST ? ", expected one list" : "");
		return fail(file, key, text);
	}
	seen[option - file->set->table] = true;
	return store_all(file, option, value, negated);
}

static int read_mapping(struct yaml_file *file, const yaml_node_t *node)
{
	bool *seen = calloc(file->set->count + 1, sizeof *seen);
	if (!seen)
		return error_set(file->err, -ENOMEM, "%s: out of memory", file->path);
	int r = 0;
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start;
	     r == 0 && p < node->data.mapping.pairs.top; p++)
		r = read_pair(file, yaml_document_get_node(&file->document, p->key),
		              yaml_document_get_node(&file->document, p->value), seen);
	free(seen);
	return r;
}

static int read_document(struct yaml_file *file)
{
	const yaml_node_t *root = yaml_document_get_root_node(&file->document);
	if (!root || (root->type == YAML_SCALAR_NODE && is_null(root)))
		return 0;
	if (root->type != YAML_MAPPING_NODE)
		return fail(file, root, "expected a mapping of option names to values, such as "
		                        "'idle-timeout: 30s'");
	int r = read_mapping(file, root);
	return r < 0 ? r : option_entries_settle(file->set, file->err);
}
