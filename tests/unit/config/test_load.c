#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/value.h"
#include "suites.h"

START_TEST(defaults_stand_where_the_file_says_nothing)
{
    struct config *config = load_good("");
    ck_assert_int_eq(config_broker_id(config), 1);
    ck_assert_int_eq(config_int(config, CONFIG_NUM_PARTITIONS), 1);
    ck_assert_int_eq(config_int(config, CONFIG_OFFSETS_TOPIC_REPLICATION_FACTOR), 3);
    ck_assert_int_eq(config_long(config, CONFIG_CONNECTIONS_MAX_IDLE_MS), 600000);
    ck_assert(config_bool(config, CONFIG_AUTO_CREATE_TOPICS_ENABLE));
    ck_assert(config_double(config, CONFIG_LOG_CLEANER_IO_BUFFER_LOAD_FACTOR) == 0.9);
    ck_assert_ptr_null(config_str(config, CONFIG_BROKER_RACK));
    ck_assert_str_eq(config_list(config, CONFIG_LOG_CLEANUP_POLICY).items[0], "delete");
    ck_assert(!config_is_set(config, CONFIG_LOG_RETENTION_MS));
    ck_assert_int_eq(config_long_or(config, CONFIG_LOG_RETENTION_MS, -7), -7);
    ck_assert_int_eq(config_int_or(config, CONFIG_ZOOKEEPER_CONNECTION_TIMEOUT_MS, 18000), 18000);
    ck_assert_int_eq(config_source(config, CONFIG_NUM_PARTITIONS), CONFIG_SOURCE_DEFAULT);
    ck_assert_int_eq(config_source(config, CONFIG_BROKER_ID), CONFIG_SOURCE_STATIC_BROKER);
    ck_assert(config_protocol_at_least(config, "3.9-IV0"));
    ck_assert(!config_protocol_at_least(config, "4.0-IV0"));
    config_release(config);
}
END_TEST

START_TEST(file_beats_defaults_and_override_beats_file)
{
    const char *const overrides[] = {"num.partitions=5", "broker.rack=a=b"};
    struct config_report report = {0};
    struct config *config =
        config_load(view_str(MINIMAL "num.partitions=3\nlog.dirs=/a, /b\n"), "f", overrides, 2, &report);
    ck_assert_ptr_nonnull(config);
    ck_assert_int_eq(config_int(config, CONFIG_NUM_PARTITIONS), 5);
    ck_assert_str_eq(config_str(config, CONFIG_BROKER_RACK), "a=b");
    ck_assert_uint_eq(config_log_dirs(config).count, 2);
    ck_assert_str_eq(config_log_dirs(config).items[1], "/b");
    ck_assert_uint_eq(report.count, 0);
    config_release(config);
    config_report_close(&report);
}
END_TEST

START_TEST(override_without_equals_sign_is_an_error)
{
    const char *const overrides[] = {"num.partitions"};
    struct config_report report = {0};
    ck_assert_ptr_null(config_load(view_str(MINIMAL), "f", overrides, 1, &report));
    ck_assert_str_eq(report.items[0].path, "--override");
    config_report_close(&report);
}
END_TEST

START_TEST(snapshot_lives_until_the_last_share_is_released)
{
    struct config *config = load_good("");
    struct config *shared = config_share(config);
    config_release(config);
    ck_assert_int_eq(config_broker_id(shared), 1);
    config_release(shared);
    config_release(NULL);
}
END_TEST

START_TEST(problem_names_file_line_what_is_allowed_and_nearest_name)
{
    struct config_report report = {0};
    ck_assert_ptr_null(load_reported("num.partitions=0\nlog.retention.hors=3\n", &report));
    struct buf line = {0};
    config_problem_put(problem_about(&report, "num.partitions"), &line);
    ck_assert_str_eq(buf_cstr(&line), "server.properties:3: error: num.partitions: Invalid value 0 for "
                                      "configuration num.partitions: Value must be at least 1 (allowed: int "
                                      "[1,...])");
    buf_clear(&line);
    config_problem_put(problem_about(&report, "log.retention.hors"), &line);
    ck_assert_str_eq(buf_cstr(&line),
                     "server.properties:4: warning: log.retention.hors: unknown setting (did "
                     "you mean log.retention.hours?)");
    buf_close(&line);
    config_report_close(&report);
}
END_TEST

START_TEST(all_problems_are_reported_at_once)
{
    struct config_report report = {0};
    ck_assert_ptr_null(load_reported("num.partitions=x\nlog.segment.bytes=1\nlisteners=nonsense\n"
                                     "authorizer.class.name=a.B\nmin.insync.replicas=0\n",
                                     &report));
    ck_assert_ptr_nonnull(problem_about(&report, "num.partitions"));
    ck_assert_ptr_nonnull(problem_about(&report, "log.segment.bytes"));
    ck_assert_ptr_nonnull(problem_about(&report, "listeners"));
    ck_assert_ptr_nonnull(problem_about(&report, "authorizer.class.name"));
    ck_assert_ptr_nonnull(problem_about(&report, "min.insync.replicas"));
    ck_assert_uint_ge(report.error_count, 5);
    config_report_close(&report);
}
END_TEST

/* Loads, and finds one item about `name` of that severity with `text` in it. */
static void check_noted(const char *more, enum report_severity severity, const char *name, const char *text)
{
    struct config_report report = {0};
    struct config *config = load_reported(more, &report);
    const struct config_problem *problem = problem_about(&report, name);
    ck_assert_msg(problem != NULL, "nothing about %s", name);
    ck_assert_int_eq(problem->severity, severity);
    ck_assert_msg(strstr(problem->text, text) != NULL, "'%s' is not in: %s", text, problem->text);
    ck_assert((config == NULL) == (severity == REPORT_ERROR));
    config_release(config);
    config_report_close(&report);
}

START_TEST(settings_without_effect_say_why)
{
    check_noted("num.io.threads=16\n", REPORT_NOTICE, "num.io.threads", "handled on the loop that read it");
    check_noted("metric.reporters=a.B\n", REPORT_NOTICE, "metric.reporters", "no JVM metrics reporters");
    check_noted("password.encoder.secret=x\n", REPORT_NOTICE, "password.encoder.secret", "no effect");
    check_noted("group.consumer.max.size=5\n", REPORT_WARNING, "group.consumer.max.size",
                "only in KRaft mode");
    check_noted("leader.replication.throttled.rate=5\n", REPORT_WARNING, "leader.replication.throttled.rate",
                "only be set at run time");
    check_noted("authorizer.zookeeper.ssl.protocol=x\n", REPORT_NOTICE, "authorizer.zookeeper.ssl.protocol",
                "authorization");
    check_noted("config.providers.file.class=x\n", REPORT_NOTICE, "config.providers.file.class", "providers");
}
END_TEST

START_TEST(a_selector_of_replicas_is_one_of_kafkas_own)
{
    static const struct {
        const char *selector;
        bool by_rack;
    } KNOWN[] = {{"org.apache.kafka.common.replica.RackAwareReplicaSelector", true},
                 {"org.apache.kafka.common.replica.LeaderSelector", false},
                 {"", false}};
    check_noted("replica.selector.class=com.example.Mine\n", REPORT_ERROR, "replica.selector.class",
                "a JVM class cannot be loaded");
    for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "replica.selector.class=%s\n", KNOWN[i].selector);
        struct config *config = load_good(text);
        ck_assert(config_selects_by_rack(config) == KNOWN[i].by_rack);
        config_release(config);
    }
}
END_TEST

START_TEST(unknown_names_are_warned_about_and_ours_are_errors)
{
    check_noted("my.plugin.option=1\n", REPORT_WARNING, "my.plugin.option", "unknown setting");
    check_noted("barnabas.network.lops=1\n", REPORT_ERROR, "barnabas.network.lops", "unknown setting");
    check_noted("ssl.keystore.locaton=1\n", REPORT_WARNING, "ssl.keystore.locaton", "unknown setting");
    check_noted("num.partitions=1\nnum.partitions=2\n", REPORT_WARNING, "num.partitions", "in line 3");
    check_noted("listener.name.plaintext.max.conections=3\n", REPORT_WARNING,
                "listener.name.plaintext.max.conections", "prefix of a listener");
    check_noted("listener.name.other.max.connections=3\n", REPORT_WARNING,
                "listener.name.other.max.connections", "no such listener");
}
END_TEST

START_TEST(promises_of_protection_that_is_not_there_stop_the_start)
{
    check_refused("authorizer.class.name=kafka.security.authorizer.AclAuthorizer\n", "authorizer.class.name",
                  "every client would be let in");
    check_refused("zookeeper.set.acl=true\n", "zookeeper.set.acl", "refused");
    check_refused("zookeeper.ssl.client.enable=TRUE\n", "zookeeper.ssl.client.enable", "refused");
    check_refused("client.quota.callback.class=a.B\n", "client.quota.callback.class", "refused");
    check_refused("create.topic.policy.class.name=a.B\n", "create.topic.policy.class.name", "refused");
    check_refused("max.connection.creation.rate=10\n", "max.connection.creation.rate", "refused");
    check_refused("remote.log.storage.system.enable=true\n", "remote.log.storage.system.enable", "refused");
    check_refused("zookeeper.metadata.migration.enable=true\n", "zookeeper.metadata.migration.enable",
                  "refused");
    check_refused("process.roles=broker\n", "process.roles", "KRaft mode");
    check_refused("config.providers=file\n", "config.providers", "refused");
    check_refused("security.inter.broker.protocol=SSL\n", "security.inter.broker.protocol", "refused");
    check_refused("listeners=SSL://:9093\n", "listeners", "TLS and SASL are not built yet");
    check_refused("listeners=IN://:9092,OUT://:9093\ninter.broker.listener.name=IN\n"
                  "listener.security.protocol.map=IN:PLAINTEXT,OUT:SASL_PLAINTEXT\n",
                  "listeners", "OUT asks for SASL_PLAINTEXT");
    check_refused("listener.name.plaintext.max.connection.creation.rate=10\n",
                  "listener.name.plaintext.max.connection.creation.rate", "refused");
}
END_TEST

START_TEST(switched_off_protections_are_accepted)
{
    config_release(
        load_good("authorizer.class.name=\nzookeeper.set.acl=false\nprocess.roles=\n"
                  "zookeeper.ssl.client.enable=false\nmax.connection.creation.rate=2147483647\n"
                  "super.users=User:a\nssl.keystore.location=/x\nsasl.enabled.mechanisms=PLAIN\n"));
}
END_TEST

START_TEST(rules_between_settings_are_those_of_kafka)
{
    static const struct {
        const char *text;
        const char *name;
        const char *complaint;
    } cases[] = {
        {"node.id=2\n", "node.id", "same value as `broker.id`"},
        {"broker.id=1001\n", "broker.id", "not greater than reserved.broker.max.id"},
        {"broker.id=-1\nbroker.id.generation.enable=false\n", "broker.id", "greater than or equal to 0"},
        {"zookeeper.connect=\n", "zookeeper.connect", "Missing required"},
        {"log.dirs=,\n", "log.dirs", "At least one log directory"},
        {"log.dirs=/a,/b,/a\n", "log.dirs", "Duplicate log directory found: /a"},
        {"log.roll.ms=0\n", "log.roll.ms", "greater than or equal to 1"},
        {"log.roll.jitter.ms=-1\n", "log.roll.jitter.ms", "greater than or equal to 0"},
        {"log.retention.ms=0\n", "log.retention.ms", "unlimited (-1)"},
        {"log.retention.minutes=0\n", "log.retention.minutes", "unlimited (-1)"},
        {"log.cleaner.threads=0\n", "log.cleaner.threads", "at least 1"},
        {"log.cleaner.threads=200\n", "log.cleaner.dedupe.buffer.size", "1MB per cleaner thread"},
        {"log.cleaner.min.compaction.lag.ms=2\nlog.cleaner.max.compaction.lag.ms=1\n",
         "log.cleaner.min.compaction.lag.ms", "must not be greater"},
        {"replica.fetch.wait.max.ms=40000\n", "replica.fetch.wait.max.ms", "replica.socket.timeout.ms"},
        {"replica.lag.time.max.ms=100\n", "replica.fetch.wait.max.ms", "frequent changes in ISR"},
        {"inter.broker.protocol.version=0.10.2\n", "inter.broker.protocol.version", "0.11.0 is the oldest"},
        {"inter.broker.protocol.version=0.9.0\n", "log.message.format.version", "newer than"},
        {"inter.broker.protocol.version=0.10.0\nlog.message.format.version=0.10.0\n"
         "offsets.topic.compression.codec=4\n",
         "offsets.topic.compression.codec", "zstd can only be used"},
        {"offsets.topic.compression.codec=7\n", "offsets.topic.compression.codec", "0 (none)"},
        {"offsets.commit.required.acks=4\n", "offsets.commit.required.acks", "-1 to"},
        {"group.coordinator.rebalance.protocols=classic,consumer\n", "group.coordinator.rebalance.protocols",
         "only supported in KRaft"},
        {"group.coordinator.rebalance.protocols=share\n", "group.coordinator.rebalance.protocols",
         "'classic'"},
        {"queued.max.request.bytes=1000\n", "queued.max.request.bytes", "socket.request.max.bytes"},
        {"max.connections.per.ip=0\n", "max.connections.per.ip", "can be set to zero only if"},
        {"max.connections.per.ip.overrides=host\n", "max.connections.per.ip.overrides", "address:limit"},
        {"max.connections.per.ip.overrides=a/b:3\n", "max.connections.per.ip.overrides", "address:limit"},
        {"connections.max.idle.ms=50\n", "connections.max.idle.ms", "failed authentication"},
        {"control.plane.listener.name=CONTROL\n", "control.plane.listener.name", "advertised.listeners"},
        {"control.plane.listener.name=plaintext\n", "control.plane.listener.name", "different value"},
        {"early.start.listeners=X\n", "early.start.listeners", "not a name in listeners"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_refused(cases[i].text, cases[i].name, cases[i].complaint);
}
END_TEST

START_TEST(node_id_is_another_name_of_broker_id)
{
    struct config_report report = {0};
    struct config *config = config_load(view_str("zookeeper.connect=z\nnode.id=7\n"), "f", NULL, 0, &report);
    ck_assert_ptr_nonnull(config);
    ck_assert_int_eq(config_broker_id(config), 7);
    config_release(config);
    config_report_close(&report);
}
END_TEST

START_TEST(per_ip_limit_has_overrides)
{
    struct config *config =
        load_good("max.connections.per.ip=9\nmax.connections.per.ip.overrides=1.2.3.4:50, ::1:6\n");
    ck_assert_int_eq(config_max_connections_per_ip(config, "1.2.3.4"), 50);
    ck_assert_int_eq(config_max_connections_per_ip(config, "::1"), 6);
    ck_assert_int_eq(config_max_connections_per_ip(config, "1.2.3"), 9);
    ck_assert_int_eq(config_max_connections_per_ip(config, ""), 9);
    config_release(config);
}
END_TEST

START_TEST(listener_prefix_beats_the_plain_setting_of_that_listener_only)
{
    struct config *config = load_good("listeners=A://:1,B://:2\nlistener.security.protocol.map=A:PLAINTEXT,"
                                      "B:PLAINTEXT\ninter.broker.listener.name=A\nmax.connections=10\n"
                                      "listener.name.b.max.connections=3\n"
                                      "listener.name.b.connections.max.idle.ms=5000\n");
    ck_assert_int_eq(config_listener_int(config, "A", CONFIG_MAX_CONNECTIONS), 10);
    ck_assert_int_eq(config_listener_int(config, "B", CONFIG_MAX_CONNECTIONS), 3);
    ck_assert_int_eq(config_listener_long(config, "B", CONFIG_CONNECTIONS_MAX_IDLE_MS), 5000);
    ck_assert(config_listener_has(config, "b", CONFIG_MAX_CONNECTIONS));
    ck_assert(!config_listener_has(config, "A", CONFIG_MAX_CONNECTIONS));
    config_release(config);
    check_refused("listener.name.plaintext.max.connections=x\n", "listener.name.plaintext.max.connections",
                  "Not a number");
}
END_TEST

/* The text of a file of the source tree. */
static void read_source_file(const char *name, struct buf *out)
{
    const char *top = getenv("top_srcdir");
    char *path = mem_printf("%s/%s", top ? top : ".", name);
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "cannot open %s", path);
    free(path);
    size_t got;
    do {
        got = fread(buf_reserve(out, 4096), 1, 4096, file);
        out->len += got;
    } while (got > 0);
    fclose(file);
}

START_TEST(sample_file_loads_without_a_word)
{
    struct buf text = {0};
    struct config_report report = {0};
    read_source_file("conf/server.properties", &text);
    struct config *config = config_load(buf_view(&text), "conf/server.properties", NULL, 0, &report);
    ck_assert_ptr_nonnull(config);
    ck_assert_uint_eq(report.count, 0);
    ck_assert_str_eq(config_str(config, CONFIG_ZOOKEEPER_CONNECT), "localhost:2181");
    config_release(config);
    config_report_close(&report);
    buf_close(&text);
}
END_TEST

START_TEST(every_commented_setting_of_the_sample_may_be_put_in_force)
{
    struct buf text = {0};
    struct buf active = {0};
    struct config_report report = {0};
    read_source_file("conf/server.properties", &text);
    *buf_extend(&text, 1) = '\0';
    for (char *line = strtok((char *)text.data, "\n"); line; line = strtok(NULL, "\n")) {
        bool commented = line[0] == '#' && line[1] != ' ';
        size_t len = strlen(line);
        /* "#name=": there is no default that could be put in force. */
        if (line[0] != '#' || (commented && line[len - 1] != '='))
            buf_printf(&active, "%s\n", line + commented);
    }
    struct config *config = config_load(buf_view(&active), "sample", NULL, 0, &report);
    for (size_t i = 0; i < report.count; i++)
        ck_assert_msg(report.items[i].severity == REPORT_NOTICE, "%s: %s", report.items[i].name,
                      report.items[i].text);
    ck_assert_ptr_nonnull(config);
    config_release(config);
    config_report_close(&report);
    buf_close(&active);
    buf_close(&text);
}
END_TEST

START_TEST(password_is_never_repeated)
{
    struct config_report report = {0};
    struct config *config =
        load_reported("delegation.token.secret.key=hush\nssl.key.password=hush\n", &report);
    for (size_t i = 0; i < report.count; i++)
        ck_assert_ptr_null(strstr(report.items[i].text, "hush"));
    ck_assert_str_eq(config_str(config, CONFIG_SSL_KEY_PASSWORD), "hush");
    config_release(config);
    config_report_close(&report);
}
END_TEST

Suite *load_suite(void)
{
    Suite *suite = suite_create("load");
    TCase *tcase = tcase_create("load");
    tcase_add_test(tcase, defaults_stand_where_the_file_says_nothing);
    tcase_add_test(tcase, file_beats_defaults_and_override_beats_file);
    tcase_add_test(tcase, override_without_equals_sign_is_an_error);
    tcase_add_test(tcase, snapshot_lives_until_the_last_share_is_released);
    tcase_add_test(tcase, problem_names_file_line_what_is_allowed_and_nearest_name);
    tcase_add_test(tcase, all_problems_are_reported_at_once);
    tcase_add_test(tcase, settings_without_effect_say_why);
    tcase_add_test(tcase, a_selector_of_replicas_is_one_of_kafkas_own);
    tcase_add_test(tcase, unknown_names_are_warned_about_and_ours_are_errors);
    tcase_add_test(tcase, promises_of_protection_that_is_not_there_stop_the_start);
    tcase_add_test(tcase, switched_off_protections_are_accepted);
    tcase_add_test(tcase, rules_between_settings_are_those_of_kafka);
    tcase_add_test(tcase, node_id_is_another_name_of_broker_id);
    tcase_add_test(tcase, per_ip_limit_has_overrides);
    tcase_add_test(tcase, listener_prefix_beats_the_plain_setting_of_that_listener_only);
    tcase_add_test(tcase, sample_file_loads_without_a_word);
    tcase_add_test(tcase, every_commented_setting_of_the_sample_may_be_put_in_force);
    tcase_add_test(tcase, password_is_never_repeated);
    suite_add_tcase(suite, tcase);
    return suite;
}
