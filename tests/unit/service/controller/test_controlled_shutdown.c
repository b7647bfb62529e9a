/*
 * A broker that stops, and controllers that let it go, do not, or are not there.
 */
#include "config/dynamic.h"
#include "config/report.h"
#include "fake_controller.h"
#include "loop/snapshot.h"
#include "rig.h"
#include "service/controller/controlled_shutdown.h"
#include "service/settings/broker_settings.h"
#include "suites.h"
#include "wire/codec.h"

static struct rig rig;

static void setup(void)
{
    rig_open(&rig, 1, 1, NULL);
    atomic_store(&rig.broker.registered, true);
}

static void teardown(void)
{
    rig_close(&rig);
}

/* Says that `*arg` partitions are still led, one fewer with each request. */
static bool moves_one_at_a_time(struct fake_controller *fake, int number, int16_t version,
                                const void *request, void *answer, struct arena *arena)
{
    const struct wire_controlled_shutdown_request *from = request;
    struct wire_controlled_shutdown_response *to = answer;
    int left = *(const int *)fake->arg - number;
    ck_assert_int_eq(version, 3);
    ck_assert_int_eq(from->broker_id, RIG_ME);
    ck_assert_int_eq(from->broker_epoch, 1);
    to->remaining_partitions_count = left > 0 ? left : 0;
    to->remaining_partitions = wire_new(&wire_controlled_shutdown_response_remaining_partition_desc, arena,
                                        (size_t)to->remaining_partitions_count);
    for (int i = 0; i < to->remaining_partitions_count; i++)
        to->remaining_partitions[i].topic_name = VIEW_LIT("orders");
    return true;
}

static bool refuses(struct fake_controller *fake, int number, int16_t version, const void *request,
                    void *answer, struct arena *arena)
{
    (void)fake;
    (void)number;
    (void)version;
    (void)request;
    (void)arena;
    ((struct wire_controlled_shutdown_response *)answer)->error_code =
        err_wire_code(ERR_STALE_CONTROLLER_EPOCH);
    return true;
}

static int asked_of(struct fake_controller *fake, bool *succeeded)
{
    fake_controller_open(fake);
    rig_members(&rig, 2, 2, fake->port);
    *succeeded = controlled_shutdown(&rig.broker);
    fake_controller_close(fake);
    return fake->asked;
}

START_TEST(broker_that_leads_nothing_any_more_may_go)
{
    int remaining = 0;
    bool succeeded;
    struct fake_controller fake = {.answer = moves_one_at_a_time, .arg = &remaining};
    ck_assert_int_eq(asked_of(&fake, &succeeded), 1);
    ck_assert(succeeded);
}
END_TEST

START_TEST(what_remains_is_asked_for_again)
{
    int remaining = 2;
    bool succeeded;
    struct fake_controller fake = {.answer = moves_one_at_a_time, .arg = &remaining};
    ck_assert_int_eq(asked_of(&fake, &succeeded), 3);
    ck_assert(succeeded);
}
END_TEST

START_TEST(broker_gives_up_after_as_many_attempts_as_it_is_told)
{
    int remaining = 100;
    bool succeeded;
    struct fake_controller fake = {.answer = moves_one_at_a_time, .arg = &remaining};
    ck_assert_int_eq(asked_of(&fake, &succeeded), 3);
    ck_assert(!succeeded);
    struct fake_controller other = {.answer = refuses};
    ck_assert_int_eq(asked_of(&other, &succeeded), 3);
    ck_assert(!succeeded);
}
END_TEST

static void release_config(void *value)
{
    config_release(value);
}

static void do_nothing(void *arg)
{
    (void)arg;
}

/* The settings of before are gone when it answers. */
static bool settings_change(struct fake_controller *fake, int number, int16_t version, const void *request,
                            void *answer, struct arena *arena)
{
    struct config_report report = {0};
    struct config *present = broker_settings_share(&rig.broker);
    struct config *next =
        config_with_dynamic(present, (struct config_pairs){NULL, 0}, (struct config_pairs){NULL, 0}, &report);
    config_release(present);
    config_report_close(&report);
    pthread_mutex_lock(&rig.broker.config_lock);
    snapshot_replace(rig.broker.domain, &rig.broker.config, next, release_config);
    pthread_mutex_unlock(&rig.broker.config_lock);
    rig_on_loop(rig.loops[0], do_nothing, NULL);
    rig_on_loop(rig.control, do_nothing, NULL);
    return moves_one_at_a_time(fake, number, version, request, answer, arena);
}

START_TEST(settings_may_change_while_it_stops)
{
    int remaining = 2;
    bool succeeded;
    struct fake_controller fake = {.answer = settings_change, .arg = &remaining};
    ck_assert_int_eq(asked_of(&fake, &succeeded), 3);
    ck_assert(succeeded);
}
END_TEST

START_TEST(nobody_is_asked_where_nobody_could_lead_instead)
{
    int remaining = 0;
    struct fake_controller fake = {.answer = moves_one_at_a_time, .arg = &remaining};
    fake_controller_open(&fake);
    rig_members(&rig, 1, 1, fake.port);
    ck_assert(!controlled_shutdown(&rig.broker));
    rig_members(&rig, 2, 2, fake.port);
    atomic_store(&rig.broker.registered, false); /* the session is over: the controller has moved all */
    ck_assert(!controlled_shutdown(&rig.broker));
    fake_controller_close(&fake);
    ck_assert_int_eq(fake.asked, 0);
}
END_TEST

START_TEST(controller_that_is_not_there_does_not_hold_up_the_stop)
{
    struct fake_controller gone = {.answer = refuses};
    fake_controller_open(&gone);
    fake_controller_close(&gone);
    rig_members(&rig, 2, 2, gone.port);
    ck_assert(!controlled_shutdown(&rig.broker));
    rig_members(&rig, 2, -1, 0);
    ck_assert(!controlled_shutdown(&rig.broker));
}
END_TEST

Suite *controlled_shutdown_suite(void)
{
    Suite *suite = suite_create("service: controlled shutdown");
    TCase *tc = tcase_create("controlled shutdown");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, broker_that_leads_nothing_any_more_may_go);
    tcase_add_test(tc, settings_may_change_while_it_stops);
    tcase_add_test(tc, what_remains_is_asked_for_again);
    tcase_add_test(tc, broker_gives_up_after_as_many_attempts_as_it_is_told);
    tcase_add_test(tc, nobody_is_asked_where_nobody_could_lead_instead);
    tcase_add_test(tc, controller_that_is_not_there_does_not_hold_up_the_stop);
    suite_add_tcase(suite, tc);
    return suite;
}
