#include "storage/meta_properties.h"

#include <stdlib.h>

#include "base/mem.h"
#include "state_helpers.h"
#include "state_suites.h"

#define NOW_MS INT64_C(1795787352000) /* Fri Nov 27 13:49:12 UTC 2026 */

static struct testdir t;
static struct errmsg why;

static void setup(void)
{
    testdir_open(&t);
    testdir_mkdir(&t, "a");
    testdir_mkdir(&t, "b");
    why.text[0] = '\0';
}

static void teardown(void)
{
    testdir_close(&t);
}

static struct meta_dirs load(void)
{
    char *a = mem_printf("%s/a", t.path);
    char *b = mem_printf("%s/b", t.path);
    struct meta_dirs dirs;
    meta_dirs_load(&dirs, t.disk, (const char *const[]){a, b}, 2);
    free(a);
    free(b);
    return dirs;
}

static void put(const char *dir, const char *text)
{
    char *name = mem_printf("%s/meta.properties", dir);
    testdir_put_str(&t, name, text);
    free(name);
}

/* The verdict on what lies in the two directories. */
static enum err verify(const char *cluster_id, int32_t broker_id)
{
    struct meta_dirs dirs = load();
    enum err err = meta_dirs_verify(&dirs, cluster_id, broker_id, &why);
    meta_dirs_close(&dirs);
    return err;
}

/* All but the second line: that has the date, whose day Java does not pad. */
static void check_vector(const char *name, bool with_directory_id)
{
    struct buf file = vector_load(name);
    struct meta_properties meta;
    struct buf text = {0};
    ck_assert_int_eq(meta_properties_parse(buf_view(&file), name, &meta, &why), ERR_NONE);
    ck_assert_int_eq(meta.version, 0);
    ck_assert_str_eq(meta.cluster_id, "a=b:c #9_Xz-uIDsWlQ");
    ck_assert(meta.has_broker_id && meta.broker_id == 1001);
    ck_assert_int_eq(meta.has_directory_id, with_directory_id);
    meta_properties_format(&meta, NOW_MS, &text);
    struct view mine = buf_view(&text), theirs = buf_view(&file), left, right;
    for (int i = 0; vector_line(&mine, &left); i++) {
        ck_assert(vector_line(&theirs, &right));
        if (i == 1)
            ck_assert_uint_eq(left.len, right.len);
        else
            ck_assert(view_equal(left, right));
    }
    ck_assert_uint_eq(theirs.len, 0);
    meta_properties_close(&meta);
    buf_close(&text);
    buf_close(&file);
}

START_TEST(files_of_kafka_read_and_write_back)
{
    check_vector("meta.properties", false);
    check_vector("meta-with-directory-id.properties", true);
}
END_TEST

START_TEST(new_directories_get_a_file)
{
    struct meta_dirs dirs = load();
    int32_t id;
    ck_assert_int_eq(meta_dirs_verify(&dirs, "abc", 7, &why), ERR_NONE);
    ck_assert(!meta_dirs_broker_id(&dirs, &id));
    ck_assert_ptr_null(meta_dirs_cluster_id(&dirs));
    meta_dirs_write(&dirs, t.disk, "abc", 7, NOW_MS);
    meta_dirs_close(&dirs);
    const char *text = "#\n#Fri Nov 27 13:49:12 UTC 2026\nbroker.id=7\nversion=0\ncluster.id=abc\n";
    ck_assert(testdir_is(&t, "a/meta.properties", text));
    ck_assert(testdir_is(&t, "b/meta.properties", text));
    dirs = load();
    ck_assert_int_eq(meta_dirs_verify(&dirs, "abc", 7, &why), ERR_NONE);
    ck_assert(meta_dirs_broker_id(&dirs, &id) && id == 7);
    ck_assert_str_eq(meta_dirs_cluster_id(&dirs), "abc");
    meta_dirs_close(&dirs);
}
END_TEST

START_TEST(a_file_that_says_the_same_is_left_alone)
{
    put("a", "broker.id = 7\n! mine\ncluster.id : abc\n");
    put("b", "broker.id=7\ncluster.id=abc\nversion=0\ndirectory.id=SGVsbG8tQmFybmFiYXMhMA\nx=1\nx=2\n");
    struct meta_dirs dirs = load();
    meta_dirs_write(&dirs, t.disk, "abc", 7, NOW_MS);
    meta_dirs_close(&dirs);
    ck_assert(testdir_is(&t, "a/meta.properties", "broker.id = 7\n! mine\ncluster.id : abc\n"));
    ck_assert_int_eq(fault_disk_calls(t.disk, FAULT_WRITE), 0);
}
END_TEST

START_TEST(a_changed_file_keeps_directory_id_and_unknown_keys)
{
    put("b", "broker.id=7\nx=1\ndirectory.id=SGVsbG8tQmFybmFiYXMhMA\nx=2\n");
    struct meta_dirs dirs = load();
    meta_dirs_write(&dirs, t.disk, "abc", 7, NOW_MS);
    meta_dirs_close(&dirs);
    ck_assert(
        testdir_is(&t, "b/meta.properties",
                   "#\n#Fri Nov 27 13:49:12 UTC 2026\nbroker.id=7\ndirectory.id=SGVsbG8tQmFybmFiYXMhMA\n"
                   "version=0\ncluster.id=abc\nx=2\n"));
}
END_TEST

START_TEST(a_directory_of_another_cluster_is_refused_by_name)
{
    put("b", "broker.id=7\ncluster.id=xyz\n");
    ck_assert_int_eq(verify("abc", 7), ERR_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(why.text, "Invalid cluster.id in: "));
    ck_assert_ptr_nonnull(strstr(why.text, "/b/meta.properties. Expected abc, but read xyz."));
    ck_assert_int_eq(verify(NULL, 7), ERR_NONE);
    put("a", "broker.id=7\ncluster.id=abc\n");
    ck_assert_int_eq(verify(NULL, 7), ERR_INVALID_ARGUMENT);
}
END_TEST

START_TEST(a_directory_of_another_broker_is_refused_by_name)
{
    put("b", "broker.id=8\ncluster.id=abc\n");
    ck_assert_int_eq(verify("abc", 7), ERR_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(why.text, "Stored node id 8 doesn't match previous node id 7 in "));
    ck_assert_ptr_nonnull(strstr(why.text, "/b/meta.properties"));
    ck_assert_ptr_nonnull(strstr(why.text, "broker.id=8"));
    ck_assert_int_eq(verify("abc", -1), ERR_NONE);
    put("a", "broker.id=9\n");
    ck_assert_int_eq(verify("abc", -1), ERR_INVALID_ARGUMENT);
}
END_TEST

START_TEST(a_directory_of_a_kraft_cluster_is_refused)
{
    put("a", "version=1\nnode.id=7\ncluster.id=abc\n");
    ck_assert_int_eq(verify("abc", 7), ERR_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(why.text, "Found unexpected version 1 in "));
}
END_TEST

START_TEST(a_directory_id_belongs_to_one_directory)
{
    put("a", "directory.id=SGVsbG8tQmFybmFiYXMhMA\n");
    put("b", "directory.id=SGVsbG8tQmFybmFiYXMhMA\n");
    ck_assert_int_eq(verify("abc", 7), ERR_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(why.text, "Duplicate directory ID SGVsbG8tQmFybmFiYXMhMA"));
    put("b", "directory.id=AAAAAAAAAAAAAAAAAAAAAg\n");
    ck_assert_int_eq(verify("abc", 7), ERR_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(why.text, "reserved"));
}
END_TEST

START_TEST(an_unreadable_file_concerns_its_directory_only)
{
    static const char *const bad[] = {"version=2\n",           "version=x\n",
                                      "broker.id=\n",          "broker.id=x",
                                      "directory.id=short\n",  "version=1\ncluster.id=a\n",
                                      "version=1\nnode.id=1\n"};
    put("b", "broker.id=7\n");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        put("a", bad[i]);
        struct meta_dirs dirs = load();
        ck_assert_msg(dirs.items[0].kind == META_DIR_UNREADABLE, "%s", bad[i]);
        ck_assert_ptr_nonnull(strstr(dirs.items[0].why.text, "/a/meta.properties: "));
        ck_assert_int_eq(dirs.items[1].kind, META_DIR_READ);
        ck_assert_int_eq(meta_dirs_verify(&dirs, "abc", 7, &why), ERR_NONE);
        meta_dirs_write(&dirs, t.disk, "abc", 7, NOW_MS);
        ck_assert_int_eq(dirs.items[0].kind, META_DIR_UNREADABLE);
        meta_dirs_close(&dirs);
        ck_assert(testdir_is(&t, "a/meta.properties", bad[i]));
    }
}
END_TEST

START_TEST(whatever_call_fails_only_that_directory_is_lost)
{
    for (int k = 0;; k++) {
        fault_disk_fail(t.disk, FAULT_ANY, k, 1, ERR_IO);
        struct meta_dirs dirs = load();
        meta_dirs_write(&dirs, t.disk, "abc", 7, NOW_MS);
        fault_disk_fail(t.disk, FAULT_ANY, 0, 0, ERR_IO);
        int lost = (dirs.items[0].kind == META_DIR_UNREADABLE) + (dirs.items[1].kind == META_DIR_UNREADABLE);
        meta_dirs_close(&dirs);
        if (lost == 0)
            break;
        ck_assert_int_eq(lost, 1);
        ck_assert_int_eq(verify("abc", 7), ERR_NONE);
    }
}
END_TEST

Suite *meta_properties_suite(void)
{
    Suite *suite = suite_create("meta_properties");
    TCase *tc = tcase_create("meta_properties");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, files_of_kafka_read_and_write_back);
    tcase_add_test(tc, new_directories_get_a_file);
    tcase_add_test(tc, a_file_that_says_the_same_is_left_alone);
    tcase_add_test(tc, a_changed_file_keeps_directory_id_and_unknown_keys);
    tcase_add_test(tc, a_directory_of_another_cluster_is_refused_by_name);
    tcase_add_test(tc, a_directory_of_another_broker_is_refused_by_name);
    tcase_add_test(tc, a_directory_of_a_kraft_cluster_is_refused);
    tcase_add_test(tc, a_directory_id_belongs_to_one_directory);
    tcase_add_test(tc, an_unreadable_file_concerns_its_directory_only);
    tcase_add_test(tc, whatever_call_fails_only_that_directory_is_lost);
    suite_add_tcase(suite, tc);
    return suite;
}
