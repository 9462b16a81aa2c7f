/* SPDX-License-Identifier: Apache-2.0 */
/* Signals become requests to an engine: SIGINT and SIGTERM stop, SIGHUP reopen, SIGUSR1
 * statistics. */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

struct engine;

/* Before the engine opens: SIGPIPE, SIGHUP and SIGUSR1 must not end the program. */
void signals_prepare(void);
/* The engine runs; a second SIGINT or SIGTERM ends the program at once. */
void signals_direct(struct engine *engine);
/* No engine any more: call before it is closed. */
void signals_release(void);

#endif
