/*
 * `barnabas groups` inside: what is known of a group, asking for it, printing it.
 *
 * Ownership: everything that is asked lives in the session's arena.
 * Runs on: the main thread.
 */
#ifndef BARNABAS_CLI_GROUPS_H
#define BARNABAS_CLI_GROUPS_H

#include "cli/admin_client.h"
#include "wire/codec.h"

#define GROUPS_NO_OFFSET (-1)

struct groups_session {
    struct admin_client *client;
    struct arena arena;
    int timeout_ms; /* for a coordinator that is not there yet */
};

/* One partition of the answer to --describe --offsets. */
struct groups_row {
    struct view topic; /* null: a member without partitions */
    int32_t partition;
    int64_t offset; /* committed; GROUPS_NO_OFFSET = none */
    int64_t end;    /* GROUPS_NO_OFFSET = unknown */
    const struct wire_describe_groups_response_described_group_member *member; /* NULL: nobody reads it */
};

struct groups_found {
    struct view id;
    int32_t coordinator;
    struct wire_describe_groups_response_described_group described;
    struct wire_consumer_protocol_assignment *assignments; /* one for each member; empty if it has none */
    struct groups_row *rows;
    int32_t rows_count;
};

/* --- asking (groups_wire.c); false with why */

/* All groups of the cluster, by name. */
bool groups_list(struct groups_session *session, const char *states, const char *types,
                 struct wire_list_groups_response_listed_group **out, int32_t *count, struct errmsg *why);
/* Finds the coordinator and asks it; waits for it up to the session's timeout. */
bool groups_describe(struct groups_session *session, struct view id, struct groups_found *out,
                     struct errmsg *why);
/* Fills the rows. */
bool groups_fetch_offsets(struct groups_session *session, struct groups_found *group, struct errmsg *why);
/* The code that the coordinator gives. */
bool groups_delete(struct groups_session *session, struct view id, int16_t *code, struct errmsg *why);

/* --- printing (groups_print.c) */

void groups_print_list(const struct wire_list_groups_response_listed_group *list, int32_t count,
                       bool with_types, bool with_states);
void groups_print_offsets(const struct groups_found *group);
void groups_print_members(const struct groups_found *group, bool verbose);
void groups_print_state(struct groups_session *session, const struct groups_found *group);
/* Says what is odd about it. False: it does not exist, and nothing else is to be printed. */
bool groups_print_oddities(const struct groups_found *group);

#endif
