#include "base/assert.h"

#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BACKTRACE_MAX   64
#define ALT_STACK_BYTES (64 * 1024)

/* Only what may be called in a signal handler; a failing stderr must not stop us from dying. */
static void put_text(const char *text)
{
    size_t len = strlen(text);
    while (len > 0) {
        ssize_t n = write(STDERR_FILENO, text, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        text += n;
        len -= (size_t)n;
    }
}

static void put_number(uintptr_t value, unsigned base)
{
    char text[2 + sizeof value * 8 + 1];
    char *p = text + sizeof text;
    *--p = '\0';
    do {
        *--p = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    if (base == 16) {
        *--p = 'x';
        *--p = '0';
    }
    put_text(p);
}

void assert_print_backtrace(void)
{
    void *frames[BACKTRACE_MAX];
    int count = backtrace(frames, BACKTRACE_MAX);
    if (count > 1)
        backtrace_symbols_fd(frames + 1, count - 1, STDERR_FILENO);
}

static void on_crash(int sig, siginfo_t *info, void *context);

_Noreturn void assert_failed(const char *cond, const char *file, int line, const char *func)
{
    put_text(file);
    put_text(":");
    put_number((uintptr_t)(line < 0 ? 0 : line), 10);
    put_text(": ");
    put_text(func);
    put_text(": assert failed: ");
    put_text(cond);
    put_text("\n");
    assert_print_backtrace();
    /* Our crash handler would print the same backtrace again; another's may have something to do. */
    struct sigaction present;
    if (sigaction(SIGABRT, NULL, &present) == 0 && present.sa_sigaction == on_crash)
        signal(SIGABRT, SIG_DFL);
    abort();
}

static const char *signal_name(int sig)
{
    switch (sig) {
    case SIGSEGV:
        return "SIGSEGV";
    case SIGBUS:
        return "SIGBUS";
    case SIGILL:
        return "SIGILL";
    case SIGFPE:
        return "SIGFPE";
    case SIGABRT:
        return "SIGABRT";
    default:
        return "signal";
    }
}

static void on_crash(int sig, siginfo_t *info, void *context)
{
    (void)context;
    put_text("crash: ");
    put_text(signal_name(sig));
    if (sig != SIGABRT && info->si_code > 0) {
        put_text(" at address ");
        put_number((uintptr_t)info->si_addr, 16);
    } else if (sig != SIGABRT || info->si_pid != getpid()) {
        put_text(" sent by process ");
        put_number((uintptr_t)info->si_pid, 10);
    }
    put_text("\n");
    assert_print_backtrace();

    /* SA_RESETHAND restored the default action; deliver it here so that the core shows these frames. */
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, sig);
    raise(sig);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    _exit(128 + sig);
}

void assert_install_crash_handler(void)
{
    static uint8_t alt_stack[ALT_STACK_BYTES];
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

    /* The first backtrace() loads the unwinder, which allocates: not a thing to do in a handler. */
    void *frame[1];
    (void)backtrace(frame, 1);

    stack_t stack = {.ss_sp = alt_stack, .ss_size = sizeof alt_stack};
    sigaltstack(&stack, NULL);

    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_crash;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | (int)SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        sigaction(signals[i], &action, NULL);
}
