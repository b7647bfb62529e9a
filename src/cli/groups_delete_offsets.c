/*
 * `--delete-offsets`: what a group has committed of some topics is forgotten.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/groups.h"
#include "cli/kafka_text.h"

#define NOT_PROVIDED (-1)

/* One line of the result. */
struct result {
    const char *key; /* what the lines are sorted by */
    struct groups_offset of;
};

static int compare_results(const void *a, const void *b)
{
    return strcmp(((const struct result *)a)->key, ((const struct result *)b)->key);
}

/* The partitions meant, each once; a topic that is not there stands in `missing` instead. */
static bool find_scope(struct groups_session *session, const struct view *topics, int32_t count,
                       struct groups_offsets *scope, struct groups_offsets *missing, struct errmsg *why)
{
    *scope = groups_offsets_new(session, 0);
    *missing = groups_offsets_new(session, count);
    for (int32_t i = 0; i < count; i++) {
        struct groups_offsets more = groups_offsets_new(session, (int32_t)topics[i].len);
        int16_t code = ERR_NONE;
        if (groups_scope_has_partitions(topics[i])) {
            if (!groups_scope_partitions(session, topics[i], &more, why))
                return false;
        } else if (!groups_partitions_of(session, topics[i], &more, &code, why)) {
            return false;
        }
        if (code != ERR_NONE && !groups_offsets_find(missing, topics[i], NOT_PROVIDED)) {
            groups_offsets_add(missing, topics[i], NOT_PROVIDED, GROUPS_NO_OFFSET);
            missing->items[missing->count - 1].error = code;
        }
        struct groups_offsets all = groups_offsets_new(session, scope->count + more.count);
        for (int32_t k = 0; k < scope->count + more.count; k++) {
            const struct groups_offset *of =
                k < scope->count ? &scope->items[k] : &more.items[k - scope->count];
            if (!groups_offsets_find(&all, of->topic, of->partition))
                all.items[all.count++] = *of;
        }
        *scope = all;
    }
    return true;
}

/* The first thing that went wrong; what Kafka's tool makes of it. */
static void print_outcome(struct view id, const struct view *topics, int32_t count, int16_t code)
{
    switch (code) {
    case ERR_NONE:
        fputs("Request succeed for deleting offsets with topic ", stdout);
        for (int32_t i = 0; i < count; i++)
            printf("%s%.*s", i > 0 ? ", " : "", VIEW_FMT(topics[i]));
        printf(" group %.*s\n", VIEW_FMT(id));
        break;
    case ERR_INVALID_GROUP_ID:
        printf("\nError: '%.*s' is not valid.\n", VIEW_FMT(id));
        break;
    case ERR_GROUP_ID_NOT_FOUND:
        printf("\nError: '%.*s' does not exist.\n", VIEW_FMT(id));
        break;
    case ERR_GROUP_AUTHORIZATION_FAILED:
        printf("\nError: Access to '%.*s' is not authorized.\n", VIEW_FMT(id));
        break;
    case ERR_NON_EMPTY_GROUP:
        printf(
            "\nError: Deleting offsets of a consumer group '%.*s' is forbidden if the group is not empty.\n",
            VIEW_FMT(id));
        break;
    case ERR_GROUP_SUBSCRIBED_TO_TOPIC:
    case ERR_TOPIC_AUTHORIZATION_FAILED:
    case ERR_UNKNOWN_TOPIC_OR_PARTITION:
        puts("\nError: Encounter some partition level error, see the follow-up details:");
        break;
    default:
        printf("\nError: Encounter some unknown error: %s\n", err_name((enum err)code));
    }
}

static void print_results(struct groups_session *session, const struct groups_offsets *scope,
                          const struct groups_offsets *missing)
{
    int32_t count = scope->count + missing->count;
    struct result *results = arena_alloc(&session->arena, sizeof *results * (size_t)(count + 1));
    for (int32_t i = 0; i < count; i++) {
        const struct groups_offset *of =
            i < scope->count ? &scope->items[i] : &missing->items[i - scope->count];
        results[i].of = *of;
        results[i].key = arena_printf(&session->arena, "%.*s%" PRId32, VIEW_FMT(of->topic), of->partition);
    }
    qsort(results, (size_t)count, sizeof *results, compare_results);
    printf("\n%-30s %-15s %-15s", "TOPIC", "PARTITION", "STATUS");
    groups_print_line_end();
    for (int32_t i = 0; i < count; i++) {
        const struct groups_offset *of = &results[i].of;
        char number[16];
        snprintf(number, sizeof number, "%" PRId32, of->partition);
        groups_print_column(of->topic, 30);
        groups_print_column(of->partition == NOT_PROVIDED ? VIEW_LIT("Not Provided") : view_str(number), 15);
        printf("%-15s", of->error == ERR_NONE ? "Successful"
                                              : arena_printf(&session->arena, "Error: :%s",
                                                             kafka_exception(of->error, &session->arena)));
        groups_print_line_end();
    }
}

bool groups_delete_offsets(struct groups_session *session, struct view id, const struct view *topics,
                           int32_t count, struct errmsg *why)
{
    struct groups_offsets scope, missing;
    int16_t code;
    if (!find_scope(session, topics, count, &scope, &missing, why) ||
        !groups_delete_committed(session, id, &scope, &code, why))
        return false;
    for (int32_t i = 0; code == ERR_NONE && i < scope.count; i++)
        code = scope.items[i].error;
    print_outcome(id, topics, count, code);
    print_results(session, &scope, &missing);
    return true;
}
