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
#include <unistd.h>

#include "cli/command.h"

static struct signal_target target;     /* written while no handler is set */
static atomic_bool running;

/* errno is put back: the signal may have come between a call and the look at its error. */
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

/* Octets of a mapped capture are gone: whoever cut the file did not wait for the lease's end
 * (capture/mapping.h), or the disk failed. Nothing can be read on. */
static void file_lost(int number, siginfo_t *info, void *context)
{
	static const char text[] = "weir: error: a file that is being read was cut short meanwhile\n";
	(void)context;
	if (info->si_code != BUS_ADRERR || write(STDERR_FILENO, text, sizeof text - 1) < 0)
		raise(number);          /* the handler is gone already */
	_exit(STATUS_FAILED);
}

void signals_prepare(void)
{
	struct sigaction lost = { .sa_sigaction = file_lost, .sa_flags = SA_SIGINFO | SA_RESETHAND };
	sigemptyset(&lost.sa_mask);
	sigaction(SIGBUS, &lost, NULL);
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
