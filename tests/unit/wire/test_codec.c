/* The rules of the protocol, one by one. */
#include <stdlib.h>

#include "base/mem.h"
#include "codec_suites.h"
#include "wire/codec.h"

struct fixture {
    struct arena arena;
    struct buf out;
    struct errmsg why;
    size_t used;
};

static struct fixture *setup(void)
{
    return MEM_NEW(struct fixture);
}

static void teardown(struct fixture *f)
{
    arena_close(&f->arena);
    buf_close(&f->out);
    free(f);
}

static enum err decode(struct fixture *f, const struct wire_message *desc, int16_t version, struct view bytes,
                       void *out)
{
    return wire_decode(desc, version, bytes, &f->used, &f->arena, out, &f->why);
}

#define BYTES(literal) VIEW_LIT(literal)

START_TEST(null_where_it_is_not_allowed_is_malformed)
{
    struct fixture *f = setup();
    struct wire_heartbeat_request request;
    /* group id null, classic and compact */
    ck_assert_int_eq(decode(f, &wire_heartbeat_request_desc, 0, BYTES("\xff\xff\0\0\0\1\0\1m"), &request),
                     ERR_MALFORMED);
    ck_assert_str_eq(f->why.text, "HeartbeatRequest v0: group_id: null is not allowed here");
    ck_assert_int_eq(decode(f, &wire_heartbeat_request_desc, 4, BYTES("\0\0\0\0\1\2m\0\0"), &request),
                     ERR_MALFORMED);
    /* group instance id may be null there */
    ck_assert_int_eq(decode(f, &wire_heartbeat_request_desc, 4, BYTES("\2g\0\0\0\1\2m\0\0"), &request),
                     ERR_NONE);
    ck_assert(view_is_null(request.group_instance_id));
    ck_assert_int_eq(request.generation_id, 1);
    teardown(f);
}
END_TEST

START_TEST(fields_that_a_version_lacks_hold_their_defaults)
{
    struct fixture *f = setup();
    struct wire_fetch_request request;
    ck_assert_int_eq(
        decode(f, &wire_fetch_request_desc, 0, BYTES("\0\0\0\7\0\0\0\1\0\0\0\2\0\0\0\0"), &request),
        ERR_NONE);
    ck_assert_int_eq(request.replica_id, 7);
    ck_assert_int_eq(request.max_bytes, INT32_MAX);
    ck_assert_int_eq(request.session_epoch, -1);
    ck_assert(request.rack_id.ptr != NULL && request.rack_id.len == 0);
    ck_assert(view_is_null(request.cluster_id));
    ck_assert_int_eq(request.topics_count, 0);
    ck_assert_int_eq(request.replica_state.replica_id, -1);
    teardown(f);
}
END_TEST

START_TEST(compact_string_over_32767_bytes_is_malformed)
{
    struct fixture *f = setup();
    struct buf bytes = {0};
    struct wire_heartbeat_request request;
    for (uint32_t len = 32767; len <= 32768; len++) {
        buf_clear(&bytes);
        buf_put_uvarint(&bytes, len + 1);
        memset(buf_extend(&bytes, len), 'g', len);
        buf_put(&bytes, "\0\0\0\1\2m\0\0", 8);
        ck_assert_int_eq(decode(f, &wire_heartbeat_request_desc, 4, buf_view(&bytes), &request),
                         len == 32767 ? ERR_NONE : ERR_MALFORMED);
    }
    buf_close(&bytes);
    teardown(f);
}
END_TEST

START_TEST(array_count_is_bounded_by_what_its_elements_need)
{
    struct fixture *f = setup();
    struct wire_metadata_request request;
    /* a million topics promised, a few bytes there: nothing may be allocated for them */
    ck_assert_int_eq(decode(f, &wire_metadata_request_desc, 0, BYTES("\0\x0f\x42\x40\0\0\0\0"), &request),
                     ERR_MALFORMED);
    ck_assert_uint_eq(f->arena.total, 0);
    /* three elements of two bytes at least do not fit into five */
    ck_assert_int_eq(decode(f, &wire_metadata_request_desc, 0, BYTES("\0\0\0\3\0\0\0\0\0"), &request),
                     ERR_MALFORMED);
    ck_assert_uint_eq(f->arena.total, 0);
    ck_assert_int_eq(decode(f, &wire_metadata_request_desc, 0, BYTES("\0\0\0\2\0\0\0\0"), &request),
                     ERR_NONE);
    ck_assert_int_eq(request.topics_count, 2);
    teardown(f);
}
END_TEST

START_TEST(arena_at_its_limit_gives_no_memory)
{
    struct fixture *f = setup();
    struct wire_metadata_request request;
    f->arena.limit = 8;
    ck_assert_int_eq(decode(f, &wire_metadata_request_desc, 0, BYTES("\0\0\0\2\0\0\0\0"), &request),
                     ERR_NO_MEMORY);
    teardown(f);
}
END_TEST

START_TEST(null_and_empty_array_differ)
{
    struct fixture *f = setup();
    struct wire_metadata_request request;
    ck_assert_int_eq(decode(f, &wire_metadata_request_desc, 1, BYTES("\xff\xff\xff\xff"), &request),
                     ERR_NONE);
    ck_assert_int_eq(request.topics_count, -1);
    ck_assert_int_eq(decode(f, &wire_metadata_request_desc, 1, BYTES("\0\0\0\0"), &request), ERR_NONE);
    ck_assert_int_eq(request.topics_count, 0);
    ck_assert_int_eq(decode(f, &wire_metadata_request_desc, 0, BYTES("\xff\xff\xff\xff"), &request),
                     ERR_MALFORMED);
    teardown(f);
}
END_TEST

START_TEST(unknown_tags_are_skipped)
{
    struct fixture *f = setup();
    struct wire_heartbeat_request request;
    ck_assert_int_eq(
        decode(f, &wire_heartbeat_request_desc, 4, BYTES("\2g\0\0\0\1\2m\0\2\5\3abc\x87\1\0tail"), &request),
        ERR_NONE);
    ck_assert_uint_eq(f->used, 18);
    teardown(f);
}
END_TEST

START_TEST(tags_that_do_not_ascend_or_do_not_fit_are_malformed)
{
    static const struct {
        struct view tags;
        const char *what;
    } cases[] = {
        {VIEW_LIT("\2\5\0\5\0"), "twice"},
        {VIEW_LIT("\2\6\0\5\0"), "descending"},
        {VIEW_LIT("\1\5\4abc"), "longer than the message"},
        {VIEW_LIT("\2\5\0"), "fewer than promised"},
        {VIEW_LIT("\xff\xff\xff\xff\xff"), "bad number"},
    };
    struct fixture *f = setup();
    struct wire_heartbeat_request request;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf bytes = {0};
        buf_put(&bytes, "\2g\0\0\0\1\2m\0", 9);
        buf_put_view(&bytes, cases[i].tags);
        ck_assert_msg(decode(f, &wire_heartbeat_request_desc, 4, buf_view(&bytes), &request) == ERR_MALFORMED,
                      "%s", cases[i].what);
        buf_close(&bytes);
    }
    teardown(f);
}
END_TEST

/* UpdateMetadata: `type` is tag 0 from version 8 on. */
START_TEST(known_tag_in_a_version_that_lacks_it_is_malformed)
{
    struct fixture *f = setup();
    struct wire_update_metadata_request request;
    struct view v7 = BYTES("\0\0\0\1\0\0\0\2\0\0\0\0\0\0\0\3\1\1\1\0\1\1");
    struct view v8 = BYTES("\0\0\0\1\0\0\0\0\2\0\0\0\0\0\0\0\3\1\1\1\0\1\2");
    ck_assert_int_eq(decode(f, &wire_update_metadata_request_desc, 8, v8, &request), ERR_NONE);
    ck_assert_int_eq(request.type, 2);
    ck_assert_int_eq(decode(f, &wire_update_metadata_request_desc, 7, v7, &request), ERR_MALFORMED);
    teardown(f);
}
END_TEST

START_TEST(tag_whose_size_differs_from_its_content_is_malformed)
{
    struct fixture *f = setup();
    struct wire_update_metadata_request request;
    struct view longer = BYTES("\0\0\0\1\0\0\0\0\2\0\0\0\0\0\0\0\3\1\1\1\0\2\2\0");
    struct view shorter = BYTES("\0\0\0\1\0\0\0\0\2\0\0\0\0\0\0\0\3\1\1\1\0\0\2");
    ck_assert_int_eq(decode(f, &wire_update_metadata_request_desc, 8, longer, &request), ERR_MALFORMED);
    ck_assert_int_eq(decode(f, &wire_update_metadata_request_desc, 8, shorter, &request), ERR_MALFORMED);
    teardown(f);
}
END_TEST

START_TEST(version_out_of_range_is_unsupported)
{
    struct fixture *f = setup();
    struct wire_heartbeat_request request;
    wire_init(&wire_heartbeat_request_desc, &request);
    ck_assert_int_eq(decode(f, &wire_heartbeat_request_desc, 5, BYTES("x"), &request),
                     ERR_UNSUPPORTED_VERSION);
    ck_assert_int_eq(decode(f, &wire_heartbeat_request_desc, -1, BYTES("x"), &request),
                     ERR_UNSUPPORTED_VERSION);
    ck_assert_int_eq(wire_encode(&wire_heartbeat_request_desc, 5, &request, &f->out, &f->why),
                     ERR_UNSUPPORTED_VERSION);
    ck_assert_uint_eq(wire_encoded_size(&wire_heartbeat_request_desc, 5, &request), 0);
    teardown(f);
}
END_TEST

START_TEST(encoding_refuses_what_the_version_cannot_carry)
{
    struct fixture *f = setup();
    struct wire_heartbeat_request request;
    wire_init(&wire_heartbeat_request_desc, &request);
    request.group_instance_id = VIEW_LIT("static-1"); /* version 3 and up, not ignorable */
    buf_put_str(&f->out, "before");
    ck_assert_int_eq(wire_encode(&wire_heartbeat_request_desc, 2, &request, &f->out, &f->why),
                     ERR_UNSUPPORTED_VERSION);
    ck_assert_str_eq(f->why.text, "HeartbeatRequest v2: group_instance_id: not in this version");
    ck_assert_uint_eq(f->out.len, 6);
    ck_assert_int_eq(wire_encode(&wire_heartbeat_request_desc, 3, &request, &f->out, &f->why), ERR_NONE);
    teardown(f);
}
END_TEST

START_TEST(encoding_drops_ignorable_fields_that_the_version_lacks)
{
    struct fixture *f = setup();
    struct wire_heartbeat_response response;
    wire_init(&wire_heartbeat_response_desc, &response);
    response.throttle_time_ms = 100; /* version 1 and up */
    response.error_code = 27;
    ck_assert_int_eq(wire_encode(&wire_heartbeat_response_desc, 0, &response, &f->out, &f->why), ERR_NONE);
    ck_assert(view_equal(buf_view(&f->out), BYTES("\0\x1b")));
    teardown(f);
}
END_TEST

START_TEST(encoding_refuses_null_and_long_strings)
{
    struct fixture *f = setup();
    struct wire_heartbeat_request request;
    wire_init(&wire_heartbeat_request_desc, &request);
    request.member_id = VIEW_NULL;
    ck_assert_int_eq(wire_encode(&wire_heartbeat_request_desc, 4, &request, &f->out, &f->why),
                     ERR_INVALID_ARGUMENT);
    ck_assert_str_eq(f->why.text, "HeartbeatRequest v4: member_id: null is not allowed here");
    char *text = mem_zalloc(32768);
    request.member_id = view_of(text, 32768);
    ck_assert_int_eq(wire_encode(&wire_heartbeat_request_desc, 4, &request, &f->out, &f->why),
                     ERR_INVALID_ARGUMENT);
    ck_assert_int_eq(wire_encode(&wire_heartbeat_request_desc, 4, &request, &f->out, NULL),
                     ERR_INVALID_ARGUMENT);
    ck_assert_uint_eq(f->out.len, 0);
    free(text);
    teardown(f);
}
END_TEST

START_TEST(encoding_refuses_what_no_frame_can_carry)
{
    struct wire_produce_request_partition_produce_data parts[2] = {
        {.records = view_of("", INT32_MAX - 1)}, /* only its size is looked at */
        {.records = view_of("", INT32_MAX - 1)},
    };
    struct wire_produce_request_topic_produce_data topic = {
        .name = VIEW_LIT("t"), .partition_data = parts, .partition_data_count = 2};
    struct wire_produce_request request = {.topic_data = &topic, .topic_data_count = 1};
    struct buf out = {0};
    struct errmsg why;
    ck_assert_int_eq(wire_encode(&wire_produce_request_desc, 3, &request, &out, &why), ERR_MESSAGE_TOO_LARGE);
    ck_assert_uint_eq(out.cap, 0);
}
END_TEST

START_TEST(default_tags_are_left_out)
{
    struct fixture *f = setup();
    struct wire_api_versions_response response;
    wire_init(&wire_api_versions_response_desc, &response);
    ck_assert_int_eq(wire_encode(&wire_api_versions_response_desc, 3, &response, &f->out, &f->why), ERR_NONE);
    ck_assert(view_equal(buf_view(&f->out), BYTES("\0\0\1\0\0\0\0\0")));
    buf_clear(&f->out);
    response.finalized_features_epoch = 0; /* default is -1 */
    ck_assert_int_eq(wire_encode(&wire_api_versions_response_desc, 3, &response, &f->out, &f->why), ERR_NONE);
    ck_assert(view_equal(buf_view(&f->out), BYTES("\0\0\1\0\0\0\0\1\1\x08\0\0\0\0\0\0\0\0")));
    teardown(f);
}
END_TEST

START_TEST(struct_that_may_be_null_is_a_pointer)
{
    struct fixture *f = setup();
    struct wire_consumer_group_heartbeat_response in, out;
    struct wire_consumer_group_heartbeat_response_assignment assignment;
    const struct wire_message *desc = &wire_consumer_group_heartbeat_response_desc;
    wire_init(desc, &in);
    wire_init(&wire_consumer_group_heartbeat_response_assignment_desc, &assignment);
    ck_assert_ptr_null(in.assignment);
    ck_assert_int_eq(wire_encode(desc, 0, &in, &f->out, &f->why), ERR_NONE);
    ck_assert_int_eq(decode(f, desc, 0, buf_view(&f->out), &out), ERR_NONE);
    ck_assert_ptr_null(out.assignment);
    in.assignment = &assignment;
    buf_clear(&f->out);
    ck_assert_int_eq(wire_encode(desc, 0, &in, &f->out, &f->why), ERR_NONE);
    ck_assert_int_eq(decode(f, desc, 0, buf_view(&f->out), &out), ERR_NONE);
    ck_assert_ptr_nonnull(out.assignment);
    ck_assert(wire_equal(desc, &in, &out));
    teardown(f);
}
END_TEST

START_TEST(print_shows_the_fields_of_a_version)
{
    struct fixture *f = setup();
    struct wire_heartbeat_request request;
    wire_init(&wire_heartbeat_request_desc, &request);
    request.group_id = VIEW_LIT("a\"b\n");
    request.generation_id = -5;
    wire_print(&wire_heartbeat_request_desc, 3, &request, &f->out);
    ck_assert_str_eq(
        buf_cstr(&f->out),
        "{group_id: \"a\\\"b\\u000a\", generation_id: -5, member_id: \"\", group_instance_id: null}");
    buf_clear(&f->out);
    wire_print(&wire_heartbeat_request_desc, 0, &request, &f->out);
    ck_assert_str_eq(buf_cstr(&f->out), "{group_id: \"a\\\"b\\u000a\", generation_id: -5, member_id: \"\"}");
    teardown(f);
}
END_TEST

START_TEST(equal_sees_every_kind_of_difference)
{
    struct wire_leave_group_request a, b;
    struct wire_leave_group_request_member_identity ma, mb;
    const struct wire_message *desc = &wire_leave_group_request_desc;
    wire_init(desc, &a);
    wire_init(desc, &b);
    wire_init(&wire_leave_group_request_member_identity_desc, &ma);
    mb = ma;
    ck_assert(wire_equal(desc, &a, &b));
    a.members = &ma;
    a.members_count = 1;
    ck_assert(!wire_equal(desc, &a, &b));
    b.members = &mb;
    b.members_count = 1;
    ck_assert(wire_equal(desc, &a, &b));
    mb.group_instance_id = view_of("", 0); /* empty is not null */
    ck_assert(!wire_equal(desc, &a, &b));
}
END_TEST

START_TEST(new_elements_hold_their_defaults)
{
    struct fixture *f = setup();
    struct wire_fetch_response_partition_data *parts =
        wire_new(&wire_fetch_response_partition_data_desc, &f->arena, 2);
    ck_assert_int_eq(parts[1].last_stable_offset, -1);
    ck_assert_int_eq(parts[1].preferred_read_replica, -1);
    ck_assert_int_eq(parts[1].diverging_epoch.epoch, -1);
    teardown(f);
}
END_TEST

static void add_encode_tests(TCase *tcase)
{
    tcase_add_test(tcase, encoding_refuses_what_the_version_cannot_carry);
    tcase_add_test(tcase, encoding_drops_ignorable_fields_that_the_version_lacks);
    tcase_add_test(tcase, encoding_refuses_null_and_long_strings);
    tcase_add_test(tcase, encoding_refuses_what_no_frame_can_carry);
    tcase_add_test(tcase, default_tags_are_left_out);
    tcase_add_test(tcase, struct_that_may_be_null_is_a_pointer);
    tcase_add_test(tcase, print_shows_the_fields_of_a_version);
    tcase_add_test(tcase, equal_sees_every_kind_of_difference);
    tcase_add_test(tcase, new_elements_hold_their_defaults);
}

Suite *codec_suite(void)
{
    Suite *suite = suite_create("wire_codec");
    TCase *tcase = tcase_create("rules");
    tcase_add_test(tcase, null_where_it_is_not_allowed_is_malformed);
    tcase_add_test(tcase, fields_that_a_version_lacks_hold_their_defaults);
    tcase_add_test(tcase, compact_string_over_32767_bytes_is_malformed);
    tcase_add_test(tcase, array_count_is_bounded_by_what_its_elements_need);
    tcase_add_test(tcase, arena_at_its_limit_gives_no_memory);
    tcase_add_test(tcase, null_and_empty_array_differ);
    tcase_add_test(tcase, unknown_tags_are_skipped);
    tcase_add_test(tcase, tags_that_do_not_ascend_or_do_not_fit_are_malformed);
    tcase_add_test(tcase, known_tag_in_a_version_that_lacks_it_is_malformed);
    tcase_add_test(tcase, tag_whose_size_differs_from_its_content_is_malformed);
    tcase_add_test(tcase, version_out_of_range_is_unsupported);
    add_encode_tests(tcase);
    suite_add_tcase(suite, tcase);
    return suite;
}
