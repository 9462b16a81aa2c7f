/* SPDX-License-Identifier: Apache-2.0 */
/* Signals become requests to what runs: SIGINT and SIGTERM stop, SIGHUP reopen, SIGUSR1
 * statistics. */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

struct signal_target {                  /* functions that are async-signal-safe */
	void (*stop)(void *context);
	void (*reopen)(void *context);  /* SIGHUP */
	void (*stats)(void *context);   /* SIGUSR1 */
	void *context;                  /* of all three; valid until signals_release() */
};

/* Before anything opens: SIGPIPE, SIGHUP and SIGUSR1 must not end the program. */
void signals_prepare(void);
/* It runs; a second SIGINT or SIGTERM ends the program at once. The target is copied. */
void signals_direct(const struct signal_target *target);
/* Nothing runs any more: call before it is closed. */
void signals_release(void);

#endif
