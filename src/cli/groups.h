/*
 * `barnabas groups` inside: what is known of a group, asking for it, printing it.
 *
 * Standard output is that of kafka-consumer-groups.sh 3.9, byte for byte: also the
 * order in which its hash tables are walked, and the ends of lines that it forgets.
 * Who reads at a terminal gets those (groups_print_line_end).
 *
 * Ownership: everything that is asked lives in the session's arena.
 * Runs on: the main thread.
 */
#ifndef BARNABAS_CLI_GROUPS_H
#define BARNABAS_CLI_GROUPS_H

#include "cli/admin_client.h"
#include "wire/codec.h"

#define GROUPS_NO_OFFSET (-1)

/* How Java shows an error that came out of a future. */
#define GROUPS_EXECUTION "java.util.concurrent.ExecutionException"

struct groups_session {
    struct admin_client *client;
    struct arena arena;
    int timeout_ms; /* for what is not there yet: a coordinator, a leader */
    bool misused;   /* what failed is the command line's fault: the usage is shown */
};

/* A partition with an offset: committed, found in a log, or wanted. */
struct groups_offset {
    struct view topic;
    int32_t partition;
    int64_t offset; /* GROUPS_NO_OFFSET = none */
    int16_t error;  /* why there is none */
};

struct groups_offsets {
    struct groups_offset *items;
    int32_t count;
};

/* One partition of the answer to --describe --offsets. */
struct groups_row {
    struct view topic;
    int32_t partition;
    int64_t offset; /* committed; GROUPS_NO_OFFSET = none */
    int64_t end;    /* GROUPS_NO_OFFSET = unknown */
    const struct wire_describe_groups_response_described_group_member *member; /* NULL: nobody reads it */
};

struct groups_found {
    struct view id;
    bool with_history; /* its rebalances are asked for too */
    int32_t coordinator;
    struct wire_describe_groups_response_described_group described;
    struct wire_consumer_protocol_assignment *assignments; /* one for each member; empty if it has none */
    struct groups_row *rows;
    int32_t rows_count;
};

/* --- asking (groups_wire.c); false with why */

/* All groups of consumers in the cluster. */
bool groups_list(struct groups_session *session, const char *states, const char *types,
                 struct wire_list_groups_response_listed_group **out, int32_t *count, struct errmsg *why);
/* Finds the coordinator and asks it; waits for it up to the session's timeout. */
bool groups_describe(struct groups_session *session, struct view id, bool with_history,
                     struct groups_found *out, struct errmsg *why);
/* The code that the coordinator gives. */
bool groups_delete(struct groups_session *session, struct view id, int16_t *code, struct errmsg *why);
/* In what order Java walks a hash map with these keys; in the arena. */
size_t *groups_hash_order(struct groups_session *session, const struct view *ids, int32_t count);

/* One request to one broker. */
bool groups_call(struct groups_session *session, int32_t broker, int16_t key, const void *request,
                 void *answer, struct errmsg *why);
/* Sets why to the exception of the code; false. */
bool groups_failed(struct groups_session *session, int16_t code, struct errmsg *why);
int64_t groups_now_ms(void);
/* Before something is asked once more. */
void groups_pause(void);

/* Asks one broker and gives its code; false: no answer. */
typedef bool groups_asker(struct groups_session *session, struct view id, int32_t broker, void *arg,
                          int16_t *code, struct errmsg *why);
/* Asks the group's coordinator, until it is there or the session's timeout is over. */
bool groups_at_coordinator(struct groups_session *session, struct view id, int32_t *broker, groups_asker *ask,
                           void *arg, int16_t *code, struct errmsg *why);

/* --- offsets (groups_offsets.c); false with why */

/* What the group has committed, in the order in which Java walks it. */
bool groups_committed(struct groups_session *session, struct view id, struct groups_offsets *out,
                      struct errmsg *why);
#define GROUPS_LATEST   (-1)
#define GROUPS_EARLIEST (-2)
/*
 * Fills each offset with the log's first, its end, or the first at or after a time. A partition that cannot
 * be asked gets an error; `patient`: not before the session's timeout is over.
 */
bool groups_log_offsets(struct groups_session *session, struct groups_offsets *list, int64_t timestamp,
                        bool patient, struct errmsg *why);
/* As above, but all or nothing. */
bool groups_need_log_offsets(struct groups_session *session, struct groups_offsets *list, int64_t timestamp,
                             struct errmsg *why);
/* All partitions of a topic, ascending. `code` is what is wrong with the topic. */
bool groups_partitions_of(struct groups_session *session, struct view topic, struct groups_offsets *out,
                          int16_t *code, struct errmsg *why);
/* Commits for a group without members. */
bool groups_commit(struct groups_session *session, struct view id, const struct groups_offsets *list,
                   struct errmsg *why);
/* Deletes what the group has committed of these; each gets its error. */
bool groups_delete_committed(struct groups_session *session, struct view id, struct groups_offsets *list,
                             int16_t *code, struct errmsg *why);

struct groups_offsets groups_offsets_new(struct groups_session *session, int32_t room);
void groups_offsets_add(struct groups_offsets *list, struct view topic, int32_t partition, int64_t offset);
struct groups_offset *groups_offsets_find(const struct groups_offsets *list, struct view topic,
                                          int32_t partition);
/* As Java walks a hash map or set of them that was made for `capacity` keys; 0: that grew from nothing. */
void groups_offsets_hash_order(struct groups_offsets *list, size_t capacity);

/* --- what is done (a file each); false with why */

/* Fills the rows (groups_rows.c). */
bool groups_fetch_rows(struct groups_session *session, struct groups_found *group, struct errmsg *why);

/* The last rebalances (groups_history.c). False with why: the coordinator does not tell them. */
bool groups_check_history(const struct groups_found *group, struct errmsg *why);
void groups_print_history(const struct groups_found *group);

/* --delete-offsets: of topics as on the command line (groups_delete_offsets.c). */
bool groups_delete_offsets(struct groups_session *session, struct view id, const struct view *topics,
                           int32_t count, struct errmsg *why);

/* Adds the partitions that "topic:0,1" names (groups_scope.c). */
bool groups_scope_partitions(struct groups_session *session, struct view text, struct groups_offsets *out,
                             struct errmsg *why);
static inline bool groups_scope_has_partitions(struct view text)
{
    return text.len > 0 && memchr(text.ptr, ':', text.len) != NULL;
}

/* --- printing (groups_print.c) */

void groups_print_list(const struct wire_list_groups_response_listed_group *list, int32_t count,
                       bool with_types, bool with_states);
void groups_print_offsets(const struct groups_found *group);
void groups_print_members(struct groups_session *session, const struct groups_found *group, bool verbose);
void groups_print_state(struct groups_session *session, const struct groups_found *group);
/* Says what is odd about it. False: it does not exist. */
bool groups_print_oddities(const struct groups_found *group);
/* A column: the text, filled up to the width, and a blank. */
void groups_print_column(struct view text, int width);
/* The end of a line where Kafka's tool forgets it: for a terminal only. */
void groups_print_line_end(void);

#endif
