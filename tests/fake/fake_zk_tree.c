#include "fake/fake_zk_tree.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/map.h"
#include "base/mem.h"

struct node {
    char *path;
    struct controller_value value;
    struct arena arena; /* of the value */
    int32_t version;
    int64_t czxid;
    int64_t mzxid;
    int64_t owner;
    bool spoilt;
};

struct session {
    int64_t id;
    int changes;
};

struct fake_zk {
    struct node **nodes; /* sorted by path */
    int count;
    int cap;
    int64_t zxid;
    struct session *sessions;
    int sessions_count;
    int sessions_cap;
    struct fake_watch *armed;
    int armed_count;
    int armed_cap;
    struct fake_watch *fired;
    int fired_count;
    int fired_cap;
};

/* ---- values */

static struct znode_ids dup_ids(struct arena *a, const struct znode_ids *from)
{
    struct znode_ids out = {.count = from->count};
    out.ids = arena_alloc(a, (size_t)from->count * sizeof(int32_t) + 1);
    if (from->count)
        memcpy(out.ids, from->ids, (size_t)from->count * sizeof(int32_t));
    return out;
}

static const char *dup_text(struct arena *a, const char *text)
{
    return text ? arena_strdup(a, text) : NULL;
}

static void dup_broker(struct arena *a, const struct znode_broker *from, struct znode_broker *out)
{
    *out = *from;
    out->host = dup_text(a, from->host);
    out->rack = dup_text(a, from->rack);
    out->endpoints = arena_zalloc(a, (size_t)from->endpoints_count * sizeof *out->endpoints + 1);
    for (int32_t i = 0; i < from->endpoints_count; i++) {
        out->endpoints[i].listener = dup_text(a, from->endpoints[i].listener);
        out->endpoints[i].protocol = dup_text(a, from->endpoints[i].protocol);
        out->endpoints[i].host = dup_text(a, from->endpoints[i].host);
        out->endpoints[i].port = from->endpoints[i].port;
    }
}

static struct znode_member *dup_members(struct arena *a, const struct znode_member *from, int32_t count)
{
    struct znode_member *out = arena_alloc(a, (size_t)count * sizeof *out + 1);
    if (count)
        memcpy(out, from, (size_t)count * sizeof *out);
    return out;
}

void fake_zk_copy_value(struct arena *a, const struct controller_value *from, struct controller_value *out)
{
    *out = *from;
    switch (from->kind) {
    case CONTROLLER_VALUE_RAW:
        out->raw = arena_dup_view(a, from->raw);
        break;
    case CONTROLLER_VALUE_BROKER:
        dup_broker(a, &from->broker, &out->broker);
        break;
    case CONTROLLER_VALUE_TOPIC:
        out->topic.partitions =
            arena_zalloc(a, (size_t)from->topic.partitions_count * sizeof *out->topic.partitions + 1);
        for (int32_t i = 0; i < from->topic.partitions_count; i++) {
            const struct znode_assignment *p = &from->topic.partitions[i];
            out->topic.partitions[i] = (struct znode_assignment){.partition = p->partition,
                                                                 .replicas = dup_ids(a, &p->replicas),
                                                                 .adding = dup_ids(a, &p->adding),
                                                                 .removing = dup_ids(a, &p->removing)};
        }
        break;
    case CONTROLLER_VALUE_STATE:
        out->state.isr = dup_ids(a, &from->state.isr);
        break;
    case CONTROLLER_VALUE_REASSIGNMENT:
    case CONTROLLER_VALUE_PARTITIONS:
        out->partitions.items =
            arena_zalloc(a, (size_t)from->partitions.count * sizeof *out->partitions.items + 1);
        for (int32_t i = 0; i < from->partitions.count; i++) {
            out->partitions.items[i].topic = dup_text(a, from->partitions.items[i].topic);
            out->partitions.items[i].partition = from->partitions.items[i].partition;
            out->partitions.items[i].replicas = dup_ids(a, &from->partitions.items[i].replicas);
        }
        break;
    case CONTROLLER_VALUE_CONFIG:
        out->config.entries = arena_zalloc(a, (size_t)from->config.count * sizeof *out->config.entries + 1);
        for (int32_t i = 0; i < from->config.count; i++) {
            out->config.entries[i].name = dup_text(a, from->config.entries[i].name);
            out->config.entries[i].value = dup_text(a, from->config.entries[i].value);
        }
        break;
    case CONTROLLER_VALUE_STANDING:
        out->standing.lost = dup_members(a, from->standing.lost, from->standing.lost_count);
        out->standing.eligible = dup_members(a, from->standing.eligible, from->standing.eligible_count);
        break;
    case CONTROLLER_VALUE_SILENCE: {
        size_t size = (size_t)from->silence.brokers_count * sizeof *from->silence.brokers;
        out->silence.brokers = arena_zalloc(a, size + 1);
        if (size)
            memcpy(out->silence.brokers, from->silence.brokers, size);
        break;
    }
    default:
        break;
    }
}

/* ---- nodes */

static int place_of(const struct fake_zk *zk, const char *path)
{
    int low = 0;
    int high = zk->count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (strcmp(zk->nodes[middle]->path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct node *find(const struct fake_zk *zk, const char *path)
{
    int place = place_of(zk, path);
    return place < zk->count && strcmp(zk->nodes[place]->path, path) == 0 ? zk->nodes[place] : NULL;
}

static void parent_of(const char *path, char out[300])
{
    snprintf(out, 300, "%s", path);
    char *slash = strrchr(out, '/');
    ASSERT(slash);
    slash[slash == out ? 1 : 0] = '\0';
}

static bool is_child(const char *parent, const char *path)
{
    char of[300];
    if (strcmp(path, "/") == 0)
        return false;
    parent_of(path, of);
    return strcmp(of, parent) == 0;
}

static void insert(struct fake_zk *zk, const char *path, const struct controller_value *value, int64_t owner)
{
    struct node *node = MEM_NEW(struct node);
    node->path = mem_strdup(path);
    fake_zk_copy_value(&node->arena, value, &node->value);
    node->czxid = node->mzxid = zk->zxid;
    node->owner = owner;
    if (zk->count == zk->cap) {
        zk->cap = zk->cap ? zk->cap * 2 : 64;
        zk->nodes = mem_resize(zk->nodes, (size_t)zk->cap * sizeof *zk->nodes);
    }
    int place = place_of(zk, path);
    memmove(zk->nodes + place + 1, zk->nodes + place, (size_t)(zk->count - place) * sizeof *zk->nodes);
    zk->nodes[place] = node;
    zk->count++;
}

static void node_free(struct node *node)
{
    arena_close(&node->arena);
    free(node->path);
    free(node);
}

static void erase(struct fake_zk *zk, const char *path)
{
    int place = place_of(zk, path);
    node_free(zk->nodes[place]);
    memmove(zk->nodes + place, zk->nodes + place + 1, (size_t)(zk->count - place - 1) * sizeof *zk->nodes);
    zk->count--;
}

/* ---- watches */

static void push_watch(struct fake_watch **list, int *count, int *cap, const struct fake_watch *watch)
{
    if (*count == *cap) {
        *cap = *cap ? *cap * 2 : 32;
        *list = mem_resize(*list, (size_t)*cap * sizeof **list);
    }
    (*list)[(*count)++] = *watch;
}

static void arm(struct fake_zk *zk, int64_t session, const char *path, bool children)
{
    struct fake_watch watch = {.session = session, .children = children};
    snprintf(watch.path, sizeof watch.path, "%s", path);
    for (int i = 0; i < zk->armed_count; i++) {
        const struct fake_watch *w = &zk->armed[i];
        if (w->session == session && w->children == children && strcmp(w->path, path) == 0)
            return;
    }
    push_watch(&zk->armed, &zk->armed_count, &zk->armed_cap, &watch);
}

static void fire(struct fake_zk *zk, const char *path, bool children)
{
    for (int i = 0; i < zk->armed_count;) {
        if (zk->armed[i].children != children || strcmp(zk->armed[i].path, path) != 0) {
            i++;
            continue;
        }
        push_watch(&zk->fired, &zk->fired_count, &zk->fired_cap, &zk->armed[i]);
        memmove(zk->armed + i, zk->armed + i + 1, (size_t)(zk->armed_count - i - 1) * sizeof *zk->armed);
        zk->armed_count--;
    }
}

static void fire_change(struct fake_zk *zk, const char *path, bool came_or_went)
{
    fire(zk, path, false);
    if (!came_or_went)
        return;
    char parent[300];
    parent_of(path, parent);
    fire(zk, parent, true);
}

bool fake_zk_take_watch(struct fake_zk *zk, struct fake_watch *out)
{
    if (zk->fired_count == 0)
        return false;
    *out = zk->fired[0];
    memmove(zk->fired, zk->fired + 1, (size_t)(zk->fired_count - 1) * sizeof *zk->fired);
    zk->fired_count--;
    return true;
}

/* ---- operations */

/* The tree as the first `done` operations of a multi would leave it. */
struct sight {
    const struct fake_zk *zk;
    const struct controller_op *ops;
    int32_t done;
};

static bool sees(const struct sight *sight, const char *path, int32_t *version)
{
    int32_t sets = 0;
    for (int32_t i = sight->done - 1; i >= 0; i--) {
        const struct controller_op *op = &sight->ops[i];
        if (strcmp(op->path, path) != 0 || op->kind == CONTROLLER_OP_CHECK)
            continue;
        if (op->kind == CONTROLLER_OP_DELETE)
            return false;
        if (op->kind == CONTROLLER_OP_CREATE) {
            *version = sets;
            return true;
        }
        sets++;
    }
    const struct node *node = find(sight->zk, path);
    if (node)
        *version = node->version + sets;
    return node != NULL;
}

static bool sees_children(const struct sight *sight, const char *path)
{
    int32_t ignored;
    size_t len = strlen(path);
    const struct fake_zk *zk = sight->zk;
    for (int i = place_of(zk, path) + 1; i < zk->count && strncmp(zk->nodes[i]->path, path, len) == 0; i++) {
        if (is_child(path, zk->nodes[i]->path) && sees(sight, zk->nodes[i]->path, &ignored))
            return true;
    }
    for (int32_t i = 0; i < sight->done; i++) {
        if (sight->ops[i].kind == CONTROLLER_OP_CREATE && is_child(path, sight->ops[i].path) &&
            sees(sight, sight->ops[i].path, &ignored))
            return true;
    }
    return false;
}

static enum err check(const struct sight *sight, const struct controller_op *op)
{
    int32_t version = 0;
    bool there = sees(sight, op->path, &version);
    if (op->kind == CONTROLLER_OP_CREATE) {
        char parent[300];
        parent_of(op->path, parent);
        return there ? ERR_EXISTS : sees(sight, parent, &version) ? ERR_NONE : ERR_NOT_FOUND;
    }
    if (!there)
        return ERR_NOT_FOUND;
    if (op->version != CONTROLLER_ANY_VERSION && op->version != version)
        return ERR_BAD_VERSION;
    if (op->kind == CONTROLLER_OP_DELETE && sees_children(sight, op->path))
        return ERR_NOT_EMPTY;
    return ERR_NONE;
}

static void change(struct fake_zk *zk, int64_t session, const struct controller_op *op,
                   struct controller_op_result *out)
{
    for (int i = 0; i < zk->sessions_count; i++)
        zk->sessions[i].changes += zk->sessions[i].id == session;
    if (op->kind == CONTROLLER_OP_CREATE) {
        insert(zk, op->path, &op->value, op->ephemeral ? session : 0);
        fire_change(zk, op->path, true);
    } else if (op->kind == CONTROLLER_OP_DELETE) {
        char path[300];
        snprintf(path, sizeof path, "%s", op->path);
        erase(zk, path);
        fire_change(zk, path, true);
    } else {
        struct node *node = find(zk, op->path);
        struct arena arena = {0};
        struct controller_value value;
        fake_zk_copy_value(&arena, &op->value, &value);
        arena_close(&node->arena);
        node->arena = arena;
        node->value = value;
        node->spoilt = false;
        out->version = ++node->version;
        node->mzxid = zk->zxid;
        fire_change(zk, op->path, false);
    }
}

static void apply_multi(struct fake_zk *zk, int64_t session, const struct controller_op *op,
                        struct arena *arena, struct controller_op_result *out)
{
    out->results = arena_zalloc(arena, (size_t)op->ops_count * sizeof *out->results);
    out->results_count = op->ops_count;
    int32_t bad = -1;
    for (int32_t i = 0; i < op->ops_count && bad < 0; i++) {
        struct sight sight = {.zk = zk, .ops = op->ops, .done = i};
        out->results[i].err = check(&sight, &op->ops[i]);
        if (out->results[i].err != ERR_NONE)
            bad = i;
    }
    for (int32_t i = 0; i < op->ops_count && bad >= 0; i++) {
        if (i != bad)
            out->results[i].err = ERR_IO;
    }
    out->err = bad < 0 ? ERR_NONE : out->results[bad].err;
    zk->zxid++;
    for (int32_t i = 0; i < op->ops_count && bad < 0; i++) {
        if (op->ops[i].kind != CONTROLLER_OP_CHECK)
            change(zk, session, &op->ops[i], &out->results[i]);
    }
}

static void apply_children(struct fake_zk *zk, const struct controller_op *op, struct arena *arena,
                           struct controller_op_result *out)
{
    out->children = arena_zalloc(arena, (size_t)zk->count * sizeof *out->children);
    for (int i = 0; i < zk->count; i++) {
        if (is_child(op->path, zk->nodes[i]->path))
            out->children[out->children_count++] = arena_strdup(arena, strrchr(zk->nodes[i]->path, '/') + 1);
    }
}

static void apply_read(struct fake_zk *zk, int64_t session, const struct controller_op *op,
                       struct arena *arena, struct controller_op_result *out)
{
    const struct node *node = find(zk, op->path);
    if (op->watch && (node || op->kind == CONTROLLER_OP_EXISTS))
        arm(zk, session, op->path, op->kind == CONTROLLER_OP_CHILDREN);
    if (!node) {
        out->err = ERR_NOT_FOUND;
        return;
    }
    out->version = node->version;
    out->czxid = node->czxid;
    out->mzxid = node->mzxid;
    out->ephemeral_owner = node->owner;
    if (op->kind == CONTROLLER_OP_CHILDREN)
        apply_children(zk, op, arena, out);
    if (op->kind != CONTROLLER_OP_GET)
        return;
    bool fits = node->value.kind == op->value.kind || op->value.kind == CONTROLLER_VALUE_NULL ||
                (node->value.kind == CONTROLLER_VALUE_NULL &&
                 (op->value.kind == CONTROLLER_VALUE_TOPIC || op->value.kind == CONTROLLER_VALUE_CONFIG ||
                  op->value.kind == CONTROLLER_VALUE_PRODUCER_IDS));
    if (node->spoilt || !fits)
        out->err = ERR_MALFORMED;
    else
        fake_zk_copy_value(arena, &node->value, &out->value);
}

void fake_zk_apply(struct fake_zk *zk, int64_t session, const struct controller_op *op, struct arena *arena,
                   struct controller_op_result *out)
{
    memset(out, 0, sizeof *out);
    switch (op->kind) {
    case CONTROLLER_OP_MULTI:
        apply_multi(zk, session, op, arena, out);
        return;
    case CONTROLLER_OP_GET:
    case CONTROLLER_OP_EXISTS:
    case CONTROLLER_OP_CHILDREN:
        apply_read(zk, session, op, arena, out);
        return;
    case CONTROLLER_OP_CREATE:
    case CONTROLLER_OP_SET:
    case CONTROLLER_OP_DELETE:
        out->err = check(&(struct sight){.zk = zk}, op);
        if (out->err == ERR_NONE) {
            zk->zxid++;
            change(zk, session, op, out);
        }
        return;
    case CONTROLLER_OP_CHECK:
        break;
    }
    UNREACHABLE();
}

/* ---- life */

struct fake_zk *fake_zk_new(void)
{
    struct fake_zk *zk = MEM_NEW(struct fake_zk);
    insert(zk, "/", &(struct controller_value){.kind = CONTROLLER_VALUE_NULL}, 0);
    return zk;
}

void fake_zk_free(struct fake_zk *zk)
{
    for (int i = 0; i < zk->count; i++)
        node_free(zk->nodes[i]);
    free(zk->nodes);
    free(zk->sessions);
    free(zk->armed);
    free(zk->fired);
    free(zk);
}

int64_t fake_zk_open_session(struct fake_zk *zk)
{
    if (zk->sessions_count == zk->sessions_cap) {
        zk->sessions_cap = zk->sessions_cap ? 2 * zk->sessions_cap : 16;
        zk->sessions = mem_resize(zk->sessions, (size_t)zk->sessions_cap * sizeof *zk->sessions);
    }
    struct session *session = &zk->sessions[zk->sessions_count++];
    *session = (struct session){.id = 0x1000 + zk->sessions_count};
    return session->id;
}

void fake_zk_close_session(struct fake_zk *zk, int64_t session)
{
    for (int i = 0; i < zk->armed_count;) {
        if (zk->armed[i].session == session) {
            memmove(zk->armed + i, zk->armed + i + 1, (size_t)(zk->armed_count - i - 1) * sizeof *zk->armed);
            zk->armed_count--;
        } else
            i++;
    }
    for (int i = 0; i < zk->count;) {
        if (zk->nodes[i]->owner == session)
            fake_zk_remove(zk, zk->nodes[i]->path);
        else
            i++;
    }
}

void fake_zk_put(struct fake_zk *zk, const char *path, const struct controller_value *value)
{
    char parent[300];
    parent_of(path, parent);
    if (!find(zk, parent))
        fake_zk_put(zk, parent, &(struct controller_value){.kind = CONTROLLER_VALUE_NULL});
    struct controller_op op = {.kind = find(zk, path) ? CONTROLLER_OP_SET : CONTROLLER_OP_CREATE,
                               .path = path,
                               .value = *value,
                               .version = CONTROLLER_ANY_VERSION};
    struct controller_op_result result;
    fake_zk_apply(zk, 0, &op, NULL, &result);
    ASSERT(result.err == ERR_NONE);
}

void fake_zk_remove(struct fake_zk *zk, const char *path)
{
    char copy[300];
    snprintf(copy, sizeof copy, "%s", path);
    struct controller_op op = {.kind = CONTROLLER_OP_DELETE, .path = copy, .version = CONTROLLER_ANY_VERSION};
    struct controller_op_result result;
    fake_zk_apply(zk, 0, &op, NULL, &result);
    ASSERT(result.err == ERR_NONE);
}

bool fake_zk_exists(struct fake_zk *zk, const char *path)
{
    return find(zk, path) != NULL;
}

void fake_zk_spoil(struct fake_zk *zk, const char *path)
{
    find(zk, path)->spoilt = true;
}

const struct controller_value *fake_zk_value(struct fake_zk *zk, const char *path)
{
    const struct node *node = find(zk, path);
    return node ? &node->value : NULL;
}

int32_t fake_zk_version(struct fake_zk *zk, const char *path)
{
    const struct node *node = find(zk, path);
    return node ? node->version : -1;
}

int64_t fake_zk_czxid(struct fake_zk *zk, const char *path)
{
    const struct node *node = find(zk, path);
    return node ? node->czxid : -1;
}

int fake_zk_changes(const struct fake_zk *zk, int64_t session)
{
    for (int i = 0; i < zk->sessions_count; i++) {
        if (zk->sessions[i].id == session)
            return zk->sessions[i].changes;
    }
    return 0;
}

/* ---- dump */

static void dump_ids(struct buf *out, const char *name, const struct znode_ids *ids)
{
    buf_printf(out, " %s=[", name);
    for (int32_t i = 0; i < ids->count; i++)
        buf_printf(out, "%s%d", i ? "," : "", ids->ids[i]);
    buf_put_str(out, "]");
}

static void dump_members(struct buf *out, const char *name, const struct znode_member *list, int32_t count)
{
    buf_printf(out, " %s=[", name);
    for (int32_t i = 0; i < count; i++)
        buf_printf(out, "%s%d%c/%d", i ? "," : "", list[i].broker, list[i].incarnation.bytes[0],
                   list[i].loss);
    buf_put_str(out, "]");
}

static void dump_value(struct buf *out, const struct controller_value *v)
{
    switch (v->kind) {
    case CONTROLLER_VALUE_RAW:
        buf_printf(out, " %.*s", VIEW_FMT(v->raw));
        break;
    case CONTROLLER_VALUE_TOPIC: {
        char text[UUID_TEXT_SIZE];
        uuid_to_text(v->topic.topic_id, text);
        buf_printf(out, " id=%s", text);
        for (int32_t i = 0; i < v->topic.partitions_count; i++) {
            buf_printf(out, " %d", v->topic.partitions[i].partition);
            dump_ids(out, "replicas", &v->topic.partitions[i].replicas);
            dump_ids(out, "adding", &v->topic.partitions[i].adding);
            dump_ids(out, "removing", &v->topic.partitions[i].removing);
        }
        break;
    }
    case CONTROLLER_VALUE_REASSIGNMENT:
        for (int32_t i = 0; i < v->partitions.count; i++) {
            buf_printf(out, " %s-%d", v->partitions.items[i].topic, v->partitions.items[i].partition);
            dump_ids(out, "replicas", &v->partitions.items[i].replicas);
        }
        break;
    case CONTROLLER_VALUE_STATE:
        buf_printf(out, " leader=%d epoch=%d controller=%d recovery=%d", v->state.leader,
                   v->state.leader_epoch, v->state.controller_epoch, v->state.leader_recovery_state);
        dump_ids(out, "isr", &v->state.isr);
        break;
    case CONTROLLER_VALUE_CONTROLLER:
        buf_printf(out, " broker=%d", v->controller.broker_id);
        break;
    case CONTROLLER_VALUE_PRODUCER_IDS:
        buf_printf(out, " broker=%d %lld-%lld", v->producer_ids.broker_id,
                   (long long)v->producer_ids.block_start, (long long)v->producer_ids.block_end);
        break;
    case CONTROLLER_VALUE_INCARNATION:
        buf_printf(out, " data=%c loss=%d", v->incarnation.id.bytes[0], v->incarnation.loss);
        break;
    case CONTROLLER_VALUE_STANDING:
        buf_printf(out, " state=%d", v->standing.state_version);
        dump_members(out, "lost", v->standing.lost, v->standing.lost_count);
        dump_members(out, "eligible", v->standing.eligible, v->standing.eligible_count);
        break;
    case CONTROLLER_VALUE_CONFIG:
        for (int32_t i = 0; i < v->config.count; i++)
            buf_printf(out, " %s=%s", v->config.entries[i].name, v->config.entries[i].value);
        break;
    default:
        break;
    }
}

void fake_zk_dump(const struct fake_zk *zk, struct buf *out)
{
    for (int i = 0; i < zk->count; i++) {
        buf_printf(out, "%s v%d", zk->nodes[i]->path, zk->nodes[i]->version);
        dump_value(out, &zk->nodes[i]->value);
        buf_put_str(out, "\n");
    }
}
