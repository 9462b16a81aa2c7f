/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From wishes to columns: see columns.h. In this order: the output's own list or the default, what
 * the key adds to it, fields of measures, then what the user says of fields; what records of this
 * meter can never have is left out where it would only be empty. Neighbours: record/choices.c
 * (lists as people write them), flow/rows.h (which columns are possible).
 */
#include "engine/columns.h"

#include <errno.h>
#include <string.h>

#include "net/address.h"

static unsigned choices_of_names(const char *const *names, struct column_choice *ret)
{
	unsigned count = 0;
	for (; *names && count < COLUMNS_MAX; names++) {
		bool reverse = false;
		const struct field *field = field_find(*names, strlen(*names), &reverse);
		if (field)
			ret[count++] = (struct column_choice){ .field = field, .reverse = reverse };
	}
	return count;
}

/* What the key says beyond the standard one belongs into a record by itself. */
static const char *const key_fields[] = {
	"sourceIPv4Prefix", "sourceIPv4PrefixLength",
	"destinationIPv4Prefix", "destinationIPv4PrefixLength",
	"sourceIPv6Prefix", "sourceIPv6PrefixLength",
	"destinationIPv6Prefix", "destinationIPv6PrefixLength",
	"flowLabelIPv6", "layer2SegmentId", "greKey", "samplingPacketInterval", "samplingPacketSpace",
	"samplingProbability", "meteringProcessId",
	NULL
};

static unsigned drop_impossible(const struct row_settings *rows, struct column_choice *choices,
                                unsigned count)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < count; i++)
		if (row_choice_is_possible(rows, &choices[i]))
			choices[kept++] = choices[i];
	return kept;
}

/* An output's own list, with what the key and sampling say beyond it: a record that cannot be told
 * from others without a field has that field. */
static unsigned default_choices(const struct columns_wish *wish, const struct output_kind *kind,
                                const struct row_settings *rows, struct column_choice *ret)
{
	unsigned count = choices_of_names(kind->default_fields ? kind->default_fields
	                                  : output_standard_fields, ret);
	struct column_choice more[array_count(key_fields)];
	unsigned extra = choices_of_names(key_fields, more);
	if (!wish->several)
		extra--;                        /* the last says which meter */
	for (unsigned i = 0; i < extra && count < COLUMNS_MAX; i++)
		ret[count++] = more[i];
	return drop_impossible(rows, ret, count);
}

/* ---- what is asked for ----------------------------------------------------------------------- */

/* Appends what is not there; a column that is stays where it is, and takes a length given. */
static int add_choices(const struct column_choice *more, unsigned more_count,
                       struct column_choice *ret, unsigned *ret_count, struct error *err)
{
	int r = 0;
	for (unsigned i = 0; i < more_count && !r; i++)
		r = column_choice_add(ret, ret_count, &more[i], err);
	return r;
}

/* The key's columns, then those of the list that are not among them. */
static int key_and_list(const struct columns_wish *wish, const struct column_list *available,
                        struct column_choice *ret, unsigned *ret_count, struct error *err)
{
	struct column_choice list[COLUMNS_MAX];
	unsigned chosen = 0, count = key_columns(wish->key, ret);
	int r = column_list_parse(wish->fields, available, list, &chosen, err);
	if (!r)
		r = add_choices(list, chosen, ret, &count, err);
	if (!r)
		*ret_count = count;
	return r;
}

/* The fields of measures that are named, as far as they are not there. */
static int add_measures(const char *names, struct column_choice *ret, unsigned *ret_count,
                        struct error *err)
{
	struct column_choice more[COLUMNS_MAX];
	struct hook_set hooks;
	unsigned count = 0;
	int r = hooks_parse(names, &hooks, err);
	for (unsigned i = 0; !r && i < hooks.count; i++)
		count += row_hook_fields(hooks.hook[i], more + count, COLUMNS_MAX - count);
	if (!r)
		r = add_choices(more, count, ret, ret_count, err);
	return r ? error_prefix(err, r, "--measure") : 0;
}

/* What options add to the fields that an output has by itself. */
static int add_wish(const struct columns_wish *wish, struct column_choice *ret, unsigned *ret_count,
                    struct error *err)
{
	int r = add_measures(wish->measures, ret, ret_count, err);
	return r || !wish->networks ? r : add_measures("networks", ret, ret_count, err);
}

struct column_list columns_available(struct column_choice room[COLUMNS_MAX])
{
	struct column_list list = { .choices = room };
	struct hook_set hooks;
	hooks_available(&hooks);
	list.count = row_fields(hooks.hook, room, COLUMNS_MAX, &list.all);
	return list;
}

static bool is_plain_list(const char *text)
{
	text += strspn(text, " \t\n");
	return *text != '+' && *text != '-';
}

/* A list, or changes to the one in `ret`. A list has the fields of --measure behind it. */
static int apply_fields(const struct columns_wish *wish, const char *text,
                        struct column_choice *ret, unsigned *ret_count, struct error *err)
{
	struct column_choice available[COLUMNS_MAX];
	const struct column_list list = columns_available(available);
	bool plain = is_plain_list(text);
	int r = plain && wish->key && text == wish->fields ? key_and_list(wish, &list, ret,
	                                                                    ret_count, err)
		: column_list_parse(text, &list, ret, ret_count, err);
	return r || !plain ? r : add_measures(wish->measures, ret, ret_count, err);
}

/* What the settings say, then what the output's address says. `ret` holds the list that changes
 * are made to. */
static int apply(const struct columns_wish *wish, struct column_choice *ret, unsigned *ret_count,
                 struct error *err)
{
	int r = 0;
	if (wish->fields)
		r = apply_fields(wish, wish->fields, ret, ret_count, err);
	if (r)
		return error_prefix(err, r, "%s", wish->label);
	if (wish->output_fields)
		r = apply_fields(wish, wish->output_fields, ret, ret_count, err);
	return r ? error_prefix(err, r, "%s: fields", wish->output) : 0;
}

/* Outputs with templates leave out what these records can never have; others keep the column,
 * empty, since somebody asked for it. */
int columns_choose(const struct columns_wish *wish, const struct output_kind *kind,
                   const struct row_settings *rows, struct columns *ret, struct error *err)
{
	struct column_choice *choices = ret->choices;
	unsigned count = default_choices(wish, kind, rows, choices);
	int r = kind->fixed_fields ? 0 : add_wish(wish, choices, &count, err);
	if (r)
		return r;
	if ((wish->fields || wish->output_fields) && !kind->fixed_fields) {
		r = apply(wish, choices, &count, err);
		if (r)
			return r;
		if (kind->splits_families)      /* a template has no absent values */
			count = drop_impossible(rows, choices, count);
		if (!count)
			return error_set(err, -EINVAL, "%s: no field is left that these records can have",
			                 wish->output_fields ? wish->output : wish->label);
	}
	for (unsigned i = 0; i < count; i++)
		choices[i].key = !choices[i].reverse
			&& key_plan_has(&rows->meter->settings.plan, choices[i].field);
	ret->count = count;
	return 0;
}

/* ---- hooks ----------------------------------------------------------------------------------- */

/* Hooks that are asked for so far. */
struct wanted {
	struct hook_set all;
	bool hook[METER_HOOKS_MAX];     /* of `all` */
	bool sessions;                  /* as in struct hook_set */
};

/* Those that give one of the columns. */
static int want_hooks(const struct columns_wish *wish, struct wanted *wanted, struct error *err)
{
	struct column_choice choices[COLUMNS_MAX];
	unsigned count = choices_of_names(output_standard_fields, choices);
	int r = add_wish(wish, choices, &count, err);
	if (!r)
		r = apply(wish, choices, &count, err);
	for (unsigned i = 0; !r && i < count; i++) {
		const struct flow_hook *hook = hooks_find(&wanted->all, choices[i].field);
		for (unsigned h = 0; h < wanted->all.count; h++)
			wanted->hook[h] |= wanted->all.hook[h] == hook;
		wanted->sessions |= !strcmp(choices[i].field->name, "applicationSessionId");
	}
	return r;
}

/* Addresses are parsed once more here, before outputs are opened: hooks have to be known before the
 * meters are made. */
static int want_hooks_of_output(const struct columns_wish *wish, const char *text,
                                struct wanted *wanted, struct error *err)
{
	struct address address;
	int r = address_parse(text, &address, err);
	if (r)
		return r;
	struct columns_wish own = *wish;
	own.output = text;
	own.output_fields = address_parameter(&address, "fields");
	if (own.output_fields)
		r = want_hooks(&own, wanted, err);
	address_fini(&address);
	return r;
}

int columns_hooks(const struct columns_wish *wish, const struct text_list *outputs,
                  struct hook_set *ret, struct error *err)
{
	struct wanted wanted = { .hook = { false } };
	hooks_available(&wanted.all);
	int r = want_hooks(wish, &wanted, err);
	for (unsigned i = 0; i < outputs->count && !r; i++)
		r = want_hooks_of_output(wish, outputs->items[i], &wanted, err);
	if (r)
		return r;
	*ret = (struct hook_set){ .sessions = wanted.sessions };
	for (unsigned h = 0; h < wanted.all.count; h++)
		if (wanted.hook[h])
			ret->hook[ret->count++] = wanted.all.hook[h];
	return 0;
}
