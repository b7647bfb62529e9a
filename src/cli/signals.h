/*
 * SIGINT and SIGTERM of commands that go on until they are told to end: blocked in all threads, and asked
 * for between two steps.
 * Runs on: the main thread, the first two before other threads are made.
 */
#ifndef BARNABAS_CLI_SIGNALS_H
#define BARNABAS_CLI_SIGNALS_H

/* What a shell shows of a program that a signal has ended is this plus the signal's number. */
#define SIGNALS_STATUS 128

void signals_block(void);
/* The next one ends the program at once. */
void signals_unblock(void);
/* The signal that asked to end, waiting so long for one, or 0. */
int signals_pending(int wait_ms);

#endif
