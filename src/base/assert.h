/*
 * Asserts that stay in every build. They guard our own invariants, never input:
 * bytes from the wire, from disk or from ZooKeeper return errors instead.
 * A failed assert prints file, line and a backtrace, then aborts (core dump).
 * Runs on: any.
 */
#ifndef BARNABAS_BASE_ASSERT_H
#define BARNABAS_BASE_ASSERT_H

#define ASSERT(cond) ((cond) ? (void)0 : assert_failed(#cond, __FILE__, __LINE__, __func__))

#define UNREACHABLE() assert_failed("unreachable", __FILE__, __LINE__, __func__)

_Noreturn void assert_failed(const char *cond, const char *file, int line, const char *func);

/* Writes the caller's backtrace to descriptor 2; async-signal-safe. */
void assert_print_backtrace(void);

/* Makes SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT print a backtrace before the core is dumped. */
void assert_install_crash_handler(void);

#endif
