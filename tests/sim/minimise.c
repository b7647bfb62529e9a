#include "sim/minimise.h"

#include <stdio.h>
#include <string.h>

#include "sim/faults.h"

static bool finds_the_same(const struct sim_options *options, const struct run_result *found)
{
    struct sim_options quiet = *options;
    quiet.quiet = true;
    quiet.trace = false;
    struct run_result result = run_seed(&quiet);
    return result.failed && strcmp(result.invariant, found->invariant) == 0;
}

void minimise(const struct sim_options *options, const struct run_result *found)
{
    struct sim_options least = *options;
    for (int i = 0; faults_name(i); i++) {
        struct sim_options without = least;
        without.without |= 1u << i;
        if (found->faults & 1u << i && finds_the_same(&without, found))
            least = without;
    }
    struct run_result result = run_seed(&least);
    fprintf(stderr, "the faults that are needed:");
    for (int i = 0; faults_name(i); i++)
        if (result.faults & 1u << i)
            fprintf(stderr, " %s", faults_name(i));
    fprintf(stderr, "; again with --seed %llu --without %u\n", (unsigned long long)options->seed,
            least.without);
}
