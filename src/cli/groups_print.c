#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "cli/groups.h"

#define COLUMN_MIN   15
#define NUMBER_WIDTH 15
#define MISSING      "-"

typedef struct wire_describe_groups_response_described_group_member described_member;

void groups_print_line_end(void)
{
    if (isatty(STDOUT_FILENO))
        putchar('\n');
}

/* In Java's characters. */
static int width_of(struct view text)
{
    int width = 0;
    for (size_t pos = 0; pos < text.len;)
        width += utf8_next(text, &pos) >= 0x10000 ? 2 : 1;
    return width;
}

static int wider(int width, struct view text)
{
    int wanted = width_of(text);
    return wanted > width ? wanted : width;
}

void groups_print_column(struct view text, int width)
{
    int fill = width - width_of(text);
    printf("%.*s%*s ", VIEW_FMT(text), fill > 0 ? fill : 0, "");
}

static void put_number(int64_t number, bool known, int width)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, number);
    printf("%-*s ", width, known ? text : MISSING);
}

/* --- list --------------------------------------------------------------------------------------------- */

/* As Kafka's tool shows what a broker says; an old one says nothing. */
static const char *type_name(struct view type)
{
    static const char *const names[] = {"Classic", "Consumer"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (type.len == strlen(names[i]) && strncasecmp((const char *)type.ptr, names[i], type.len) == 0)
            return names[i];
    return "Unknown";
}

void groups_print_list(const struct wire_list_groups_response_listed_group *list, int32_t count,
                       bool with_types, bool with_states)
{
    if (!with_types && !with_states) {
        for (int32_t i = 0; i < count; i++)
            printf("%.*s\n", VIEW_FMT(list[i].group_id));
        return;
    }
    int width = COLUMN_MIN;
    for (int32_t i = 0; i < count; i++)
        width = wider(width, list[i].group_id);
    width += 10;
    printf("%-*s", width, "GROUP");
    if (with_types)
        printf(" %-20s", "TYPE");
    if (with_states)
        printf(" %-20s", "STATE");
    putchar('\n');
    for (int32_t i = 0; i < count; i++) {
        printf("%.*s%*s", VIEW_FMT(list[i].group_id), width - width_of(list[i].group_id), "");
        if (with_types)
            printf(" %-20s", type_name(list[i].group_type));
        if (with_states)
            printf(" %-20.*s", VIEW_FMT(list[i].group_state.len ? list[i].group_state : VIEW_LIT("Unknown")));
        putchar('\n');
    }
}

/* --- describe ----------------------------------------------------------------------------------------- */

bool groups_print_oddities(const struct groups_found *group)
{
    struct view state = group->described.group_state;
    fflush(stdout);
    if (view_equal_str(state, "Dead")) {
        printf("\nError: Consumer group '%.*s' does not exist.\n", VIEW_FMT(group->id));
        return false;
    }
    if (view_equal_str(state, "Empty"))
        fprintf(stderr, "\nConsumer group '%.*s' has no active members.\n", VIEW_FMT(group->id));
    else if (!view_equal_str(state, "Stable"))
        fprintf(stderr, "\nWarning: Consumer group '%.*s' is rebalancing.\n", VIEW_FMT(group->id));
    return true;
}

void groups_print_offsets(const struct groups_found *group)
{
    int group_width = wider(COLUMN_MIN, group->id), topic_width = COLUMN_MIN;
    int id_width = COLUMN_MIN, host_width = COLUMN_MIN;
    for (int32_t i = 0; i < group->rows_count; i++) {
        const described_member *member = group->rows[i].member;
        topic_width = wider(topic_width, group->rows[i].topic);
        id_width = wider(id_width, member ? member->member_id : VIEW_NULL);
        host_width = wider(host_width, member ? member->client_host : VIEW_NULL);
    }
    printf("\n%-*s %-*s %-10s %-15s %-15s %-15s %-*s %-*s %s", group_width, "GROUP", topic_width, "TOPIC",
           "PARTITION", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG", id_width, "CONSUMER-ID", host_width,
           "HOST", "CLIENT-ID");
    for (int32_t i = 0; i < group->rows_count; i++) {
        const struct groups_row *row = &group->rows[i];
        bool committed = row->offset != GROUPS_NO_OFFSET, ended = row->end != GROUPS_NO_OFFSET;
        putchar('\n');
        groups_print_column(group->id, group_width);
        groups_print_column(row->topic, topic_width);
        put_number(row->partition, true, 10);
        put_number(row->offset, committed, NUMBER_WIDTH);
        put_number(row->end, ended, NUMBER_WIDTH);
        put_number(row->end - row->offset, committed && ended, NUMBER_WIDTH);
        groups_print_column(row->member ? row->member->member_id : VIEW_LIT(MISSING), id_width);
        groups_print_column(row->member ? row->member->client_host : VIEW_LIT(MISSING), host_width);
        printf("%.*s", VIEW_FMT(row->member ? row->member->client_id : VIEW_LIT(MISSING)));
    }
    groups_print_line_end();
}

static int32_t count_assigned(const struct wire_consumer_protocol_assignment *assignment)
{
    int32_t count = 0;
    for (int32_t t = 0; t < assignment->assigned_partitions_count; t++)
        count += assignment->assigned_partitions[t].partitions_count;
    return count;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "(0,1,10)" with the numbers in the order of their texts. */
static char *list_numbers(struct arena *arena, const int32_t *numbers, int32_t count)
{
    char **texts = arena_alloc(arena, sizeof *texts * (size_t)(count + 1));
    for (int32_t i = 0; i < count; i++)
        texts[i] = arena_printf(arena, "%" PRId32, numbers[i]);
    qsort(texts, (size_t)count, sizeof *texts, compare_texts);
    struct buf out = {0};
    buf_put_i8(&out, '(');
    for (int32_t i = 0; i < count; i++)
        buf_printf(&out, "%s%s", i > 0 ? "," : "", texts[i]);
    buf_put_i8(&out, ')');
    char *copy = arena_cstr(arena, buf_view(&out));
    buf_close(&out);
    return copy;
}

/* "(0,1), (2)": of each topic; its name is in --offsets. */
static void put_assignment(struct arena *arena, const struct wire_consumer_protocol_assignment *assignment)
{
    size_t count = 0;
    char **lists = arena_alloc(arena, sizeof *lists * (size_t)(assignment->assigned_partitions_count + 1));
    for (int32_t t = 0; t < assignment->assigned_partitions_count; t++)
        if (assignment->assigned_partitions[t].partitions_count > 0)
            lists[count++] = list_numbers(arena, assignment->assigned_partitions[t].partitions,
                                          assignment->assigned_partitions[t].partitions_count);
    qsort(lists, count, sizeof *lists, compare_texts);
    for (size_t i = 0; i < count; i++)
        printf("%s%s", i > 0 ? ", " : "", lists[i]);
    if (count == 0)
        fputs(MISSING, stdout);
}

struct member_widths {
    int group, id, instance, host, client;
    bool any_static;
};

static struct member_widths measure(const struct groups_found *group)
{
    struct member_widths w = {COLUMN_MIN, COLUMN_MIN, 17, COLUMN_MIN, COLUMN_MIN, false};
    for (int32_t i = 0; i < group->described.members_count; i++) {
        const described_member *member = &group->described.members[i];
        w.group = wider(w.group, group->id);
        w.id = wider(w.id, member->member_id);
        w.instance = wider(w.instance, member->group_instance_id);
        w.host = wider(w.host, member->client_host);
        w.client = wider(w.client, member->client_id);
        w.any_static |= member->group_instance_id.len > 0;
    }
    return w;
}

void groups_print_members(struct groups_session *session, const struct groups_found *group, bool verbose)
{
    struct member_widths w = measure(group);
    putchar('\n');
    groups_print_column(VIEW_LIT("GROUP"), w.group);
    groups_print_column(VIEW_LIT("CONSUMER-ID"), w.id);
    if (w.any_static)
        groups_print_column(VIEW_LIT("GROUP-INSTANCE-ID"), w.instance);
    groups_print_column(VIEW_LIT("HOST"), w.host);
    groups_print_column(VIEW_LIT("CLIENT-ID"), w.client);
    printf("%-15s %s\n", "#PARTITIONS", verbose ? "ASSIGNMENT" : "");
    for (int32_t i = 0; i < group->described.members_count; i++) {
        const described_member *member = &group->described.members[i];
        groups_print_column(group->id, w.group);
        groups_print_column(member->member_id, w.id);
        if (w.any_static)
            groups_print_column(member->group_instance_id, w.instance);
        groups_print_column(member->client_host, w.host);
        groups_print_column(member->client_id, w.client);
        put_number(count_assigned(&group->assignments[i]), true, NUMBER_WIDTH);
        if (verbose)
            put_assignment(&session->arena, &group->assignments[i]);
        putchar('\n');
    }
}

void groups_print_state(struct groups_session *session, const struct groups_found *group)
{
    const struct admin_broker *broker = admin_client_broker(session->client, group->coordinator);
    const char *place =
        broker ? arena_printf(&session->arena, "%s:%d  (%d)", broker->host, broker->port, broker->id)
               : MISSING;
    int width = wider(25, view_str(place)); /* Kafka's tool widens the wrong column, so this one does */
    printf("\n%-*s %-25s %-20s %-15s %s", width, "GROUP", "COORDINATOR (ID)", "ASSIGNMENT-STRATEGY", "STATE",
           "#MEMBERS");
    putchar('\n');
    groups_print_column(group->id, width);
    groups_print_column(view_str(place), 25);
    groups_print_column(group->described.protocol_data, 20);
    groups_print_column(group->described.group_state, 15);
    printf("%" PRId32 "\n", group->described.members_count);
}
