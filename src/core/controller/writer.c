/*
 * Fenced writes.
 *
 * Writes are packed, in order, into multis of about a hundred, each headed by a check of
 * /controller_epoch at the version of our term. A multi is all or nothing, the writes are
 * not: when one of them fails, it has got its answer, and the rest of its multi goes again,
 * each by itself. So a clean batch costs one round trip and a stained one two.
 *
 * An answer that was lost leaves all writes of the multi in doubt. They are sent again as
 * they were; when the second try fails, each is read back and counts as done if the znode
 * says what it was to say. For a set the version must be the next one, too: somebody else
 * may have had the same idea.
 */
#include "base/assert.h"
#include "core/controller/internal.h"

#define WRITES_PER_MULTI 99

struct write_frame {
    struct ctl_frame frame;
    struct ctl_writes *writes;
};

enum { PHASE_SEND, PHASE_SENT, PHASE_VERIFIED };

struct ctl_write *ctl_writes_add(struct controller *c, struct ctl_writes *writes,
                                 enum controller_op_kind kind, const char *path)
{
    writes->items = ctl_grow(&c->arena, writes->items, writes->count, &writes->cap, sizeof *writes->items);
    struct ctl_write *write = &writes->items[writes->count++];
    *write = (struct ctl_write){.kind = kind, .path = path, .version = CONTROLLER_ANY_VERSION};
    return write;
}

/* ---- comparing values */

static bool text_equal(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool topic_equal(const struct znode_topic *a, const struct znode_topic *b)
{
    if (!uuid_equal(a->topic_id, b->topic_id) || a->partitions_count != b->partitions_count)
        return false;
    for (int32_t i = 0; i < a->partitions_count; i++) {
        const struct znode_assignment *x = &a->partitions[i];
        const struct znode_assignment *y = &b->partitions[i];
        if (x->partition != y->partition || !ctl_ids_equal(&x->replicas, &y->replicas) ||
            !ctl_ids_equal(&x->adding, &y->adding) || !ctl_ids_equal(&x->removing, &y->removing))
            return false;
    }
    return true;
}

static bool partitions_equal(const struct znode_partitions *a, const struct znode_partitions *b)
{
    if (a->count != b->count)
        return false;
    for (int32_t i = 0; i < a->count; i++) {
        if (!text_equal(a->items[i].topic, b->items[i].topic) ||
            a->items[i].partition != b->items[i].partition ||
            !ctl_ids_equal(&a->items[i].replicas, &b->items[i].replicas))
            return false;
    }
    return true;
}

/* Names in any order; a reader may sort them. */
static bool config_equal(const struct znode_config *a, const struct znode_config *b)
{
    if (a->count != b->count)
        return false;
    for (int32_t i = 0; i < a->count; i++) {
        int32_t j = 0;
        while (j < b->count && !(text_equal(a->entries[i].name, b->entries[j].name) &&
                                 text_equal(a->entries[i].value, b->entries[j].value)))
            j++;
        if (j == b->count)
            return false;
    }
    return true;
}

static bool state_equal(const struct znode_state *a, const struct znode_state *b)
{
    return a->leader == b->leader && a->leader_epoch == b->leader_epoch &&
           a->controller_epoch == b->controller_epoch && ctl_ids_equal(&a->isr, &b->isr) &&
           a->leader_recovery_state == b->leader_recovery_state;
}

static bool members_equal(const struct znode_member *a, int32_t a_count, const struct znode_member *b,
                          int32_t b_count)
{
    if (a_count != b_count)
        return false;
    for (int32_t i = 0; i < a_count; i++) {
        if (a[i].broker != b[i].broker || a[i].loss != b[i].loss ||
            !uuid_equal(a[i].incarnation, b[i].incarnation))
            return false;
    }
    return true;
}

static bool standing_equal(const struct znode_standing *a, const struct znode_standing *b)
{
    return uuid_equal(a->topic_id, b->topic_id) && a->state_version == b->state_version &&
           a->config_zxid == b->config_zxid &&
           members_equal(a->lost, a->lost_count, b->lost, b->lost_count) &&
           members_equal(a->eligible, a->eligible_count, b->eligible, b->eligible_count);
}

bool ctl_value_equal(const struct controller_value *a, const struct controller_value *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case CONTROLLER_VALUE_NULL:
        return true;
    case CONTROLLER_VALUE_RAW:
        return view_equal(a->raw, b->raw);
    case CONTROLLER_VALUE_TOPIC:
        return topic_equal(&a->topic, &b->topic);
    case CONTROLLER_VALUE_STATE:
        return state_equal(&a->state, &b->state);
    case CONTROLLER_VALUE_PRODUCER_IDS:
        return a->producer_ids.broker_id == b->producer_ids.broker_id &&
               a->producer_ids.block_start == b->producer_ids.block_start &&
               a->producer_ids.block_end == b->producer_ids.block_end;
    case CONTROLLER_VALUE_REASSIGNMENT:
    case CONTROLLER_VALUE_PARTITIONS:
        return partitions_equal(&a->partitions, &b->partitions);
    case CONTROLLER_VALUE_CONFIG:
        return config_equal(&a->config, &b->config);
    case CONTROLLER_VALUE_FEATURE:
        return a->feature.version == b->feature.version && a->feature.status == b->feature.status;
    case CONTROLLER_VALUE_INCARNATION:
        return uuid_equal(a->incarnation.id, b->incarnation.id) &&
               a->incarnation.starts == b->incarnation.starts && a->incarnation.loss == b->incarnation.loss;
    case CONTROLLER_VALUE_STANDING:
        return standing_equal(&a->standing, &b->standing);
    case CONTROLLER_VALUE_SUSPECT:
        return a->suspect.broker_epoch == b->suspect.broker_epoch &&
               a->suspect.controller_epoch == b->suspect.controller_epoch;
    case CONTROLLER_VALUE_BROKER:
    case CONTROLLER_VALUE_CONTROLLER:
    case CONTROLLER_VALUE_LOG_DIR_EVENT:
    case CONTROLLER_VALUE_SILENCE:
        return false; /* never written through here */
    }
    UNREACHABLE();
}

/* ---- packing */

/* Writes from `at` that may not be parted. */
static int32_t unit_count(const struct ctl_writes *writes, int32_t at)
{
    int32_t count = 1;
    while (at + count < writes->count && writes->items[at + count].joined)
        count++;
    return count;
}

static void fill_op(struct controller_op *op, const struct ctl_write *write)
{
    *op = (struct controller_op){
        .kind = write->kind, .path = write->path, .value = write->value, .version = write->version};
}

/* One multi with the writes [from, to) that are not settled. */
static void add_multi(struct controller *c, struct ctl_writes *writes, int32_t from, int32_t to, int32_t open)
{
    struct controller_op *multi = ctl_op(c, CONTROLLER_OP_MULTI, NULL);
    int32_t number = c->ops_count - 1;
    multi->ops = arena_zalloc(&c->arena, (size_t)(open + 1) * sizeof *multi->ops);
    multi->ops[0] = (struct controller_op){
        .kind = CONTROLLER_OP_CHECK, .path = "/controller_epoch", .version = c->epoch_version};
    multi->ops_count = 1;
    for (int32_t i = from; i < to; i++) {
        struct ctl_write *write = &writes->items[i];
        if (write->settled)
            continue;
        write->multi = number;
        write->place = multi->ops_count;
        fill_op(&multi->ops[multi->ops_count++], write);
    }
}

static void pack(struct controller *c, struct ctl_writes *writes)
{
    int32_t begin = 0;
    int32_t open = 0; /* unsettled writes in [begin, at) */
    for (int32_t at = 0; at < writes->count;) {
        int32_t count = unit_count(writes, at);
        bool apart = writes->items[at].alone || writes->items[at].large;
        int32_t more = writes->items[at].settled ? 0 : count; /* a unit settles as one */
        if (open && more && (apart || open + more > WRITES_PER_MULTI)) {
            add_multi(c, writes, begin, at, open);
            begin = at;
            open = 0;
        }
        open += more;
        at += count;
        if (more && apart) {
            add_multi(c, writes, begin, at, open);
            begin = at;
            open = 0;
        }
    }
    if (open)
        add_multi(c, writes, begin, writes->count, open);
}

/* ---- answers */

static bool is_outcome(enum err err)
{
    return err == ERR_NOT_FOUND || err == ERR_EXISTS || err == ERR_BAD_VERSION || err == ERR_NOT_EMPTY;
}

/* Place of the operation that failed itself; -1 when the answer does not tell. */
static int32_t culprit(const struct controller_op_result *multi)
{
    for (int32_t i = 0; i < multi->results_count; i++) {
        if (multi->results[i].err != ERR_NONE && multi->results[i].err != ERR_IO)
            return i;
    }
    return -1;
}

/* Begin of the unit that holds the write. */
static int32_t unit_begin(const struct ctl_writes *writes, int32_t i)
{
    while (i > 0 && writes->items[i].joined)
        i--;
    return i;
}

static void settle_unit(struct ctl_writes *writes, int32_t culprit_index, enum err err)
{
    int32_t begin = unit_begin(writes, culprit_index);
    int32_t count = unit_count(writes, begin);
    for (int32_t i = begin; i < begin + count; i++) {
        writes->items[i].err = i == culprit_index ? err : ERR_IO;
        writes->items[i].settled = true;
    }
}

static void take_success(struct ctl_write *write, const struct controller_op_result *multi)
{
    write->err = ERR_NONE;
    write->settled = true;
    if (write->kind == CONTROLLER_OP_SET && write->place < multi->results_count)
        write->new_version = multi->results[write->place].version;
}

/* The writes [from, to) were the multi; its answer is a failure. False when the activity ends. */
static bool take_failure(struct controller *c, struct ctl_writes *writes, int32_t from, int32_t to,
                         const struct controller_op_result *multi)
{
    if (multi->err == ERR_SESSION_EXPIRED || multi->err == ERR_CLOSED) {
        ctl_session_lost(c);
        return false;
    }
    if (multi->err == ERR_CONNECTION_LOSS) {
        for (int32_t i = from; i < to; i++)
            writes->items[i].maybe |= !writes->items[i].settled;
        return true;
    }
    int32_t place = culprit(multi);
    enum err err = place < 0 ? multi->err : multi->results[place].err;
    if (place == 0 && (err == ERR_BAD_VERSION || err == ERR_NOT_FOUND)) {
        ctl_moved(c, "write");
        return false;
    }
    if (place <= 0 || !is_outcome(err)) {
        ctl_give_up(c, "write", err);
        return false;
    }
    int32_t failed = -1;
    for (int32_t i = from; i < to; i++) {
        struct ctl_write *write = &writes->items[i];
        if (write->settled)
            continue;
        write->verify = write->maybe;
        write->alone = true;
        if (write->place == place)
            failed = i;
    }
    ASSERT(failed >= 0);
    if (!writes->items[failed].verify)
        settle_unit(writes, failed, err);
    return true;
}

static bool take_answers(struct controller *c, struct ctl_writes *writes)
{
    for (int32_t from = 0; from < writes->count;) {
        if (writes->items[from].settled) {
            from++;
            continue;
        }
        int32_t number = writes->items[from].multi;
        int32_t to = from + 1;
        while (to < writes->count && (writes->items[to].settled || writes->items[to].multi == number))
            to++;
        ASSERT(number < c->results_count);
        const struct controller_op_result *multi = &c->results[number];
        if (multi->err == ERR_NONE) {
            for (int32_t i = from; i < to; i++) {
                if (!writes->items[i].settled)
                    take_success(&writes->items[i], multi);
            }
        } else if (!take_failure(c, writes, from, to, multi))
            return false;
        from = to;
    }
    return true;
}

/* ---- reading back */

static bool ask_back(struct controller *c, struct ctl_writes *writes)
{
    for (int32_t i = 0; i < writes->count; i++) {
        struct ctl_write *write = &writes->items[i];
        if (write->verify)
            ctl_get(c, write->kind == CONTROLLER_OP_DELETE ? CONTROLLER_VALUE_NULL : write->value.kind, false,
                    write->path);
    }
    return c->ops_count > 0;
}

static bool was_applied(const struct ctl_write *write, const struct controller_op_result *found)
{
    if (write->kind == CONTROLLER_OP_DELETE)
        return found->err == ERR_NOT_FOUND;
    if (found->err != ERR_NONE || !ctl_value_equal(&write->value, &found->value))
        return false;
    return write->kind == CONTROLLER_OP_CREATE || write->version == CONTROLLER_ANY_VERSION ||
           found->version == write->version + 1;
}

static void take_back(struct controller *c, struct ctl_writes *writes)
{
    int32_t at = 0;
    for (int32_t i = 0; i < writes->count; i++) {
        struct ctl_write *write = &writes->items[i];
        if (!write->verify)
            continue;
        const struct controller_op_result *found = &c->results[at++];
        write->verify = write->maybe = false;
        if (was_applied(write, found)) {
            write->settled = true;
            write->err = ERR_NONE;
            write->new_version = found->version;
        }
    }
    /* A unit is applied whole or not at all: one that proves it speaks for the others. */
    for (int32_t i = 0; i < writes->count; i += unit_count(writes, i)) {
        int32_t count = unit_count(writes, i);
        bool applied = false;
        for (int32_t j = i; j < i + count; j++)
            applied |= writes->items[j].settled && writes->items[j].err == ERR_NONE;
        for (int32_t j = i; applied && j < i + count; j++)
            writes->items[j].settled = true;
    }
}

static bool all_settled(const struct ctl_writes *writes)
{
    for (int32_t i = 0; i < writes->count; i++) {
        if (!writes->items[i].settled)
            return false;
    }
    return true;
}

static enum ctl_next run(struct controller *c, struct ctl_frame *frame)
{
    struct ctl_writes *writes = ((struct write_frame *)frame)->writes;
    switch (frame->phase) {
    case PHASE_SEND:
        if (all_settled(writes))
            return CTL_DONE;
        pack(c, writes);
        frame->phase = PHASE_SENT;
        return ctl_submit(c);
    case PHASE_SENT:
        if (!take_answers(c, writes))
            return CTL_AGAIN;
        frame->phase = PHASE_SEND;
        if (!ask_back(c, writes))
            return CTL_AGAIN;
        frame->phase = PHASE_VERIFIED;
        return ctl_submit(c);
    case PHASE_VERIFIED:
        if (!ctl_reads_ok(c))
            return CTL_AGAIN;
        take_back(c, writes);
        frame->phase = PHASE_SEND;
        return CTL_AGAIN;
    default:
        UNREACHABLE();
    }
}

void ctl_call_writes(struct controller *c, struct ctl_writes *writes)
{
    struct write_frame *frame = ctl_call(c, sizeof *frame, run);
    frame->writes = writes;
}
