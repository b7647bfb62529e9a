/*
 * sim --seed N [--seeds M] [--steps K] [--brokers B] [--trace] [--verbose] [--plant NAME] [--plants]
 *
 * Runs whole clusters of the real cores and the real storage in one thread (docs/simulator.md). Exit status
 * 0: nothing was found; 1: something was; 2: bad arguments.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "sim/minimise.h"
#include "sim/plants.h"
#include "sim/run.h"
#include "sim/suite.h"

struct arguments {
    struct sim_options options;
    uint64_t seeds;
    bool verbose;
    bool minimise; /* what is found */
    bool hash;     /* print the hash of each run */
};

static int usage(void)
{
    fprintf(stderr, "usage: sim\n"
                    "       sim [--seed N] [--seeds M] [--steps K] [--brokers 1-5] [--plant NAME] [--trace]\n"
                    "           [--hash] [--verbose] [--minimise] [--without BITS]\n"
                    "       sim --plants\n");
    return 2;
}

static void aborted(int signal)
{
    (void)signal;
    if (run_present())
        run_print_failure(run_present());
    _exit(1);
}

static bool take_number(const char *text, uint64_t *out)
{
    char *end;
    *out = strtoull(text, &end, 10);
    return *text && !*end;
}

/* An option with a value; gives false when it makes no sense. */
static bool take_value(struct arguments *args, const char *name, const char *value)
{
    uint64_t number = 0;
    if (strcmp(name, "--plant") == 0) {
        args->options.plant = value;
        return plant_choose(value);
    }
    if (!take_number(value, &number))
        return false;
    if (strcmp(name, "--seed") == 0)
        args->options.seed = number;
    else if (strcmp(name, "--seeds") == 0)
        args->seeds = number;
    else if (strcmp(name, "--steps") == 0 && number <= INT32_MAX)
        args->options.steps = (int)number;
    else if (strcmp(name, "--without") == 0 && number <= UINT32_MAX)
        args->options.without = (unsigned)number;
    else if (strcmp(name, "--brokers") == 0 && number >= 1 && number <= SIM_BROKERS_MAX)
        args->options.brokers = (int)number;
    else
        return false;
    return true;
}

static bool take_arguments(struct arguments *args, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--trace") == 0)
            args->options.trace = true;
        else if (strcmp(argv[i], "--verbose") == 0)
            args->verbose = true;
        else if (strcmp(argv[i], "--hash") == 0)
            args->hash = true;
        else if (strcmp(argv[i], "--minimise") == 0)
            args->minimise = true;
        else if (i + 1 < argc && take_value(args, argv[i], argv[i + 1]))
            i++;
        else
            return false;
    }
    return true;
}

static int list_plants(void)
{
    for (int i = 0; plant_name(i); i++)
        printf("%s\n", plant_name(i));
    return 0;
}

static int run_seeds(struct arguments *args)
{
    int64_t steps = 0, acknowledged = 0, virtual_ms = 0;
    uint64_t last = args->options.seed + args->seeds;
    for (; args->options.seed < last; args->options.seed++) {
        struct run_result result = run_seed(&args->options);
        if (args->hash)
            printf("%llu %016llx\n", (unsigned long long)args->options.seed, (unsigned long long)result.hash);
        if (result.failed && args->minimise)
            minimise(&args->options, &result);
        if (result.failed)
            return 1;
        steps += result.steps;
        acknowledged += result.acknowledged;
        virtual_ms += result.virtual_ms;
    }
    printf("%llu seeds, %lld steps, %lld s of virtual time, %lld batches acknowledged: nothing found\n",
           (unsigned long long)args->seeds, (long long)steps, (long long)(virtual_ms / 1000),
           (long long)acknowledged);
    return 0;
}

int main(int argc, char **argv)
{
    struct arguments args = {.options = {.seed = 1, .steps = 2000000}, .seeds = 1};
    if (argc == 2 && strcmp(argv[1], "--plants") == 0)
        return list_plants();
    if (!take_arguments(&args, argc, argv))
        return usage();
    if (!args.verbose)
        log_set_fd(open("/dev/null", O_WRONLY));
    log_set_level(args.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR);
    signal(SIGABRT, aborted);
    return argc == 1 ? suite_run() : run_seeds(&args);
}
