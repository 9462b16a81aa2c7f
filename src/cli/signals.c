/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See signals.h. A handler gets no context, so the one engine of this process is the program's one
 * global; it lives in cli, never in the library. engine_* requests are async-signal-safe.
 */
#include "cli/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

#include "engine/engine.h"

static _Atomic(struct engine *) running;

static void handle(int number)
{
	int saved = errno;
	struct engine *engine = atomic_load(&running);
	if (engine && (number == SIGINT || number == SIGTERM))
		engine_stop(engine);
	else if (engine && number == SIGHUP)
		engine_request_reopen(engine);
	else if (engine && number == SIGUSR1)
		engine_request_stats(engine);
	errno = saved;
}

static void set(int number, void (*handler)(int), int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };
	sigemptyset(&action.sa_mask);
	sigaction(number, &action, NULL);
}

void signals_prepare(void)
{
	set(SIGPIPE, SIG_IGN, 0);
	set(SIGHUP, SIG_IGN, 0);
	set(SIGUSR1, SIG_IGN, 0);
}

/* The way back to the default after the first stop is what lets a second one end a stuck run. */
void signals_direct(struct engine *engine)
{
	atomic_store(&running, engine);
	set(SIGINT, handle, SA_RESETHAND);
	set(SIGTERM, handle, SA_RESETHAND);
	set(SIGHUP, handle, SA_RESTART);
	set(SIGUSR1, handle, SA_RESTART);
}

void signals_release(void)
{
	set(SIGHUP, SIG_IGN, 0);
	set(SIGUSR1, SIG_IGN, 0);
	set(SIGINT, SIG_DFL, 0);
	set(SIGTERM, SIG_DFL, 0);
	atomic_store(&running, NULL);
}
