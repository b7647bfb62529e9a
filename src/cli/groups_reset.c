/*
 * A group that nobody is in is planned (groups_plan.c), written if `--execute` says so, and printed; one with
 * members is refused. All groups are done before anything of the table is printed.
 */
#include "cli/groups_reset.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/groups_csv.h"
#include "cli/progress.h"

#define ROW "%-30s %-30s %-10s %-15s"

struct planned {
    struct view id;
    struct groups_offsets offsets;
};

static bool plan_one(struct groups_session *session, const struct groups_reset *reset, struct view id,
                     struct planned *out, struct errmsg *why)
{
    struct groups_found group;
    *out = (struct planned){.id = id};
    if (!groups_describe(session, id, false, &group, why)) {
        errmsg_prefix(why, GROUPS_EXECUTION);
        return false;
    }
    struct view state = group.described.group_state;
    if (!view_equal_str(state, "Empty") && !view_equal_str(state, "Dead")) {
        printf(
            "\nError: Assignments can only be reset if the group '%.*s' is inactive, but the current state "
            "is %.*s.\n",
            VIEW_FMT(id), VIEW_FMT(state));
        return true;
    }
    if (!groups_plan(session, reset, id, &out->offsets, why))
        return false;
    if (!reset->execute || groups_commit(session, id, &out->offsets, why))
        return true;
    errmsg_prefix(why, GROUPS_EXECUTION);
    return false;
}

static void print_table(const struct planned *planned, int32_t count)
{
    if (count > 0) {
        printf("\n" ROW, "GROUP", "TOPIC", "PARTITION", "NEW-OFFSET");
        groups_print_line_end();
    }
    for (int32_t g = 0; g < count; g++)
        for (int32_t i = 0; i < planned[g].offsets.count; i++) {
            const struct groups_offset *of = &planned[g].offsets.items[i];
            groups_print_column(planned[g].id, 30);
            groups_print_column(of->topic, 30);
            printf("%-10" PRId32 " %-15" PRId64, of->partition, of->offset);
            groups_print_line_end();
        }
}

static void print_csv(const struct planned *planned, int32_t count, bool with_group)
{
    struct buf out = {0};
    for (int32_t g = 0; g < count; g++)
        for (int32_t i = 0; i < planned[g].offsets.count; i++) {
            const struct groups_offset *of = &planned[g].offsets.items[i];
            groups_csv_write(&(struct groups_csv_row){planned[g].id, of->topic, of->partition, of->offset},
                             with_group, &out);
        }
    buf_put_i8(&out, '\n');
    fwrite(out.data, 1, out.len, stdout);
    buf_close(&out);
}

bool groups_reset(struct groups_session *session, const struct groups_reset *reset, const struct view *ids,
                  int32_t count, struct errmsg *why)
{
    struct planned *planned = arena_zalloc(&session->arena, sizeof *planned * (size_t)(count + 1));
    struct progress progress;
    bool fine = true;
    progress_start(&progress, reset->execute ? "Resetting offsets" : "Planning offsets", "groups", count);
    for (int32_t i = 0; i < count && fine; i++) {
        fine = plan_one(session, reset, ids[i], &planned[i], why);
        progress_step(&progress, 1);
    }
    progress_stop(&progress);
    if (!fine)
        return false;
    if (reset->as_csv)
        print_csv(planned, count, view_is_null(reset->only_group));
    else
        print_table(planned, count);
    return true;
}
