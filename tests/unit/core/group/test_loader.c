/*
 * Loading the log: the last word counts, in whatever version; what cannot be read costs itself only.
 */
#include "hex.h"
#include "rig.h"
#include "suites.h"
#include "wire/record_builder.h"

static struct rig rig;
static struct buf key, value;

static void setup(void)
{
    rig_begin(&rig);
    key = value = (struct buf){0};
}

static void teardown(void)
{
    rig_close(&rig);
    buf_close(&key);
    buf_close(&value);
}

/* A record as Kafka's classes wrote it; NULL = a tombstone. */
static void put_hex(const char *key_digits, const char *value_digits)
{
    buf_clear(&key);
    buf_clear(&value);
    hex_put(&key, key_digits);
    if (value_digits)
        hex_put(&value, value_digits);
    rig_log_record(&rig, buf_view(&key), value_digits ? buf_view(&value) : VIEW_NULL);
}

#define OFFSET_KEY "000100016700066f726465727300000007"
#define GROUP_KEY  "0002000167"

START_TEST(offsets_of_every_version_are_loaded)
{
    static const char *const values[] = {
        "00000000011f71fb04cb00036dc3a90000018bcfe56800",
        "00010000011f71fb04cb00036dc3a90000018bcfe56800ffffffffffffffff",
        "00020000011f71fb04cb00036dc3a90000018bcfe56800",
        "00030000011f71fb04cb0000000500036dc3a90000018bcfe56800",
        "00040000011f71fb04cb00000005046dc3a90000018bcfe5680000",
    };
    for (int v = 0; v < 5; v++) {
        put_hex(v ? OFFSET_KEY : "000000016700066f726465727300000007", values[v]);
        rig_restart(&rig);
        ck_assert_int_eq(rig_fetch(&rig, "g", "orders", 7), 1234567890123);
        put_hex(OFFSET_KEY, NULL);
        rig_restart(&rig);
        ck_assert_int_eq(rig_fetch(&rig, "g", "orders", 7), -1);
        ck_assert_str_eq(rig_state(&rig, "g"), "Dead");
    }
}
END_TEST

START_TEST(groups_of_every_version_are_loaded)
{
    static const char *const values[] = {
        "00000008636f6e73756d657200000003000572616e676500026d310000000200026d3100016300092f31302e302e302e3100"
        "00"
        "2710000000020102000000010300026d3200016300092f31302e302e302e3200002710000000010400000000",
        "00010008636f6e73756d657200000003000572616e676500026d310000000200026d3100016300092f31302e302e302e3100"
        "00"
        "ea6000002710000000020102000000010300026d3200016300092f31302e302e302e320000ea600000271000000001040000"
        "00"
        "00",
        "00020008636f6e73756d657200000003000572616e676500026d310000018bcfe568000000000200026d3100016300092f31"
        "30"
        "2e302e302e310000ea6000002710000000020102000000010300026d3200016300092f31302e302e302e320000ea60000027"
        "10"
        "000000010400000000",
        "00030008636f6e73756d657200000003000572616e676500026d310000018bcfe568000000000200026d3100026931000163"
        "00"
        "092f31302e302e302e310000ea6000002710000000020102000000010300026d32ffff00016300092f31302e302e302e3200"
        "00"
        "ea6000002710000000010400000000",
        "000409636f6e73756d6572000000030672616e6765036d310000018bcfe5680003036d3103693102630a2f31302e302e302e"
        "31"
        "0000ea6000002710030102020300036d320002630a2f31302e302e302e320000ea60000027100204010000",
    };
    for (int v = 0; v < 5; v++) {
        put_hex(GROUP_KEY, values[v]);
        rig_restart(&rig);
        const struct wire_describe_groups_response_described_group *g = rig_describe(&rig, "g");
        ck_assert(view_equal_str(g->group_state, "Stable"));
        ck_assert(view_equal_str(g->protocol_type, "consumer"));
        ck_assert(view_equal_str(g->protocol_data, "range"));
        ck_assert_int_eq(g->members_count, 2);
        ck_assert(view_equal_str(g->members[0].member_metadata, "\x01\x02"));
        ck_assert(view_equal_str(g->members[0].member_assignment, "\x03"));
        ck_assert(view_equal_str(g->members[1].client_host, "/10.0.0.2"));
        ck_assert_int_eq(rig_heartbeat(&rig, "g", "m2", 3), ERR_NONE);
        uint64_t token = rig_join(&rig, (struct rig_join){.member = "m2", .protocols = {"range=\x04"}});
        ck_assert(view_equal_str(rig_joined(&rig, token)->leader, "m1"));
    }
    put_hex(GROUP_KEY, NULL);
    rig_restart(&rig);
    ck_assert_str_eq(rig_state(&rig, "g"), "Dead");
}
END_TEST

START_TEST(group_without_members_is_empty_in_its_generation)
{
    put_hex(GROUP_KEY, "00030008636f6e73756d657200000004ffffffff0000018bcfe5680000000000");
    rig_restart(&rig);
    ck_assert_str_eq(rig_state(&rig, "g"), "Empty");
    uint64_t token = rig_join(&rig, (struct rig_join){.version = 3});
    rig_wait(&rig, 0);
    ck_assert_int_eq(rig_joined(&rig, token)->generation_id, 5);
}
END_TEST

START_TEST(group_whose_record_is_deleted_keeps_its_offsets)
{
    put_hex(GROUP_KEY, "00030008636f6e73756d657200000004ffffffff0000018bcfe5680000000000");
    put_hex(OFFSET_KEY, "00020000011f71fb04cb00036dc3a90000018bcfe56800");
    put_hex(GROUP_KEY, NULL);
    rig_restart(&rig);
    ck_assert_str_eq(rig_state(&rig, "g"), "Empty");
    ck_assert_uint_eq(rig_describe(&rig, "g")->protocol_type.len, 0);
    ck_assert_int_eq(rig_fetch(&rig, "g", "orders", 7), 1234567890123);
}
END_TEST

/* --- what cannot be read
 * ------------------------------------------------------------------------------------------ */

static struct group_load_counts counts_of_log(void)
{
    struct group_loader *loader = group_loader_new(7);
    group_loader_add(loader, buf_view(&rig.log));
    struct group_load_counts counts;
    group_loader_counts(loader, &counts);
    group_loader_free(loader);
    return counts;
}

START_TEST(records_that_make_no_sense_are_passed_over)
{
    put_hex(OFFSET_KEY, "00020000011f71fb04cb00036dc3a90000018bcfe56800");
    put_hex(OFFSET_KEY, "0003000000");                     /* ends too early */
    put_hex(OFFSET_KEY, "0009000000");                     /* of a time to come */
    put_hex(OFFSET_KEY, "");                               /* has no version */
    put_hex("0001000167", "0003000000");                   /* half a key */
    put_hex("00", NULL);                                   /* no key at all */
    put_hex("0003000167", "00000000000700");               /* KIP-848 */
    put_hex("0002000168", "00030008636f6e73756d65720000"); /* a group */
    rig_log_record(&rig, VIEW_NULL, VIEW_LIT("x"));
    put_hex("000100016700066f726465727300000008", "00020000000000000005000000000180000000000000");
    rig_restart(&rig);
    ck_assert_int_eq(rig_fetch(&rig, "g", "orders", 7), 1234567890123);
    ck_assert_int_eq(rig_fetch(&rig, "g", "orders", 8), 5);
    struct group_load_counts counts = counts_of_log();
    ck_assert_uint_eq(counts.records, 10);
    ck_assert_uint_eq(counts.unknown_keys, 1);
    ck_assert_uint_eq(counts.damaged_records, 7);
}
END_TEST

START_TEST(batch_with_a_wrong_crc_is_passed_over_and_the_next_is_read)
{
    put_hex(OFFSET_KEY, "00020000000000000005000000000180000000000000");
    put_hex(OFFSET_KEY, "00020000000000000006000000000180000000000000");
    rig.log.data[rig.last_batch_at + 70] ^= 1;
    put_hex("000100016700066f726465727300000008", "00020000000000000007000000000180000000000000");
    rig_restart(&rig);
    ck_assert_int_eq(rig_fetch(&rig, "g", "orders", 7), 5);
    ck_assert_int_eq(rig_fetch(&rig, "g", "orders", 8), 7);
    ck_assert_uint_eq(counts_of_log().damaged_batches, 1);
}
END_TEST

START_TEST(group_that_holds_a_member_twice_has_it_once)
{
    struct wire_group_metadata_value_member_metadata members[] = {
        {VIEW_LIT("m1"), VIEW_LIT("i"), VIEW_LIT("c"), VIEW_LIT("/h"), 6000, 6000, VIEW_LIT("s"),
         VIEW_LIT("")},
        {VIEW_LIT("m1"), VIEW_NULL, VIEW_LIT("c"), VIEW_LIT("/h"), 6000, 6000, VIEW_LIT("s"), VIEW_LIT("")},
        {VIEW_LIT("m2"), VIEW_LIT("i"), VIEW_LIT("c"), VIEW_LIT("/h"), 6000, 6000, VIEW_LIT("s"),
         VIEW_LIT("")},
    };
    struct wire_group_metadata_value fields = {
        VIEW_LIT("consumer"), 3, VIEW_LIT("range"), VIEW_LIT("nobody"), RIG_NOON_MS, members, 3};
    group_key_put_group(&key, VIEW_LIT("g"));
    group_value_put(&value, &fields, GROUP_VALUE_VERSION);
    rig_log_record(&rig, buf_view(&key), buf_view(&value));
    rig_restart(&rig);
    ck_assert_int_eq(rig_describe(&rig, "g")->members_count, 1);
    ck_assert_int_eq(rig_heartbeat(&rig, "g", "m1", 3), ERR_NONE);
    rig_wait(&rig, 6000);
    ck_assert_str_eq(rig_state(&rig, "g"), "Empty");
}
END_TEST

START_TEST(log_is_read_in_pieces_of_whatever_size)
{
    for (int i = 0; i < 20; i++)
        rig_commit_ok(&rig, (struct rig_commit){.partition = i, .offset = 100 + i, .metadata = "note"});
    struct group_loader *loader = group_loader_new(7);
    size_t at = 0;
    for (size_t piece = 1; at < rig.log.len; piece++) {
        size_t len = piece < rig.log.len - at ? piece : rig.log.len - at;
        size_t used = group_loader_add(loader, view_of(rig.log.data + at, len));
        at += used;
        if (used)
            piece = 0;
    }
    ck_assert_int_eq(group_loader_next_offset(loader), rig.log_end);
    struct group_load_counts counts;
    group_loader_counts(loader, &counts);
    ck_assert_uint_eq(counts.offsets, 20);
    ck_assert_uint_eq(counts.damaged_batches, 0);
    group_loader_free(loader);
}
END_TEST

START_TEST(messages_of_before_batches_are_read_too_plain_and_compressed)
{
    for (int8_t magic = 0; magic < 2; magic++) {
        struct record_builder_spec spec = RECORD_BUILDER_V2;
        spec.magic = magic;
        spec.codec = magic ? CODEC_GZIP : CODEC_NONE;
        spec.base_offset = rig.log_end;
        struct record_builder builder;
        record_builder_open(&builder, &spec, NULL, &rig.log);
        buf_clear(&key);
        buf_clear(&value);
        hex_put(&key, "000000016700066f726465727300000007");
        hex_put(&value, magic ? "00000000000000000006000000000180000000000000"
                              : "00000000000000000005000000000180000000000000");
        record_builder_put(&builder, 1, buf_view(&key), buf_view(&value));
        ck_assert_int_eq(record_builder_finish(&builder, NULL), ERR_NONE);
        rig.log_end++;
        rig_restart(&rig);
        ck_assert_int_eq(rig_fetch(&rig, "g", "orders", 7), 5 + magic);
    }
}
END_TEST

START_TEST(load_that_ends_after_the_partition_is_lost_is_void)
{
    struct group_coordinator *late = group_coordinator_new(&rig.config);
    struct group_loader *loader = group_loader_new(7);
    rig_commit_ok(&rig, (struct rig_commit){.offset = 1});
    group_loader_add(loader, buf_view(&rig.log));
    group_loader_finish(loader, RIG_NOON_MS);
    struct group_effects out = {0};
    group_coordinator_resign(late, &rig.now, &out);
    group_coordinator_loaded(late, loader, &rig.now, &out);
    ck_assert_int_eq(group_delete(late, VIEW_LIT("g"), &rig.now, &out), ERR_NOT_COORDINATOR);
    ck_assert_int_eq(out.count, 0);
    group_loader_free(loader);
    group_coordinator_free(late);
    group_effects_close(&out);
}
END_TEST

Suite *loader_suite(void)
{
    Suite *suite = suite_create("group load");
    TCase *tc = tcase_create("load");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, offsets_of_every_version_are_loaded);
    tcase_add_test(tc, groups_of_every_version_are_loaded);
    tcase_add_test(tc, group_without_members_is_empty_in_its_generation);
    tcase_add_test(tc, group_whose_record_is_deleted_keeps_its_offsets);
    tcase_add_test(tc, records_that_make_no_sense_are_passed_over);
    tcase_add_test(tc, batch_with_a_wrong_crc_is_passed_over_and_the_next_is_read);
    tcase_add_test(tc, group_that_holds_a_member_twice_has_it_once);
    tcase_add_test(tc, log_is_read_in_pieces_of_whatever_size);
    tcase_add_test(tc, messages_of_before_batches_are_read_too_plain_and_compressed);
    tcase_add_test(tc, load_that_ends_after_the_partition_is_lost_is_void);
    suite_add_tcase(suite, tc);
    return suite;
}
