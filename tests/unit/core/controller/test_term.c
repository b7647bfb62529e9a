#include <string.h>

#include "rig.h"
#include "suites.h"

static const char *raw_text(struct rig *rig, const char *path)
{
    static char text[32];
    struct view raw = fake_zk_value(rig->zk, path)->raw;
    memcpy(text, raw.ptr, raw.len);
    text[raw.len] = '\0';
    return text;
}

static void expire(struct rig *rig, int core)
{
    struct controller_event event = {.kind = CONTROLLER_EVENT_SESSION_EXPIRED};
    rig_kill(rig, rig->cores[core].id);
    rig_feed(rig, core, &event);
    rig_run(rig);
}

static void reopen(struct rig *rig, int core)
{
    struct rig_core *rc = &rig->cores[core];
    rig_register(rig, rc->id, NULL);
    rc->session = rig->broker_session[rc->id];
    struct controller_event event = {.kind = CONTROLLER_EVENT_SESSION_OPENED};
    event.session_opened.session_id = rc->session;
    rig_feed(rig, core, &event);
    rig_run(rig);
}

START_TEST(first_broker_elects_itself_and_creates_what_must_be_there)
{
    struct rig *rig = rig_cluster(1);
    ck_assert(controller_is_active(rig->cores[0].c));
    ck_assert_int_eq(controller_epoch(rig->cores[0].c), 1);
    ck_assert_str_eq(raw_text(rig, "/controller_epoch"), "1");
    ck_assert_int_eq(fake_zk_version(rig->zk, "/controller_epoch"), 1);
    ck_assert_int_eq(fake_zk_value(rig->zk, "/controller")->controller.broker_id, 1);
    ck_assert_int_eq(fake_zk_value(rig->zk, "/feature")->feature.status, 1);
    ck_assert(rig_saw(rig, "active broker=1 epoch=1\nchannel broker=1\nUpdate broker=1 brokers=1\n"));
    rig_free(rig);
}
END_TEST

START_TEST(second_broker_waits_and_takes_over_when_the_first_goes)
{
    struct rig *rig = rig_cluster(2);
    int second = rig_add_core(rig, 2);
    ck_assert(!controller_is_active(rig->cores[second].c));
    ck_assert_int_eq(controller_known_id(rig->cores[second].c), 1);
    rig_kill(rig, 1);
    rig_run(rig);
    ck_assert(controller_is_active(rig->cores[second].c));
    ck_assert_int_eq(controller_epoch(rig->cores[second].c), 2);
    rig_free(rig);
}
END_TEST

START_TEST(session_lost_and_opened_again_gives_a_new_term)
{
    struct rig *rig = rig_cluster(1);
    expire(rig, 0);
    ck_assert(!controller_is_active(rig->cores[0].c));
    ck_assert(rig_saw(rig, "no channel broker=1\n"));
    reopen(rig, 0);
    ck_assert(controller_is_active(rig->cores[0].c));
    ck_assert_int_eq(controller_epoch(rig->cores[0].c), 2);
    rig_free(rig);
}
END_TEST

START_TEST(each_term_looks_after_the_balance_of_leaders_by_one_timer)
{
    struct rig *rig = rig_cluster(1);
    for (int term = 0; term < 5; term++) {
        expire(rig, 0);
        reopen(rig, 0);
        rig_advance(rig, 1000);
    }
    rig_advance(rig, 10000);
    rig_advance(rig, 300000);
    ck_assert_int_eq(rig->timers_count, 1);
    rig_free(rig);
}
END_TEST

START_TEST(own_controller_znode_of_an_older_session_is_replaced)
{
    struct rig *rig = rig_new();
    rig_register(rig, 1, NULL);
    struct controller_op op = {.kind = CONTROLLER_OP_CREATE, .path = "/controller", .ephemeral = true};
    op.value.kind = CONTROLLER_VALUE_CONTROLLER;
    op.value.controller.broker_id = 1;
    struct controller_op_result result;
    int64_t ghost = fake_zk_open_session(rig->zk);
    fake_zk_apply(rig->zk, ghost, &op, &rig->arena, &result);
    fake_zk_put(rig->zk, "/controller_epoch",
                &(struct controller_value){.kind = CONTROLLER_VALUE_RAW, .raw = VIEW_LIT("7")});
    rig_add_core(rig, 1);
    ck_assert(controller_is_active(rig->cores[0].c));
    ck_assert_int_eq(controller_epoch(rig->cores[0].c), 8);
    rig_free(rig);
}
END_TEST

START_TEST(deleted_controller_znode_leads_to_a_new_election)
{
    struct rig *rig = rig_cluster(1);
    fake_zk_remove(rig->zk, "/controller");
    rig_run(rig);
    ck_assert(rig_saw(rig, "resigned broker=1\nactive broker=1 epoch=2\n") ||
              rig_saw(rig, "resigned broker=1"));
    ck_assert_int_eq(controller_epoch(rig->cores[0].c), 2);
    rig_free(rig);
}
END_TEST

START_TEST(another_controller_is_noticed_and_obeyed)
{
    struct rig *rig = rig_cluster(1);
    rig_take_over(rig);
    rig_run(rig);
    ck_assert(!controller_is_active(rig->cores[0].c));
    ck_assert_int_eq(controller_known_id(rig->cores[0].c), 9);
    rig_free(rig);
}
END_TEST

START_TEST(epoch_that_was_set_back_is_raised_until_it_is_later_than_all_states)
{
    static const int32_t replicas[] = {1};
    struct rig *rig = rig_new();
    int32_t isr[] = {1};
    struct controller_value state = {.kind = CONTROLLER_VALUE_STATE};
    state.state =
        (struct znode_state){.leader = 1, .leader_epoch = 8, .controller_epoch = 9, .isr = {isr, 1}};
    rig_register(rig, 1, NULL);
    rig_put_topic(rig, "t", 1, replicas, 1);
    fake_zk_put(rig->zk, "/brokers/topics/t/partitions/0/state", &state);
    fake_zk_put(rig->zk, "/controller_epoch",
                &(struct controller_value){.kind = CONTROLLER_VALUE_RAW, .raw = VIEW_LIT("3")});
    rig_add_core(rig, 1);
    ck_assert(controller_is_active(rig->cores[0].c));
    ck_assert_int_eq(controller_epoch(rig->cores[0].c), 9);
    ck_assert(rig_saw(rig, "LeaderAndIsr broker=1 t-0 leader=1 epoch=8"));
    rig_free(rig);
}
END_TEST

START_TEST(unreadable_epoch_backs_off_instead_of_spinning)
{
    struct rig *rig = rig_new();
    rig_register(rig, 1, NULL);
    fake_zk_put(rig->zk, "/controller_epoch",
                &(struct controller_value){.kind = CONTROLLER_VALUE_RAW, .raw = VIEW_LIT("x")});
    rig_add_core(rig, 1);
    ck_assert(!controller_is_active(rig->cores[0].c));
    ck_assert_int_eq(rig->timers_count, 1);
    fake_zk_put(rig->zk, "/controller_epoch",
                &(struct controller_value){.kind = CONTROLLER_VALUE_RAW, .raw = VIEW_LIT("3")});
    rig_advance(rig, 60000);
    ck_assert_int_eq(controller_epoch(rig->cores[0].c), 4);
    rig_free(rig);
}
END_TEST

START_TEST(requests_are_refused_while_another_is_controller)
{
    struct rig *rig = rig_new();
    rig_register(rig, 1, NULL);
    rig_take_over(rig);
    rig_add_core(rig, 1);
    const struct controller_answer *answer = rig_create_topic(rig, "t", 1, 1);
    ck_assert_int_eq(answer->err, ERR_NOT_CONTROLLER);
    rig_free(rig);
}
END_TEST

Suite *term_suite(void)
{
    Suite *suite = suite_create("term");
    TCase *tcase = tcase_create("term");
    tcase_add_test(tcase, first_broker_elects_itself_and_creates_what_must_be_there);
    tcase_add_test(tcase, second_broker_waits_and_takes_over_when_the_first_goes);
    tcase_add_test(tcase, session_lost_and_opened_again_gives_a_new_term);
    tcase_add_test(tcase, each_term_looks_after_the_balance_of_leaders_by_one_timer);
    tcase_add_test(tcase, own_controller_znode_of_an_older_session_is_replaced);
    tcase_add_test(tcase, deleted_controller_znode_leads_to_a_new_election);
    tcase_add_test(tcase, another_controller_is_noticed_and_obeyed);
    tcase_add_test(tcase, epoch_that_was_set_back_is_raised_until_it_is_later_than_all_states);
    tcase_add_test(tcase, unreadable_epoch_backs_off_instead_of_spinning);
    tcase_add_test(tcase, requests_are_refused_while_another_is_controller);
    suite_add_tcase(suite, tcase);
    return suite;
}
