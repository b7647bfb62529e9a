/* The log on a real file system, and on one whose calls fail. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "disk/posix.h"
#include "fake/fault_disk.h"
#include "log_rig.h"
#include "storage/log_dir.h"
#include "storage/log_trim.h"

struct place {
    char root[64];
    char *dir;
    struct disk *posix;
};

/* Few descriptors, so that handles are closed and opened again all the time. */
static void place_init(struct place *place, struct rig *rig)
{
    snprintf(place->root, sizeof place->root, "/tmp/barnabas-log-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(place->root));
    place->dir = mem_printf("%s/topic-0", place->root);
    place->posix = disk_posix_new(4);
    rig_init(rig);
    rig->disk = place->posix;
    rig->dir = place->dir;
}

static void place_close(struct place *place, struct rig *rig)
{
    rig_kill(rig);
    ck_assert_int_eq(log_dir_delete_tree(place->posix, place->dir, &rig->why), ERR_NONE);
    rmdir(place->root);
    disk_posix_free(place->posix);
    free(place->dir);
    rig_close(rig);
}

START_TEST(log_lives_on_a_file_system)
{
    struct place place;
    struct rig rig;
    place_init(&place, &rig);
    struct prng prng;
    prng_seed(&prng, 17);
    rig_load(&rig, true);
    for (int round = 0; round < 6; round++) {
        rig_append_random(&rig, &prng, 30);
        int64_t end = rig_check_prefix(&rig);
        if (round == 3) {
            struct log_doomed doomed = {0};
            bool truncated;
            ck_assert_int_eq(log_truncate_to(rig.log, end / 2, 1, &doomed, &truncated, &rig.why), ERR_NONE);
            ck_assert_int_eq(log_doomed_unlink(&doomed, rig.disk, &rig.why), ERR_NONE);
            rig_model_truncate(&rig, end / 2);
            rig_append(&rig, (struct rig_append){0});
            end = log_end(rig.log).offset;
            rig.recovery_point = log_recovery_point(rig.log);
        }
        if (round % 2)
            rig_stop(&rig);
        else
            rig_kill(&rig);
        rig_load(&rig, round % 2);
        ck_assert_int_eq(log_end(rig.log).offset, end);
        if (round < 3)
            rig_check_prefix(&rig);
    }
    place_close(&place, &rig);
}
END_TEST

START_TEST(full_file_system_fails_the_append_and_the_log)
{
    struct place place;
    struct rig rig;
    place_init(&place, &rig);
    struct disk *fault = fault_disk_new(place.posix);
    rig.disk = fault;
    rig_load(&rig, true);
    for (int i = 0; i < 5; i++)
        rig_append(&rig, (struct rig_append){.value_size = 100});
    fault_disk_set_space(fault, 100);
    struct log_append_result out;
    struct rig_append spec = {.value_size = 100};
    ck_assert_int_eq(rig_try_append(&rig, &spec, &out), ERR_KAFKA_STORAGE_ERROR);
    ck_assert_int_eq(log_end(rig.log).offset, 5);
    fault_disk_set_space(fault, -1);
    ck_assert_int_eq(rig_try_append(&rig, &spec, &out), ERR_KAFKA_STORAGE_ERROR);
    /* After a restart the torn write is cut. */
    rig_kill(&rig);
    rig_load(&rig, false);
    ck_assert_int_gt(rig.report.bytes_cut, 0);
    ck_assert_int_eq(rig_check_prefix(&rig), 5);
    rig_append(&rig, spec);
    rig_kill(&rig);
    fault_disk_free(fault);
    place_close(&place, &rig);
}
END_TEST

Suite *log_posix_suite(void)
{
    Suite *suite = suite_create("log_posix");
    TCase *tc = tcase_create("posix");
    tcase_add_test(tc, log_lives_on_a_file_system);
    tcase_add_test(tc, full_file_system_fails_the_append_and_the_log);
    suite_add_tcase(suite, tc);
    return suite;
}
