/* Any text as a server.properties, as two dynamic layers and as a topic's settings. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/properties.h"
#include "config/describe.h"
#include "config/dynamic.h"
#include "config/report.h"
#include "config/topic_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void fuzz_own_seeds(void (*add)(void *seeds, struct view seed), void *seeds);

static const char broker_seed[] = "zookeeper.connect=localhost:2181\n"
                                  "log.dirs=/a, /b\n"
                                  "log.retention.hours=1\n"
                                  "log.retention.minutes=2\n"
                                  "log.cleaner.io.max.bytes.per.second=1.5E9\n"
                                  "log.cleanup.policy=compact,delete\n"
                                  "inter.broker.protocol.version=2.8\n"
                                  "compression.type=zstd\n"
                                  "compression.gzip.level=-1\n"
                                  "num.io.threads=16\n"
                                  "some.plug.in=\\u0041\\\n"
                                  "  b\n"
                                  "ssl.key.password=hush\n"
                                  "authorizer.class.name=\n";

static const char listeners_seed[] =
    "zookeeper.connect=a:1,b:2/chroot\n"
    "broker.id=3\n"
    "listeners=INSIDE://0.0.0.0:9092,OUTSIDE://[::1]:9093,LOCAL://:0\n"
    "advertised.listeners=OUTSIDE://h.example.com:19093,INSIDE://10.0.0.1:9092\n"
    "listener.security.protocol.map=INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT,LOCAL:PLAINTEXT\n"
    "inter.broker.listener.name=INSIDE\n"
    "listener.name.outside.max.connections=7\n"
    "max.connections.per.ip.overrides=1.2.3.4:5,::1:6\n"
    "early.start.listeners=LOCAL\n";

static const char topic_seed[] = "cleanup.policy=compact\n"
                                 "compression.type=gzip\n"
                                 "retention.ms=-1\n"
                                 "segment.bytes=14\n"
                                 "min.cleanable.dirty.ratio=.25\n"
                                 "min.compaction.lag.ms=5\n"
                                 "max.compaction.lag.ms=6\n"
                                 "message.timestamp.type=LogAppendTime\n"
                                 "message.timestamp.difference.max.ms=7\n"
                                 "leader.replication.throttled.replicas=0:1,1:2\n"
                                 "follower.replication.throttled.replicas=*\n"
                                 "message.max.bytes=100\n"
                                 "background.threads=11\n";

void fuzz_own_seeds(void (*add)(void *seeds, struct view seed), void *seeds)
{
    add(seeds, view_str(broker_seed));
    add(seeds, view_str(listeners_seed));
    add(seeds, view_str(topic_seed));
}

static void use_report(struct config_report *report)
{
    struct buf line = {0};
    for (size_t i = 0; i < report->count; i++)
        config_problem_put(&report->items[i], &line);
    buf_close(&line);
    config_report_close(report);
}

static void use_snapshot(struct config *config)
{
    struct arena arena = {0};
    config_describe_broker(config, &arena);
    config_describe_cluster_default(config, &arena);
    ASSERT(config_listeners(config)->count > 0);
    ASSERT(config_log_dirs(config).count > 0);
    config_max_connections_per_ip(config, "127.0.0.1");
    arena_close(&arena);
}

static void use_file(struct view text)
{
    struct config_report report = {0};
    struct config *config = config_load(text, "fuzz", NULL, 0, &report);
    ASSERT((config == NULL) == (report.error_count > 0));
    if (config)
        use_snapshot(config);
    config_release(config);
    use_report(&report);
}

static void use_dynamic(const struct config *base, struct config_pairs pairs)
{
    struct config_report report = {0};
    struct config *changed = config_with_dynamic(base, pairs, pairs, &report);
    if (changed)
        use_snapshot(changed);
    config_release(changed);
    use_report(&report);
}

static void use_topic(const struct config *broker, struct config_pairs pairs)
{
    struct arena arena = {0};
    struct errmsg why;
    struct topic_config topic;
    enum err built = topic_config_build(broker, pairs, &topic, &why);
    topic_config_close(&topic);
    enum err valid = topic_config_validate(broker, pairs, &why);
    ASSERT(valid != ERR_NONE || built == ERR_NONE);
    topic_config_describe(broker, pairs, &arena);
    arena_close(&arena);
}

static void use_change(const struct config *current, bool per_broker, struct config_pairs pairs)
{
    struct errmsg why;
    enum err valid = config_validate_dynamic(current, per_broker, pairs, &why);
    ASSERT(valid == ERR_NONE || valid == ERR_INVALID_CONFIG);
}

/* One use for each input, by its size: a snapshot of four hundred settings is not made for nothing. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view text = view_of(data ? data : (const uint8_t *)"", size);
    if (size % 4 < 2) {
        use_file(text);
        return 0;
    }
    struct config_report report = {0};
    struct properties props;
    properties_parse(text, &props);
    struct config_pair *items = mem_zalloc((props.count + 1) * sizeof(*items));
    for (size_t i = 0; i < props.count; i++)
        items[i] = (struct config_pair){props.items[i].key, props.items[i].value};
    struct config_pairs pairs = {items, props.count};
    struct config *config = config_load(VIEW_LIT("zookeeper.connect=z\n"), "minimal", NULL, 0, &report);
    use_topic(config, pairs);
    if (size % 4 == 2)
        use_dynamic(config, pairs);
    else
        use_change(config, size % 8 == 3, pairs);
    config_release(config);
    use_report(&report);
    properties_close(&props);
    free(items);
    return 0;
}
