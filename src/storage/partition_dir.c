#include "storage/partition_dir.h"

#include <stdlib.h>

#include "base/mem.h"
#include "storage/checkpoint_file.h"

static const char *const suffixes[] = {
    [PARTITION_DIR_CURRENT] = "",
    [PARTITION_DIR_FUTURE] = "-future",
    [PARTITION_DIR_DELETE] = "-delete",
    [PARTITION_DIR_STRAY] = "-stray",
};

static enum partition_dir_kind kind_of(struct view name)
{
    for (size_t kind = PARTITION_DIR_FUTURE; kind < ARRAY_LEN(suffixes); kind++) {
        size_t len = strlen(suffixes[kind]);
        if (name.len >= len && memcmp(name.ptr + name.len - len, suffixes[kind], len) == 0)
            return (enum partition_dir_kind)kind;
    }
    return PARTITION_DIR_CURRENT;
}

static bool has_space(struct view text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == ' ' || (text.ptr[i] >= '\t' && text.ptr[i] <= '\r'))
            return true;
    return false;
}

static const uint8_t *find_last(struct view text, char c)
{
    return text.len ? memrchr(text.ptr, c, text.len) : NULL;
}

/*
 * Cuts "topic-N.<id>-suffix" down to "topic-N". Kafka's pattern: text, '-', text, '.', text, the suffix,
 * where text is anything without white space.
 */
static bool cut_suffix(struct view *name, enum partition_dir_kind kind)
{
    struct view rest = view_of(name->ptr, name->len - strlen(suffixes[kind]));
    const uint8_t *dash = rest.len > 1 ? memchr(rest.ptr + 1, '-', rest.len - 1) : NULL;
    const uint8_t *dot = rest.len ? find_last(view_of(rest.ptr, rest.len - 1), '.') : NULL;
    if (!dash || !dot || dot < dash + 2 || has_space(*name))
        return false;
    /* What is dropped is all from the last dot on, which may lie behind the one that the pattern needs. */
    name->len = (size_t)(find_last(rest, '.') - name->ptr);
    return true;
}

bool partition_dir_parse(const char *name, struct partition_dir_name *out)
{
    struct view text = view_str(name);
    enum partition_dir_kind kind = kind_of(text);
    if (kind != PARTITION_DIR_CURRENT && !cut_suffix(&text, kind))
        return false;
    const uint8_t *dash = find_last(text, '-');
    if (!dash || dash == text.ptr)
        return false;
    size_t topic_len = (size_t)(dash - text.ptr);
    int32_t partition;
    if (!checkpoint_parse_i32(view_of(dash + 1, text.len - topic_len - 1), &partition))
        return false;
    *out = (struct partition_dir_name){view_of(text.ptr, topic_len), partition, kind};
    return true;
}

char *partition_dir_format(struct view topic, int32_t partition, enum partition_dir_kind kind, struct uuid id)
{
    if (kind == PARTITION_DIR_CURRENT)
        return mem_printf("%.*s-%d", VIEW_FMT(topic), partition);
    char hex[2 * sizeof id.bytes + 1];
    for (size_t i = 0; i < sizeof id.bytes; i++) {
        hex[2 * i] = "0123456789abcdef"[id.bytes[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[id.bytes[i] & 15];
    }
    hex[2 * sizeof id.bytes] = '\0';
    char *tail = mem_printf("-%d.%s%s", partition, hex, suffixes[kind]);
    size_t room = PARTITION_DIR_NAME_MAX - strlen(tail);
    char *name = NULL;
    if (topic.len <= room || kind != PARTITION_DIR_FUTURE)
        name =
            mem_printf("%.*s%s", (int)(topic.len < room ? topic.len : room), (const char *)topic.ptr, tail);
    free(tail);
    return name;
}
