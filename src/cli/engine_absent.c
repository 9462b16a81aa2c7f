/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for the engine until its files are in the tree; linked only while src/engine/engine.c
 * is not. */
#include <errno.h>

#include "engine/engine.h"

int engine_open(const struct settings *settings, const struct engine_env *env, struct engine **ret,
                struct error *err)
{
	return error_set(err, -ENOSYS, "the engine is not built yet");
}
int engine_run(struct engine *e, struct error *err) { return -ENOSYS; }
void engine_stop(struct engine *e) { }
void engine_request_reopen(struct engine *e) { }
void engine_request_stats(struct engine *e) { }
void engine_close(struct engine *e) { }
