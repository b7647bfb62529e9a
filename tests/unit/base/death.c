#include "death.h"

#include <check.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void run_child(void (*deed)(void), int err_fd)
{
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    dup2(err_fd, STDERR_FILENO);
    deed();
    _exit(0);
}

int death_signal(void (*deed)(void), char *text, size_t size)
{
    int fds[2];
    ck_assert_int_eq(pipe(fds), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        run_child(deed, fds[1]);
    close(fds[1]);
    size_t len = 0;
    char rest[512];
    for (;;) {
        /* What does not fit is read too, or the child could block before it dies. */
        size_t room = size - 1 - len;
        ssize_t n = room ? read(fds[0], text + len, room) : read(fds[0], rest, sizeof rest);
        if (n <= 0)
            break;
        len += room ? (size_t)n : 0;
    }
    text[len] = '\0';
    close(fds[0]);
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}
