#include "storage/move_mark.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/properties.h"
#include "storage/atomic_file.h"

static const char *const STATES[] = {
    [MOVE_MARK_NONE] = "",
    [MOVE_MARK_PENDING] = "pending",
    [MOVE_MARK_WON] = "won",
    [MOVE_MARK_VOID] = "void",
};

void move_mark_close(struct move_mark *mark)
{
    free(mark->other);
    *mark = (struct move_mark){0};
}

static bool parse(struct view text, struct move_mark *out)
{
    struct properties props;
    properties_parse(text, &props);
    const char *version = properties_get(&props, "version"), *state = properties_get(&props, "state");
    const char *id = properties_get(&props, "id"), *other = properties_get(&props, "other");
    bool good = version && strcmp(version, "0") == 0 && state && id && other && *other &&
                uuid_from_text(view_str(id), &out->id);
    for (size_t i = MOVE_MARK_PENDING; good && i < ARRAY_LEN(STATES); i++)
        if (strcmp(state, STATES[i]) == 0)
            out->state = (enum move_mark_state)i;
    good = good && out->state != MOVE_MARK_NONE;
    if (good)
        out->other = mem_strdup(other);
    properties_close(&props);
    return good;
}

enum err move_mark_read(struct disk *disk, const char *dir, struct move_mark *out, struct errmsg *why)
{
    *out = (struct move_mark){0};
    char *path = atomic_file_join(dir, MOVE_MARK_FILE_NAME);
    struct buf text = {0};
    enum err err = atomic_file_read(disk, path, &text, why);
    if (err == ERR_NONE && !parse(buf_view(&text), out)) {
        *out = (struct move_mark){0};
        errmsg_set(why,
                   "%s is damaged: it says which directory of this partition counts. Remove it when "
                   "there is no other one of the same name",
                   path);
        err = ERR_CORRUPT_FILE;
    }
    buf_close(&text);
    free(path);
    return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

enum err move_mark_write(struct disk *disk, const char *dir, const struct move_mark *mark, struct errmsg *why)
{
    char *path = atomic_file_join(dir, MOVE_MARK_FILE_NAME);
    char id[UUID_TEXT_SIZE];
    struct buf text = {0};
    uuid_to_text(mark->id, id);
    properties_put(&text, "version", "0");
    properties_put(&text, "state", STATES[mark->state]);
    properties_put(&text, "id", id);
    properties_put(&text, "other", mark->other);
    enum err err = atomic_file_write(disk, path, buf_view(&text), why);
    buf_close(&text);
    free(path);
    return err;
}

enum err move_mark_remove(struct disk *disk, const char *dir, struct errmsg *why)
{
    char *path = atomic_file_join(dir, MOVE_MARK_FILE_NAME);
    enum err err = DISK(disk, unlink, path, why);
    if (err == ERR_NONE)
        err = DISK(disk, sync_dir, dir, why);
    free(path);
    return err;
}

/* --- which counts ------------------------------------------------------------------------------------ */

static bool is_void(const struct move_place *place, const struct move_mark *of)
{
    return place->mark.state == MOVE_MARK_VOID && uuid_equal(place->mark.id, of->id);
}

/* Does `place` take the place of `old`? */
static bool replaces(const struct move_place *place, const struct move_place *old)
{
    const struct move_mark *mark = &place->mark;
    if (mark->state != MOVE_MARK_PENDING && mark->state != MOVE_MARK_WON)
        return false;
    return strcmp(mark->other, old->log_dir) == 0 &&
           !(mark->state == MOVE_MARK_PENDING && is_void(old, mark));
}

/* Was the swap to `place` given up in favour of `old`? */
static bool was_given_up(const struct move_place *place, const struct move_place *old)
{
    return place->mark.state == MOVE_MARK_PENDING && is_void(old, &place->mark);
}

static bool claim_each_other(const struct move_place *a, const struct move_place *b)
{
    return replaces(a, b) && replaces(b, a);
}

static bool is_stale(const struct move_place *places, size_t count, size_t i)
{
    for (size_t k = 0; k < count; k++)
        if (k != i && !claim_each_other(&places[k], &places[i]) &&
            (replaces(&places[k], &places[i]) || was_given_up(&places[i], &places[k])))
            return true;
    return false;
}

void move_marks_judge(struct move_place *places, size_t count, move_dir_state_fn state_of, const void *arg)
{
    for (size_t i = 0; i < count; i++) {
        struct move_place *place = &places[i];
        bool blind =
            place->mark.state == MOVE_MARK_PENDING && state_of(arg, place->mark.other) == MOVE_DIR_OFFLINE;
        place->verdict = is_stale(places, count, i) ? MOVE_STALE : blind ? MOVE_UNSURE : MOVE_SERVE;
    }
}
