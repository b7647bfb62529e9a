/* The table of requests, headers, and the ApiVersions answer. */
#include "codec_suites.h"
#include "wire/api.h"
#include "wire/codec.h"

START_TEST(sixty_two_requests_are_served)
{
    int served = 0;
    for (uint32_t i = 0; i < wire_api_count; i++) {
        const struct wire_api *api = &wire_apis[i];
        ck_assert(i == 0 || wire_apis[i - 1].key < api->key);
        ck_assert_ptr_eq(wire_api_find_any(api->key), api);
        ck_assert_ptr_eq(wire_api_find(api->key), api->served ? api : NULL);
        ck_assert_ptr_eq(wire_api_find_name(view_str(api->name)), api);
        served += api->served;
    }
    ck_assert_int_eq(served, 62);
    ck_assert_ptr_null(wire_api_find(52));
    ck_assert_ptr_null(wire_api_find(75));
    ck_assert_ptr_null(wire_api_find(-1));
    ck_assert_ptr_null(wire_api_find(1000));
    ck_assert_ptr_nonnull(wire_api_find_any(75));
}
END_TEST

START_TEST(table_has_what_kafka_advertises)
{
    static const int16_t rows[][3] = {{0, 11, 9},          {1, 17, 12},         {2, 9, 6},  {3, 12, 9},
                                      {4, 7, 4},           {7, 3, 3},           {10, 6, 3}, {18, 4, 3},
                                      {24, 5, 3},          {17, 1, WIRE_NEVER}, {35, 4, 2}, {45, 0, 0},
                                      {47, 0, WIRE_NEVER}, {56, 3, 0},          {69, 0, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct wire_api *api = wire_api_find(rows[i][0]);
        ck_assert_ptr_nonnull(api);
        ck_assert_int_eq(api->min_version, 0);
        ck_assert_int_eq(api->max_version, rows[i][1]);
        ck_assert_int_eq(api->first_flexible, rows[i][2]);
    }
    ck_assert(wire_api_find(4)->inter_broker && wire_api_find(4)->cluster_action);
    ck_assert(wire_api_find(19)->controller_only && !wire_api_find(19)->cluster_action);
}
END_TEST

START_TEST(header_versions_follow_flexibility_with_two_exceptions)
{
    const struct wire_api *produce = wire_api_find(0), *api_versions = wire_api_find(18);
    const struct wire_api *shutdown = wire_api_find(7), *handshake = wire_api_find(17);
    ck_assert_int_eq(wire_request_header_version(produce, 8), 1);
    ck_assert_int_eq(wire_request_header_version(produce, 9), 2);
    ck_assert_int_eq(wire_response_header_version(produce, 8), 0);
    ck_assert_int_eq(wire_response_header_version(produce, 9), 1);
    ck_assert_int_eq(wire_response_header_version(api_versions, 4), 0);
    ck_assert_int_eq(wire_request_header_version(api_versions, 4), 2);
    ck_assert_int_eq(wire_request_header_version(api_versions, 9), 2);
    ck_assert_int_eq(wire_request_header_version(api_versions, -1), 1);
    ck_assert_int_eq(wire_request_header_version(shutdown, 0), 0);
    ck_assert_int_eq(wire_request_header_version(shutdown, 1), 1);
    ck_assert_int_eq(wire_request_header_version(shutdown, 3), 2);
    ck_assert_int_eq(wire_request_header_version(handshake, 1), 1);
}
END_TEST

START_TEST(request_header_goes_and_comes_in_every_version)
{
    struct buf buf = {0};
    for (uint32_t i = 0; i < wire_api_count; i++)
        for (int16_t v = wire_apis[i].min_version; v <= wire_apis[i].max_version && wire_apis[i].served;
             v++) {
            struct wire_request_header header;
            const struct wire_api *api;
            size_t used;
            buf_clear(&buf);
            wire_encode_request_header(&wire_apis[i], v, 99, VIEW_LIT("me"), &buf);
            ck_assert_int_eq(wire_decode_request_header(buf_view(&buf), &header, &api, &used, NULL),
                             ERR_NONE);
            ck_assert_ptr_eq(api, &wire_apis[i]);
            ck_assert_uint_eq(used, buf.len);
            ck_assert_int_eq(header.request_api_version, v);
            ck_assert_int_eq(header.correlation_id, 99);
            ck_assert(view_equal_str(header.client_id, wire_request_header_version(api, v) ? "me" : ""));
        }
    buf_close(&buf);
}
END_TEST

START_TEST(response_header_goes_and_comes_in_every_version)
{
    struct buf buf = {0};
    for (uint32_t i = 0; i < wire_api_count; i++)
        for (int16_t v = wire_apis[i].min_version; v <= wire_apis[i].max_version; v++) {
            int32_t correlation_id;
            size_t used;
            buf_clear(&buf);
            wire_encode_response_header(&wire_apis[i], v, 7, &buf);
            ck_assert_int_eq(
                wire_decode_response_header(&wire_apis[i], v, buf_view(&buf), &correlation_id, &used, NULL),
                ERR_NONE);
            ck_assert_int_eq(correlation_id, 7);
            ck_assert_uint_eq(used, buf.len);
        }
    buf_close(&buf);
}
END_TEST

static enum err decode_header(struct view frame, struct wire_request_header *header, struct errmsg *why)
{
    const struct wire_api *api;
    size_t used;
    return wire_decode_request_header(frame, header, &api, &used, why);
}

START_TEST(headers_that_cannot_be_served_are_refused)
{
    struct wire_request_header header;
    struct errmsg why;
    ck_assert_int_eq(decode_header(VIEW_NULL, &header, &why), ERR_MALFORMED);
    ck_assert_int_eq(decode_header(VIEW_LIT("\0\0\0\1\0\0\0"), &header, &why), ERR_MALFORMED);
    ck_assert_int_eq(decode_header(VIEW_LIT("\0\x34\0\0\0\0\0\7\0\0"), &header, &why), ERR_INVALID_REQUEST);
    ck_assert_str_eq(why.text, "request key 52 is not served");
    ck_assert_int_eq(decode_header(VIEW_LIT("\0\0\0\x0c\0\0\0\7\0\0\0"), &header, &why),
                     ERR_UNSUPPORTED_VERSION);
    ck_assert_str_eq(why.text, "Produce has no version 12");
    ck_assert_int_eq(decode_header(VIEW_LIT("\0\0\0\3\0\0\0\7\0\x09short"), &header, &why), ERR_MALFORMED);
}
END_TEST

START_TEST(api_versions_of_an_unknown_version_still_gives_its_header)
{
    struct wire_request_header header;
    struct view frame = VIEW_LIT("\0\x12\0\x09\0\0\0\7\0\4test\0garbage");
    ck_assert_int_eq(decode_header(frame, &header, NULL), ERR_UNSUPPORTED_VERSION);
    ck_assert_int_eq(header.correlation_id, 7);
    ck_assert(view_equal_str(header.client_id, "test"));
    frame = VIEW_LIT("\0\x12\xff\xff\0\0\0\x08\0\4test");
    ck_assert_int_eq(decode_header(frame, &header, NULL), ERR_UNSUPPORTED_VERSION);
    ck_assert_int_eq(header.correlation_id, 8);
}
END_TEST

/* An ApiVersions request as kcat and others send it. */
START_TEST(api_versions_request_of_a_client_is_understood)
{
    struct view frame = VIEW_LIT("\0\x12\0\3\0\0\0\7\0\4test\0\4foo\4"
                                 "1.0\0");
    struct wire_request_header header;
    struct wire_api_versions_request request;
    struct arena arena = {0};
    const struct wire_api *api;
    size_t used;
    ck_assert_int_eq(wire_decode_request_header(frame, &header, &api, &used, NULL), ERR_NONE);
    struct view body = view_of(frame.ptr + used, frame.len - used);
    ck_assert_int_eq(wire_decode(api->request, 3, body, &used, &arena, &request, NULL), ERR_NONE);
    ck_assert(view_equal_str(request.client_software_name, "foo"));
    ck_assert(view_equal_str(request.client_software_version, "1.0"));
    ck_assert_uint_eq(used, body.len);
    arena_close(&arena);
}
END_TEST

START_TEST(api_versions_answer_lists_every_served_request)
{
    struct arena arena = {0};
    struct buf buf = {0};
    struct wire_api_versions_response answer;
    wire_api_versions_fill(&answer, &arena);
    ck_assert_int_eq(answer.api_keys_count, 62);
    ck_assert_int_eq(answer.api_keys[1].api_key, 1);
    ck_assert_int_eq(answer.api_keys[1].max_version, 17);
    ck_assert_int_eq(answer.api_keys[61].api_key, 69);
    for (int16_t v = 0; v <= 4; v++)
        ck_assert_int_eq(wire_encode(&wire_api_versions_response_desc, v, &answer, &buf, NULL), ERR_NONE);
    answer.api_keys_count = 1;
    answer.api_keys[0] = answer.api_keys[18]; /* key 18, 0 to 4 */
    answer.error_code = 35;
    buf_clear(&buf);
    wire_encode_response_header(wire_api_find(18), 9, 7, &buf);
    ck_assert_int_eq(wire_encode(&wire_api_versions_response_desc, 0, &answer, &buf, NULL), ERR_NONE);
    ck_assert(view_equal(buf_view(&buf), VIEW_LIT("\0\0\0\7\0\x23\0\0\0\1\0\x12\0\0\0\4")));
    buf_close(&buf);
    arena_close(&arena);
}
END_TEST

/* Whoever throttles need not look at the version: where the field is missing it is dropped. */
START_TEST(throttle_time_can_be_set_in_any_response)
{
    for (uint32_t i = 0; i < wire_api_count; i++) {
        const struct wire_api *api = &wire_apis[i];
        struct arena arena = {0};
        void *response = wire_new(api->response, &arena, 1);
        struct buf text = {0};
        wire_response_set_throttle(api, response, 4321);
        wire_print(api->response, api->max_version, response, &text);
        bool has = strstr(buf_cstr(&text), "throttle_time_ms: 4321") != NULL;
        ck_assert_msg(has == (api->throttle_version != WIRE_NEVER), "%s", api->name);
        for (int16_t v = api->min_version; v <= api->max_version; v++) {
            buf_clear(&text);
            enum err err = wire_encode(api->response, v, response, &text, NULL);
            ck_assert_msg(!err, "%s v%d", api->name, v);
        }
        buf_close(&text);
        arena_close(&arena);
    }
}
END_TEST

Suite *api_suite(void)
{
    Suite *suite = suite_create("wire_api");
    TCase *tcase = tcase_create("table and headers");
    tcase_add_test(tcase, sixty_two_requests_are_served);
    tcase_add_test(tcase, table_has_what_kafka_advertises);
    tcase_add_test(tcase, header_versions_follow_flexibility_with_two_exceptions);
    tcase_add_test(tcase, request_header_goes_and_comes_in_every_version);
    tcase_add_test(tcase, response_header_goes_and_comes_in_every_version);
    tcase_add_test(tcase, headers_that_cannot_be_served_are_refused);
    tcase_add_test(tcase, api_versions_of_an_unknown_version_still_gives_its_header);
    tcase_add_test(tcase, api_versions_request_of_a_client_is_understood);
    tcase_add_test(tcase, api_versions_answer_lists_every_served_request);
    tcase_add_test(tcase, throttle_time_can_be_set_in_any_response);
    suite_add_tcase(suite, tcase);
    return suite;
}
