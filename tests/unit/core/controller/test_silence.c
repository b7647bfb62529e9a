#include <stdio.h>

#include "rig.h"
#include "suites.h"

static const int32_t on_213[] = {2, 1, 3};
static const int32_t on_123[] = {1, 2, 3};

/* Brokers 1 to n, of our make, each with a core that hears all the others; that of broker 1 is controller. */
static struct rig *cores(int n)
{
    struct rig *rig = rig_new();
    for (int id = 1; id <= n; id++)
        rig_register_with(rig, id, (char)('a' + id), ZNODE_LOSS_NONE);
    for (int id = 1; id <= n; id++)
        rig_add_core(rig, id);
    for (int core = 0; core < n; core++)
        for (int id = 1; id <= n; id++)
            if (id != core + 1)
                rig_heard(rig, core, id);
    return rig;
}

/* Broker `id` stands still: its core is told nothing more, and answers nobody. */
static void freeze(struct rig *rig, int id)
{
    rig->mood[id] = RIG_SILENT;
}

static bool is_suspected(struct rig *rig, int id)
{
    char path[64];
    snprintf(path, sizeof path, "/barnabas/suspects/%d", id);
    return fake_zk_exists(rig->zk, path);
}

static bool says_something(struct rig *rig, int id)
{
    char path[64];
    snprintf(path, sizeof path, "/barnabas/silent/%d", id);
    return fake_zk_exists(rig->zk, path);
}

static void expect_isr(struct rig *rig, const char *topic, int32_t leader, int32_t epoch, int32_t members)
{
    const struct znode_state *state = rig_state(rig, topic, 0);
    ck_assert_int_eq(state->leader, leader);
    ck_assert_int_eq(state->leader_epoch, epoch);
    ck_assert_int_eq(state->isr.count, members);
}

/* ---- brokers */

START_TEST(broker_that_two_do_not_hear_is_suspected)
{
    for (int sooner = 0; sooner < 2; sooner++) {
        struct rig *rig = cores(3);
        rig_put_topic(rig, "t", 1, on_213, 3);
        freeze(rig, 2);
        rig_silent(rig, sooner ? 0 : 2, 2);
        ck_assert(!is_suspected(rig, 2));
        rig_silent(rig, sooner ? 2 : 0, 2);
        ck_assert(is_suspected(rig, 2));
        expect_isr(rig, "t", 1, 1, 2);
        const struct znode_suspect *suspect = &fake_zk_value(rig->zk, "/barnabas/suspects/2")->suspect;
        ck_assert_str_eq(suspect->reason, "it answers nothing");
        const struct znode_silence *said = &fake_zk_value(rig->zk, "/barnabas/silent/3")->silence;
        ck_assert_int_eq(said->brokers_count, 1);
        ck_assert_int_eq(said->brokers[0].id, 2);
        ck_assert_int_eq(said->brokers[0].epoch, fake_zk_czxid(rig->zk, "/brokers/ids/2"));
        rig_free(rig);
    }
}
END_TEST

START_TEST(broker_that_only_the_controller_does_not_hear_is_not_suspected)
{
    struct rig *rig = cores(3);
    rig_put_topic(rig, "t", 1, on_213, 3);
    for (int i = 0; i < 20; i++)
        rig_silent(rig, 0, 2);
    ck_assert(!is_suspected(rig, 2));
    expect_isr(rig, "t", 2, 0, 3);
    rig_free(rig);
}
END_TEST

START_TEST(broker_that_the_controller_hears_is_not_suspected)
{
    struct rig *rig = cores(4);
    rig_silent(rig, 2, 2);
    rig_silent(rig, 3, 2);
    ck_assert(!is_suspected(rig, 2));
    rig_free(rig);
}
END_TEST

START_TEST(controller_that_hears_no_majority_suspects_nobody_and_stays)
{
    struct rig *rig = cores(4);
    rig_put_topic(rig, "t", 1, on_213, 3);
    freeze(rig, 2);
    rig_silent(rig, 0, 4);
    rig_silent(rig, 2, 2);
    rig_silent(rig, 0, 2); /* it hears 3, which says the same: two of four */
    ck_assert(!is_suspected(rig, 2));
    ck_assert(controller_is_active(rig->cores[0].c));
    rig_heard(rig, 0, 4);
    rig_silent(rig, 0, 2);
    ck_assert(is_suspected(rig, 2));
    rig_free(rig);
}
END_TEST

START_TEST(witness_that_is_not_heard_counts_for_nothing)
{
    struct rig *rig = cores(5);
    freeze(rig, 2);
    rig_silent(rig, 2, 2);
    rig_silent(rig, 0, 3); /* who has said so may stand still by now */
    rig_silent(rig, 0, 2);
    ck_assert(!is_suspected(rig, 2));
    rig_silent(rig, 3, 2);
    ck_assert(is_suspected(rig, 2));
    rig_free(rig);
}
END_TEST

/* Two of five are cut off from the others, the controller among them: it finds one after the other silent. */
START_TEST(controller_among_the_few_suspects_nobody_before_it_has_found_all_others_silent)
{
    struct rig *rig = cores(5);
    for (int id = 3; id <= 5; id++) {
        freeze(rig, id);
        struct controller_event quiet = rig_watched(rig, CONTROLLER_EVENT_QUIET, id);
        rig_feed(rig, 0, &quiet);
        rig_feed(rig, 1, &quiet);
    }
    rig_silent(rig, 1, 3);
    rig_silent(rig, 0, 3);
    ck_assert(!is_suspected(rig, 3));
    rig_heard(rig, 0, 4); /* it was a short pause, of some of them */
    rig_silent(rig, 0, 3);
    ck_assert(is_suspected(rig, 3));
    rig_free(rig);
}
END_TEST

START_TEST(broker_whose_port_refused_is_not_heard)
{
    struct rig *rig = cores(3);
    freeze(rig, 2);
    rig_silent(rig, 2, 2);
    rig->mood[3] = RIG_UNREACHABLE;
    rig_refuse(rig, 0, 3);
    rig_silent(rig, 0, 2);
    ck_assert(is_suspected(rig, 3));
    ck_assert(!is_suspected(rig, 2)); /* no majority, and no witness */
    rig_free(rig);
}
END_TEST

START_TEST(what_was_said_of_an_earlier_registration_counts_for_nothing)
{
    struct rig *rig = cores(4);
    rig_silent(rig, 2, 2);
    rig->cores[2].session = -1; /* broker 3 hears no more of anything */
    rig_kill(rig, 2);
    rig_register_with(rig, 2, 'c', ZNODE_LOSS_NONE);
    rig_run(rig);
    rig_heard(rig, 0, 2);
    freeze(rig, 2);
    rig_silent(rig, 0, 2);
    ck_assert(says_something(rig, 3));
    ck_assert(!is_suspected(rig, 2));
    rig_free(rig);
}
END_TEST

START_TEST(silence_of_an_earlier_registration_says_nothing)
{
    struct rig *rig = cores(3);
    struct controller_event event = rig_watched(rig, CONTROLLER_EVENT_SILENT, 2);
    rig_kill(rig, 2);
    rig_register_with(rig, 2, 'c', ZNODE_LOSS_NONE);
    rig_run(rig);
    rig_feed(rig, 2, &event);
    rig_run(rig);
    ck_assert(!says_something(rig, 3));
    rig_free(rig);
}
END_TEST

START_TEST(broker_of_another_make_may_be_silent)
{
    struct rig *rig = cores(3);
    rig_register(rig, 4, NULL);
    rig_run(rig);
    for (int core = 0; core < 3; core++) {
        rig_heard(rig, core, 4);
        rig_silent(rig, core, 4);
    }
    ck_assert(!says_something(rig, 2));
    ck_assert(!is_suspected(rig, 4));
    /* The directory of an id that was ours is. */
    rig_kill(rig, 3);
    rig_register(rig, 3, NULL);
    rig_run(rig);
    rig_silent(rig, 1, 3);
    ck_assert(!says_something(rig, 2));
    rig_free(rig);
}
END_TEST

START_TEST(one_of_two_is_never_suspected_for_silence)
{
    static const int32_t on_21[] = {2, 1};
    struct rig *rig = cores(2);
    rig_put_topic(rig, "t", 1, on_21, 2);
    rig_silent(rig, 0, 2);
    rig_silent(rig, 1, 1);
    ck_assert(!is_suspected(rig, 2));
    ck_assert(controller_is_active(rig->cores[0].c));
    expect_isr(rig, "t", 2, 0, 2);
    rig_free(rig);
}
END_TEST

START_TEST(two_of_five_are_suspected_at_once)
{
    static const int32_t on_234[] = {2, 3, 4};
    struct rig *rig = cores(5);
    rig_put_topic(rig, "t", 1, on_234, 3);
    freeze(rig, 2);
    freeze(rig, 3);
    for (int id = 2; id <= 3; id++) {
        rig_silent(rig, 3, id);
        rig_silent(rig, 4, id);
    }
    struct controller_event second = rig_watched(rig, CONTROLLER_EVENT_SILENT, 2);
    struct controller_event third = rig_watched(rig, CONTROLLER_EVENT_SILENT, 3);
    rig_feed(rig, 0, &second);
    rig_feed(rig, 0, &third);
    rig_run(rig);
    ck_assert(is_suspected(rig, 2) && is_suspected(rig, 3));
    ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 4);
    ck_assert_int_eq(rig_state(rig, "t", 0)->isr.count, 1);
    rig_free(rig);
}
END_TEST

START_TEST(suspect_that_is_heard_again_is_asked_at_once_and_joins_like_any_follower)
{
    struct rig *rig = cores(3);
    rig_put_topic(rig, "t", 1, on_213, 3);
    freeze(rig, 2);
    rig_silent(rig, 2, 2);
    rig_silent(rig, 0, 2);
    ck_assert(is_suspected(rig, 2));
    rig_forget_trace(rig);
    rig_silent(rig, 0, 2);
    rig_run(rig);
    ck_assert(!rig_saw(rig, "channel broker=2"));
    rig->mood[2] = RIG_ANSWERS;
    rig_heard(rig, 0, 2);
    rig_heard(rig, 2, 2);
    ck_assert(rig_saw(rig, "channel broker=2\n"));
    ck_assert(!is_suspected(rig, 2));
    ck_assert(rig_saw(rig, "LeaderAndIsr broker=2 t-0 leader=1 epoch=1 isr=1,3\n"));
    ck_assert(!says_something(rig, 1) && !says_something(rig, 3));
    expect_isr(rig, "t", 1, 1, 2);
    rig_free(rig);
}
END_TEST

START_TEST(one_registration_is_suspected_once_in_an_interval)
{
    struct rig *rig = cores(3);
    rig_put_topic(rig, "t", 1, on_123, 3);
    rig_silent(rig, 1, 3);
    rig_silent(rig, 0, 3); /* and yet it answers the controller */
    expect_isr(rig, "t", 1, 1, 2);
    ck_assert(!is_suspected(rig, 3));
    rig_forget_trace(rig);
    rig_advance(rig, 9000);
    rig_silent(rig, 0, 3);
    ck_assert(!rig_saw(rig, "LeaderAndIsr"));
    rig_free(rig);
}
END_TEST

/* ---- controllers */

START_TEST(controller_that_a_majority_does_not_hear_is_replaced_and_suspected)
{
    struct rig *rig = cores(3);
    rig_put_topic(rig, "t", 1, on_123, 3);
    freeze(rig, 1);
    rig_silent(rig, 1, 1);
    ck_assert(controller_is_active(rig->cores[0].c));
    rig_silent(rig, 2, 1);
    ck_assert(controller_is_active(rig->cores[1].c) != controller_is_active(rig->cores[2].c));
    ck_assert_int_eq(fake_zk_version(rig->zk, "/controller_epoch"), 2);
    expect_isr(rig, "t", 2, 1, 2);
    ck_assert(is_suspected(rig, 1));
    rig_free(rig);
}
END_TEST

START_TEST(controller_that_half_of_the_brokers_do_not_hear_stays)
{
    struct rig *rig = cores(4);
    rig_silent(rig, 1, 1);
    rig_silent(rig, 2, 1);
    ck_assert(controller_is_active(rig->cores[0].c));
    ck_assert_int_eq(fake_zk_version(rig->zk, "/controller_epoch"), 1);
    rig_silent(rig, 3, 1);
    ck_assert(!controller_is_active(rig->cores[0].c));
    ck_assert_int_eq(fake_zk_version(rig->zk, "/controller_epoch"), 2);
    rig_free(rig);
}
END_TEST

START_TEST(controller_is_not_replaced_by_one_that_is_cut_off)
{
    struct rig *rig = cores(3);
    rig_silent(rig, 2, 1);
    rig_silent(rig, 2, 2);
    rig_silent(rig, 1, 3); /* broker 2 hears the controller, and says what it does not hear */
    ck_assert(controller_is_active(rig->cores[0].c));
    ck_assert_int_eq(fake_zk_version(rig->zk, "/controller_epoch"), 1);
    rig_free(rig);
}
END_TEST

START_TEST(controller_that_is_cut_off_suspects_nobody_and_is_replaced)
{
    struct rig *rig = cores(3);
    rig_put_topic(rig, "t", 1, on_213, 3);
    rig_silent(rig, 0, 2);
    rig_silent(rig, 0, 3);
    ck_assert(controller_is_active(rig->cores[0].c));
    ck_assert(!is_suspected(rig, 2) && !is_suspected(rig, 3));
    rig->mood[1] = RIG_UNREACHABLE;
    rig_silent(rig, 1, 1);
    rig_silent(rig, 2, 1);
    ck_assert(!controller_is_active(rig->cores[0].c));
    ck_assert(is_suspected(rig, 1));
    expect_isr(rig, "t", 2, 1, 2); /* broker 1 has left the ISR */
    rig_free(rig);
}
END_TEST

/* ---- what is said */

START_TEST(what_a_broker_says_is_of_its_session_and_taken_back)
{
    struct rig *rig = cores(4);
    rig_silent(rig, 2, 2);
    rig_silent(rig, 2, 4);
    ck_assert_int_eq(fake_zk_value(rig->zk, "/barnabas/silent/3")->silence.brokers_count, 2);
    rig_heard(rig, 2, 2);
    ck_assert_int_eq(fake_zk_value(rig->zk, "/barnabas/silent/3")->silence.brokers_count, 1);
    ck_assert_int_eq(fake_zk_value(rig->zk, "/barnabas/silent/3")->silence.brokers[0].id, 4);
    rig_kill(rig, 4);
    rig_run(rig);
    ck_assert(!says_something(rig, 3));
    rig_silent(rig, 2, 2);
    rig_kill(rig, 2);
    rig_register_with(rig, 2, 'c', ZNODE_LOSS_NONE);
    rig_run(rig);
    ck_assert(!says_something(rig, 3)); /* who has registered anew may well answer */
    rig_free(rig);
}
END_TEST

START_TEST(what_is_still_so_is_said_again_in_a_new_session)
{
    struct rig *rig = cores(3);
    rig_silent(rig, 2, 2);
    struct controller_event expired = {.kind = CONTROLLER_EVENT_SESSION_EXPIRED};
    rig_kill(rig, 3);
    rig_feed(rig, 2, &expired);
    rig_run(rig);
    ck_assert(!says_something(rig, 3));
    rig_register_with(rig, 3, 'd', ZNODE_LOSS_NONE);
    rig->cores[2].session = rig->broker_session[3];
    struct controller_event opened = {.kind = CONTROLLER_EVENT_SESSION_OPENED};
    opened.session_opened.session_id = rig->broker_session[3];
    rig_feed(rig, 2, &opened);
    rig_run(rig);
    ck_assert(says_something(rig, 3));
    rig_free(rig);
}
END_TEST

START_TEST(what_could_not_be_said_is_said_when_it_is_told_again)
{
    for (int write = 0; write < 4; write++) {
        for (int applied = 0; applied < 2; applied++) {
            struct rig *rig = cores(3);
            rig->lose_at = rig->writes_done + write;
            rig->lose_applied = applied;
            rig_silent(rig, 2, 2);
            rig_silent(rig, 2, 2);
            ck_assert(says_something(rig, 3));
            rig_free(rig);
        }
    }
}
END_TEST

START_TEST(nothing_is_written_twice)
{
    struct rig *rig = cores(3);
    rig_silent(rig, 2, 2);
    int writes = rig->writes_done;
    int batches = rig->batches_done;
    rig_silent(rig, 2, 2);
    rig_silent(rig, 2, 2);
    ck_assert_int_eq(rig->writes_done, writes);
    ck_assert_int_eq(rig->batches_done, batches);
    rig_free(rig);
}
END_TEST

/* ---- who is watched */

START_TEST(every_broker_watches_every_other_one_as_it_is_registered)
{
    struct rig *rig = cores(2);
    ck_assert(rig_saw(rig, "watch broker=1 by=2\n"));
    ck_assert(rig_saw(rig, "watch broker=2 by=1\n"));
    ck_assert(!rig_saw(rig, "watch broker=1 by=1\n"));
    rig_forget_trace(rig);
    rig_register(rig, 3, NULL);
    rig_run(rig);
    ck_assert(rig_saw(rig, "watch broker=3 by=1\n"));
    ck_assert(rig_saw(rig, "watch broker=3 by=2\n"));
    ck_assert(!rig_saw(rig, "watch broker=1 by=2\n")); /* nothing has changed there */
    rig_forget_trace(rig);
    rig_kill(rig, 3);
    rig_register(rig, 3, NULL); /* both before anybody looks */
    rig_run(rig);
    ck_assert(rig_saw(rig, "watch broker=3 by=2\n"));
    rig_forget_trace(rig);
    rig_kill(rig, 3);
    rig_run(rig);
    ck_assert(rig_saw(rig, "no watch broker=3 by=2\n"));
    rig_free(rig);
}
END_TEST

Suite *silence_suite(void)
{
    Suite *suite = suite_create("silence");
    TCase *tcase = tcase_create("silence");
    tcase_add_test(tcase, broker_that_two_do_not_hear_is_suspected);
    tcase_add_test(tcase, broker_that_only_the_controller_does_not_hear_is_not_suspected);
    tcase_add_test(tcase, broker_that_the_controller_hears_is_not_suspected);
    tcase_add_test(tcase, controller_that_hears_no_majority_suspects_nobody_and_stays);
    tcase_add_test(tcase, witness_that_is_not_heard_counts_for_nothing);
    tcase_add_test(tcase, controller_among_the_few_suspects_nobody_before_it_has_found_all_others_silent);
    tcase_add_test(tcase, broker_whose_port_refused_is_not_heard);
    tcase_add_test(tcase, what_was_said_of_an_earlier_registration_counts_for_nothing);
    tcase_add_test(tcase, silence_of_an_earlier_registration_says_nothing);
    tcase_add_test(tcase, broker_of_another_make_may_be_silent);
    tcase_add_test(tcase, one_of_two_is_never_suspected_for_silence);
    tcase_add_test(tcase, two_of_five_are_suspected_at_once);
    tcase_add_test(tcase, suspect_that_is_heard_again_is_asked_at_once_and_joins_like_any_follower);
    tcase_add_test(tcase, one_registration_is_suspected_once_in_an_interval);
    tcase_add_test(tcase, controller_that_a_majority_does_not_hear_is_replaced_and_suspected);
    tcase_add_test(tcase, controller_that_half_of_the_brokers_do_not_hear_stays);
    tcase_add_test(tcase, controller_is_not_replaced_by_one_that_is_cut_off);
    tcase_add_test(tcase, controller_that_is_cut_off_suspects_nobody_and_is_replaced);
    tcase_add_test(tcase, what_a_broker_says_is_of_its_session_and_taken_back);
    tcase_add_test(tcase, what_is_still_so_is_said_again_in_a_new_session);
    tcase_add_test(tcase, what_could_not_be_said_is_said_when_it_is_told_again);
    tcase_add_test(tcase, nothing_is_written_twice);
    tcase_add_test(tcase, every_broker_watches_every_other_one_as_it_is_registered);
    suite_add_tcase(suite, tcase);
    return suite;
}
