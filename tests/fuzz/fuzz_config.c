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

static void use_report(struct config_report *report)
{
    struct buf line = {0};
    for (size_t i = 0; i < report->count; i++)
        config_problem_put(&report->items[i], &line);
    buf_close(&line);
    config_report_close(report);
}

static void use_snapshot(struct config *config, struct config_pairs pairs)
{
    struct arena arena = {0};
    struct errmsg why;
    struct topic_config topic;
    config_describe_broker(config, &arena);
    config_describe_cluster_default(config, &arena);
    topic_config_describe(config, pairs, &arena);
    enum err built = topic_config_build(config, pairs, &topic, &why);
    topic_config_close(&topic);
    enum err valid = topic_config_validate(config, pairs, &why);
    ASSERT(valid != ERR_NONE || built == ERR_NONE);
    for (int per_broker = 0; per_broker < 2; per_broker++) {
        valid = config_validate_dynamic(config, per_broker, pairs, &why);
        ASSERT(valid == ERR_NONE || valid == ERR_INVALID_CONFIG);
    }
    ASSERT(config_listeners(config)->count > 0);
    ASSERT(config_log_dirs(config).count > 0);
    config_max_connections_per_ip(config, "127.0.0.1");
    arena_close(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char minimal[] = "zookeeper.connect=z\n";
    struct config_report report = {0};
    struct properties props;
    properties_parse(view_of(data ? data : (const uint8_t *)"", size), &props);
    struct config_pair *items = mem_zalloc((props.count + 1) * sizeof(*items));
    for (size_t i = 0; i < props.count; i++)
        items[i] = (struct config_pair){props.items[i].key, props.items[i].value};
    struct config_pairs pairs = {items, props.count};

    struct config *config = config_load(view_of(data, size), "fuzz", NULL, 0, &report);
    if (config)
        use_snapshot(config, pairs);
    config_release(config);
    use_report(&report);

    config = config_load(VIEW_LIT(minimal), "minimal", NULL, 0, &report);
    struct config *changed = config_with_dynamic(config, pairs, pairs, &report);
    use_snapshot(changed ? changed : config, pairs);
    config_release(changed);
    config_release(config);
    use_report(&report);
    properties_close(&props);
    free(items);
    return 0;
}
