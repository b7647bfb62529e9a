#include "asked.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static struct view text_of(const char *text)
{
    return view_str(text ? text : "");
}

static uint64_t token_of(struct asked *asked)
{
    asked->waits = true;
    return groups_token(&asked->ask);
}

void asked_join(struct asked *asked, struct groups_turn *turn)
{
    struct wire_join_group_request_join_group_request_protocol protocol = {VIEW_LIT("range"), VIEW_LIT("m")};
    struct wire_join_group_request request;
    wire_init(&wire_join_group_request_desc, &request);
    request.group_id = view_str(asked->group);
    request.member_id = text_of(asked->member);
    if (asked->instance)
        request.group_instance_id = view_str(asked->instance);
    request.session_timeout_ms = asked->session_ms ? asked->session_ms : 60000;
    request.rebalance_timeout_ms = 60000;
    request.protocol_type = VIEW_LIT("consumer");
    request.protocols = &protocol;
    request.protocols_count = 1;
    struct group_client client = {VIEW_LIT("client"), VIEW_LIT("/127.0.0.1")};
    group_join(turn->coordinator, &request, 3, &client, token_of(asked), turn->now, turn->out);
}

void asked_sync(struct asked *asked, struct groups_turn *turn)
{
    struct wire_sync_group_request_sync_group_request_assignment assignment = {text_of(asked->member),
                                                                               VIEW_LIT("m")};
    struct wire_sync_group_request request;
    wire_init(&wire_sync_group_request_desc, &request);
    request.group_id = view_str(asked->group);
    request.member_id = text_of(asked->member);
    request.generation_id = asked->generation;
    request.assignments = &assignment;
    request.assignments_count = 1;
    group_sync(turn->coordinator, &request, 3, token_of(asked), turn->now, turn->out);
}

void asked_heartbeat(struct asked *asked, struct groups_turn *turn)
{
    struct wire_heartbeat_request request = {.group_id = view_str(asked->group),
                                             .generation_id = asked->generation,
                                             .member_id = text_of(asked->member)};
    asked->err = group_heartbeat(turn->coordinator, &request, turn->now);
}

void asked_commit(struct asked *asked, struct groups_turn *turn)
{
    struct group_commit_offset offset = {VIEW_LIT("orders"),      asked->partition, asked->offset, -1, -1,
                                         text_of(asked->metadata)};
    struct group_commit_request request = {.group_id = view_str(asked->group),
                                           .member_id = text_of(asked->member),
                                           .instance_id = VIEW_NULL,
                                           .generation = asked->generation ? asked->generation : -1,
                                           .retention_ms = -1,
                                           .producer_id = -1,
                                           .producer_epoch = -1,
                                           .offsets = &offset,
                                           .offsets_count = 1};
    group_commit(turn->coordinator, &request, token_of(asked), turn->now, turn->out);
}

void asked_fetch(struct asked *asked, struct groups_turn *turn)
{
    struct arena arena = {0};
    struct group_topic_partitions topic = {VIEW_LIT("orders"), &asked->partition, 1};
    struct group_fetched_topic *fetched;
    int32_t count;
    asked->fetched = -1;
    asked->err = group_fetch_offsets(turn->coordinator, view_str(asked->group), &topic, 1, false, &arena,
                                     SIZE_MAX, &fetched, &count);
    if (asked->err == ERR_NONE)
        asked->fetched = fetched[0].offsets[0].offset;
    arena_close(&arena);
}

void asked_describe(struct asked *asked, struct groups_turn *turn)
{
    struct arena arena = {0};
    struct wire_describe_groups_response_described_group answer;
    wire_init(&wire_describe_groups_response_described_group_desc, &answer);
    group_describe(turn->coordinator, view_str(asked->group), &arena, &answer);
    asked->err = (enum err)answer.error_code;
    snprintf(asked->state, sizeof asked->state, "%.*s", VIEW_FMT(answer.group_state));
    arena_close(&arena);
}

void asked_delete(struct asked *asked, struct groups_turn *turn)
{
    asked->err = group_delete(turn->coordinator, view_str(asked->group), turn->now, turn->out);
}

/* --- the way there and back ------------------------------------------------------------------------------
 */

static struct asked *of(struct groups_ask *ask)
{
    return CONTAINER_OF(ask, struct asked, ask);
}

static bool run_it(struct groups_ask *ask)
{
    struct asked *asked = of(ask);
    struct broker *broker = &asked->rig->broker;
    struct groups_turn turn = groups_begin(broker->groups, view_str(asked->group));
    asked->run(asked, &turn);
    /* It may be answered, and its memory gone, when the effects are carried out. */
    bool waits = asked->waits;
    groups_end(broker->groups, &turn);
    return !waits;
}

static void settled(struct groups_ask *ask, const struct group_effect *effect)
{
    struct asked *asked = of(ask);
    switch (effect->kind) {
    case GROUP_EFFECT_JOINED:
        asked->err = (enum err)effect->joined->error_code;
        asked->given_generation = effect->joined->generation_id;
        snprintf(asked->member_id, sizeof asked->member_id, "%.*s", VIEW_FMT(effect->joined->member_id));
        return;
    case GROUP_EFFECT_SYNCED:
        asked->err = (enum err)effect->synced->error_code;
        return;
    case GROUP_EFFECT_COMMITTED:
        ck_assert_int_eq(effect->committed.count, 1);
        asked->err = effect->committed.errs[0];
        return;
    case GROUP_EFFECT_APPEND:
        break;
    }
    ck_abort_msg("an append is no answer");
}

static void came_home(struct groups_ask *ask)
{
    struct asked *asked = of(ask);
    ck_assert_ptr_eq(loop_current(), ask->home);
    pthread_mutex_lock(&asked->lock);
    asked->done++;
    pthread_cond_signal(&asked->cond);
    pthread_mutex_unlock(&asked->lock);
}

static void ask_on_loop(void *arg)
{
    struct asked *asked = arg;
    groups_ask(asked->rig->broker.groups, &asked->ask);
}

void asked_begin(struct asked *asked, struct rig *rig, asked_run *run)
{
    asked->rig = rig;
    asked->run = run;
    asked->waits = false;
    asked->done = 0;
    asked->err = ERR_NONE;
    pthread_mutex_init(&asked->lock, NULL);
    pthread_cond_init(&asked->cond, NULL);
    asked->ask =
        (struct groups_ask){.run = run_it, .settled = settled, .done = came_home, .home = rig->loops[0]};
    rig_on_loop(rig->loops[0], ask_on_loop, asked);
}

bool asked_is_done(struct asked *asked)
{
    pthread_mutex_lock(&asked->lock);
    bool done = asked->done > 0;
    pthread_mutex_unlock(&asked->lock);
    return done;
}

enum err asked_await(struct asked *asked)
{
    pthread_mutex_lock(&asked->lock);
    while (asked->done == 0)
        pthread_cond_wait(&asked->cond, &asked->lock);
    ck_assert_int_eq(asked->done, 1);
    pthread_mutex_unlock(&asked->lock);
    return asked->err;
}

enum err asked_now(struct asked *asked, struct rig *rig, asked_run *run)
{
    asked_begin(asked, rig, run);
    return asked_await(asked);
}
