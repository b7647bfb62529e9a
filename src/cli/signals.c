#include "cli/signals.h"

#include <signal.h>
#include <stddef.h>
#include <time.h>

static sigset_t ending(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

void signals_block(void)
{
    sigset_t set = ending();
    sigprocmask(SIG_BLOCK, &set, NULL);
}

void signals_unblock(void)
{
    sigset_t set = ending();
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int signals_pending(int wait_ms)
{
    sigset_t set = ending();
    struct timespec wait = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000L};
    int number = sigtimedwait(&set, NULL, &wait);
    return number > 0 ? number : 0;
}
