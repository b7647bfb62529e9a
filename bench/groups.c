/*
 * What the coordinator of groups costs by itself, without a network and a log:
 *
 *   bench/groups
 *
 * Memory of groups with one member and of committed offsets; time to load, to commit, to heartbeat and to
 * rebalance.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "core/group/coordinator.h"
#include "core/group/loader.h"
#include "core/group/records.h"
#include "wire/record_builder.h"

static struct group_time now = {1000, 1700000000000};
static struct group_effects out;

static double seconds(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double megabytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return (double)(info.uordblks + info.hblkhd) / 1e6;
}

static struct group_coordinator *serving(void)
{
    struct group_config config = GROUP_CONFIG_DEFAULT;
    config.initial_delay_ms = 0;
    config.seed = 1;
    struct group_coordinator *c = group_coordinator_new(&config);
    struct group_loader *loader = group_loader_new(0);
    group_loader_finish(loader, now.wall_ms);
    group_coordinator_loaded(c, loader, &now, &out);
    group_loader_free(loader);
    return c;
}

/* Every append is acknowledged; answers are dropped. */
static void acknowledge(struct group_coordinator *c)
{
    static int64_t offset;
    for (int32_t i = 0; i < out.count; i++) {
        struct group_effect effect = out.items[i];
        if (effect.kind == GROUP_EFFECT_APPEND && effect.append.ticket)
            group_appended(c, effect.append.ticket, ERR_NONE, offset++, &now, &out);
    }
    group_effects_reset(&out);
}

static const uint8_t subscription[] = {0,   1,   0,   0,   0,   1,   0,   6, 'o', 'r', 'd',
                                       'e', 'r', 's', 255, 255, 255, 255, 0, 0,   0,   0};

static void join(struct group_coordinator *c, struct view group, struct view member)
{
    struct wire_join_group_request_join_group_request_protocol protocols[] = {
        {VIEW_LIT("range"), view_of(subscription, sizeof subscription)},
        {VIEW_LIT("cooperative-sticky"), view_of(subscription, sizeof subscription)}};
    struct wire_join_group_request request;
    wire_init(&wire_join_group_request_desc, &request);
    request.group_id = group;
    request.member_id = member;
    request.session_timeout_ms = 45000;
    request.rebalance_timeout_ms = 300000;
    request.protocol_type = VIEW_LIT("consumer");
    request.protocols = protocols;
    request.protocols_count = 2;
    struct group_client client = {VIEW_LIT("consumer-orders-service-1"), VIEW_LIT("/10.20.30.40")};
    group_join(c, &request, 3, &client, 1, &now, &out);
}

static void sync_member(struct group_coordinator *c, struct view group, struct view member,
                        int32_t generation)
{
    struct wire_sync_group_request_sync_group_request_assignment assignment = {
        member, view_of(subscription, sizeof subscription)};
    struct wire_sync_group_request request;
    wire_init(&wire_sync_group_request_desc, &request);
    request.group_id = group;
    request.member_id = member;
    request.generation_id = generation;
    request.assignments = &assignment;
    request.assignments_count = 1;
    group_sync(c, &request, 3, 1, &now, &out);
}

/* --- rows
 * ----------------------------------------------------------------------------------------------------- */

static void groups_of_one_member(void)
{
    enum { GROUPS = 10000 };
    char name[40];
    double before = megabytes();
    struct group_coordinator *c = serving();
    for (int i = 0; i < GROUPS; i++) {
        struct view group = view_of(name, (size_t)snprintf(name, sizeof name, "orders-service-%d", i));
        join(c, group, VIEW_LIT(""));
        group_tick(c, &now, &out);
        char *id = view_to_cstr(out.items[0].joined->member_id);
        group_effects_reset(&out);
        sync_member(c, group, view_str(id), 1);
        acknowledge(c);
        free(id);
    }
    group_effects_close(&out);
    printf("groups-of-one   %d groups: %.1f MB\n", GROUPS, megabytes() - before);
    group_coordinator_free(c);
}

static void commit_one(struct group_coordinator *c, struct view group, int32_t partition, int64_t offset)
{
    struct group_commit_offset o = {VIEW_LIT("orders"), partition, offset, 3, -1, VIEW_LIT("")};
    struct group_commit_request request = {.group_id = group,
                                           .generation = -1,
                                           .retention_ms = -1,
                                           .producer_id = -1,
                                           .producer_epoch = -1,
                                           .offsets = &o,
                                           .offsets_count = 1};
    group_commit(c, &request, 1, &now, &out);
    acknowledge(c);
}

static void commits(void)
{
    enum { COMMITS = 1000000 };
    struct group_coordinator *c = serving();
    double begin = seconds();
    for (int i = 0; i < COMMITS; i++)
        commit_one(c, VIEW_LIT("orders-service"), i % 16, i);
    double took = seconds() - begin;
    printf("commit          %.0f ns each, %.0f /s\n", took * 1e9 / COMMITS, COMMITS / took);
    group_coordinator_free(c);
}

static void heartbeats_and_rebalance(void)
{
    enum { MEMBERS = 1000, BEATS = 2000000 };
    struct group_coordinator *c = serving();
    char **ids = mem_zalloc(MEMBERS * sizeof *ids);
    struct view group = VIEW_LIT("orders-service");
    double begin = seconds();
    for (int i = 0; i < MEMBERS; i++)
        join(c, group, VIEW_LIT(""));
    group_tick(c, &now, &out);
    int count = 0;
    for (int32_t i = 0; i < out.count; i++)
        ids[count++] = view_to_cstr(out.items[i].joined->member_id);
    group_effects_reset(&out);
    for (int i = MEMBERS - 1; i >= 0; i--)
        sync_member(c, group, view_str(ids[i]), 1);
    acknowledge(c);
    printf("rebalance       %d members: %.2f ms\n", MEMBERS, (seconds() - begin) * 1e3);
    begin = seconds();
    for (int i = 0; i < BEATS; i++) {
        struct wire_heartbeat_request request = {group, 1, view_str(ids[i % MEMBERS]), VIEW_NULL};
        now.mono_ms += i % 100 == 0;
        if (group_heartbeat(c, &request, &now))
            printf("heartbeat failed\n");
        if (now.mono_ms >= group_coordinator_deadline(c))
            group_tick(c, &now, &out);
    }
    printf("heartbeat       %.0f ns each\n", (seconds() - begin) * 1e9 / BEATS);
    for (int i = 0; i < MEMBERS; i++)
        free(ids[i]);
    free(ids);
    group_coordinator_free(c);
}

/* As many batches of so many commits. */
static void build_log(struct buf *log, int groups, int offsets, int per_batch, bool shuffled)
{
    struct buf key = {0}, value = {0};
    struct record_builder builder;
    char name[40], topic[40];
    for (int i = 0; i < offsets; i++) {
        if (i % per_batch == 0) {
            struct record_builder_spec spec = RECORD_BUILDER_V2;
            spec.base_offset = i;
            record_builder_open(&builder, &spec, NULL, log);
        }
        int at = shuffled ? (int)((int64_t)i * 7919 % offsets) : i;
        int in_group = at % (offsets / groups);
        struct view group =
            view_of(name, (size_t)snprintf(name, sizeof name, "orders-service-%d", at / (offsets / groups)));
        struct offset_value v = {at, 3, now.wall_ms, -1, VIEW_LIT("")};
        buf_clear(&key);
        buf_clear(&value);
        group_key_put_offset(
            &key, group, view_of(topic, (size_t)snprintf(topic, sizeof topic, "orders-%d", in_group / 50)),
            in_group % 50);
        offset_value_put(&value, &v, OFFSET_VALUE_VERSION);
        record_builder_put(&builder, now.wall_ms, buf_view(&key), buf_view(&value));
        if (i % per_batch == per_batch - 1 && record_builder_finish(&builder, NULL))
            abort();
    }
    buf_close(&key);
    buf_close(&value);
}

static void load(const char *row, int groups, int offsets, int per_batch, bool shuffled)
{
    struct buf log = {0};
    build_log(&log, groups, offsets, per_batch, shuffled);
    double before = megabytes(), begin = seconds();
    struct group_loader *loader = group_loader_new(0);
    group_loader_add(loader, buf_view(&log));
    group_loader_finish(loader, now.wall_ms);
    double loaded = seconds();
    struct group_config config = GROUP_CONFIG_DEFAULT;
    struct group_coordinator *c = group_coordinator_new(&config);
    group_coordinator_loaded(c, loader, &now, &out);
    double took = seconds() - loaded;
    group_loader_free(loader);
    struct group_counts counts;
    group_coordinator_counts(c, &counts);
    printf("%-15s %lld offsets of %d groups: %.2f s, %.0f records/s, %.1f MB; taken over in %.2f ms\n", row,
           (long long)counts.offsets, groups, loaded - begin, offsets / (loaded - begin),
           megabytes() - before, took * 1e3);
    group_coordinator_free(c);
    buf_close(&log);
}

int main(void)
{
    log_set_level(LOG_LEVEL_ERROR);
    groups_of_one_member();
    commits();
    heartbeats_and_rebalance();
    load("load", 1000, 1000000, 1, false);
    load("load-batched", 1000, 1000000, 50, false);
    load("load-shuffled", 1000, 1000000, 1, true);
    group_effects_close(&out);
    return 0;
}
