/*
 * The last rebalances of a group, as its coordinator remembers them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "cli/groups.h"

typedef struct wire_describe_groups_response_described_rebalance rebalance;

bool groups_check_history(const struct groups_found *group, struct errmsg *why)
{
    if (group->described.rebalances_count >= 0 || view_equal_str(group->described.group_state, "Dead"))
        return true;
    errmsg_set(why,
               "broker %" PRId32
               ", which coordinates group %.100s, remembers no rebalances: it is not Barnabas, "
               "or an old one",
               group->coordinator, (const char *)group->id.ptr);
    return false;
}

/* "2026-11-27T23:56:06.123Z": also what --to-datetime takes. */
static void put_time(int64_t ms)
{
    char text[40];
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    printf("%s.%03dZ ", text, (int)(ms % 1000));
}

/* How long a phase took; a phase that was not reached took no time that could be told. */
static void put_phase(int64_t ms)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, ms);
    groups_print_column(ms < 0 ? VIEW_LIT("-") : view_str(text), 10);
}

static void put_rebalance(const struct groups_found *group, const rebalance *r)
{
    groups_print_column(group->id, 15);
    put_time(r->began_ms);
    groups_print_column(r->cause, 15);
    groups_print_column(r->outcome, 9);
    printf("%-10" PRId32 " %-8" PRId32 " ", r->generation, r->members_count);
    put_phase(r->join_ms);
    put_phase(r->assign_ms);
    put_phase(r->write_ms);
    printf("%.*s", VIEW_FMT(r->member_id.len ? r->member_id : VIEW_LIT("-")));
    if (r->reason.len > 0)
        printf(" (%.*s)", VIEW_FMT(r->reason));
    putchar('\n');
}

void groups_print_history(const struct groups_found *group)
{
    if (group->described.rebalances_count == 0) {
        fprintf(stderr, "\nBroker %" PRId32 " has seen no rebalance of consumer group '%.*s'.\n",
                group->coordinator, VIEW_FMT(group->id));
        return;
    }
    printf("\n%-15s %-24s %-15s %-9s %-10s %-8s %-10s %-10s %-10s %s\n", "GROUP", "BEGAN", "CAUSE", "OUTCOME",
           "GENERATION", "#MEMBERS", "JOIN-MS", "ASSIGN-MS", "STORE-MS", "CAUSED-BY (REASON)");
    for (int32_t i = 0; i < group->described.rebalances_count; i++)
        put_rebalance(group, &group->described.rebalances[i]);
}
