/*
 * barnabas-server CONFIG [--override name=value]... [--check]
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "config/report.h"
#include "server/server.h"
#include "server/version.h"

#define EXIT_USAGE 1

static const char USAGE[] =
    "usage: barnabas-server CONFIG [--override name=value]... [--check]\n"
    "\n"
    "Starts one broker with the settings of CONFIG, a server.properties file with Kafka's names.\n"
    "  --override name=value   beats the file; may be given more than once\n"
    "  --check                 starts nothing: says what a start would say of the settings\n"
    "  --version               prints the version\n"
    "  --help                  prints this\n"
    "It stops in order on SIGTERM or SIGINT.\n";

struct arguments {
    const char *path;
    const char **overrides;
    size_t override_count;
    bool only_check;
};

static int refuse(const char *what, const char *argument)
{
    fprintf(stderr, "barnabas-server: %s%s\n%s", what, argument, USAGE);
    return EXIT_USAGE;
}

/* -1: go on; else the status to exit with. */
static int parse_arguments(int argc, char **argv, struct arguments *out)
{
    static const char OVERRIDE_IS[] = "--override=";
    out->overrides = mem_zalloc(sizeof *out->overrides * (size_t)(argc + 1));
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(USAGE, stdout);
            return EXIT_SUCCESS;
        }
        if (strcmp(argv[i], "--version") == 0) {
            puts("barnabas " BARNABAS_VERSION);
            return EXIT_SUCCESS;
        }
        if (strcmp(argv[i], "--check") == 0) {
            out->only_check = true;
        } else if (strncmp(argv[i], OVERRIDE_IS, sizeof OVERRIDE_IS - 1) == 0) {
            out->overrides[out->override_count++] = argv[i] + sizeof OVERRIDE_IS - 1;
        } else if (strcmp(argv[i], "--override") == 0) {
            if (++i == argc)
                return refuse("--override needs name=value", "");
            out->overrides[out->override_count++] = argv[i];
        } else if (argv[i][0] == '-' || out->path) {
            return refuse("unexpected argument ", argv[i]);
        } else {
            out->path = argv[i];
        }
    }
    if (!out->path)
        return refuse("which configuration file?", "");
    return -1;
}

static bool read_file(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    for (;;) {
        ssize_t got = read(fd, buf_reserve(out, 65536), 65536);
        if (got > 0)
            out->len += (size_t)got;
        else if (got == 0 || errno != EINTR) {
            close(fd);
            return got == 0;
        }
    }
}

static struct config *load_config(const struct arguments *args)
{
    struct buf text = {0};
    if (!read_file(args->path, &text)) {
        fprintf(stderr, "barnabas-server: cannot read %s: %s\n", args->path, strerror(errno));
        return NULL;
    }
    struct config_report report = {0};
    struct config *config =
        config_load(buf_view(&text), args->path, args->overrides, args->override_count, &report);
    config_report_log(&report);
    if (!config)
        log_error("server", "not_started",
                  "reason=\"%zu settings of %s cannot be used; see the lines above\"", report.error_count,
                  args->path);
    config_report_close(&report);
    buf_close(&text);
    return config;
}

/* The start has a thread of its own, so that a signal can end it; main is woken by this when it is over. */
#define START_IS_OVER SIGUSR1

struct start {
    pthread_t main;
    struct server *server;
    enum err err;
    struct errmsg why;
};

static void *run_start(void *arg)
{
    struct start *start = arg;
    log_set_thread_name("start");
    start->err = server_start(start->server, &start->why);
    pthread_kill(start->main, START_IS_OVER);
    return NULL;
}

static void block_signals(sigset_t *stop_signals)
{
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(stop_signals);
    sigaddset(stop_signals, SIGTERM);
    sigaddset(stop_signals, SIGINT);
    sigaddset(stop_signals, SIGHUP);
    sigaddset(stop_signals, START_IS_OVER);
    pthread_sigmask(SIG_BLOCK, stop_signals, NULL);
}

/* The next one that means something. */
static int wait_for_signal(const sigset_t *signals)
{
    int number = 0;
    while (sigwait(signals, &number) != 0 || number == SIGHUP)
        ; /* a closed terminal is no reason to stop */
    if (number != START_IS_OVER)
        log_info("server", "stopping", "signal=%s", strsignal(number));
    return number;
}

/* From the start to the end of a broker. The exit status. */
static int run(struct config *config, const sigset_t *signals)
{
    struct start start = {.main = pthread_self(), .server = server_new(config), .why = {.text = ""}};
    pthread_t thread;
    if (pthread_create(&thread, NULL, run_start, &start) != 0) {
        log_error("server", "not_started", "reason=\"%s\"", "no thread can be made");
        server_stop(start.server);
        return EXIT_FAILURE;
    }
    bool given_up = wait_for_signal(signals) != START_IS_OVER;
    if (given_up)
        server_give_up(start.server);
    pthread_join(thread, NULL);
    while (start.err == ERR_NONE && !given_up && wait_for_signal(signals) == START_IS_OVER)
        ;
    server_stop(start.server);
    if (start.err != ERR_NONE && !given_up) {
        log_error("server", "not_started", "reason=\"%s\"", start.why.text);
        return EXIT_FAILURE;
    }
    log_info("server", "stopped", "%s", "");
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct arguments args = {0};
    int status = parse_arguments(argc, argv, &args);
    if (status >= 0) {
        free(args.overrides);
        return status;
    }
    sigset_t stop_signals;
    block_signals(&stop_signals);
    assert_install_crash_handler();
    log_set_thread_name("main");
    struct config *config = load_config(&args);
    free(args.overrides);
    if (!config)
        return EXIT_FAILURE;
    if (args.only_check) {
        config_release(config);
        log_info("server", "settings_can_be_used", "file=%s", args.path);
        return EXIT_SUCCESS;
    }
    status = run(config, &stop_signals);
    config_release(config);
    return status;
}
