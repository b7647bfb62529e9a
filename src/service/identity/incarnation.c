#include "service/identity/incarnation.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/properties.h"
#include "service/broker.h"
#include "service/identity/session_record.h"
#include "storage/atomic_file.h"
#include "storage/checkpoint_file.h"
#include "zk/znode_json.h"

/* ---- the file */

void incarnation_file_close(struct incarnation_file *file)
{
    free(file->directories);
    *file = (struct incarnation_file){0};
}

static const char *const LOSSES[] = {
    [ZNODE_LOSS_NONE] = "none", [ZNODE_LOSS_TAIL] = "tail", [ZNODE_LOSS_DATA] = "data"};

static void put_uuid(struct buf *out, const char *key, struct uuid id)
{
    char text[UUID_TEXT_SIZE];
    uuid_to_text(id, text);
    properties_put(out, key, text);
}

void incarnation_file_format(const struct incarnation_file *file, struct buf *out)
{
    char number[24];
    struct buf list = {0};
    buf_put_str(out,
                "# Which data this is. Never copy it: another directory with it is taken for a mistake.\n");
    put_uuid(out, "incarnation", file->incarnation);
    put_uuid(out, "directory", file->directory);
    for (int i = 0; i < file->directories_count; i++) {
        char text[UUID_TEXT_SIZE];
        uuid_to_text(file->directories[i], text);
        buf_printf(&list, "%s%s", i ? "," : "", text);
    }
    properties_put(out, "directories", buf_cstr(&list));
    snprintf(number, sizeof number, "%" PRId64, file->starts);
    properties_put(out, "starts", number);
    properties_put(out, "boot.id", file->boot_id);
    if (!uuid_is_zero(file->replaced)) {
        put_uuid(out, "replaced", file->replaced);
        properties_put(out, "loss", LOSSES[file->loss]);
    }
    buf_close(&list);
}

static bool get_uuid(const struct properties *props, const char *key, struct uuid *out)
{
    const char *text = properties_get(props, key);
    return text && uuid_from_text(view_str(text), out) && !uuid_is_zero(*out);
}

static bool get_directories(const struct properties *props, struct incarnation_file *out)
{
    const char *at = properties_get(props, "directories");
    if (!at)
        return false;
    out->directories = mem_zalloc((strlen(at) / (UUID_TEXT_SIZE - 1) + 1) * sizeof *out->directories);
    while (*at) {
        size_t len = strcspn(at, ",");
        if (len != UUID_TEXT_SIZE - 1 ||
            !uuid_from_text(view_of(at, len), &out->directories[out->directories_count++]))
            return false;
        at += len + (at[len] == ',');
    }
    return true;
}

/* Both or neither. */
static bool get_replaced(const struct properties *props, struct incarnation_file *out)
{
    const char *loss = properties_get(props, "loss");
    if (!properties_get(props, "replaced"))
        return loss == NULL;
    for (size_t i = 0; loss && i < ARRAY_LEN(LOSSES); i++) {
        if (strcmp(loss, LOSSES[i]) == 0) {
            out->loss = (enum znode_loss)i;
            return get_uuid(props, "replaced", &out->replaced);
        }
    }
    return false;
}

bool incarnation_file_parse(struct view text, struct incarnation_file *out)
{
    struct properties props;
    *out = (struct incarnation_file){0};
    properties_parse(text, &props);
    const char *starts = properties_get(&props, "starts");
    const char *boot_id = properties_get(&props, "boot.id");
    bool good = get_uuid(&props, "incarnation", &out->incarnation) &&
                get_uuid(&props, "directory", &out->directory) && get_directories(&props, out) && starts &&
                checkpoint_parse_i64(view_str(starts), &out->starts) && out->starts >= 0 && boot_id &&
                strlen(boot_id) < sizeof out->boot_id && get_replaced(&props, out);
    if (good)
        memcpy(out->boot_id, boot_id, strlen(boot_id) + 1);
    properties_close(&props);
    if (!good)
        incarnation_file_close(out);
    return good;
}

/* ---- the verdict */

static const struct incarnation_dir *dir_with_id(const struct incarnation_dir *dirs, int count,
                                                 struct uuid id)
{
    for (int i = 0; i < count; i++) {
        if (dirs[i].has_file && uuid_equal(dirs[i].file.directory, id))
            return &dirs[i];
    }
    return NULL;
}

static const struct incarnation_dir *first_with_file(const struct incarnation_dir *dirs, int count)
{
    for (int i = 0; i < count; i++) {
        if (dirs[i].has_file)
            return &dirs[i];
    }
    return NULL;
}

/* The most that any file misses. */
static int missing_directories(const struct incarnation_dir *dirs, int count)
{
    int most = 0;
    for (int i = 0; i < count; i++) {
        int missing = 0;
        for (int d = 0; dirs[i].has_file && d < dirs[i].file.directories_count; d++)
            missing += dir_with_id(dirs, count, dirs[i].file.directories[d]) == NULL;
        most = missing > most ? missing : most;
    }
    return most;
}

/* Was it made by a start that was cut before it registered? */
static bool is_pending(const struct incarnation_file *file, const struct znode_incarnation *known)
{
    return known && !uuid_is_zero(file->replaced) && uuid_equal(file->replaced, known->id);
}

/* The incarnation that a directory had when the broker registered last. */
static struct uuid registered_as(const struct incarnation_file *file, const struct znode_incarnation *known)
{
    return is_pending(file, known) ? known->id : file->incarnation;
}

static const char *mismatch(const struct incarnation_dir *dirs, int count, int offline,
                            const struct znode_incarnation *known)
{
    const struct incarnation_dir *first = first_with_file(dirs, count);
    if (!first)
        return "no log directory is one of those it had";
    for (int i = 0; i < count; i++) {
        if (!dirs[i].has_file)
            continue;
        struct uuid id = registered_as(&dirs[i].file, known);
        if (!uuid_equal(id, registered_as(&first->file, known)))
            return "its log directories are of different times";
        if (dir_with_id(dirs, count, dirs[i].file.directory) != &dirs[i])
            return "two log directories are copies of one";
        if (known && !uuid_equal(id, known->id))
            return "its data is not what it was registered with last";
        if (known && dirs[i].file.starts < known->starts)
            return "a log directory is older than it was at the last start";
    }
    return missing_directories(dirs, count) > offline ? "a log directory is missing or was emptied" : NULL;
}

struct incarnation_verdict incarnation_judge(const struct incarnation_dir *dirs, int count, int offline,
                                             const struct znode_incarnation *known, const char *boot_id)
{
    if (!first_with_file(dirs, count) && !known)
        return (struct incarnation_verdict){.loss = ZNODE_LOSS_NONE, .reason = "first start"};
    const char *reason = mismatch(dirs, count, offline, known);
    if (reason)
        return (struct incarnation_verdict){.loss = ZNODE_LOSS_DATA, .reason = reason};
    struct incarnation_verdict verdict = {.keep = true, .reason = "as it was"};
    for (int i = 0; i < count; i++) {
        const struct incarnation_file *file = &dirs[i].file;
        bool pending = dirs[i].has_file && is_pending(file, known);
        bool other_boot = dirs[i].has_file && !dirs[i].clean && strcmp(file->boot_id, boot_id) != 0;
        if (pending && file->loss >= verdict.loss)
            verdict = (struct incarnation_verdict){
                .loss = file->loss, .reason = "the start before this one was cut before it registered"};
        if ((dirs[i].power_lost || other_boot) && verdict.loss < ZNODE_LOSS_TAIL)
            verdict = (struct incarnation_verdict){.loss = ZNODE_LOSS_TAIL,
                                                   .reason = "the machine went down while it ran"};
    }
    return verdict;
}

struct znode_incarnation incarnation_next(const struct incarnation_verdict *verdict,
                                          const struct incarnation_dir *dirs, int count,
                                          const struct znode_incarnation *known,
                                          const struct znode_incarnation *trusted)
{
    struct znode_incarnation next = {.starts = known ? known->starts : 0};
    for (int i = 0; i < count; i++)
        if (dirs[i].has_file && dirs[i].file.starts > next.starts)
            next.starts = dirs[i].file.starts;
    next.starts++;
    if (verdict->keep)
        next.id = first_with_file(dirs, count)->file.incarnation;
    else
        next.loss = verdict->loss;
    /* A loss that no controller has dealt with yet is not made smaller by another start. */
    bool pending = known && trusted && !uuid_equal(known->id, trusted->id);
    if (pending && known->loss > next.loss)
        next.loss = known->loss;
    return next;
}

struct incarnation_file incarnation_file_of(const struct znode_incarnation *now,
                                            const struct znode_incarnation *known, const char *boot_id)
{
    bool kept = known && uuid_equal(known->id, now->id);
    struct incarnation_file file = {.incarnation = now->id, .starts = now->starts};
    if (!kept)
        file.loss = now->loss;
    if (known && !kept)
        file.replaced = known->id;
    snprintf(file.boot_id, sizeof file.boot_id, "%s", boot_id);
    return file;
}

/* ---- a start */

struct settle {
    struct log_dirs *dirs;
    struct zk_sync *sync;
    struct random *random;
    struct incarnation_dir *found; /* of the live ones */
    struct log_dir_state **states;
    int count;
    int offline;
    bool has_known;
    struct znode_incarnation known;
    bool has_trusted;
    struct znode_incarnation trusted;
    char *path; /* /barnabas/brokers/N */
};

static struct uuid new_id(struct random *random)
{
    struct uuid id;
    uint8_t bytes[16];
    do
        random_fill(random, bytes, sizeof bytes);
    while (!uuid_from_random(bytes, &id));
    return id;
}

static void read_dir(struct settle *s, struct log_dir_state *state)
{
    struct incarnation_dir *dir = &s->found[s->count];
    struct errmsg why;
    struct buf text = {0};
    char *path = atomic_file_join(state->dir.path, INCARNATION_FILE_NAME);
    *dir = (struct incarnation_dir){.clean = state->was_clean, .power_lost = state->power_lost};
    enum err err = atomic_file_read(state->dir.disk, path, &text, &why);
    if (err == ERR_NONE) {
        dir->has_file = incarnation_file_parse(buf_view(&text), &dir->file);
        if (!dir->has_file)
            log_warn("storage", "incarnation_unreadable", "path=%s effect=\"its data is not trusted\"", path);
    }
    buf_close(&text);
    free(path);
    if (err != ERR_NONE && err != ERR_NOT_FOUND) {
        log_dir_state_fail(state, ERR_KAFKA_STORAGE_ERROR, &why);
        s->offline++;
        return;
    }
    s->states[s->count++] = state;
}

static enum err read_znodes(struct settle *s, int32_t broker_id, struct errmsg *why)
{
    char *trusted_path = mem_printf("/barnabas/trusted/%d", broker_id);
    struct zk_op ops[2] = {{.kind = ZK_OP_GET, .path = s->path}, {.kind = ZK_OP_GET, .path = trusted_path}};
    struct zk_result results[2];
    struct znode_incarnation *out[2] = {&s->known, &s->trusted};
    bool *has[2] = {&s->has_known, &s->has_trusted};
    struct arena arena = {0};
    enum err err = ERR_NONE;
    zk_sync_calls(s->sync, ops, 2, &arena, results);
    for (int i = 0; i < 2 && err == ERR_NONE; i++) {
        struct errmsg flaw;
        if (results[i].err == ERR_NONE) {
            *has[i] = znode_decode_incarnation(results[i].data, &arena, out[i], &flaw) == ERR_NONE;
            if (!*has[i])
                log_warn("registration", "znode_unreadable", "path=%s error=\"%s\"", ops[i].path, flaw.text);
        } else if (results[i].err != ERR_NOT_FOUND) {
            err = results[i].err;
            zk_sync_explain(&ops[i], err, why);
        }
    }
    arena_close(&arena);
    free(trusted_path);
    return err;
}

static void decide(const struct settle *s, const char *boot_id, struct znode_incarnation *out)
{
    const struct znode_incarnation *known = s->has_known ? &s->known : NULL;
    struct incarnation_verdict verdict = incarnation_judge(s->found, s->count, s->offline, known, boot_id);
    *out = incarnation_next(&verdict, s->found, s->count, known, s->has_trusted ? &s->trusted : NULL);
    if (!verdict.keep)
        out->id = new_id(s->random);
    if (!verdict.keep && verdict.loss != ZNODE_LOSS_NONE)
        log_warn("storage", "data_may_be_missing",
                 "loss=%s reason=\"%s\" effect=\"it leads only where nobody has more, and fetches what "
                 "others have\"",
                 LOSSES[verdict.loss], verdict.reason);
}

static bool is_listed(const struct uuid *list, int count, struct uuid id)
{
    for (int i = 0; i < count; i++) {
        if (uuid_equal(list[i], id))
            return true;
    }
    return false;
}

/* Of this start: the live ones and, while they may come back, those that are offline. */
static struct uuid *all_directories(struct settle *s, bool kept, int *count)
{
    int max = s->count;
    for (int i = 0; i < s->count; i++)
        max += s->found[i].file.directories_count;
    struct uuid *all = mem_zalloc(sizeof *all * (size_t)(max + 1));
    *count = 0;
    for (int i = 0; i < s->count; i++) {
        struct uuid *id = &s->found[i].file.directory;
        if (!s->found[i].has_file || is_listed(all, *count, *id)) /* new, or a copy */
            *id = new_id(s->random);
        all[(*count)++] = *id;
    }
    for (int i = 0; kept && s->offline && i < s->count; i++) {
        for (int d = 0; d < s->found[i].file.directories_count; d++) {
            if (!is_listed(all, *count, s->found[i].file.directories[d]))
                all[(*count)++] = s->found[i].file.directories[d];
        }
    }
    return all;
}

static int write_dirs(struct settle *s, const struct znode_incarnation *now, const char *boot_id)
{
    int count;
    int written = 0;
    bool kept = s->has_known && uuid_equal(s->known.id, now->id);
    struct uuid *all = all_directories(s, kept, &count);
    for (int i = 0; i < s->count; i++) {
        struct incarnation_file file = incarnation_file_of(now, s->has_known ? &s->known : NULL, boot_id);
        file.directory = s->found[i].file.directory;
        file.directories = all;
        file.directories_count = count;
        struct buf text = {0};
        struct errmsg why;
        char *path = atomic_file_join(s->states[i]->dir.path, INCARNATION_FILE_NAME);
        incarnation_file_format(&file, &text);
        if (atomic_file_write(s->states[i]->dir.disk, path, buf_view(&text), &why) == ERR_NONE)
            written++;
        else
            log_dir_state_fail(s->states[i], ERR_KAFKA_STORAGE_ERROR, &why);
        buf_close(&text);
        free(path);
    }
    free(all);
    return written;
}

/* The registration sets it: it has to be there. */
static enum err make_znode(const struct settle *s, const struct znode_incarnation *now, struct errmsg *why)
{
    if (s->has_known)
        return ERR_NONE;
    struct buf json = {0};
    znode_encode_incarnation(now, &json);
    enum err err;
    do
        err = zk_sync_create_path(s->sync, s->path, buf_view(&json), why);
    while (zk_sync_is_unclear(err));
    buf_close(&json);
    return err == ERR_EXISTS ? ERR_NONE : err;
}

enum err incarnation_settle(struct log_dirs *dirs, struct zk_sync *sync, struct random *random,
                            int32_t broker_id, struct znode_incarnation *out, struct errmsg *why)
{
    struct session_record self = {0};
    struct settle s = {.dirs = dirs, .sync = sync, .random = random};
    s.found = mem_zalloc(sizeof *s.found * (size_t)(dirs->count + 1));
    s.states = mem_zalloc(sizeof *s.states * (size_t)(dirs->count + 1));
    s.path = mem_printf("/barnabas/brokers/%d", broker_id);
    session_record_of_self(&self);
    for (int i = 0; i < dirs->count; i++) {
        if (log_dir_is_offline(&dirs->items[i]->dir))
            s.offline++;
        else
            read_dir(&s, dirs->items[i]);
    }
    enum err err = read_znodes(&s, broker_id, why);
    if (err == ERR_NONE) {
        decide(&s, self.boot_id, out);
        if (write_dirs(&s, out, self.boot_id) == 0) {
            errmsg_set(why, "no log directory could take %s", INCARNATION_FILE_NAME);
            err = ERR_IO;
        }
    }
    if (err == ERR_NONE)
        err = make_znode(&s, out, why);
    for (int i = 0; i < dirs->count; i++)
        incarnation_file_close(&s.found[i].file);
    free(s.found);
    free(s.states);
    free(s.path);
    return err;
}
