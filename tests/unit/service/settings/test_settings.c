/*
 * Settings in ZooKeeper on their way into force: the overrides of topics, and the notifications that say what
 * is to be read again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/config.h"
#include "fake/fake_zk.h"
#include "loop/latch.h"
#include "rig.h"
#include "service/controller/controller_loop.h"
#include "service/fetcher/replication_quotas.h"
#include "service/identity/registration.h"
#include "service/partition/partition_settings.h"
#include "service/settings/broker_settings.h"
#include "service/settings/config_alter.h"
#include "service/settings/config_changes.h"
#include "service/settings/topic_configs.h"
#include "suites.h"
#include "wire/generated/wire_messages.h"

#define MINUTE_MS 60000

static struct rig rig;
static struct fake_zk fake;
static struct config_changes *changes;

static void setup(void)
{
    rig_open(&rig, 1, 1, NULL);
    fake_zk_init(&fake);
    rig.broker.zk = &fake.zk;
    struct controller_loop_config controller = {.core = {.broker_id = RIG_ME}, .listener = "PLAINTEXT"};
    rig.broker.controller = controller_loop_new(&controller, rig.control, &fake.zk, &rig.random);
    changes = config_changes_new(&rig.broker);
}

static void teardown(void)
{
    config_changes_stop(changes);
    config_changes_free(changes);
    controller_loop_stop(rig.broker.controller);
    struct controller_loop *controller = rig.broker.controller;
    rig_close(&rig);
    controller_loop_free(controller);
    fake_zk_close(&fake);
}

static void put_config(const char *entity, const char *settings)
{
    char *path = mem_printf("/config/%s", entity);
    char *json = mem_printf("{\"version\":1,\"config\":{%s}}", settings);
    fake_zk_put(&fake, path, json, 0);
    free(path);
    free(json);
}

/* --- topics' overrides -----------------------------------------------------------------------------------
 */

static int32_t max_message_bytes(const char *topic)
{
    struct partition_settings *settings = topic_configs_settings(rig.broker.topic_configs, topic, 0);
    int32_t bytes = settings->log.max_message_bytes;
    partition_settings_free(settings);
    return bytes;
}

static enum err refresh(const char *topic)
{
    struct errmsg why;
    return topic_configs_refresh(rig.broker.topic_configs, topic, &why);
}

START_TEST(topic_has_its_overrides_over_the_brokers_settings)
{
    put_config("topics/t", "\"max.message.bytes\":\"77\"");
    ck_assert_int_eq(max_message_bytes("t"), 77);
    ck_assert_int_eq(max_message_bytes("other"), 1048588);
}
END_TEST

START_TEST(topic_is_read_once_until_it_is_to_be_read_again)
{
    put_config("topics/t", "\"max.message.bytes\":\"77\"");
    ck_assert_int_eq(max_message_bytes("t"), 77);
    put_config("topics/t", "\"max.message.bytes\":\"78\"");
    ck_assert_int_eq(max_message_bytes("t"), 77);
    ck_assert_int_eq(fake_zk_gets(&fake, "/config/topics/t"), 1);
    ck_assert_int_eq(refresh("t"), ERR_NONE);
    ck_assert_int_eq(max_message_bytes("t"), 78);
}
END_TEST

START_TEST(overrides_that_cannot_be_read_leave_what_was_known)
{
    put_config("topics/t", "\"max.message.bytes\":\"77\"");
    ck_assert_int_eq(max_message_bytes("t"), 77);
    fake_zk_fail(&fake, "/config/topics/t", ERR_NO_AUTH);
    ck_assert_int_eq(refresh("t"), ERR_NO_AUTH);
    ck_assert_int_eq(max_message_bytes("t"), 77);
}
END_TEST

START_TEST(override_that_is_not_valid_is_left_out_and_the_others_count)
{
    put_config("topics/t", "\"flush.messages\":\"never\",\"max.message.bytes\":\"77\",\"no.such\":\"1\"");
    ck_assert_int_eq(max_message_bytes("t"), 77);
}
END_TEST

START_TEST(nothing_goes_while_it_cannot_be_read_what_may_go)
{
    put_config("topics/t", "\"retention.ms\":-1"); /* no string */
    struct partition_settings *settings = topic_configs_settings(rig.broker.topic_configs, "t", 0);
    ck_assert_int_eq(settings->log.retention_ms, -1);
    ck_assert_int_eq(settings->log.retention_bytes, -1);
    partition_settings_free(settings);
    put_config("topics/t", "\"retention.ms\":\"60000\"");
    settings = topic_configs_settings(rig.broker.topic_configs, "t", 0);
    ck_assert_int_eq(settings->log.retention_ms, 60000);
    partition_settings_free(settings);
}
END_TEST

START_TEST(topic_that_was_forgotten_is_read_anew)
{
    put_config("topics/t", "\"max.message.bytes\":\"77\"");
    ck_assert_int_eq(max_message_bytes("t"), 77);
    put_config("topics/t", "");
    topic_configs_forget(rig.broker.topic_configs, "t");
    ck_assert_int_eq(max_message_bytes("t"), 1048588);
}
END_TEST

START_TEST(overrides_are_given_as_they_were_last_read)
{
    struct arena arena = {0};
    put_config("topics/t", "\"flush.ms\":\"5\"");
    ck_assert_int_eq(topic_configs_overrides(rig.broker.topic_configs, "t", &arena).count, 0);
    ck_assert_int_eq(refresh("t"), ERR_NONE);
    struct znode_config found = topic_configs_overrides(rig.broker.topic_configs, "t", &arena);
    topic_configs_forget(rig.broker.topic_configs, "t"); /* what was given is a copy */
    ck_assert_int_eq(found.count, 1);
    ck_assert_str_eq(found.entries[0].name, "flush.ms");
    ck_assert_str_eq(found.entries[0].value, "5");
    arena_close(&arena);
}
END_TEST

/* --- notifications ---------------------------------------------------------------------------------------
 */

static void put_change(int number, const char *json, int64_t ctime_ms)
{
    char *path = mem_printf("/config/changes/config_change_%010d", number);
    fake_zk_put(&fake, path, json, ctime_ms);
    free(path);
}

static void notify(int number, const char *entity)
{
    char *json = mem_printf("{\"version\":2,\"entity_path\":\"%s\"}", entity);
    put_change(number, json, 0);
    free(json);
}

/* Kicks, and waits until the znode was read so often. */
static void kick_until(const char *path, int gets)
{
    config_changes_kick(changes);
    while (fake_zk_gets(&fake, path) < gets)
        usleep(1000);
}

/* Kicks, and waits until all that was found is done. No kick does anything afterwards. */
static void kick_at_last(void)
{
    config_changes_kick(changes);
    config_changes_stop(changes);
}

START_TEST(notification_puts_a_topics_settings_into_force)
{
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 0, RIG_ME, 1), ERR_NONE);
    struct partition *part = rig_find(&rig, "a", 0);
    put_config("topics/a", "\"min.insync.replicas\":\"3\"");
    notify(1, "topics/a");
    kick_at_last();
    ck_assert_int_eq(((struct partition_settings *)atomic_load(&part->settings))->min_insync_replicas, 3);
    partition_release(part);
}
END_TEST

static int32_t min_insync_of(const char *topic)
{
    struct partition *part = rig_find(&rig, topic, 0);
    int32_t min = ((struct partition_settings *)atomic_load(&part->settings))->min_insync_replicas;
    partition_release(part);
    return min;
}

START_TEST(topic_that_is_made_again_has_not_the_settings_of_one_that_was_never_here)
{
    put_config("topics/a", "\"min.insync.replicas\":\"3\"");
    notify(1, "topics/a");
    kick_at_last();
    put_config("topics/a", "\"min.insync.replicas\":\"2\""); /* deleted, made again: no notification */
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 0, RIG_ME, 1), ERR_NONE);
    ck_assert_int_eq(min_insync_of("a"), 2);
}
END_TEST

START_TEST(topic_that_is_made_again_and_cannot_be_read_has_not_the_settings_of_the_one_before)
{
    put_config("topics/a", "\"min.insync.replicas\":\"3\"");
    notify(1, "topics/a");
    kick_at_last();
    fake_zk_fail(&fake, "/config/topics/a", ERR_NO_AUTH);
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 0, RIG_ME, 1), ERR_NONE);
    ck_assert_int_eq(min_insync_of("a"), 1);
}
END_TEST

/* Reads as `fake`, but for one znode: it is not there, which is said when the test says so. */
struct slow_zk {
    struct zk zk;
    const char *path;
    struct latch asked;
    zk_done_fn done;
    void *arg;
};

static void answer_but_one(struct zk *zk, const struct zk_op *op, zk_done_fn done, void *arg)
{
    struct slow_zk *slow = CONTAINER_OF(zk, struct slow_zk, zk);
    if (slow->done || strcmp(op->path, slow->path) != 0) {
        zk_submit(&fake.zk, op, done, arg);
        return;
    }
    slow->done = done;
    slow->arg = arg;
    latch_open(&slow->asked);
}

static void answer_that_one(void *arg)
{
    const struct slow_zk *slow = arg;
    slow->done(slow->arg, &(struct zk_result){.err = ERR_NOT_FOUND});
}

typedef struct wire_leader_and_isr_request_leader_and_isr_topic_state topic_state;

/* LeaderAndIsr for the first partitions of topics a and b. */
struct two_topics {
    struct control_job job;
    struct arena arena;
    struct latch done;
};

static void lead_two_topics(struct control_job *job)
{
    int32_t me = RIG_ME;
    struct wire_leader_and_isr_request_leader_and_isr_partition_state part = {
        .leader = RIG_ME, .isr = &me, .isr_count = 1, .replicas = &me, .replicas_count = 1, .is_new = true};
    topic_state topics[] = {
        {.topic_name = VIEW_LIT("a"), .partition_states = &part, .partition_states_count = 1},
        {.topic_name = VIEW_LIT("b"), .partition_states = &part, .partition_states_count = 1}};
    struct wire_leader_and_isr_request request = {.topic_states = topics, .topic_states_count = 2};
    struct wire_leader_and_isr_response answer = {0};
    struct two_topics *two = CONTAINER_OF(job, struct two_topics, job);
    replica_manager_leader_and_isr(rig.broker.replicas, 5, &request, &two->arena, &answer);
}

static void two_topics_lead(struct control_job *job)
{
    latch_open(&CONTAINER_OF(job, struct two_topics, job)->done);
}

/* What topic `name` has when its settings change while those of b are read, for which the new partition of a
 * waits to be published, too. */
static int32_t min_insync_changed_meanwhile(const char *name)
{
    static const struct zk_ops ops = {.submit = answer_but_one};
    struct slow_zk slow = {.zk = {.ops = &ops}, .path = "/config/topics/b"};
    struct two_topics two = {
        .job = {.home = rig.control, .run = lead_two_topics, .done = two_topics_lead, .label = "two"}};
    char path[16];
    snprintf(path, sizeof path, "topics/%s", name);
    latch_init(&slow.asked);
    latch_init(&two.done);
    rig.broker.zk = &slow.zk;
    replica_manager_submit(rig.broker.replicas, &two.job);
    latch_await(&slow.asked);
    put_config(path, "\"min.insync.replicas\":\"3\"");
    replica_manager_update_topic(rig.broker.replicas, name);
    rig_on_loop(rig.control, answer_that_one, &slow);
    latch_await(&two.done);
    rig.broker.zk = &fake.zk;
    arena_close(&two.arena);
    return min_insync_of(name);
}

START_TEST(settings_that_change_while_a_partition_is_made_are_in_force)
{
    ck_assert_int_eq(min_insync_changed_meanwhile("a"), 3);
}
END_TEST

START_TEST(topic_settings_that_were_asked_for_earlier_do_not_come_back)
{
    ck_assert_int_eq(min_insync_changed_meanwhile("b"), 3);
}
END_TEST

START_TEST(notification_puts_throttled_rates_into_force_and_out_of_it)
{
    int64_t now_ms = 1000;
    struct replication_quotas *quotas = rig.broker.quotas;
    replication_quota_record(quotas, REPLICATION_QUOTA_FOLLOWER, 5000, now_ms);
    put_config("brokers/1", "\"follower.replication.throttled.rate\":\"1000\"");
    notify(1, "brokers/1");
    kick_until("/config/brokers/1", 1);
    while (!replication_quota_is_exceeded(quotas, REPLICATION_QUOTA_FOLLOWER, now_ms))
        usleep(1000);
    ck_assert(!replication_quota_is_exceeded(quotas, REPLICATION_QUOTA_LEADER, now_ms));
    put_config("brokers/1", "");
    notify(2, "brokers/1");
    kick_until("/config/brokers/1", 2);
    while (replication_quota_is_exceeded(quotas, REPLICATION_QUOTA_FOLLOWER, now_ms))
        usleep(1000);
}
END_TEST

START_TEST(lists_of_throttled_replicas_count_for_this_broker_and_partition)
{
    put_config("topics/t", "\"leader.replication.throttled.replicas\":\"0:1,1:2\","
                           "\"follower.replication.throttled.replicas\":\"1:1\"");
    for (int32_t partition = 0; partition < 2; partition++) {
        struct partition_settings *settings =
            topic_configs_settings(rig.broker.topic_configs, "t", partition);
        ck_assert(settings->leader_throttled == (partition == 0));
        ck_assert(settings->follower_throttled == (partition == 1));
        partition_settings_free(settings);
    }
}
END_TEST

START_TEST(notification_is_carried_out_once)
{
    put_config("topics/a", "");
    put_config("topics/b", "");
    notify(1, "topics/a");
    kick_until("/config/topics/a", 1);
    notify(2, "topics/b");
    kick_until("/config/topics/b", 1);
    kick_at_last();
    ck_assert_int_eq(fake_zk_gets(&fake, "/config/topics/a"), 1);
    ck_assert_int_eq(fake_zk_gets(&fake, "/config/topics/b"), 1);
}
END_TEST

START_TEST(notification_from_before_the_start_is_not_carried_out)
{
    put_config("topics/a", "");
    put_config("topics/b", "");
    notify(1, "topics/a");
    config_changes_begin(changes);
    notify(2, "topics/b");
    kick_at_last();
    ck_assert_int_eq(fake_zk_gets(&fake, "/config/topics/a"), 0);
    ck_assert_int_eq(fake_zk_gets(&fake, "/config/topics/b"), 1);
}
END_TEST

START_TEST(notifications_that_were_purged_unseen_are_made_up_for)
{
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 0, RIG_ME, 1), ERR_NONE);
    put_config("topics/a", "\"min.insync.replicas\":\"3\"");
    put_config("brokers/1", "\"message.max.bytes\":\"2000\"");
    notify(5, "topics/other");
    kick_at_last();
    ck_assert_int_eq(min_insync_of("a"), 3);
    struct config *config = broker_settings_share(&rig.broker);
    ck_assert_int_eq(config_int(config, CONFIG_MESSAGE_MAX_BYTES), 2000);
    config_release(config);
}
END_TEST

START_TEST(notification_that_makes_no_sense_does_not_keep_the_others_back)
{
    put_config("topics/a", "");
    put_change(1, "{", 0);
    put_change(2, "{\"version\":2,\"entity_path\":\"users/alice\"}", 0);
    put_change(3, "{\"version\":2,\"entity_path\":\"\"}", 0);
    fake_zk_put(&fake, "/config/changes/something_else", "{\"version\":2,\"entity_path\":\"topics/none\"}",
                0);
    notify(4, "topics/a");
    kick_at_last();
    ck_assert_int_eq(fake_zk_gets(&fake, "/config/topics/a"), 1);
    ck_assert_int_eq(fake_zk_gets(&fake, "/config/changes/something_else"), 0);
}
END_TEST

START_TEST(notifications_go_when_all_had_a_quarter_of_an_hour_to_see_them)
{
    const int64_t newest_ms = 100 * MINUTE_MS;
    const char *nothing = "{\"version\":2,\"entity_path\":\"topics/t\"}";
    put_config("topics/t", "");
    put_change(1, nothing, newest_ms - 15 * MINUTE_MS - 1);
    put_change(2, nothing, newest_ms - 15 * MINUTE_MS);
    put_change(3, nothing, newest_ms);
    kick_at_last();
    ck_assert(!fake_zk_has(&fake, "/config/changes/config_change_0000000001"));
    ck_assert(fake_zk_has(&fake, "/config/changes/config_change_0000000002"));
    ck_assert(fake_zk_has(&fake, "/config/changes/config_change_0000000003"));
}
END_TEST

START_TEST(notification_of_brokers_puts_their_settings_into_force)
{
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 0, RIG_ME, 1), ERR_NONE);
    struct partition *part = rig_find(&rig, "a", 0);
    put_config("brokers/<default>", "\"message.max.bytes\":\"1000\",\"min.insync.replicas\":\"2\"");
    put_config("brokers/1", "\"message.max.bytes\":\"2000\"");
    notify(1, "brokers/<default>");
    kick_at_last();
    struct config *config = broker_settings_share(&rig.broker);
    ck_assert_int_eq(config_int(config, CONFIG_MESSAGE_MAX_BYTES), 2000); /* its own before that of all */
    config_release(config);
    const struct partition_settings *settings = atomic_load(&part->settings);
    ck_assert_int_eq(settings->min_insync_replicas, 2);
    ck_assert_int_eq(settings->log.max_message_bytes, 2000);
    partition_release(part);
}
END_TEST

START_TEST(brokers_settings_that_cannot_be_read_leave_what_was_known)
{
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 0, RIG_ME, 1), ERR_NONE);
    put_config("brokers/<default>", "\"min.insync.replicas\":\"2\"");
    put_config("brokers/1", "\"message.max.bytes\":\"2000\"");
    broker_settings_reload(&rig.broker);
    ck_assert_int_eq(min_insync_of("a"), 2);
    fake_zk_fail(&fake, "/config/brokers/<default>", ERR_CLOSED);
    put_config("brokers/1", "\"message.max.bytes\":2000"); /* no string */
    broker_settings_reload(&rig.broker);
    ck_assert_int_eq(min_insync_of("a"), 2);
    struct config *config = broker_settings_share(&rig.broker);
    ck_assert_int_eq(config_int(config, CONFIG_MESSAGE_MAX_BYTES), 2000);
    config_release(config);
}
END_TEST

/* --- changes -----------------------------------------------------------------------------------------------
 */

/* Reads as `fake`; the first write's answer is lost with its session. */
struct losing_zk {
    struct zk zk;
    int writes;
    int notifications;
};

static void lose_first_write(struct zk *zk, const struct zk_op *op, zk_done_fn done, void *arg)
{
    struct losing_zk *losing = CONTAINER_OF(zk, struct losing_zk, zk);
    struct zk_result result = {.err = ERR_NONE};
    if (op->kind == ZK_OP_GET) {
        zk_submit(&fake.zk, op, done, arg);
        return;
    }
    if (op->kind == ZK_OP_MULTI && losing->writes++ == 0)
        result.err = ERR_SESSION_EXPIRED;
    if (op->kind == ZK_OP_CREATE)
        losing->notifications++;
    done(arg, &result);
}

START_TEST(change_whose_answer_was_lost_with_the_session_is_told_of)
{
    static const struct zk_ops ops = {.submit = lose_first_write};
    struct losing_zk losing = {.zk = {.ops = &ops}};
    struct arena arena = {0};
    struct config_edit edit = {.name = "message.max.bytes", .value = "2000", .op = CONFIG_EDIT_SET};
    struct config_alter alter = {.kind = CONFIG_ALTER_BROKER, .edits = &edit, .edits_count = 1};
    rig.broker.zk = &losing.zk;
    config_alter_run(&rig.broker, &alter, false, &arena);
    rig.broker.zk = &fake.zk;
    ck_assert_int_eq(alter.err, ERR_NONE);
    ck_assert_int_eq(losing.writes, 2);
    ck_assert_int_eq(losing.notifications, 1);
    arena_close(&arena);
}
END_TEST

/* --- addresses of other brokers --------------------------------------------------------------------------
 */

static void put_broker(const char *id, const char *host, int port)
{
    char *path = mem_printf("/brokers/ids/%s", id);
    char *json = mem_printf("{\"version\":4,\"host\":\"%s\",\"port\":%d,\"jmx_port\":-1,\"timestamp\":\"1\","
                            "\"endpoints\":[\"PLAINTEXT://%s:%d\"],"
                            "\"listener_security_protocol_map\":{\"PLAINTEXT\":\"PLAINTEXT\"}}",
                            host, port, host, port);
    fake_zk_put(&fake, path, json, 0);
    free(path);
    free(json);
}

static enum err check_endpoints(struct errmsg *why)
{
    struct znode_endpoint endpoints[] = {{"PLAINTEXT", "PLAINTEXT", "here", 9092},
                                         {"OUTSIDE", "PLAINTEXT", "outside", 9093}};
    struct registration_config config = {.connect = "nowhere:1",
                                         .znode = {.endpoints = endpoints, .endpoints_count = 2}};
    struct registration *registration = registration_new(&rig.broker, NULL, &config);
    enum err err = registration_check_endpoints(registration, why);
    registration_free(registration);
    return err;
}

START_TEST(address_that_another_broker_advertises_is_refused)
{
    struct errmsg why;
    ck_assert_int_eq(check_endpoints(&why), ERR_NONE);
    put_broker("2", "here", 9093);
    put_broker("3", "elsewhere", 9092);
    ck_assert_int_eq(check_endpoints(&why), ERR_NONE);
    put_broker("4", "outside", 9093);
    ck_assert_int_eq(check_endpoints(&why), ERR_EXISTS);
    ck_assert_ptr_nonnull(strstr(why.text, "broker 4 advertises outside:9093"));
}
END_TEST

START_TEST(what_this_broker_registered_before_is_no_other_broker)
{
    struct errmsg why;
    put_broker("1", "here", 9092);
    ck_assert_int_eq(check_endpoints(&why), ERR_NONE);
}
END_TEST

START_TEST(broker_that_cannot_be_read_does_not_keep_others_from_starting)
{
    struct errmsg why;
    fake_zk_put(&fake, "/brokers/ids/2", "{", 0);
    put_broker("3", "here", 9092);
    ck_assert_int_eq(check_endpoints(&why), ERR_EXISTS);
}
END_TEST

Suite *settings_suite(void)
{
    Suite *suite = suite_create("settings");
    TCase *tcase = tcase_create("settings");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, topic_has_its_overrides_over_the_brokers_settings);
    tcase_add_test(tcase, topic_is_read_once_until_it_is_to_be_read_again);
    tcase_add_test(tcase, overrides_that_cannot_be_read_leave_what_was_known);
    tcase_add_test(tcase, override_that_is_not_valid_is_left_out_and_the_others_count);
    tcase_add_test(tcase, nothing_goes_while_it_cannot_be_read_what_may_go);
    tcase_add_test(tcase, topic_that_was_forgotten_is_read_anew);
    tcase_add_test(tcase, overrides_are_given_as_they_were_last_read);
    tcase_add_test(tcase, notification_puts_a_topics_settings_into_force);
    tcase_add_test(tcase, topic_that_is_made_again_has_not_the_settings_of_one_that_was_never_here);
    tcase_add_test(tcase, topic_that_is_made_again_and_cannot_be_read_has_not_the_settings_of_the_one_before);
    tcase_add_test(tcase, settings_that_change_while_a_partition_is_made_are_in_force);
    tcase_add_test(tcase, topic_settings_that_were_asked_for_earlier_do_not_come_back);
    tcase_add_test(tcase, notification_puts_throttled_rates_into_force_and_out_of_it);
    tcase_add_test(tcase, lists_of_throttled_replicas_count_for_this_broker_and_partition);
    tcase_add_test(tcase, notification_is_carried_out_once);
    tcase_add_test(tcase, notification_from_before_the_start_is_not_carried_out);
    tcase_add_test(tcase, notifications_that_were_purged_unseen_are_made_up_for);
    tcase_add_test(tcase, notification_that_makes_no_sense_does_not_keep_the_others_back);
    tcase_add_test(tcase, notifications_go_when_all_had_a_quarter_of_an_hour_to_see_them);
    tcase_add_test(tcase, notification_of_brokers_puts_their_settings_into_force);
    tcase_add_test(tcase, brokers_settings_that_cannot_be_read_leave_what_was_known);
    tcase_add_test(tcase, change_whose_answer_was_lost_with_the_session_is_told_of);
    tcase_add_test(tcase, address_that_another_broker_advertises_is_refused);
    tcase_add_test(tcase, what_this_broker_registered_before_is_no_other_broker);
    tcase_add_test(tcase, broker_that_cannot_be_read_does_not_keep_others_from_starting);
    suite_add_tcase(suite, tcase);
    return suite;
}
