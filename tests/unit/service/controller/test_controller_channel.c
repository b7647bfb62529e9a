/*
 * Questions to a controller that refuses, hangs, moves or is not there.
 */
#include "fake_controller.h"
#include "rig.h"
#include "service/controller/controller_channel.h"
#include "suites.h"
#include "wire/codec.h"

#define ALLOCATE 67

static struct rig rig;

static void setup(void)
{
    rig_open(&rig, 1, 1, NULL);
}

static void teardown(void)
{
    rig_close(&rig);
}

/* --- one question -----------------------------------------------------------------------------------------
 */

struct asked {
    struct controller_question question;
    struct wire_allocate_producer_ids_request request;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    int done;
    enum err err;
    int16_t code;
    int64_t first;
};

static void is_done(struct controller_question *question, enum err err, const void *arg)
{
    struct asked *asked = CONTAINER_OF(question, struct asked, question);
    const struct wire_allocate_producer_ids_response *answer = arg;
    ck_assert_ptr_eq(loop_current(), rig.loops[0]);
    pthread_mutex_lock(&asked->lock);
    asked->err = err;
    if (answer) {
        asked->code = answer->error_code;
        asked->first = answer->producer_id_start;
    }
    asked->done++;
    pthread_cond_signal(&asked->cond);
    pthread_mutex_unlock(&asked->lock);
}

static void ask(struct asked *asked, bool once, int64_t timeout_ms)
{
    *asked = (struct asked){.request = {.broker_id = RIG_ME, .broker_epoch = 1}};
    asked->question = (struct controller_question){.api_key = ALLOCATE,
                                                   .request = &asked->request,
                                                   .timeout_ms = timeout_ms,
                                                   .once = once,
                                                   .home = rig.loops[0],
                                                   .done = is_done};
    pthread_mutex_init(&asked->lock, NULL);
    pthread_cond_init(&asked->cond, NULL);
    controller_channel_ask(rig.broker.controller_channel, &asked->question);
}

static enum err await(struct asked *asked)
{
    pthread_mutex_lock(&asked->lock);
    while (!asked->done)
        pthread_cond_wait(&asked->cond, &asked->lock);
    ck_assert_int_eq(asked->done, 1);
    pthread_mutex_unlock(&asked->lock);
    pthread_mutex_destroy(&asked->lock);
    pthread_cond_destroy(&asked->cond);
    return asked->err;
}

/* --- controllers ------------------------------------------------------------------------------------------
 */

static bool gives(struct fake_controller *fake, int number, int16_t version, const void *request,
                  void *answer, struct arena *arena)
{
    (void)fake;
    (void)version;
    (void)arena;
    ck_assert_int_eq(((const struct wire_allocate_producer_ids_request *)request)->broker_id, RIG_ME);
    ((struct wire_allocate_producer_ids_response *)answer)->producer_id_start = 1000 * number;
    return true;
}

static bool refuses_twice(struct fake_controller *fake, int number, int16_t version, const void *request,
                          void *answer, struct arena *arena)
{
    if (number >= 2)
        return gives(fake, number, version, request, answer, arena);
    ((struct wire_allocate_producer_ids_response *)answer)->error_code = err_wire_code(ERR_NOT_CONTROLLER);
    return true;
}

static bool hangs(struct fake_controller *fake, int number, int16_t version, const void *request,
                  void *answer, struct arena *arena)
{
    (void)fake;
    (void)number;
    (void)version;
    (void)request;
    (void)answer;
    (void)arena;
    return false;
}

/* --- tests ------------------------------------------------------------------------------------------------
 */

START_TEST(question_is_answered_on_its_home)
{
    struct fake_controller fake = {.answer = gives};
    fake_controller_open(&fake);
    rig_members(&rig, 2, 2, fake.port);
    struct asked asked[3];
    for (int i = 0; i < 3; i++) {
        ask(&asked[i], false, 0);
        ck_assert_int_eq(await(&asked[i]), ERR_NONE);
        ck_assert_int_eq(asked[i].first, 1000 * i);
    }
    fake_controller_close(&fake);
}
END_TEST

START_TEST(who_is_not_the_controller_is_asked_again)
{
    struct fake_controller fake = {.answer = refuses_twice};
    fake_controller_open(&fake);
    rig_members(&rig, 2, 2, fake.port);
    struct asked asked;
    ask(&asked, false, 0);
    ck_assert_int_eq(await(&asked), ERR_NONE);
    ck_assert_int_eq(asked.code, 0);
    ck_assert_int_eq(asked.first, 2000);
    fake_controller_close(&fake);
}
END_TEST

START_TEST(who_asks_once_is_told_that_it_is_not_the_controller)
{
    struct fake_controller fake = {.answer = refuses_twice};
    fake_controller_open(&fake);
    rig_members(&rig, 2, 2, fake.port);
    struct asked asked;
    ask(&asked, true, 0);
    ck_assert_int_eq(await(&asked), ERR_NONE);
    ck_assert_int_eq(asked.code, err_wire_code(ERR_NOT_CONTROLLER));
    fake_controller_close(&fake);
}
END_TEST

START_TEST(who_asks_once_does_not_wait_for_a_controller)
{
    struct asked asked;
    ask(&asked, true, 0);
    ck_assert_int_eq(await(&asked), ERR_NOT_CONTROLLER);
}
END_TEST

START_TEST(question_waits_for_a_controller_as_long_as_it_may)
{
    struct asked impatient, patient;
    ask(&patient, false, 0);
    ask(&impatient, false, 1);
    ck_assert_int_eq(await(&impatient), ERR_REQUEST_TIMED_OUT);
    struct fake_controller fake = {.answer = gives};
    fake_controller_open(&fake);
    rig_members(&rig, 2, 2, fake.port);
    ck_assert_int_eq(await(&patient), ERR_NONE);
    fake_controller_close(&fake);
}
END_TEST

START_TEST(question_to_a_controller_that_hangs_times_out)
{
    struct fake_controller fake = {.answer = hangs};
    fake_controller_open(&fake);
    rig_members(&rig, 2, 2, fake.port);
    struct asked asked;
    ask(&asked, false, 1);
    ck_assert_int_eq(await(&asked), ERR_REQUEST_TIMED_OUT);
    fake_controller_close(&fake);
}
END_TEST

START_TEST(question_goes_on_to_the_next_controller)
{
    struct fake_controller hung = {.answer = hangs};
    struct fake_controller fake = {.answer = gives};
    fake_controller_open(&hung);
    fake_controller_open(&fake);
    rig_members(&rig, 3, 2, hung.port);
    struct asked asked;
    ask(&asked, false, 0);
    fake_controller_await(&hung, 1);
    rig_members(&rig, 3, 3, fake.port);
    ck_assert_int_eq(await(&asked), ERR_NONE);
    fake_controller_close(&fake);
    fake_controller_close(&hung);
}
END_TEST

START_TEST(controller_that_died_is_asked_when_it_is_back)
{
    struct fake_controller fake = {.answer = hangs};
    fake_controller_open(&fake);
    rig_members(&rig, 2, 2, fake.port);
    struct asked asked;
    ask(&asked, false, 0);
    fake_controller_await(&fake, 1);
    fake_controller_close(&fake); /* its connections end */
    struct fake_controller again = {.answer = gives};
    fake_controller_open(&again);
    rig_members(&rig, 2, 2, again.port);
    ck_assert_int_eq(await(&asked), ERR_NONE);
    fake_controller_close(&again);
}
END_TEST

START_TEST(open_and_later_questions_are_closed_with_the_channel)
{
    struct fake_controller fake = {.answer = hangs};
    fake_controller_open(&fake);
    struct asked waiting, away, later;
    ask(&waiting, false, 0);
    rig_members(&rig, 2, 2, fake.port);
    ask(&away, false, 0);
    fake_controller_await(&fake, 2);
    controller_channel_stop(rig.broker.controller_channel);
    ck_assert_int_eq(await(&waiting), ERR_CLOSED);
    ck_assert_int_eq(await(&away), ERR_CLOSED);
    ask(&later, false, 0);
    ck_assert_int_eq(await(&later), ERR_CLOSED);
    fake_controller_close(&fake);
}
END_TEST

Suite *controller_channel_suite(void)
{
    Suite *suite = suite_create("service: controller channel");
    TCase *tc = tcase_create("controller channel");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, question_is_answered_on_its_home);
    tcase_add_test(tc, who_is_not_the_controller_is_asked_again);
    tcase_add_test(tc, who_asks_once_is_told_that_it_is_not_the_controller);
    tcase_add_test(tc, who_asks_once_does_not_wait_for_a_controller);
    tcase_add_test(tc, question_waits_for_a_controller_as_long_as_it_may);
    tcase_add_test(tc, question_to_a_controller_that_hangs_times_out);
    tcase_add_test(tc, question_goes_on_to_the_next_controller);
    tcase_add_test(tc, controller_that_died_is_asked_when_it_is_back);
    tcase_add_test(tc, open_and_later_questions_are_closed_with_the_channel);
    suite_add_tcase(suite, tc);
    return suite;
}
