/*
 * Prints the tables of settings:
 *   config_docs sample    conf/server.properties, commented, ready for one local broker
 *   config_docs markdown  docs/configuration.md
 *   config_docs table     tab-separated, for the comparison with Kafka's own list
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "config/config_table.h"
#include "config/topic_table.h"

/* What somebody who tries one broker on his own machine wants to see first, with a value that works. */
static const struct {
    enum config_key key;
    const char *value;
} first_settings[] = {
    {CONFIG_BROKER_ID, "0"},
    {CONFIG_LISTENERS, "PLAINTEXT://localhost:9092"},
    {CONFIG_ADVERTISED_LISTENERS, NULL},
    {CONFIG_ZOOKEEPER_CONNECT, "localhost:2181"},
    {CONFIG_LOG_DIRS, "/tmp/barnabas-logs"},
    {CONFIG_NUM_PARTITIONS, "1"},
    {CONFIG_DEFAULT_REPLICATION_FACTOR, "1"},
    {CONFIG_MIN_INSYNC_REPLICAS, NULL},
    {CONFIG_AUTO_CREATE_TOPICS_ENABLE, NULL},
    {CONFIG_OFFSETS_TOPIC_REPLICATION_FACTOR, "1"},
    {CONFIG_TRANSACTION_STATE_LOG_REPLICATION_FACTOR, "1"},
    {CONFIG_TRANSACTION_STATE_LOG_MIN_ISR, "1"},
    {CONFIG_LOG_RETENTION_HOURS, "168"},
    {CONFIG_LOG_RETENTION_BYTES, NULL},
    {CONFIG_LOG_SEGMENT_BYTES, NULL},
    {CONFIG_LOG_FLUSH_INTERVAL_MESSAGES, NULL},
    {CONFIG_MESSAGE_MAX_BYTES, NULL},
    {CONFIG_BROKER_RACK, NULL},
    {CONFIG_ZOOKEEPER_SESSION_TIMEOUT_MS, NULL},
    {CONFIG_BARNABAS_NETWORK_LOOPS, NULL},
    {CONFIG_BARNABAS_METRICS_LISTENER, NULL},
    {CONFIG_BARNABAS_LOG_LEVEL, NULL},
};

#define FIRST_COUNT (sizeof(first_settings) / sizeof(first_settings[0]))

static bool is_first(enum config_key key)
{
    for (size_t i = 0; i < FIRST_COUNT; i++)
        if (first_settings[i].key == key)
            return true;
    return false;
}

/* Breaks a text into comment lines of at most 100 columns. */
static void print_comment(const char *text)
{
    size_t column = 0;
    for (const char *p = text; *p;) {
        size_t word = strcspn(p, " ");
        if (column && column + 1 + word > 100) {
            fputs("\n", stdout);
            column = 0;
        }
        column += (size_t)printf(column ? " %.*s" : "# %.*s", (int)word, p);
        p += word;
        p += strspn(p, " ");
    }
    fputs("\n", stdout);
}

static const char *effect_word(const struct setting *setting)
{
    switch (setting->effect) {
    case EFFECT_KIND_HONOURED:
        break;
    case EFFECT_KIND_NONE:
        return "No effect";
    case EFFECT_KIND_REFUSED_IF_SET:
        return "Refused when set";
    case EFFECT_KIND_REFUSED_IF_TRUE:
        return "Refused when true";
    case EFFECT_KIND_REFUSED_IF_CHANGED:
        return "Refused when not the default";
    }
    return "";
}

/* The valid values; the long list of versions is only named. */
static void put_valid(const struct setting *setting, struct buf *out)
{
    if (setting->valid.kind == VALID_KIND_METADATA_VERSION)
        buf_put_str(out, "a Kafka version such as 3.9 or 2.8-IV1");
    else
        valid_put_text(&setting->valid, out);
}

static void print_sample_setting(enum config_key key, const char *value)
{
    const struct setting *setting = config_table_get(key);
    print_comment(setting->meaning);
    struct buf facts = {0};
    buf_printf(&facts, "Type: %s.", config_type_name(setting->type));
    struct buf valid = {0};
    put_valid(setting, &valid);
    if (valid.len)
        buf_printf(&facts, " Valid: %s.", buf_cstr(&valid));
    if (value && setting->default_text)
        buf_printf(&facts, " Default: %s.", setting->default_text);
    else if (!setting->default_text)
        buf_put_str(&facts, " Unset by default.");
    if (setting->update != UPDATE_READ_ONLY)
        buf_printf(&facts, " Can change at run time (%s).", setting_update_name(setting->update));
    print_comment(buf_cstr(&facts));
    if (setting->reason) {
        buf_clear(&facts);
        buf_printf(&facts, "%s: %s.", effect_word(setting), setting->reason);
        print_comment(buf_cstr(&facts));
    }
    buf_close(&valid);
    buf_close(&facts);
    bool active = value && setting->effect == EFFECT_KIND_HONOURED;
    if (!value)
        value = setting->default_text ? setting->default_text : "";
    printf("%s%s=%s\n\n", active ? "" : "#", setting->name, value);
}

static void print_sample(void)
{
    print_comment(
        "Configuration of barnabas-server, made from the table of settings. As it stands it runs one "
        "broker beside a ZooKeeper on this machine. In a cluster each broker has a broker.id, listeners and "
        "log.dirs of its own, and what is common to three is in cluster.properties. A line that begins with "
        "#name= is not in force; it shows the default, or what suits a single broker. docs/configuration.md "
        "has the same as tables.");
    fputs("\n# ---- What one sets first ----\n\n", stdout);
    for (size_t i = 0; i < FIRST_COUNT; i++)
        print_sample_setting(first_settings[i].key, first_settings[i].value);
    const char *area = "";
    for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++) {
        enum config_key key = (enum config_key)i;
        const struct setting *setting = config_table_get(key);
        bool in_file = setting->scope != SCOPE_KRAFT && setting->scope != SCOPE_MIGRATION &&
                       setting->scope != SCOPE_DYNAMIC && !setting->internal;
        if (key == CONFIG_NODE_ID) /* another name of broker.id, which stands first */
            continue;
        if (!in_file || is_first(key))
            continue;
        if (strcmp(area, config_table_area(key)) != 0)
            printf("# ---- %s ----\n\n", area = config_table_area(key));
        print_sample_setting(key, NULL);
    }
}

/* A cell of a table: what would end it is escaped. */
static void print_cell(const char *text)
{
    for (const char *p = text; *p; p++)
        printf(*p == '|' || *p == '<' || *p == '*' ? "\\%c" : "%c", *p);
}

static void print_row(const struct setting *setting, const char *change)
{
    printf("| `%s` | %s | ", setting->name, config_type_name(setting->type));
    if (!setting->default_text)
        fputs("unset", stdout);
    else if (!*setting->default_text)
        fputs("empty", stdout);
    else
        printf("`%s`", setting->default_text);
    struct buf valid = {0};
    put_valid(setting, &valid);
    fputs(" | ", stdout);
    print_cell(buf_cstr(&valid));
    printf(" | %s | ", change);
    buf_close(&valid);
    print_cell(setting->meaning);
    if (setting->reason) {
        printf(" **%s**: ", effect_word(setting));
        print_cell(setting->reason);
        fputs(".", stdout);
    }
    fputs(" |\n", stdout);
}

static const char *const markdown_head =
    "# Settings\n\n"
    "Printed from the tables in `src/config/` by `make update-config-docs`; `make check` compares.\n\n"
    "`barnabas-server CONFIG [--override name=value]...` reads the settings of Kafka 3.9's\n"
    "`server.properties` in ZooKeeper mode, in Java's properties syntax, and a few of its own, which begin\n"
    "with `barnabas.`. Every problem is named with its file and line before the broker gives up:\n\n"
    "* An unknown name is passed over with a warning and the nearest known name, as in Kafka; one that\n"
    "  begins with `barnabas.` is an error.\n"
    "* An invalid value is an error that says what is allowed.\n"
    "* **No effect**: the setting is accepted, and one line of the log says why it changes nothing.\n"
    "* **Refused**: the setting promises a protection that is not there, so the broker does not start.\n\n"
    "The strongest of these counts: `/config/brokers/<id>` in ZooKeeper, `/config/brokers/<default>`,\n"
    "`--override`, the file, the default. *Change* says where a value may be stored while the broker runs:\n"
    "`per-broker` for one broker, `cluster-wide` for one or for all, `read-only` needs a restart. A setting\n"
    "of a listener may be written `listener.name.<listener>.<name>`.\n";

static void print_columns(const char *fifth)
{
    printf("| Name | Type | Default | Valid values | %s | Meaning |\n|---|---|---|---|---|---|\n", fifth);
}

static void print_topics(void)
{
    fputs("\n## Topics\n\nSettings of one topic, and the settings of the broker that count where it has "
          "none.\n\n",
          stdout);
    print_columns("Inherits");
    for (unsigned i = 0; i < TOPIC_KEY_COUNT; i++) {
        const struct topic_setting *row = topic_table_get((enum topic_key)i);
        struct buf from = {0};
        for (const struct topic_synonym *synonym = row->synonyms; synonym->factor; synonym++)
            buf_printf(&from, "%s`%s`", from.len ? ", " : "", config_table_get(synonym->key)->name);
        print_row(&row->setting, buf_cstr(&from));
        buf_close(&from);
    }
}

static void print_markdown(void)
{
    fputs(markdown_head, stdout);
    const char *area = "";
    for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++) {
        enum config_key key = (enum config_key)i;
        if (strcmp(area, config_table_area(key)) != 0) {
            printf("\n## %s\n\n", area = config_table_area(key));
            print_columns("Change");
        }
        const struct setting *setting = config_table_get(key);
        print_row(setting, setting_update_name(setting->update));
    }
    print_topics();
}

/* "retention.ms#2": the topic's setting, and which spelling of it this is. */
static void print_synonym(enum config_key key)
{
    enum topic_key topic = topic_table_find_by_broker_key(key);
    if (topic == TOPIC_KEY_NONE)
        return;
    const struct topic_setting *row = topic_table_get(topic);
    int rank = 1;
    while (row->synonyms[rank - 1].key != key)
        rank++;
    fputs(row->setting.name, stdout);
    if (rank > 1)
        printf("#%d", rank);
}

static void print_table_row(const char *kind, const struct setting *setting)
{
    static const char *const scopes[] = {"both",         "zk-only", "zk-migration", "kraft-only",
                                         "dynamic-only", "plugin",  "ours"};
    struct buf valid = {0};
    valid_put_text(&setting->valid, &valid);
    printf("%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t", kind, setting->name, config_type_name(setting->type),
           setting->default_text ? setting->default_text : "null", buf_cstr(&valid),
           setting_update_name(setting->update), scopes[setting->scope],
           setting_importance_name(setting->importance), setting->internal ? "true" : "false");
    buf_close(&valid);
}

static void print_table(void)
{
    for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++) {
        print_table_row("broker", config_table_get((enum config_key)i));
        print_synonym((enum config_key)i);
        fputs("\n", stdout);
    }
    for (unsigned i = 0; i < TOPIC_KEY_COUNT; i++) {
        const struct topic_setting *row = topic_table_get((enum topic_key)i);
        print_table_row("topic", &row->setting);
        for (const struct topic_synonym *synonym = row->synonyms; synonym->factor; synonym++)
            printf("%s%s", synonym == row->synonyms ? "" : ",", config_table_get(synonym->key)->name);
        fputs("\n", stdout);
    }
}

int main(int argc, char **argv)
{
    const char *what = argc == 2 ? argv[1] : "";
    if (strcmp(what, "sample") == 0)
        print_sample();
    else if (strcmp(what, "markdown") == 0)
        print_markdown();
    else if (strcmp(what, "table") == 0)
        print_table();
    else {
        fprintf(stderr, "usage: %s sample|markdown|table\n", argv[0]);
        return 2;
    }
    return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
