/* SPDX-License-Identifier: Apache-2.0 */
/* All applications that the backends chosen can name, for options data: collectors learn from them
 * what an applicationId stands for. The backends are opened for it, and closed again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "identify/identify.h"

struct names {
	struct identify_application *list;
	unsigned count, room;
};

/* Numbers without a name are left out. */
static int add(struct names *names, const struct identify_backend *b, void *worker, unsigned number)
{
	const char *name = b->text(worker, NAME_APPLICATION, number);
	if (!name || !*name)
		return 0;
	if (names->count == names->room) {
		unsigned room = names->room ? 2 * names->room : 512;
		void *list = reallocarray(names->list, room, sizeof *names->list);
		if (!list)
			return -ENOMEM;
		names->list = list;
		names->room = room;
	}
	struct identify_application *to = &names->list[names->count++];
	*to = (struct identify_application){ .id_bytes = 0 };
	to->id_bytes = (uint8_t)b->application_id(number, to->id);
	strncpy(to->name, name, sizeof to->name - 1);
	return 0;
}

/* A worker of its own, since some backends know their names only when they run. */
static int add_backend(struct names *names, const struct identify_backend *b,
                       const struct identify_settings *settings, struct error *err)
{
	void *worker = NULL;
	int r = b->open ? b->open(settings, &worker, err) : 0;
	if (r)
		return r;
	unsigned count = b->applications ? b->applications : b->application_count(worker);
	for (unsigned number = 1; number <= count && !r; number++)
		r = add(names, b, worker, number);
	if (b->close)
		b->close(worker);
	return r ? error_set(err, r, "out of memory") : 0;
}

int identify_applications(const struct identify_settings *settings,
                          struct identify_application **ret, unsigned *ret_count, struct error *err)
{
	struct identify_choice choice;
	struct names names = { .list = NULL };
	int r = identify_choose(settings->backends, &choice, err);
	if (r)
		return r;
	for (unsigned i = 0; i < choice.count && !r; i++)
		r = add_backend(&names, choice.backend[i], settings, err);
	if (r) {
		free(names.list);
		return r;
	}
	*ret = names.list;
	*ret_count = names.count;
	return 0;
}
