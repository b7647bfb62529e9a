/* partition.metadata, names of partitions' directories, the marker of a clean stop. */
#include <stdlib.h>

#include "base/mem.h"
#include "state_helpers.h"
#include "state_suites.h"
#include "storage/checkpoint_file.h"
#include "storage/clean_shutdown.h"
#include "storage/partition_dir.h"
#include "storage/partition_metadata.h"

#define ID_TEXT "SGVsbG8tQmFybmFiYXMhMA"

static struct uuid some_id(void)
{
    struct uuid id;
    ck_assert(uuid_from_text(VIEW_LIT(ID_TEXT), &id));
    return id;
}

START_TEST(metadata_texts_are_taken_and_refused_as_by_kafka)
{
    struct buf file = vector_load("partition-metadata-texts.tsv");
    struct buf text = {0};
    struct view rest = buf_view(&file);
    struct view line, hex, verdict;
    int cases = 0;
    while (vector_line(&rest, &line)) {
        /* Texts that were refused have one more tab before the verdict. */
        ck_assert(vector_field(&line, &hex) && vector_field(&line, &verdict));
        bool good = verdict.len > 0;
        vector_unhex(hex, &text);
        struct uuid id;
        struct errmsg why = {""};
        enum err err = partition_metadata_parse(buf_view(&text), "f", &id, &why);
        ck_assert_msg(err == (good ? ERR_NONE : ERR_CORRUPT_FILE), "\"%s\": %s", buf_cstr(&text), why.text);
        if (good)
            ck_assert(uuid_equal(id, some_id()));
        cases++;
    }
    ck_assert_int_gt(cases, 15);
    buf_close(&text);
    buf_close(&file);
}
END_TEST

START_TEST(metadata_is_written_as_by_kafka)
{
    struct testdir t;
    struct errmsg why;
    struct uuid id;
    testdir_open(&t);
    ck_assert_int_eq(partition_metadata_read(t.disk, t.path, &id, &why), ERR_NOT_FOUND);
    ck_assert_int_eq(partition_metadata_write(t.disk, t.path, some_id(), &why), ERR_NONE);
    struct buf mine = testdir_get(&t, PARTITION_METADATA_FILE_NAME);
    struct buf theirs = vector_load("partition.metadata");
    ck_assert(view_equal(buf_view(&mine), buf_view(&theirs)));
    ck_assert_int_eq(partition_metadata_read(t.disk, t.path, &id, &why), ERR_NONE);
    ck_assert(uuid_equal(id, some_id()));
    buf_close(&mine);
    buf_close(&theirs);
    testdir_close(&t);
}
END_TEST

START_TEST(directory_names_are_read_as_by_kafka)
{
    struct buf file = vector_load("directory-names.tsv");
    struct view rest = buf_view(&file);
    struct view line, name, verdict, topic, number;
    int cases = 0;
    while (vector_line(&rest, &line)) {
        ck_assert(vector_field(&line, &name) && vector_field(&line, &verdict));
        char *text = view_to_cstr(name);
        struct partition_dir_name parsed;
        bool good = partition_dir_parse(text, &parsed);
        ck_assert_msg(good == view_equal_str(verdict, "OK"), "%s", text);
        if (good) {
            int32_t partition;
            ck_assert(vector_field(&line, &topic) && vector_field(&line, &number));
            ck_assert(checkpoint_parse_i32(number, &partition));
            ck_assert(view_equal(parsed.topic, topic));
            ck_assert_int_eq(parsed.partition, partition);
        }
        free(text);
        cases++;
    }
    ck_assert_int_gt(cases, 30);
    buf_close(&file);
}
END_TEST

START_TEST(the_suffix_tells_what_a_directory_is_for)
{
    struct partition_dir_name parsed;
    ck_assert(partition_dir_parse("a-1", &parsed) && parsed.kind == PARTITION_DIR_CURRENT);
    ck_assert(partition_dir_parse("a-1.x-future", &parsed) && parsed.kind == PARTITION_DIR_FUTURE);
    ck_assert(partition_dir_parse("a-1.x-delete", &parsed) && parsed.kind == PARTITION_DIR_DELETE);
    ck_assert(partition_dir_parse("a-1.x-stray", &parsed) && parsed.kind == PARTITION_DIR_STRAY);
    ck_assert(!partition_dir_parse("", &parsed));
}
END_TEST

START_TEST(names_are_made_as_by_kafka)
{
    struct uuid id = {{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0, 1, 2, 3, 4, 5, 6, 0xff}};
    char *name = partition_dir_format(VIEW_LIT("a.b"), 12, PARTITION_DIR_CURRENT, id);
    ck_assert_str_eq(name, "a.b-12");
    free(name);
    name = partition_dir_format(VIEW_LIT("a.b"), 12, PARTITION_DIR_FUTURE, id);
    ck_assert_str_eq(name, "a.b-12.0123456789abcdef00010203040506ff-future");
    free(name);
    char topic[250];
    memset(topic, 't', 249);
    topic[249] = '\0';
    name = partition_dir_format(view_str(topic), 3, PARTITION_DIR_DELETE, id);
    ck_assert_uint_eq(strlen(name), 255);
    struct partition_dir_name parsed;
    ck_assert(partition_dir_parse(name, &parsed));
    ck_assert_int_eq(parsed.partition, 3);
    ck_assert_uint_eq(parsed.topic.len, 255 - strlen("-3.0123456789abcdef00010203040506ff-delete"));
    free(name);
    ck_assert_ptr_null(partition_dir_format(view_str(topic), 3, PARTITION_DIR_FUTURE, id));
}
END_TEST

START_TEST(the_marker_of_a_clean_stop_counts_once)
{
    struct testdir t;
    struct errmsg why;
    bool clean;
    testdir_open(&t);
    ck_assert_int_eq(clean_shutdown_take(t.disk, t.path, &clean, &why), ERR_NONE);
    ck_assert(!clean);
    ck_assert_int_eq(clean_shutdown_write(t.disk, t.path, -1, &why), ERR_NONE);
    struct buf mine = testdir_get(&t, CLEAN_SHUTDOWN_FILE_NAME);
    struct buf theirs = vector_load("kafka_cleanshutdown");
    ck_assert(view_equal(buf_view(&mine), buf_view(&theirs)));
    ck_assert_int_eq(clean_shutdown_take(t.disk, t.path, &clean, &why), ERR_NONE);
    ck_assert(clean);
    ck_assert_int_eq(clean_shutdown_take(t.disk, t.path, &clean, &why), ERR_NONE);
    ck_assert(!clean);
    /* Older brokers left it empty. */
    testdir_put_str(&t, CLEAN_SHUTDOWN_FILE_NAME, "");
    ck_assert_int_eq(clean_shutdown_take(t.disk, t.path, &clean, &why), ERR_NONE);
    ck_assert(clean);
    buf_close(&mine);
    buf_close(&theirs);
    testdir_close(&t);
}
END_TEST

START_TEST(a_marker_that_cannot_be_removed_is_no_clean_stop)
{
    struct testdir t;
    struct errmsg why;
    bool clean = true;
    testdir_open(&t);
    for (int k = 0;; k++) {
        testdir_put_str(&t, CLEAN_SHUTDOWN_FILE_NAME, "");
        fault_disk_fail(t.disk, FAULT_ANY, k, 1, ERR_IO);
        enum err err = clean_shutdown_take(t.disk, t.path, &clean, &why);
        ck_assert_int_eq(clean, err == ERR_NONE);
        if (!err)
            break;
    }
    fault_disk_fail(t.disk, FAULT_ANY, 0, 0, ERR_IO);
    testdir_close(&t);
}
END_TEST

Suite *partition_files_suite(void)
{
    Suite *suite = suite_create("partition_files");
    TCase *tc = tcase_create("partition_files");
    tcase_add_test(tc, metadata_texts_are_taken_and_refused_as_by_kafka);
    tcase_add_test(tc, metadata_is_written_as_by_kafka);
    tcase_add_test(tc, directory_names_are_read_as_by_kafka);
    tcase_add_test(tc, the_suffix_tells_what_a_directory_is_for);
    tcase_add_test(tc, names_are_made_as_by_kafka);
    tcase_add_test(tc, the_marker_of_a_clean_stop_counts_once);
    tcase_add_test(tc, a_marker_that_cannot_be_removed_is_no_clean_stop);
    suite_add_tcase(suite, tc);
    return suite;
}
