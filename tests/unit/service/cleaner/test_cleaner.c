/*
 * The cleaner over real logs: what it leaves, who may come between, and what is there after a disk failed at
 * any of its calls. Topics begin as ones that are never dirty enough; a test lets the cleaner at them by
 * changing that, as an operator would.
 */
#include "service/cleaner/cleaner.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "rig.h"
#include "service/partition/partition_call.h"
#include "service/replica/dir_checkpoints.h"
#include "service/replica/replica_manager_internal.h"
#include "storage/log_trim.h"
#include "suites.h"
#include "wire/record_batch.h"
#include "wire/record_iter.h"

#define SMALL                                                                                                \
    "\"cleanup.policy\":\"compact\",\"segment.bytes\":\"300\",\"retention.ms\":\"-1\","                      \
    "\"file.delete.delay.ms\":\"0\""
#define CONFIG(settings) "{\"version\":1,\"config\":{" settings "}}"
#define NEVER            CONFIG(SMALL ",\"min.cleanable.dirty.ratio\":\"1\"")
#define EAGER            CONFIG(SMALL ",\"min.cleanable.dirty.ratio\":\"0\"")

#define OFTEN "log.cleaner.backoff.ms=10\n"
#define KEYS  3

static struct rig rig;
static struct partition *part;

static void open_rig(void)
{
    rig_open_with(&rig, 1, 2, NEVER, OFTEN);
    ck_assert_int_eq(rig_lead(&rig, "t", 0, 0, RIG_ME, 1), ERR_NONE);
    part = rig_find(&rig, "t", 0);
}

static void close_rig(void)
{
    partition_release(part);
    part = NULL;
    rig_close(&rig);
}

/* The value of record n is n; keys come round. */
static void append(int from, int count)
{
    for (int n = from; n < from + count; n++) {
        char key[16], value[16];
        snprintf(key, sizeof key, "k%d", n % KEYS);
        snprintf(value, sizeof value, "%d", n);
        ck_assert_int_eq(rig_append_pair(&rig, part, view_str(key), view_str(value)), ERR_NONE);
    }
}

/* Lets the cleaner at it. */
static void let_clean(void)
{
    rig.topic_config = EAGER;
    replica_manager_update_topic(rig.broker.replicas, "t");
}

/* --- looking ------------------------------------------------------------------------------------------ */

struct seen {
    bool has_log;
    struct log_dir_state *dir;
    int64_t start, end, active, checkpoint;
    int segments;
};

static void see(struct partition *p, void *arg)
{
    struct seen *seen = arg;
    *seen = (struct seen){.has_log = p->log != NULL, .dir = p->dir, .checkpoint = -1};
    if (!p->log)
        return;
    seen->start = log_start_offset(p->log);
    seen->end = log_end(p->log).offset;
    seen->active = log_active_base_offset(p->log);
    seen->segments = log_segment_count(p->log);
    dir_checkpoints_get(seen->dir, LOG_DIR_CLEANER, view_str("t"), 0, &seen->checkpoint);
}

static struct seen look(void)
{
    struct seen seen;
    partition_call(part, see, &seen);
    return seen;
}

static void await_clean(void)
{
    for (;;) {
        struct seen seen = look();
        ck_assert(seen.has_log);
        if (seen.active > 0 && seen.checkpoint == seen.active)
            return;
        usleep(1000);
    }
}

/* Of every record that is there: present[n]. Their number. */
struct content {
    bool present[512];
    int count;
};

static void take_records(struct content *content, struct view entry)
{
    struct record_iter it;
    struct record rec;
    record_iter_open(&it, entry, RECORD_VIEW, NULL, NULL);
    while (record_iter_next(&it, &rec)) {
        char text[16] = "";
        ck_assert_uint_lt(rec.value.len, sizeof text);
        memcpy(text, rec.value.ptr, rec.value.len);
        ck_assert_int_eq(atoi(text), rec.offset); /* offsets are what they were */
        content->present[rec.offset] = true;
        content->count++;
    }
    ck_assert_int_eq(record_iter_close(&it), ERR_NONE);
}

static void read_records(struct partition *p, void *arg)
{
    struct content *content = arg;
    struct log_slice slice = {0};
    struct errmsg why;
    int64_t offset = log_start_offset(p->log);
    while (offset < log_end(p->log).offset) {
        struct log_read_args args = {
            .offset = offset, .max_bytes = 1, .bound = LOG_BOUND_END, .min_one = true};
        ck_assert_int_eq(log_read(p->log, &args, &slice, &why), ERR_NONE);
        if (!slice.file)
            break; /* the log ends behind a gap */
        uint8_t bytes[4096];
        size_t got;
        ck_assert_int_le(slice.len, (int32_t)sizeof bytes);
        ck_assert_int_eq(DISK_FILE(slice.file, pread, bytes, (size_t)slice.len, slice.pos, &got, &why),
                         ERR_NONE);
        struct view rest = view_of(bytes, got), entry;
        struct batch_info info;
        ck_assert_int_eq(batch_next(&rest, &info, &entry), 0);
        take_records(content, entry);
        offset = info.last_offset + 1;
    }
    log_slice_close(&slice);
}

static struct content contents(void)
{
    struct content content = {0};
    partition_call(part, read_records, &content);
    return content;
}

/* Of the first `end` records: below `clean` the newest of each key, from there on all. */
static void must_be_compacted(int end, int clean)
{
    struct content content = contents();
    for (int n = 0; n < end; n++)
        ck_assert_msg(content.present[n] == (n >= clean - KEYS), "record %d of %d, clean up to %d", n, end,
                      clean);
}

/* Nothing that counts is missing, however far the cleaner came. */
static void must_have_the_newest(int end)
{
    struct content content = contents();
    for (int n = end - KEYS; n < end; n++)
        ck_assert_msg(content.present[n], "record %d of %d is lost", n, end);
}

static int files(const char *pattern)
{
    int count = 0;
    for (int i = 0; i < rig.dirs_count; i++) {
        char *path = mem_printf("%s/%s", rig.dirs[i], pattern);
        glob_t found;
        count += glob(path, 0, NULL, &found) == 0 ? (int)found.gl_pathc : 0;
        globfree(&found);
        free(path);
    }
    return count;
}

/* --- the plain way -------------------------------------------------------------------------------------- */

START_TEST(the_newest_of_each_key_stays_and_the_checkpoint_moves)
{
    open_rig();
    append(0, 40);
    let_clean();
    await_clean();
    struct seen seen = look();
    must_be_compacted(40, (int)seen.active);
    ck_assert_int_eq(seen.start, 0);
    ck_assert_int_eq(seen.end, 40);
    append(40, 40);
    await_clean();
    must_be_compacted(80, (int)look().active);
    close_rig();
}
END_TEST

START_TEST(a_start_goes_on_where_the_cleaner_stood)
{
    open_rig();
    append(0, 40);
    let_clean();
    await_clean();
    int64_t before = look().checkpoint;
    partition_release(part);
    rig_stop(&rig);
    rig.topic_config = NEVER;
    rig_start(&rig, 1);
    part = rig_find(&rig, "t", 0);
    ck_assert_int_eq(look().checkpoint, before);
    close_rig();
}
END_TEST

static void read_as_consumer(struct partition *p, void *arg)
{
    int64_t *first = arg;
    struct log_slice slice = {0};
    struct errmsg why;
    struct log_read_args args = {.max_bytes = 1, .bound = LOG_BOUND_HIGH_WATERMARK, .min_one = true};
    uint8_t bytes[4096];
    size_t got;
    ck_assert_int_eq(log_read(p->log, &args, &slice, &why), ERR_NONE);
    ck_assert_int_le(slice.len, (int32_t)sizeof bytes);
    ck_assert_int_eq(DISK_FILE(slice.file, pread, bytes, (size_t)slice.len, slice.pos, &got, &why), ERR_NONE);
    struct view rest = view_of(bytes, got), entry;
    struct batch_info info;
    ck_assert_int_eq(batch_next(&rest, &info, &entry), 0);
    ck_assert_int_gt(info.record_count, 0);
    *first = info.base_offset;
    log_slice_close(&slice);
}

START_TEST(a_consumer_is_led_past_segments_of_which_nothing_is_left)
{
    int64_t first = -1;
    open_rig();
    append(0, 60);
    let_clean();
    await_clean();
    ck_assert_int_gt(look().segments, 3);
    partition_call(part, read_as_consumer, &first);
    ck_assert_int_eq(first, look().active - KEYS);
    close_rig();
}
END_TEST

START_TEST(a_topic_that_is_not_compacted_is_left_alone)
{
    open_rig();
    append(0, 40);
    rig.topic_config = CONFIG("\"segment.bytes\":\"300\",\"retention.ms\":\"-1\"");
    replica_manager_update_topic(rig.broker.replicas, "t");
    /* The other topic tells when the cleaner has been round. */
    struct partition *t = part;
    rig.topic_config = EAGER;
    ck_assert_int_eq(rig_lead(&rig, "u", 0, 0, RIG_ME, 1), ERR_NONE);
    part = rig_find(&rig, "u", 0);
    append(0, 40);
    int64_t dirty = -1;
    while (!dir_checkpoints_get(part->dir, LOG_DIR_CLEANER, view_str("u"), 0, &dirty))
        usleep(1000);
    partition_release(part);
    part = t;
    ck_assert_int_eq(look().checkpoint, -1);
    ck_assert_int_eq(contents().count, 40);
    close_rig();
}
END_TEST

/* --- who comes between ------------------------------------------------------------------------------------
 */

/* A gate before what a compaction makes: shut, it holds the cleaner there. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool shut, somebody;
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};

static void at_the_gate(void *arg, enum fault_op op, const char *path)
{
    (void)arg;
    if (op != FAULT_OPEN || !strstr(path, ".log.cleaned"))
        return;
    pthread_mutex_lock(&gate.lock);
    gate.somebody = true;
    pthread_cond_broadcast(&gate.cond);
    while (gate.shut)
        pthread_cond_wait(&gate.cond, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
}

static void hold_the_cleaner(void)
{
    gate.shut = true;
    gate.somebody = false;
    fault_disk_on_call(rig.disk, at_the_gate, NULL);
    let_clean();
    pthread_mutex_lock(&gate.lock);
    while (!gate.somebody)
        pthread_cond_wait(&gate.cond, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
}

static void let_it_go_on(void)
{
    pthread_mutex_lock(&gate.lock);
    gate.shut = false;
    pthread_cond_broadcast(&gate.cond);
    pthread_mutex_unlock(&gate.lock);
}

START_TEST(who_appends_and_reads_does_not_wait_for_it)
{
    open_rig();
    append(0, 40);
    hold_the_cleaner();
    append(40, 20);
    ck_assert_int_eq(contents().count, 60);
    let_it_go_on();
    await_clean();
    must_be_compacted(60, (int)look().active);
    close_rig();
}
END_TEST

static void cut_to_20(struct partition *p, void *arg)
{
    struct log_doomed doomed = {0};
    struct errmsg why;
    bool truncated;
    (void)arg;
    ck_assert_int_eq(dir_checkpoints_lower(p->dir, view_str("t"), 0, 20, &why), ERR_NONE);
    ck_assert_int_eq(log_truncate_to(p->log, 20, 0, &doomed, &truncated, &why), ERR_NONE);
    ck_assert(truncated);
    log_doomed_close(&doomed);
}

START_TEST(a_log_that_is_cut_under_it_is_not_said_to_be_clean)
{
    open_rig();
    append(0, 40);
    hold_the_cleaner();
    partition_call(part, cut_to_20, NULL);
    ck_assert_int_eq(look().end, 20);
    append(20, 30);
    let_it_go_on();
    await_clean();
    must_be_compacted(50, (int)look().active);
    close_rig();
}
END_TEST

START_TEST(a_cut_lowers_the_checkpoint)
{
    open_rig();
    append(0, 40);
    let_clean();
    await_clean();
    rig.topic_config = NEVER;
    replica_manager_update_topic(rig.broker.replicas, "t");
    ck_assert_int_gt(look().checkpoint, 20);
    partition_call(part, cut_to_20, NULL);
    ck_assert_int_eq(look().checkpoint, 20);
    close_rig();
}
END_TEST

START_TEST(a_partition_that_is_deleted_under_it_costs_nobody_anything)
{
    open_rig();
    append(0, 40);
    struct log_dir_state *dir = part->dir;
    hold_the_cleaner();
    ck_assert_int_eq(rig_stop_replica(&rig, "t", 0, 1, true), ERR_NONE);
    let_it_go_on();
    int64_t dirty;
    while (files("t-0.*-delete") > 0)
        usleep(1000);
    ck_assert(!log_dir_is_offline(&dir->dir));
    ck_assert(!dir_checkpoints_get(dir, LOG_DIR_CLEANER, view_str("t"), 0, &dirty));
    ck_assert_int_eq(files("t-0*"), 0);
    close_rig();
}
END_TEST

START_TEST(a_stop_does_not_wait_for_the_end_of_it)
{
    open_rig();
    append(0, 40);
    hold_the_cleaner();
    let_it_go_on();
    partition_release(part);
    rig_stop(&rig);
    ck_assert_int_eq(files("t-0/*.swap"), 0);
    rig.topic_config = NEVER;
    rig_start(&rig, 1);
    part = rig_find(&rig, "t", 0);
    ck_assert_int_eq(files("t-0/*.cleaned"), 0);
    must_have_the_newest(40);
    close_rig();
}
END_TEST

START_TEST(deleting_a_replica_forgets_its_checkpoint_durably)
{
    open_rig();
    append(0, 40);
    let_clean();
    await_clean();
    struct log_dir_state *dir = part->dir;
    ck_assert_int_eq(rig_stop_replica(&rig, "t", 0, 1, true), ERR_NONE);
    char *path = log_dir_join(&dir->dir, log_dir_checkpoint_name(LOG_DIR_CLEANER));
    char text[64] = "";
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    free(path);
    ck_assert_str_eq(text, "0\n0\n");
    close_rig();
}
END_TEST

/* --- a disk that fails ------------------------------------------------------------------------------------
 */

/* True when the cleaner was through before the fault came. */
static bool await_clean_or_offline(void)
{
    for (;;) {
        struct seen seen = look();
        if (!seen.has_log || log_dir_is_offline(&seen.dir->dir))
            return false;
        if (seen.checkpoint == seen.active)
            return true;
        usleep(200);
    }
}

/* Fails the k-th call on such paths, for k = 0, 1, 2 ... until the cleaner comes through. */
static void sweep(const char *paths)
{
    bool through = false;
    int k = 0;
    for (; !through; k++) {
        open_rig();
        append(0, 12);
        fault_disk_only(rig.disk, paths);
        fault_disk_fail(rig.disk, FAULT_ANY, k, 1, ERR_IO);
        let_clean();
        through = await_clean_or_offline();
        fault_disk_fail(rig.disk, FAULT_ANY, 0, 0, ERR_NONE);
        fault_disk_only(rig.disk, NULL);
        partition_release(part);
        rig_stop(&rig);
        rig.topic_config = NEVER;
        rig_start(&rig, 1);
        part = rig_find(&rig, "t", 0);
        must_have_the_newest(12);
        ck_assert_int_eq(files("t-0/*.cleaned") + files("t-0/*.swap"), 0);
        close_rig();
    }
    ck_assert_int_gt(k, 1);
}

START_TEST(whichever_call_on_its_files_fails_the_newest_of_each_key_is_there_after_a_start)
{
    sweep("/t-0");
}
END_TEST

START_TEST(a_checkpoint_that_cannot_be_written_costs_the_directory_and_no_record)
{
    sweep("cleaner-offset-checkpoint");
}
END_TEST

/* --- settings ----------------------------------------------------------------------------------------------
 */

START_TEST(no_thread_runs_where_it_is_switched_off)
{
    rig_open_with(&rig, 1, 1, EAGER, OFTEN "log.cleaner.enable=false\n");
    ck_assert_int_eq(rig_lead(&rig, "t", 0, 0, RIG_ME, 1), ERR_NONE);
    part = rig_find(&rig, "t", 0);
    append(0, 40);
    struct cleaner_numbers numbers;
    cleaner_numbers(replica_manager_cleaner(rig.broker.replicas), &numbers);
    ck_assert_int_eq(numbers.idle_ms, 0);
    ck_assert_int_eq(contents().count, 40);
    close_rig();
}
END_TEST

START_TEST(what_was_done_shows_in_the_numbers)
{
    open_rig();
    append(0, 40);
    let_clean();
    await_clean();
    struct cleaner_numbers numbers;
    do
        cleaner_numbers(replica_manager_cleaner(rig.broker.replicas), &numbers);
    while (numbers.recopy_ratio <= 0);
    ck_assert_double_lt(numbers.recopy_ratio, 1);
    ck_assert_double_gt(numbers.max_map_load, 0);
    ck_assert_int_eq(numbers.missing_threads, 0);
    close_rig();
}
END_TEST

Suite *cleaner_suite(void)
{
    Suite *suite = suite_create("cleaner");
    TCase *tcase = tcase_create("cleaner");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, the_newest_of_each_key_stays_and_the_checkpoint_moves);
    tcase_add_test(tcase, a_start_goes_on_where_the_cleaner_stood);
    tcase_add_test(tcase, a_consumer_is_led_past_segments_of_which_nothing_is_left);
    tcase_add_test(tcase, a_topic_that_is_not_compacted_is_left_alone);
    tcase_add_test(tcase, who_appends_and_reads_does_not_wait_for_it);
    tcase_add_test(tcase, a_log_that_is_cut_under_it_is_not_said_to_be_clean);
    tcase_add_test(tcase, a_cut_lowers_the_checkpoint);
    tcase_add_test(tcase, a_partition_that_is_deleted_under_it_costs_nobody_anything);
    tcase_add_test(tcase, a_stop_does_not_wait_for_the_end_of_it);
    tcase_add_test(tcase, deleting_a_replica_forgets_its_checkpoint_durably);
    tcase_add_test(tcase, whichever_call_on_its_files_fails_the_newest_of_each_key_is_there_after_a_start);
    tcase_add_test(tcase, a_checkpoint_that_cannot_be_written_costs_the_directory_and_no_record);
    tcase_add_test(tcase, no_thread_runs_where_it_is_switched_off);
    tcase_add_test(tcase, what_was_done_shows_in_the_numbers);
    suite_add_tcase(suite, tcase);
    return suite;
}
