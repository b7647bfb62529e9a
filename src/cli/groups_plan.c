/*
 * Scope and target of a reset, and what they make of the group's present offsets and of the logs.
 *
 * The order of partitions is that of Java's hash maps, which keep the order of what falls into the same
 * bucket: so what is put into one stays in the order of the scope (groups_offsets_hash_order).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli/client_config.h"
#include "cli/groups_csv.h"
#include "cli/groups_reset.h"
#include "cli/java_order.h"
#include "cli/java_time.h"
#include "cli/kafka_text.h"

/* Some millions of lines. */
#define CSV_MAX_BYTES (256 << 20)

#define LOGGER "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"

static bool misused(struct groups_session *session)
{
    session->misused = true;
    return false;
}

/* --- scope ------------------------------------------------------------------------------------------- */

static bool refuse_repeats(const struct groups_offsets *list, struct errmsg *why)
{
    for (int32_t i = 0; i < list->count; i++) {
        const struct groups_offset *of = &list->items[i];
        if (groups_offsets_find(list, of->topic, of->partition) == of)
            continue;
        errmsg_set(why, "Duplicate key %.*s-%" PRId32, VIEW_FMT(of->topic), of->partition);
        return false;
    }
    return true;
}

static void append(struct groups_session *session, struct groups_offsets *to,
                   const struct groups_offsets *more)
{
    struct groups_offsets all = groups_offsets_new(session, to->count + more->count);
    for (int32_t i = 0; i < to->count; i++)
        all.items[all.count++] = to->items[i];
    for (int32_t i = 0; i < more->count; i++)
        all.items[all.count++] = more->items[i];
    *to = all;
}

/* Whole topics, in the order in which Java walks a map of their descriptions. */
static bool add_topics(struct groups_session *session, const struct view *names, int32_t count,
                       struct groups_offsets *out, struct errmsg *why)
{
    int32_t *hashes = arena_alloc(&session->arena, sizeof *hashes * (size_t)(count + 1));
    size_t *order = arena_alloc(&session->arena, sizeof *order * (size_t)(count + 1));
    for (int32_t i = 0; i < count; i++)
        hashes[i] = java_string_hash(names[i]);
    java_hash_codes_order(hashes, (size_t)count, (size_t)count, order);
    for (int32_t i = 0; i < count; i++) {
        struct groups_offsets more;
        int16_t code;
        if (!groups_partitions_of(session, names[order[i]], &more, &code, why))
            return false;
        if (code != ERR_NONE) {
            errmsg_set(why, GROUPS_EXECUTION ": %s", kafka_exception(code, &session->arena));
            return false;
        }
        append(session, out, &more);
    }
    return true;
}

static bool named_scope(struct groups_session *session, const struct groups_reset *reset,
                        struct groups_offsets *out, struct errmsg *why)
{
    struct view *whole = arena_alloc(&session->arena, sizeof *whole * (size_t)(reset->topics_count + 1));
    int32_t whole_count = 0;
    *out = groups_offsets_new(session, 0);
    for (int32_t i = 0; i < reset->topics_count; i++) {
        bool known = false;
        for (int32_t k = 0; k < whole_count; k++)
            known |= view_equal(whole[k], reset->topics[i]);
        if (!groups_scope_has_partitions(reset->topics[i])) {
            if (!known)
                whole[whole_count++] = reset->topics[i];
            continue;
        }
        struct groups_offsets more = groups_offsets_new(session, (int32_t)reset->topics[i].len);
        if (!groups_scope_partitions(session, reset->topics[i], &more, why))
            return false;
        append(session, out, &more);
    }
    return add_topics(session, whole, whole_count, out, why) && refuse_repeats(out, why);
}

static bool find_scope(struct groups_session *session, const struct groups_reset *reset, struct view id,
                       struct groups_offsets *out, struct errmsg *why)
{
    if (reset->all_topics) {
        if (groups_committed(session, id, out, why))
            return true;
        errmsg_prefix(why, GROUPS_EXECUTION);
        return false;
    }
    if (reset->topics_count > 0)
        return named_scope(session, reset, out, why);
    *out = groups_offsets_new(session, 0);
    if (reset->target == GROUPS_FROM_FILE)
        return true;
    errmsg_set(why, "One of the reset scopes should be defined: --all-topics, --topic.");
    return misused(session);
}

/* --- what the logs allow ----------------------------------------------------------------------------- */

static struct groups_offsets copy_of(struct groups_session *session, const struct groups_offsets *list)
{
    struct groups_offsets copy = groups_offsets_new(session, list->count);
    append(session, &copy, list);
    return copy;
}

/* As log4j would print it. */
static void warn_of_range(const struct groups_offset *of, const char *where, int64_t bound)
{
    struct timespec now;
    struct tm local;
    char stamp[40];
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &local);
    strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S", &local);
    fprintf(stderr,
            "[%s,%03d] WARN New offset (%" PRId64 ") is %s offset for topic partition %.*s-%" PRId32
            ". Value will be set to %" PRId64 " (" LOGGER ")\n",
            stamp, (int)(now.tv_nsec / 1000000), of->offset, where, VIEW_FMT(of->topic), of->partition,
            bound);
}

/* Offsets outside the log become its nearer end, with a warning. */
static bool clamp(struct groups_session *session, struct groups_offsets *list, struct errmsg *why)
{
    struct groups_offsets starts = copy_of(session, list), ends = copy_of(session, list);
    if (!groups_need_log_offsets(session, &starts, GROUPS_EARLIEST, why) ||
        !groups_need_log_offsets(session, &ends, GROUPS_LATEST, why))
        return false;
    groups_offsets_hash_order(list, 0);
    for (int32_t i = 0; i < list->count; i++) {
        struct groups_offset *of = &list->items[i];
        int64_t start = groups_offsets_find(&starts, of->topic, of->partition)->offset;
        int64_t end = groups_offsets_find(&ends, of->topic, of->partition)->offset;
        if (of->offset > end) {
            warn_of_range(of, "higher than latest", end);
            of->offset = end;
        } else if (of->offset < start) {
            warn_of_range(of, "lower than earliest", start);
            of->offset = start;
        }
    }
    return true;
}

/* --- targets ----------------------------------------------------------------------------------------- */

static bool to_offset(struct groups_session *session, const struct groups_reset *reset,
                      struct groups_offsets *list, struct errmsg *why)
{
    for (int32_t i = 0; i < list->count; i++)
        list->items[i].offset = reset->number;
    return clamp(session, list, why);
}

static bool to_log_end(struct groups_session *session, struct groups_offsets *list, int64_t timestamp,
                       struct errmsg *why)
{
    if (!groups_need_log_offsets(session, list, timestamp, why))
        return false;
    groups_offsets_hash_order(list, 0);
    return true;
}

static bool ask_committed(struct groups_session *session, struct view id, struct groups_offsets *out,
                          struct errmsg *why)
{
    if (groups_committed(session, id, out, why))
        return true;
    errmsg_prefix(why, GROUPS_EXECUTION);
    return false;
}

static bool shift_by(struct groups_session *session, const struct groups_reset *reset, struct view id,
                     struct groups_offsets *list, struct errmsg *why)
{
    struct groups_offsets committed;
    if (!ask_committed(session, id, &committed, why))
        return false;
    for (int32_t i = 0; i < list->count; i++) {
        struct groups_offset *of = &list->items[i];
        const struct groups_offset *now = groups_offsets_find(&committed, of->topic, of->partition);
        if (!now) {
            errmsg_set(why,
                       "Cannot shift offset for partition %.*s-%" PRId32
                       " since there is no current committed offset",
                       VIEW_FMT(of->topic), of->partition);
            return misused(session);
        }
        if (__builtin_add_overflow(now->offset, reset->number, &of->offset))
            of->offset = INT64_MAX; /* an offset is not negative: only upwards is there an end */
    }
    return clamp(session, list, why);
}

/* The first record at or after the time; where there is none, the end of the log, and it is said. */
static bool to_time(struct groups_session *session, struct groups_offsets *list, int64_t ms,
                    struct errmsg *why)
{
    struct groups_offsets late = groups_offsets_new(session, list->count);
    if (!to_log_end(session, list, ms, why))
        return false;
    for (int32_t i = 0; i < list->count; i++) {
        if (list->items[i].offset != GROUPS_NO_OFFSET)
            continue;
        printf("\nWarn: Partition %" PRId32
               " from topic %.*s is empty. Falling back to latest known offset.\n",
               list->items[i].partition, VIEW_FMT(list->items[i].topic));
        late.items[late.count++] = list->items[i];
    }
    if (!groups_need_log_offsets(session, &late, GROUPS_LATEST, why))
        return false;
    for (int32_t i = 0; i < late.count; i++)
        groups_offsets_find(list, late.items[i].topic, late.items[i].partition)->offset =
            late.items[i].offset;
    return true;
}

static bool to_datetime(struct groups_session *session, const char *text, struct groups_offsets *list,
                        struct errmsg *why)
{
    int64_t ms;
    return java_parse_datetime(text, &ms, why) && to_time(session, list, ms, why);
}

static bool by_duration(struct groups_session *session, const char *text, struct groups_offsets *list,
                        struct errmsg *why)
{
    struct timespec now;
    int64_t ago_ms, ms;
    if (!java_parse_duration(text, &ago_ms, why))
        return false;
    clock_gettime(CLOCK_REALTIME, &now);
    if (__builtin_sub_overflow((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, ago_ms, &ms)) {
        errmsg_set(why, "long overflow");
        return false;
    }
    return to_time(session, list, ms, why);
}

/* Where the group stands; at the end of the log where it stands nowhere. */
static bool to_current(struct groups_session *session, struct view id, struct groups_offsets *list,
                       struct errmsg *why)
{
    struct groups_offsets committed, known = groups_offsets_new(session, list->count);
    struct groups_offsets unknown = groups_offsets_new(session, list->count);
    if (!ask_committed(session, id, &committed, why))
        return false;
    for (int32_t i = 0; i < list->count; i++) {
        struct groups_offset *of =
            groups_offsets_find(&committed, list->items[i].topic, list->items[i].partition);
        if (of)
            known.items[known.count++] = *of;
        else
            unknown.items[unknown.count++] = list->items[i];
    }
    groups_offsets_hash_order(&known, 0);
    if (!to_log_end(session, &unknown, GROUPS_LATEST, why))
        return false;
    append(session, &known, &unknown);
    *list = known;
    groups_offsets_hash_order(list, 0);
    return true;
}

/* The lines of this group; of two for the same partition the later one counts. */
static void take_lines(const struct groups_csv_row *rows, int32_t count, struct view id,
                       struct groups_offsets *out)
{
    for (int32_t i = 0; i < count; i++) {
        if (!view_equal(rows[i].group, id))
            continue;
        struct groups_offset *of = groups_offsets_find(out, rows[i].topic, rows[i].partition);
        if (of)
            of->offset = rows[i].offset;
        else
            groups_offsets_add(out, rows[i].topic, rows[i].partition, rows[i].offset);
    }
}

static bool from_file(struct groups_session *session, const struct groups_reset *reset, struct view id,
                      struct groups_offsets *list, struct errmsg *why)
{
    struct buf text = {0};
    struct groups_csv_row *rows;
    int32_t count;
    bool fine = client_file_read(reset->text, CSV_MAX_BYTES, &text, why);
    if (fine && !groups_csv_read(arena_dup_view(&session->arena, buf_view(&text)), reset->only_group,
                                 &session->arena, &rows, &count, why)) {
        errmsg_prefix(why, "%.100s", reset->text);
        fine = false;
    }
    buf_close(&text);
    if (!fine)
        return false;
    *list = groups_offsets_new(session, count);
    take_lines(rows, count, id, list);
    if (list->count == 0) {
        printf("\nError: No reset plan for group %.*s found\n", VIEW_FMT(id));
        return true;
    }
    groups_offsets_hash_order(list, 0);
    return clamp(session, list, why);
}

bool groups_plan(struct groups_session *session, const struct groups_reset *reset, struct view id,
                 struct groups_offsets *out, struct errmsg *why)
{
    if (!find_scope(session, reset, id, out, why))
        return false;
    switch (reset->target) {
    case GROUPS_TO_OFFSET:
        return to_offset(session, reset, out, why);
    case GROUPS_TO_EARLIEST:
        return to_log_end(session, out, GROUPS_EARLIEST, why);
    case GROUPS_TO_LATEST:
        return to_log_end(session, out, GROUPS_LATEST, why);
    case GROUPS_SHIFT_BY:
        return shift_by(session, reset, id, out, why);
    case GROUPS_TO_DATETIME:
        return to_datetime(session, reset->text, out, why);
    case GROUPS_BY_DURATION:
        return by_duration(session, reset->text, out, why);
    case GROUPS_FROM_FILE:
        return from_file(session, reset, id, out, why);
    case GROUPS_TO_CURRENT:
        return to_current(session, id, out, why);
    case GROUPS_NO_TARGET:
        break;
    }
    errmsg_set(why,
               "Option '[reset-offsets]' requires one of the following scenarios: [[to-offset], [shift-by], "
               "[to-datetime], [by-duration], [to-earliest], [to-latest], [to-current], [from-file]]");
    return misused(session);
}
