#include "cli/verifiable.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/utf8.h"
#include "cli/client_config.h"

/* --- the command line ------------------------------------------------------------------------------- */

static bool check(const struct verifiable_tool *tool, const struct options *opts, struct errmsg *why)
{
    if (!options_has(opts, tool->bootstrap_server) && !options_has(opts, tool->broker_list)) {
        errmsg_set(why, "one of the arguments --bootstrap-server --broker-list is required");
        return false;
    }
    if (options_has(opts, tool->bootstrap_server) && options_has(opts, tool->broker_list)) {
        errmsg_set(why, "argument --broker-list: not allowed with argument --bootstrap-server");
        return false;
    }
    for (int i = 0; i < tool->required_count; i++)
        if (!options_has(opts, tool->required[i])) {
            errmsg_set(why, "argument --%s is required", tool->specs[tool->required[i]].name);
            return false;
        }
    return true;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0)
            return true;
    return false;
}

static void print_help(const struct verifiable_tool *tool, const struct options *opts)
{
    printf("%s: %s\n", tool->name, tool->summary);
    options_print_table(opts, stdout);
}

int verifiable_main(const struct verifiable_tool *tool, int argc, char **argv)
{
    struct options opts;
    struct errmsg why = {0};
    bool help = argc == 0 || asks_for_help(argc, argv);
    int status = argc == 0 ? 0 : 1;
    bool fine = options_parse(&opts, tool->specs, tool->count, help ? 0 : argc, argv, &why);
    if (help) {
        print_help(tool, &opts);
    } else if (fine && check(tool, &opts, &why)) {
        status = tool->run(&opts);
    } else {
        errmsg_prefix(&why, "%s: error", tool->name);
        status = options_usage(&opts, why.text);
    }
    options_close(&opts);
    return status;
}

bool verifiable_load(const char *path, struct properties *out, struct errmsg *why)
{
    *out = (struct properties){0};
    return path == NULL || client_properties_load(path, out, why);
}

/* --- events ------------------------------------------------------------------------------------------ */

int64_t verifiable_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void verifiable_begin(struct buf *event, const char *name)
{
    buf_clear(event);
    buf_printf(event, "{\"timestamp\":%" PRId64 ",\"name\":\"%s\"", verifiable_now_ms(), name);
}

static void put_utf8(struct buf *out, uint32_t point)
{
    if (point < 0x80) {
        buf_put_i8(out, (int8_t)point);
        return;
    }
    int more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    static const uint8_t marks[] = {0, 0xC0, 0xE0, 0xF0};
    buf_put_i8(out, (int8_t)(marks[more] | point >> (6 * more)));
    for (int i = more - 1; i >= 0; i--)
        buf_put_i8(out, (int8_t)(0x80 | (point >> (6 * i) & 0x3F)));
}

static void put_point(struct buf *out, uint32_t point)
{
    static const char escaped[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *special = point && point < 0x80 ? strchr(escaped, (int)point) : NULL;
    if (special)
        buf_printf(out, "\\%c", letters[special - escaped]);
    else if (point < 0x20)
        buf_printf(out, "\\u%04X", point);
    else
        put_utf8(out, point);
}

static void put_string(struct buf *out, struct view text)
{
    buf_put_i8(out, '"');
    for (size_t pos = 0; pos < text.len;)
        put_point(out, utf8_next(text, &pos));
    buf_put_i8(out, '"');
}

void verifiable_put_text(struct buf *event, const char *key, struct view value)
{
    buf_printf(event, ",\"%s\":", key);
    if (view_is_null(value))
        buf_put_str(event, "null");
    else
        put_string(event, value);
}

void verifiable_put_number(struct buf *event, const char *key, int64_t value)
{
    buf_printf(event, ",\"%s\":%" PRId64, key, value);
}

void verifiable_put_partition(struct buf *event, bool first, struct view topic, int32_t partition)
{
    buf_put_str(event, first ? "{\"topic\":" : ",{\"topic\":");
    put_string(event, topic);
    verifiable_put_number(event, "partition", partition);
}

void verifiable_end(struct buf *event)
{
    buf_put_str(event, "}\n");
    fwrite(event->data, 1, event->len, stdout);
    fflush(stdout);
}

void verifiable_print(const char *name)
{
    struct buf event = {0};
    verifiable_begin(&event, name);
    verifiable_end(&event);
    buf_close(&event);
}
