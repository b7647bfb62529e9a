#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include "cli/groups.h"

#define COLUMN_MIN   15
#define NUMBER_WIDTH 15
#define MISSING      "-"

typedef struct wire_describe_groups_response_described_group_member described_member;

static int wider(int width, struct view text)
{
    return (int)text.len > width ? (int)text.len : width;
}

static void put(struct view text, int width)
{
    printf("%-*.*s ", width, VIEW_FMT(view_is_null(text) || text.len == 0 ? VIEW_LIT(MISSING) : text));
}

static void put_number(int64_t number, bool known, int width)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, number);
    printf("%-*s ", width, known ? text : MISSING);
}

/* --- list --------------------------------------------------------------------------------------------- */

/* "classic" as Kafka's tool shows it. */
static void put_type(struct view type)
{
    printf("%-20s ", strncasecmp((const char *)type.ptr, "classic", type.len) == 0 ? "Classic" : "Consumer");
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
    printf("%-*s %s%s\n", width, "GROUP", with_types ? "TYPE                 " : "",
           with_states ? "STATE               " : "");
    for (int32_t i = 0; i < count; i++) {
        put(list[i].group_id, width);
        if (with_types)
            put_type(list[i].group_type);
        if (with_states)
            printf("%-20.*s", VIEW_FMT(list[i].group_state));
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
        put(group->id, group_width);
        put(row->topic, topic_width);
        put_number(row->partition, !view_is_null(row->topic), 10);
        put_number(row->offset, committed, NUMBER_WIDTH);
        put_number(row->end, ended, NUMBER_WIDTH);
        put_number(row->end - row->offset, committed && ended, NUMBER_WIDTH);
        put(row->member ? row->member->member_id : VIEW_NULL, id_width);
        put(row->member ? row->member->client_host : VIEW_NULL, host_width);
        printf("%.*s", VIEW_FMT(row->member ? row->member->client_id : VIEW_LIT(MISSING)));
    }
    putchar('\n');
}

static int32_t count_assigned(const struct wire_consumer_protocol_assignment *assignment)
{
    int32_t count = 0;
    for (int32_t t = 0; t < assignment->assigned_partitions_count; t++)
        count += assignment->assigned_partitions[t].partitions_count;
    return count;
}

/* "(0,1), (2)": of each topic; its name is in --offsets. */
static void put_assignment(const struct wire_consumer_protocol_assignment *assignment)
{
    for (int32_t t = 0; t < assignment->assigned_partitions_count; t++) {
        printf("%s(", t > 0 ? ", " : "");
        for (int32_t p = 0; p < assignment->assigned_partitions[t].partitions_count; p++)
            printf("%s%" PRId32, p > 0 ? "," : "", assignment->assigned_partitions[t].partitions[p]);
        putchar(')');
    }
    if (assignment->assigned_partitions_count == 0)
        fputs(MISSING, stdout);
}

struct member_widths {
    int group, id, instance, host, client;
    bool any_static;
};

static struct member_widths measure(const struct groups_found *group)
{
    struct member_widths w = {wider(COLUMN_MIN, group->id), COLUMN_MIN, 17, COLUMN_MIN, COLUMN_MIN, false};
    for (int32_t i = 0; i < group->described.members_count; i++) {
        const described_member *member = &group->described.members[i];
        w.id = wider(w.id, member->member_id);
        w.instance = wider(w.instance, member->group_instance_id);
        w.host = wider(w.host, member->client_host);
        w.client = wider(w.client, member->client_id);
        w.any_static |= !view_is_null(member->group_instance_id);
    }
    return w;
}

void groups_print_members(const struct groups_found *group, bool verbose)
{
    struct member_widths w = measure(group);
    putchar('\n');
    put(VIEW_LIT("GROUP"), w.group);
    put(VIEW_LIT("CONSUMER-ID"), w.id);
    if (w.any_static)
        put(VIEW_LIT("GROUP-INSTANCE-ID"), w.instance);
    put(VIEW_LIT("HOST"), w.host);
    put(VIEW_LIT("CLIENT-ID"), w.client);
    printf("%-15s %s\n", "#PARTITIONS", verbose ? "ASSIGNMENT" : "");
    for (int32_t i = 0; i < group->described.members_count; i++) {
        const described_member *member = &group->described.members[i];
        put(group->id, w.group);
        put(member->member_id, w.id);
        if (w.any_static)
            put(member->group_instance_id, w.instance);
        put(member->client_host, w.host);
        put(member->client_id, w.client);
        put_number(count_assigned(&group->assignments[i]), true, NUMBER_WIDTH);
        if (verbose)
            put_assignment(&group->assignments[i]);
        putchar('\n');
    }
}

void groups_print_state(struct groups_session *session, const struct groups_found *group)
{
    const struct admin_broker *broker = admin_client_broker(session->client, group->coordinator);
    const char *place =
        broker ? arena_printf(&session->arena, "%s:%d  (%d)", broker->host, broker->port, broker->id)
               : MISSING;
    int group_width = wider(25, group->id), place_width = wider(25, view_str(place));
    printf("\n%-*s %-*s %-20s %-15s %s\n", group_width, "GROUP", place_width, "COORDINATOR (ID)",
           "ASSIGNMENT-STRATEGY", "STATE", "#MEMBERS");
    put(group->id, group_width);
    printf("%-*s ", place_width, place);
    printf("%-20.*s ", VIEW_FMT(group->described.protocol_data));
    put(group->described.group_state, 15);
    printf("%" PRId32 "\n", group->described.members_count);
}
