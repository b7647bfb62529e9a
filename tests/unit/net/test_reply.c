#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/be.h"
#include "disk/posix.h"
#include "net/reply.h"
#include "tests.h"

START_TEST(a_sealed_reply_counts_bytes_and_ranges)
{
    char path[64] = "/tmp/barnabas-reply-XXXXXX";
    close(mkstemp(path));
    struct disk *disk = disk_posix_new(4);
    struct disk_file *file;
    ck_assert_int_eq(DISK(disk, open, path, DISK_OPEN_WRITE, &file, NULL), ERR_NONE);
    unlink(path);

    struct reply reply = {0};
    reply_begin(&reply);
    reply_seal(&reply);
    ck_assert_int_eq(be_get_i32(reply.bytes.data), 0);
    buf_put_str(&reply.bytes, "abc");
    reply_add_range(&reply, disk_file_share(file), 10, 100, 0);
    buf_put_str(&reply.bytes, "de");
    reply_insert_range(&reply, reply.bytes.len - 1, disk_file_share(file), 0, 1000, 0);
    reply_seal(&reply);
    ck_assert_int_eq(be_get_i32(reply.bytes.data), 1105);
    ck_assert_int_eq(reply.ranges_bytes, 1100);
    ck_assert_uint_eq(reply.ranges[0].at, 7);
    ck_assert_uint_eq(reply.ranges[1].at, 8);

    reply_begin(&reply); /* gives the shares back */
    ck_assert_int_eq(reply.ranges_count, 0);
    ck_assert_uint_eq(reply.bytes.len, 4);
    for (int i = 0; i < 20; i++)
        reply_add_range(&reply, disk_file_share(file), i, 1, 0);
    reply_close(&reply);
    disk_file_release(file);
    disk_posix_free(disk); /* asserts that nobody shares a file any more */
}
END_TEST

START_TEST(what_no_frame_can_hold_is_noticed)
{
    struct reply reply = {0};
    reply_begin(&reply);
    reply.ranges_bytes = INT32_MAX - 3;
    buf_put_str(&reply.bytes, "abc");
    ck_assert(reply_fits(&reply));
    buf_put_str(&reply.bytes, "d");
    ck_assert(!reply_fits(&reply));
    reply_close(&reply);
}
END_TEST

Suite *reply_suite(void)
{
    Suite *suite = suite_create("reply");
    TCase *tc = tcase_create("reply");
    tcase_add_test(tc, a_sealed_reply_counts_bytes_and_ranges);
    tcase_add_test(tc, what_no_frame_can_hold_is_noticed);
    suite_add_tcase(suite, tc);
    return suite;
}
