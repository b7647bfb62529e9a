/*
 * Moves between log directories: what they keep while the log changes under them, and what is left when a
 * directory fails or the process dies at any of their calls.
 */
#include "service/mover/mover.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "config/dynamic.h"
#include "config/report.h"
#include "rig.h"
#include "service/fetcher/replication_quotas.h"
#include "service/partition/partition_call.h"
#include "service/partition/partition_settings.h"
#include "service/replica/dir_parts.h"
#include "service/replica/replica_manager_internal.h"
#include "storage/leader_epochs.h"
#include "storage/log_trim.h"
#include "storage/move_mark.h"
#include "suites.h"

#define SMALL "{\"version\":1,\"config\":{\"segment.bytes\":\"400\",\"retention.ms\":\"-1\"}}"
#define SYNCED                                                                                               \
    "{\"version\":1,\"config\":{\"segment.bytes\":\"400\",\"retention.ms\":\"-1\",\"flush.messages\":\"1\"}" \
    "}"

#define WINDOW "alter.log.dirs.replication.quota.window.size.seconds=1000000\n"

static struct rig rig;
static struct partition *part;

static void open_with(const char *topic_config)
{
    rig_open_with(&rig, 1, 2, topic_config, WINDOW);
    ck_assert_int_eq(rig_lead(&rig, "t", 0, 0, RIG_ME, 1), ERR_NONE);
    part = rig_find(&rig, "t", 0);
}

static void setup(void)
{
    open_with(SMALL);
}

static void teardown(void)
{
    partition_release(part);
    part = NULL;
    rig_close(&rig);
}

static void append(int batches)
{
    for (int i = 0; i < batches; i++)
        ck_assert_int_eq(rig_append(&rig, part, 1, 1 + i % 3), ERR_NONE);
}

/* --- looking ----------------------------------------------------------------------------------------- */

struct seen {
    bool there;
    const char *dir;
    const char *target; /* of a move */
    int64_t copied;
    int64_t start, end, watermark, recovery_point;
    int32_t epoch;
};

static void see(struct partition *p, void *arg)
{
    struct seen *seen = arg;
    struct mover_progress progress = mover_progress(p);
    *seen = (struct seen){.there = p->log != NULL,
                          .dir = ((struct log_dir_state *)p->dir)->dir.path,
                          .target = progress.dir ? progress.dir->dir.path : NULL,
                          .copied = progress.end_offset};
    if (!p->log)
        return;
    seen->start = log_start_offset(p->log);
    seen->end = log_end(p->log).offset;
    seen->watermark = log_high_watermark(p->log).offset;
    seen->recovery_point = log_recovery_point(p->log);
    seen->epoch = leader_epochs_latest_epoch(log_leader_epochs(p->log));
}

static struct seen look(void)
{
    struct seen seen;
    partition_call(part, see, &seen);
    return seen;
}

/* The bytes of the log from its start on. */
struct content {
    struct buf bytes;
    enum err err;
};

static void take_content(struct partition *p, void *arg)
{
    struct content *content = arg;
    struct log_slice slice = {0};
    struct errmsg why;
    if (!p->log) {
        content->err = ERR_KAFKA_STORAGE_ERROR;
        return;
    }
    int64_t offset = log_start_offset(p->log);
    while (offset < log_end(p->log).offset) {
        struct log_read_args args = {
            .offset = offset, .max_bytes = 1, .bound = LOG_BOUND_END, .min_one = true};
        content->err = log_read(p->log, &args, &slice, &why);
        if (content->err != ERR_NONE)
            break; /* its directory has failed */
        ck_assert_ptr_nonnull(slice.file);
        size_t got;
        uint8_t *to = buf_reserve(&content->bytes, (size_t)slice.len);
        ck_assert_int_eq(DISK_FILE(slice.file, pread, to, (size_t)slice.len, slice.pos, &got, &why),
                         ERR_NONE);
        ck_assert_uint_eq(got, (size_t)slice.len);
        struct view rest = view_of(to, got), entry;
        struct batch_info info;
        ck_assert_int_eq(batch_next(&rest, &info, &entry), 0);
        content->bytes.len += got;
        offset = info.last_offset + 1;
    }
    log_slice_close(&slice);
}

/* False when the log is not there any more. */
static bool try_bytes_of_log(struct buf *out)
{
    struct content content = {0};
    partition_call(part, take_content, &content);
    *out = content.bytes;
    if (content.err != ERR_NONE)
        buf_close(out);
    return content.err == ERR_NONE;
}

static struct buf bytes_of_log(void)
{
    struct buf bytes;
    ck_assert(try_bytes_of_log(&bytes));
    return bytes;
}

static void expect_bytes(struct buf *wanted)
{
    struct buf found = bytes_of_log();
    ck_assert_uint_eq(found.len, wanted->len);
    ck_assert(found.len == 0 || memcmp(found.data, wanted->data, found.len) == 0);
    buf_close(&found);
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), tail = strlen(end);
    return len >= tail && strcmp(text + len - tail, end) == 0;
}

static int count_named(const char *dir, const char *end)
{
    int count = 0;
    DIR *listing = opendir(dir);
    ck_assert_ptr_nonnull(listing);
    for (struct dirent *entry; (entry = readdir(listing));) {
        count += ends_with(entry->d_name, end);
    }
    closedir(listing);
    return count;
}

static int count_everywhere(const char *end)
{
    int count = 0;
    for (int i = 0; i < rig.dirs_count; i++)
        count += count_named(rig.dirs[i], end);
    return count;
}

/* --- asking -------------------------------------------------------------------------------------------- */

struct request {
    struct control_job job;
    const char *topic;
    int32_t index;
    const char *path;
    enum err err;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool finished;
};

static void request_run(struct control_job *job)
{
    struct request *request = CONTAINER_OF(job, struct request, job);
    struct mover_request wanted = {view_str(request->topic), request->index, request->path, ERR_NONE};
    replica_manager_alter_log_dirs(rig.broker.replicas, &wanted, 1);
    request->err = wanted.err;
}

static void request_done(struct control_job *job)
{
    struct request *request = CONTAINER_OF(job, struct request, job);
    pthread_mutex_lock(&request->lock);
    request->finished = true;
    pthread_cond_signal(&request->cond);
    pthread_mutex_unlock(&request->lock);
}

static void request_submit(struct request *request)
{
    pthread_mutex_init(&request->lock, NULL);
    pthread_cond_init(&request->cond, NULL);
    replica_manager_submit(rig.broker.replicas, &request->job);
}

static void request_await(struct request *request)
{
    pthread_mutex_lock(&request->lock);
    while (!request->finished)
        pthread_cond_wait(&request->cond, &request->lock);
    pthread_mutex_unlock(&request->lock);
    pthread_mutex_destroy(&request->lock);
    pthread_cond_destroy(&request->cond);
}

static enum err alter_topic(const char *topic, int32_t index, const char *path)
{
    struct request request = {
        .job = {.home = rig.control, .run = request_run, .done = request_done, .label = "alter"},
        .topic = topic,
        .index = index,
        .path = path};
    request_submit(&request);
    request_await(&request);
    return request.err;
}

/* A control job that asks for a move and stays: no other is carried out before hold_end. */
static _Atomic bool held;

static void hold_run(struct control_job *job)
{
    CONTAINER_OF(job, struct request, job)->topic = "t";
    request_run(job);
    while (atomic_load(&held))
        usleep(1000);
}

static void hold_begin(struct request *hold)
{
    atomic_store(&held, true);
    request_submit(hold);
}

static void hold_end(void)
{
    atomic_store(&held, false);
}

static enum err alter(const char *path)
{
    return alter_topic("t", 0, path);
}

/* These outlive a restart. */
static const char *its_dir(void)
{
    return strcmp(look().dir, rig.dirs[0]) == 0 ? rig.dirs[0] : rig.dirs[1];
}

static const char *other_dir(void)
{
    return its_dir() == rig.dirs[0] ? rig.dirs[1] : rig.dirs[0];
}

/* Until nothing is on its way. */
static void await_rest(void)
{
    while (look().target)
        usleep(1000);
}

static void await_moved(const char *target)
{
    while (strcmp(look().dir, target) != 0)
        usleep(1000);
    await_rest();
}

/* Nothing is copied until throttle(false), or a restart: the rate counts over WINDOW, and was exceeded in it.
 */
static void throttle(bool on)
{
    struct config_pair rate = {"replica.alter.log.dirs.io.max.bytes.per.second", on ? "1" : NULL};
    struct config_report report = {0};
    struct config *config =
        config_with_dynamic(atomic_load(&rig.broker.config.value), (struct config_pairs){0},
                            (struct config_pairs){&rate, on ? 1 : 0}, &report);
    ck_assert_ptr_nonnull(config);
    replication_quotas_update(rig.broker.quotas, config);
    config_release(config);
    config_report_close(&report);
    replication_quota_record(rig.broker.quotas, REPLICATION_QUOTA_LOG_DIRS, INT64_C(1) << 40,
                             clock_mono_ms(&rig.clock));
}

static void restart(void)
{
    partition_release(part);
    rig_stop(&rig);
    rig_start(&rig, 1);
    part = rig_find(&rig, "t", 0);
    ck_assert_ptr_nonnull(part);
}

/* --- moving ----------------------------------------------------------------------------------------------
 */

START_TEST(a_moved_replica_is_the_same_and_is_written_on)
{
    append(20);
    struct buf before = bytes_of_log();
    struct seen was = look();
    const char *target = other_dir();
    ck_assert_int_eq(alter(target), ERR_NONE);
    await_moved(target);
    expect_bytes(&before);
    struct seen is = look();
    ck_assert_int_eq(is.end, was.end);
    ck_assert_int_eq(is.watermark, was.watermark);
    ck_assert_int_eq(is.epoch, was.epoch);
    ck_assert_int_eq(is.recovery_point, is.end); /* all of it was synced before it counted */
    append(5);
    ck_assert_int_gt(look().end, was.end);
    ck_assert_int_eq(count_everywhere("-future"), 0);
    buf_close(&before);
}
END_TEST

START_TEST(a_moved_replica_is_there_after_a_restart)
{
    append(20);
    const char *target = other_dir();
    ck_assert_int_eq(alter(target), ERR_NONE);
    await_moved(target);
    append(3);
    struct buf before = bytes_of_log();
    struct seen was = look();
    restart();
    expect_bytes(&before);
    ck_assert_str_eq(look().dir, target);
    ck_assert_int_eq(look().watermark, was.watermark);
    ck_assert_int_eq(count_everywhere("t-0"), 1);
    buf_close(&before);
}
END_TEST

START_TEST(an_empty_replica_moves_with_its_epoch)
{
    ck_assert_int_eq(rig_lead(&rig, "t", 0, 5, RIG_ME, 1), ERR_NONE);
    const char *target = other_dir();
    ck_assert_int_eq(alter(target), ERR_NONE);
    await_moved(target);
    ck_assert_int_eq(look().epoch, 5);
    append(1);
    restart();
    ck_assert_int_eq(look().epoch, 5);
}
END_TEST

START_TEST(what_is_appended_meanwhile_is_moved_too)
{
    append(10);
    const char *target = other_dir();
    ck_assert_int_eq(alter(target), ERR_NONE);
    while (strcmp(look().dir, target) != 0)
        append(1);
    append(1);
    struct buf before = bytes_of_log();
    int64_t end = look().end;
    restart();
    ck_assert_int_eq(look().end, end);
    expect_bytes(&before);
    buf_close(&before);
}
END_TEST

static void raise_start(struct partition *p, void *arg)
{
    bool raised;
    struct errmsg why;
    ck_assert_int_eq(log_raise_start_offset(p->log, *(int64_t *)arg, &raised, &why), ERR_NONE);
}

START_TEST(a_start_that_rises_while_it_is_copied_rises_in_the_copy)
{
    append(20);
    throttle(true);
    const char *target = other_dir();
    ck_assert_int_eq(alter(target), ERR_NONE);
    int64_t start = 13;
    partition_call(part, raise_start, &start);
    throttle(false);
    await_moved(target);
    ck_assert_int_eq(look().start, 13);
    start = look().end;
    partition_call(part, raise_start, &start);
    ck_assert_int_eq(alter(other_dir()), ERR_NONE);
    await_rest();
    ck_assert_int_eq(look().start, start);
    ck_assert_int_eq(look().end, start);
}
END_TEST

static void cut_log(struct partition *p, void *arg)
{
    struct log_doomed doomed = {0};
    bool truncated;
    struct errmsg why;
    ck_assert_int_eq(log_truncate_to(p->log, *(int64_t *)arg, 0, &doomed, &truncated, &why), ERR_NONE);
    ck_assert_int_eq(log_doomed_unlink(&doomed, rig.broker.disk, &why), ERR_NONE);
}

START_TEST(what_is_cut_after_it_was_copied_is_cut_from_the_copy)
{
    append(20);
    const char *target = other_dir();
    /* The swap is a control job: while one of ours is running, the copy is whole and does not count yet. */
    struct request hold = {
        .job = {.home = rig.control, .run = hold_run, .done = request_done, .label = "hold"}, .path = target};
    hold_begin(&hold);
    while (look().copied < look().end)
        usleep(1000);
    int64_t to = 13;
    partition_call(part, cut_log, &to);
    for (int i = 0; i < 30; i++) /* other batches than before, beyond where it ended */
        ck_assert_int_eq(rig_append(&rig, part, 1, 3), ERR_NONE);
    struct buf before = bytes_of_log();
    hold_end();
    request_await(&hold);
    await_moved(target);
    expect_bytes(&before);
    restart();
    expect_bytes(&before);
    buf_close(&before);
}
END_TEST

/* --- requests ----------------------------------------------------------------------------------------------
 */

START_TEST(requests_that_cannot_be_met_say_why)
{
    char long_name[300] = {0};
    memset(long_name, 'x', 249);
    ck_assert_int_eq(alter("/nowhere"), ERR_LOG_DIR_NOT_FOUND);
    ck_assert_int_eq(alter_topic(long_name, 0, rig.dirs[0]), ERR_INVALID_TOPIC_EXCEPTION);
    ck_assert_int_eq(alter_topic("none", 0, rig.dirs[0]), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_int_eq(alter(look().dir), ERR_NONE);
    ck_assert_ptr_null(look().target);
}
END_TEST

START_TEST(a_replica_that_is_made_later_is_made_where_it_was_asked_to_be)
{
    ck_assert_int_eq(alter_topic("u", 0, look().dir), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_int_eq(rig_lead(&rig, "u", 0, 0, RIG_ME, 1), ERR_NONE); /* the fewest are in the other */
    const char *dir = its_dir();
    partition_release(part);
    part = rig_find(&rig, "u", 0);
    ck_assert_str_eq(look().dir, dir);
}
END_TEST

START_TEST(a_move_to_elsewhere_or_back_takes_the_place_of_the_one_before)
{
    append(10);
    throttle(true);
    const char *source = its_dir(), *target = other_dir();
    ck_assert_int_eq(alter(target), ERR_NONE);
    ck_assert_str_eq(look().target, target);
    ck_assert_int_eq(alter(target), ERR_NONE);
    ck_assert_int_eq(alter(source), ERR_NONE);
    ck_assert_ptr_null(look().target);
    throttle(false);
    while (count_named(target, "-future") > 0)
        usleep(1000);
    ck_assert_str_eq(look().dir, source);
    ck_assert_int_eq(alter(target), ERR_NONE);
    await_moved(target);
}
END_TEST

START_TEST(a_deleted_replica_is_not_moved_on)
{
    append(10);
    throttle(true);
    const char *target = other_dir();
    ck_assert_int_eq(alter(target), ERR_NONE);
    ck_assert_int_eq(rig_stop_replica(&rig, "t", 0, -2, true), ERR_NONE);
    throttle(false);
    while (count_named(target, "-future") > 0)
        usleep(1000);
    ck_assert_int_eq(count_everywhere("t-0"), 0);
    ck_assert_int_eq(rig_lead(&rig, "t", 0, 0, RIG_ME, 1), ERR_NONE);
    partition_release(part);
    part = rig_find(&rig, "t", 0);
    ck_assert_int_eq(look().end, 0);
}
END_TEST

START_TEST(roles_change_while_it_is_copied)
{
    append(10);
    throttle(true);
    const char *target = other_dir();
    ck_assert_int_eq(alter(target), ERR_NONE);
    ck_assert_int_eq(rig_lead(&rig, "t", 0, 3, RIG_ME, 1), ERR_NONE);
    append(4);
    ck_assert_int_eq(rig_lead(&rig, "t", 0, 4, RIG_ME, 1), ERR_NONE);
    throttle(false);
    struct buf before = bytes_of_log();
    await_moved(target);
    expect_bytes(&before);
    ck_assert_int_eq(look().epoch, 4);
    append(1);
    restart();
    ck_assert_int_eq(look().epoch, 4);
    buf_close(&before);
}
END_TEST

/* --- beside what the controller wants ----------------------------------------------------------------------
 */

static struct log_dir_state *state_of(const char *path)
{
    return log_dirs_find(replica_manager_dirs(rig.broker.replicas), path);
}

/* A disk that hangs under a part, and the place of the replica when the part ends. */
static _Atomic bool hung;
static _Atomic bool part_ended;

static void hang(struct log_dir_state *dir, bool on)
{
    int64_t now_ms = clock_mono_ms(rig.broker.clock);
    if (on)
        hang_watch_begin(&dir->hang, now_ms - HANG_WATCH_MS - 1);
    else
        hang_watch_end(&dir->hang, now_ms);
}

#define IDLE_DEADLINE_MS 20000

/* Whoever was on his way has ended: otherwise he would seem to have moved just after it began to hang. */
static void hang_idle(struct log_dir_state *dir)
{
    const int64_t end_ms = clock_mono_ms(rig.broker.clock) + IDLE_DEADLINE_MS;
    while (atomic_load(&dir->hang.busy) > 0) {
        ck_assert_msg(clock_mono_ms(rig.broker.clock) < end_ms, "%s is still used", dir->dir.path);
        usleep(1000);
    }
    hang(dir, true);
}

static void hanging_part(struct dir_parts *parts, struct log_dir_state *dir)
{
    hang(dir, true);
    while (!dir_parts_is_given_up(parts, dir)) { /* whatever else moves there */
        atomic_store(&dir->hang.moved_ms, clock_mono_ms(rig.broker.clock) - HANG_WATCH_MS - 1);
        usleep(1000);
    }
    while (atomic_load(&hung))
        usleep(1000);
    atomic_store(&part_ended, true);
}

static void free_nothing(void *subject)
{
    (void)subject;
}

/* An order of the controller's that went on without the directory. */
static void leave_a_part_in(struct log_dir_state *dir)
{
    atomic_store(&hung, true);
    atomic_store(&part_ended, false);
    struct dir_parts *parts =
        dir_parts_new(replica_manager_dirs(rig.broker.replicas), NULL, hanging_part, free_nothing);
    dir_parts_want(parts, dir);
    dir_parts_run(parts);
    ck_assert(dir_parts_any(dir));
    dir_parts_release(parts);
}

static void expect_no_swap_beside_a_part_of(const char *path)
{
    const char *source = its_dir(), *target = other_dir();
    struct log_dir_state *dir = state_of(path);
    append(10);
    throttle(true);
    ck_assert_int_eq(alter(target), ERR_NONE);
    leave_a_part_in(dir);
    hang(dir, false); /* it answers, the part has not ended yet */
    throttle(false);
    usleep(300 * 1000);
    ck_assert_str_eq(look().dir, source);
    ck_assert(!atomic_load(&part_ended));
    atomic_store(&hung, false);
    await_moved(target);
    ck_assert(atomic_load(&part_ended));
    ck_assert(!dir_parts_any(dir));
}

START_TEST(no_swap_is_beside_what_the_controller_wants_of_the_source)
{
    expect_no_swap_beside_a_part_of(its_dir());
}
END_TEST

START_TEST(no_swap_is_beside_what_the_controller_wants_of_the_target)
{
    expect_no_swap_beside_a_part_of(other_dir());
}
END_TEST

START_TEST(nothing_is_moved_from_or_to_a_directory_that_hangs)
{
    struct log_dir_state *source = state_of(its_dir()), *target = state_of(other_dir());
    hang_idle(target);
    ck_assert_int_eq(alter(target->dir.path), ERR_KAFKA_STORAGE_ERROR);
    hang(target, false);
    hang_idle(source);
    ck_assert_int_eq(alter(target->dir.path), ERR_KAFKA_STORAGE_ERROR);
    hang(source, false);
    ck_assert_ptr_null(look().target);
    ck_assert_int_eq(alter(target->dir.path), ERR_NONE);
    await_moved(target->dir.path);
}
END_TEST

/* --- stray logs ------------------------------------------------------------------------------------------
 */

static void delete_run(struct control_job *job)
{
    replica_manager_delete_stray(job->manager, part);
}

static void delete_stray(void)
{
    struct request request = {
        .job = {.home = rig.control, .run = delete_run, .done = request_done, .label = "delete"}};
    request_submit(&request);
    request_await(&request);
}

START_TEST(a_stray_log_goes_with_its_move_and_one_with_a_role_stays)
{
    append(10);
    throttle(true);
    const char *target = other_dir();
    ck_assert_int_eq(alter(target), ERR_NONE);
    delete_stray();
    ck_assert(look().there); /* it leads */
    ck_assert_int_eq(rig_stop_replica(&rig, "t", 0, -2, false), ERR_NONE);
    delete_stray();
    ck_assert(!look().there);
    throttle(false);
    while (count_named(target, "-future") > 0)
        usleep(1000);
    ck_assert_int_eq(count_everywhere("t-0"), 0);
}
END_TEST

START_TEST(a_stray_log_of_a_directory_that_hangs_is_left_for_the_next_look)
{
    append(10);
    ck_assert_int_eq(rig_stop_replica(&rig, "t", 0, -2, false), ERR_NONE);
    struct log_dir_state *dir = state_of(its_dir());
    hang_idle(dir);
    delete_stray();
    hang(dir, false);
    ck_assert(look().there);
    delete_stray();
    ck_assert(!look().there);
}
END_TEST

/* --- restart in the middle -------------------------------------------------------------------------------
 */

START_TEST(a_move_goes_on_after_a_restart)
{
    append(20);
    throttle(true);
    const char *target = other_dir();
    ck_assert_int_eq(alter(target), ERR_NONE);
    struct buf before = bytes_of_log();
    restart();
    await_moved(target);
    expect_bytes(&before);
    buf_close(&before);
}
END_TEST

START_TEST(a_future_directory_of_another_topic_is_not_gone_on_with)
{
    append(20);
    throttle(true);
    const char *target = other_dir(), *source = its_dir();
    ck_assert_int_eq(alter(target), ERR_NONE);
    ck_assert_int_eq(rig_stop_replica(&rig, "t", 0, -2, false), ERR_NONE);
    struct buf before = bytes_of_log();
    partition_release(part);
    rig_stop(&rig);
    char *script = mem_printf(
        "cd %s && for f in *-future; do printf 'version: 0\\ntopic_id: %s\\n' > $f/partition.metadata; done",
        target, "AQIDBAUGBwgJCgsMDQ4PEA");
    ck_assert_int_eq(system(script), 0);
    free(script);
    rig_start(&rig, 1);
    part = rig_find(&rig, "t", 0);
    await_rest();
    ck_assert_str_eq(look().dir, source);
    ck_assert_int_eq(count_everywhere("-future"), 0);
    expect_bytes(&before);
    buf_close(&before);
}
END_TEST

START_TEST(of_two_future_directories_one_is_gone_on_with)
{
    append(20);
    throttle(true);
    const char *target = other_dir();
    ck_assert_int_eq(alter(target), ERR_NONE);
    partition_release(part);
    rig_stop(&rig);
    char *script = mem_printf("cd %s && cp -r *-future t-0.00000000000000000000000000000001-future", target);
    ck_assert_int_eq(system(script), 0);
    free(script);
    rig_start(&rig, 1);
    part = rig_find(&rig, "t", 0);
    await_moved(target);
    ck_assert_int_eq(count_everywhere("-future"), 0);
}
END_TEST

/* --- each call of a move ---------------------------------------------------------------------------------
 */

#define CALLS_MAX 400

static void expect_what_was_acknowledged(const struct buf *acknowledged)
{
    struct buf found = bytes_of_log();
    ck_assert_uint_ge(found.len, acknowledged->len);
    ck_assert(memcmp(found.data, acknowledged->data, acknowledged->len) == 0);
    buf_close(&found);
}

/* Every call from the k-th on fails in one of the directories. False: there is no k-th. */
static bool move_with_failing(bool target_fails, int k, const char *topic_config)
{
    open_with(topic_config);
    append(12);
    const char *source = its_dir(), *target = other_dir();
    fault_disk_only(rig.disk, target_fails ? target : source);
    fault_disk_fail(rig.disk, FAULT_ANY, k, -1, ERR_IO);
    (void)alter(target);
    await_rest();
    struct buf acknowledged = {0};
    if (look().there)
        (void)rig_append(&rig, part, 1, 1); /* lost or there, if it failed */
    bool fired = fault_disk_fired(rig.disk);
    fault_disk_fail(rig.disk, FAULT_ANY, 0, 0, ERR_NONE);
    fault_disk_only(rig.disk, NULL); /* last: else it fails elsewhere in between */
    int64_t end = look().end;
    bool there = look().there && try_bytes_of_log(&acknowledged); /* what failed may be noticed only now */
    restart();
    ck_assert_msg(look().there, "call %d of the %s", k, target_fails ? "target" : "source");
    if (there)
        ck_assert_int_ge(look().end, end);
    ck_assert_int_ge(look().end, 12 / 3 * 6);
    if (there)
        expect_what_was_acknowledged(&acknowledged);
    await_rest();
    if (there)
        expect_what_was_acknowledged(&acknowledged);
    ck_assert_int_eq(count_everywhere("t-0"), 1);
    buf_close(&acknowledged);
    teardown();
    return fired;
}

START_TEST(nothing_is_lost_when_the_target_fails_at_any_call)
{
    int k = 0;
    while (k < CALLS_MAX && move_with_failing(true, k, SMALL))
        k++;
    ck_assert_int_gt(k, 10);
    ck_assert_int_lt(k, CALLS_MAX);
}
END_TEST

START_TEST(nothing_is_lost_when_the_source_fails_at_any_call)
{
    int k = 0;
    while (k < CALLS_MAX && move_with_failing(false, k, SMALL))
        k++;
    ck_assert_int_gt(k, 3);
    ck_assert_int_lt(k, CALLS_MAX);
}
END_TEST

/* The files as a process leaves them that is killed before the k-th call. */
struct kill_point {
    _Atomic int left;
    char *script;
};

static void take_snapshot(void *arg, enum fault_op op, const char *path)
{
    struct kill_point *snapshot = arg;
    /* What the replica still syncs in the background does not count: the move would go on meanwhile. */
    bool syncs = op == FAULT_SYNC || op == FAULT_SYNC_DIR;
    if (syncs && strstr(path, "/t-0") && !strstr(path, "/t-0."))
        return;
    if (atomic_fetch_sub(&snapshot->left, 1) == 1)
        ck_assert_int_eq(system(snapshot->script), 0);
}

static bool move_with_kill(int k)
{
    setup();
    append(12);
    const char *target = other_dir();
    struct buf acknowledged = bytes_of_log();
    struct kill_point snapshot = {
        .script = mem_printf("mkdir %s/snap && cp -a %s/d? %s/snap/", rig.root, rig.root, rig.root)};
    atomic_store(&snapshot.left, k + 1);
    fault_disk_on_call(rig.disk, take_snapshot, &snapshot);
    ck_assert_int_eq(alter(target), ERR_NONE);
    await_moved(target);
    while (count_everywhere("barnabas.move") > 0)
        usleep(1000);
    fault_disk_on_call(rig.disk, NULL, NULL);
    bool taken = atomic_load(&snapshot.left) <= 0;
    partition_release(part);
    rig_stop(&rig);
    if (taken) {
        char *swap = mem_printf("cd %s && rm -r d? && mv snap/d? . && rmdir snap", rig.root);
        ck_assert_int_eq(system(swap), 0);
        free(swap);
    }
    rig_start(&rig, 1);
    part = rig_find(&rig, "t", 0);
    ck_assert_ptr_nonnull(part);
    ck_assert_msg(look().there, "killed before call %d", k);
    expect_bytes(&acknowledged);
    ck_assert_int_eq(rig_lead(&rig, "t", 0, 1, RIG_ME, 1), ERR_NONE);
    append(2);
    struct buf more = bytes_of_log();
    await_rest();
    expect_bytes(&more);
    restart();
    expect_bytes(&more);
    ck_assert_int_eq(count_everywhere("t-0"), 1);
    ck_assert_int_eq(count_everywhere("-future"), 0);
    buf_close(&more);
    buf_close(&acknowledged);
    free(snapshot.script);
    teardown();
    return taken;
}

START_TEST(nothing_is_lost_when_the_process_is_killed_at_any_call)
{
    int k = 0;
    while (k < CALLS_MAX && move_with_kill(k))
        k++;
    ck_assert_int_gt(k, 20);
    ck_assert_int_lt(k, CALLS_MAX);
}
END_TEST

/* --- a directory that is away at the next start ----------------------------------------------------------
 */

static void restart_without(const char *dir)
{
    partition_release(part);
    rig_stop(&rig);
    fault_disk_only(rig.disk, dir);
    fault_disk_fail(rig.disk, FAULT_ANY, 0, -1, ERR_IO);
    rig_start(&rig, 1);
    part = rig_find(&rig, "t", 0);
}

static void mend(void)
{
    fault_disk_fail(rig.disk, FAULT_ANY, 0, 0, ERR_NONE);
    fault_disk_fail(rig.disk, FAULT_RENAME, 0, 0, ERR_NONE);
    fault_disk_only(rig.disk, NULL); /* last: else it fails elsewhere in between */
}

START_TEST(one_that_went_on_when_its_origin_failed_is_served_without_it_and_with_it)
{
    append(12);
    const char *source = its_dir(), *target = other_dir();
    char *renamed = mem_printf("%s/t-0", source);
    fault_disk_only(rig.disk, renamed);
    fault_disk_fail(rig.disk, FAULT_RENAME, 0, -1, ERR_IO);
    ck_assert_int_eq(alter(target), ERR_NONE);
    await_moved(target);
    mend();
    append(3);
    struct buf before = bytes_of_log();
    restart_without(source);
    ck_assert(look().there);
    expect_bytes(&before);
    ck_assert_int_eq(rig_lead(&rig, "t", 0, 1, RIG_ME, 1), ERR_NONE);
    append(2);
    buf_close(&before);
    before = bytes_of_log();
    mend();
    restart();
    ck_assert_str_eq(look().dir, target);
    expect_bytes(&before);
    ck_assert_int_eq(count_everywhere("t-0"), 1);
    buf_close(&before);
    free(renamed);
}
END_TEST

/* The process is killed when both directories have their names. */
struct both_named {
    const char *source;
    char *script;
};

static void kill_before_rename(void *arg, enum fault_op op, const char *path)
{
    struct both_named *kill = arg;
    if (op == FAULT_RENAME && strncmp(path, kill->source, strlen(kill->source)) == 0 &&
        ends_with(path, "/t-0"))
        ck_assert_int_eq(system(kill->script), 0);
}

START_TEST(a_crash_between_the_renames_is_settled_by_the_next_start)
{
    append(12);
    struct buf before = bytes_of_log();
    const char *source = its_dir(), *target = other_dir();
    struct both_named kill = {
        .source = source,
        .script = mem_printf("mkdir %s/snap && cp -a %s/d? %s/snap/", rig.root, rig.root, rig.root)};
    char *back = mem_printf("cd %s && rm -r d? && mv snap/d? . && rmdir snap", rig.root);
    fault_disk_on_call(rig.disk, kill_before_rename, &kill);
    ck_assert_int_eq(alter(target), ERR_NONE);
    await_moved(target);
    fault_disk_on_call(rig.disk, NULL, NULL);
    partition_release(part);
    rig_stop(&rig);
    ck_assert_int_eq(system(back), 0);
    ck_assert_int_eq(count_everywhere("t-0"), 2);
    rig_start(&rig, 1);
    part = rig_find(&rig, "t", 0);
    restart_without(source); /* it was whole: the first of these starts has settled it */
    ck_assert(look().there);
    mend();
    restart();
    expect_bytes(&before);
    ck_assert_int_eq(count_everywhere("t-0"), 1);
    buf_close(&before);
    free(back);
    free(kill.script);
}
END_TEST

START_TEST(nobody_trusts_a_pending_one_before_its_origin_was_looked_at)
{
    append(12);
    const char *source = its_dir(), *target = other_dir();
    struct buf before = bytes_of_log();
    ck_assert_int_eq(alter(target), ERR_NONE);
    await_moved(target);
    partition_release(part);
    rig_stop(&rig);
    char *path = mem_printf("%s/t-0", target);
    char origin[128];
    snprintf(origin, sizeof origin, "%s", source);
    struct move_mark mark = {.state = MOVE_MARK_PENDING, .id = {.bytes = {1}}, .other = origin};
    struct errmsg why;
    ck_assert_int_eq(move_mark_write(rig.posix, path, &mark, &why), ERR_NONE);
    rig_start(&rig, 1);
    part = rig_find(&rig, "t", 0);
    ck_assert(look().there);
    partition_release(part);
    rig_stop(&rig);
    ck_assert_int_eq(move_mark_write(rig.posix, path, &mark, &why), ERR_NONE);
    fault_disk_only(rig.disk, source);
    fault_disk_fail(rig.disk, FAULT_ANY, 0, -1, ERR_IO);
    rig_start(&rig, 1);
    part = rig_find(&rig, "t", 0);
    ck_assert(!look().there);
    ck_assert_int_eq(rig_lead(&rig, "t", 0, 1, RIG_ME, 1), ERR_KAFKA_STORAGE_ERROR);
    mend();
    restart();
    expect_bytes(&before);
    buf_close(&before);
    free(path);
}
END_TEST

/* When the future directory is renamed, no write to its log is without a sync behind it. */
struct order {
    pthread_mutex_t lock;
    int unsynced;
    int renames;
    bool early;
};

static void note_order(void *arg, enum fault_op op, const char *path)
{
    struct order *order = arg;
    if (!strstr(path, "-future") || strstr(path, "-delete"))
        return;
    pthread_mutex_lock(&order->lock);
    if (op == FAULT_WRITE && ends_with(path, ".log"))
        order->unsynced = 1;
    if (op == FAULT_SYNC && ends_with(path, ".log"))
        order->unsynced = 0;
    if (op == FAULT_RENAME && ends_with(path, "-future")) {
        order->renames++;
        order->early |= order->unsynced;
    }
    pthread_mutex_unlock(&order->lock);
}

START_TEST(the_copy_is_synced_before_it_counts)
{
    struct order order = {0};
    pthread_mutex_init(&order.lock, NULL);
    append(3);
    fault_disk_on_call(rig.disk, note_order, &order);
    const char *target = other_dir();
    struct request hold = {
        .job = {.home = rig.control, .run = hold_run, .done = request_done, .label = "hold"}, .path = target};
    hold_begin(&hold);
    while (look().copied < look().end || look().end == 0)
        usleep(1000);
    append(2); /* the swap has to copy these */
    hold_end();
    request_await(&hold);
    await_moved(target);
    fault_disk_on_call(rig.disk, NULL, NULL);
    ck_assert_int_eq(order.renames, 1);
    ck_assert(!order.early);
    pthread_mutex_destroy(&order.lock);
}
END_TEST

START_TEST(synced_appends_go_on_through_a_swap)
{
    open_with(SYNCED);
    append(5);
    const char *target = other_dir();
    ck_assert_int_eq(alter(target), ERR_NONE);
    while (strcmp(look().dir, target) != 0)
        append(1);
    append(3);
    struct seen seen = look();
    ck_assert_int_eq(seen.recovery_point, seen.end);
    ck_assert_int_eq(seen.watermark, seen.end);
    teardown();
}
END_TEST

Suite *mover_suite(void)
{
    Suite *suite = suite_create("service/mover");
    TCase *tcase = tcase_create("moves");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_moved_replica_is_the_same_and_is_written_on);
    tcase_add_test(tcase, a_moved_replica_is_there_after_a_restart);
    tcase_add_test(tcase, an_empty_replica_moves_with_its_epoch);
    tcase_add_test(tcase, what_is_appended_meanwhile_is_moved_too);
    tcase_add_test(tcase, a_start_that_rises_while_it_is_copied_rises_in_the_copy);
    tcase_add_test(tcase, what_is_cut_after_it_was_copied_is_cut_from_the_copy);
    tcase_add_test(tcase, requests_that_cannot_be_met_say_why);
    tcase_add_test(tcase, a_replica_that_is_made_later_is_made_where_it_was_asked_to_be);
    tcase_add_test(tcase, a_move_to_elsewhere_or_back_takes_the_place_of_the_one_before);
    tcase_add_test(tcase, a_deleted_replica_is_not_moved_on);
    tcase_add_test(tcase, roles_change_while_it_is_copied);
    tcase_add_test(tcase, no_swap_is_beside_what_the_controller_wants_of_the_source);
    tcase_add_test(tcase, no_swap_is_beside_what_the_controller_wants_of_the_target);
    tcase_add_test(tcase, nothing_is_moved_from_or_to_a_directory_that_hangs);
    tcase_add_test(tcase, a_stray_log_goes_with_its_move_and_one_with_a_role_stays);
    tcase_add_test(tcase, a_stray_log_of_a_directory_that_hangs_is_left_for_the_next_look);
    tcase_add_test(tcase, a_move_goes_on_after_a_restart);
    tcase_add_test(tcase, a_future_directory_of_another_topic_is_not_gone_on_with);
    tcase_add_test(tcase, of_two_future_directories_one_is_gone_on_with);
    tcase_add_test(tcase, the_copy_is_synced_before_it_counts);
    tcase_add_test(tcase, one_that_went_on_when_its_origin_failed_is_served_without_it_and_with_it);
    tcase_add_test(tcase, a_crash_between_the_renames_is_settled_by_the_next_start);
    tcase_add_test(tcase, nobody_trusts_a_pending_one_before_its_origin_was_looked_at);
    suite_add_tcase(suite, tcase);
    TCase *calls = tcase_create("each call");
    tcase_set_timeout(calls, 300);
    tcase_add_test(calls, nothing_is_lost_when_the_target_fails_at_any_call);
    tcase_add_test(calls, nothing_is_lost_when_the_source_fails_at_any_call);
    tcase_add_test(calls, nothing_is_lost_when_the_process_is_killed_at_any_call);
    tcase_add_test(calls, synced_appends_go_on_through_a_swap);
    suite_add_tcase(suite, calls);
    return suite;
}
