/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See signals.h. A handler gets no context, so what runs in this process is the program's one
 * global; it lives in cli, never in the library.
 */
#include "cli/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

static struct signal_target target;     /* written while no handler is set */
static atomic_bool running;

static void handle(int number)
{
	int saved = errno;
	bool runs = atomic_load(&running);
	if (runs && (number == SIGINT || number == SIGTERM))
		target.stop(target.context);
	else if (runs && number == SIGHUP)
		target.reopen(target.context);
	else if (runs && number == SIGUSR1)
		target.stats(target.context);
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
void signals_direct(const struct signal_target *to)
{
	target = *to;
	atomic_store(&running, true);
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
	atomic_store(&running, false);
}
