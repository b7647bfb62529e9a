#include "cli/formatter.h"

#include <stdio.h>

#include "cli/key_values.h"
#include "suites.h"

static struct properties props;
static struct formatter formatter;
static struct buf out;
static struct errmsg why;

static void clear(void)
{
    properties_close(&props);
    buf_close(&out);
}

static const struct formatter_header headers[] = {{{(const uint8_t *)"h", 1}, {(const uint8_t *)"1", 1}},
                                                  {{(const uint8_t *)"i", 1}, {NULL, 0}}};

static struct formatter_message make_message(void)
{
    return (struct formatter_message){.timestamp_type = FORMATTER_CREATE_TIME,
                                      .timestamp = 1700000000000,
                                      .partition = 3,
                                      .offset = 42,
                                      .key = VIEW_LIT("k"),
                                      .value = VIEW_LIT("v"),
                                      .headers = headers,
                                      .header_count = 2};
}

/* `settings`: names that are set to true, parted by commas. */
static void expect(const char *settings, const struct formatter_message *message, const char *wanted)
{
    char name[40];
    int used;
    for (const char *p = settings; sscanf(p, "%39[^,]%n", name, &used) == 1; p += used + (p[used] == ',')) {
        key_values_add(&props, name, "true");
        if (p[used] == '\0')
            break;
    }
    ck_assert(formatter_configure(&formatter, NULL, &props, &why));
    buf_clear(&out);
    ck_assert(formatter_write(&formatter, message, &out, &why));
    ck_assert_str_eq(buf_cstr(&out), wanted);
}

START_TEST(only_the_value_is_printed_unless_told_otherwise)
{
    struct formatter_message message = make_message();
    expect("", &message, "v\n");
    message.value = VIEW_NULL;
    expect("", &message, "null\n");
}
END_TEST

START_TEST(fields_stand_in_a_fixed_order)
{
    struct formatter_message message = make_message();
    expect("print.key,print.headers,print.offset,print.partition,print.timestamp", &message,
           "CreateTime:1700000000000\tPartition:3\tOffset:42\th:1,i:null\tk\tv\n");
    message.timestamp_type = FORMATTER_NO_TIMESTAMP;
    message.header_count = 0;
    message.key = VIEW_NULL;
    expect("", &message, "NO_TIMESTAMP\tPartition:3\tOffset:42\tNO_HEADERS\tnull\tv\n");
    message.timestamp_type = FORMATTER_LOG_APPEND_TIME;
    key_values_add(&props, "print.value", "false");
    key_values_add(&props, "key.separator", "|");
    key_values_add(&props, "line.separator", ";");
    expect("", &message, "LogAppendTime:1700000000000|Partition:3|Offset:42|NO_HEADERS|null;");
}
END_TEST

START_TEST(bytes_are_read_as_numbers_where_asked)
{
    struct formatter_message message = make_message();
    message.key = view_of("\xff\xff\xff\xfe", 4);
    message.value = view_of("\x3f\xf0\0\0\0\0\0\0", 8);
    key_values_add(&props, "key.deserializer", "org.apache.kafka.common.serialization.IntegerDeserializer");
    key_values_add(&props, "value.deserializer", "org.apache.kafka.common.serialization.DoubleDeserializer");
    expect("print.key", &message, "-2\t1.0\n");
    message.key = VIEW_LIT("abc");
    ck_assert(!formatter_write(&formatter, &message, &out, &why));
    ck_assert_str_eq(why.text, "Size of data received by IntegerDeserializer is not 4");
}
END_TEST

START_TEST(classes_that_are_not_there_are_named)
{
    ck_assert(!formatter_configure(&formatter, "com.example.Mine", &props, &why));
    ck_assert_ptr_nonnull(strstr(why.text, "com.example.Mine"));
    ck_assert(formatter_configure(&formatter, "kafka.tools.NoOpMessageFormatter", &props, &why));
    struct formatter_message message = make_message();
    ck_assert(formatter_write(&formatter, &message, &out, &why));
    ck_assert_uint_eq(out.len, 0);
    key_values_add(&props, "value.deserializer", "com.example.Avro");
    ck_assert(!formatter_configure(&formatter, NULL, &props, &why));
    ck_assert_ptr_nonnull(strstr(why.text, "com.example.Avro"));
}
END_TEST

Suite *formatter_suite(void)
{
    Suite *suite = suite_create("formatter");
    TCase *tc = tcase_create("formatter");
    tcase_add_checked_fixture(tc, NULL, clear);
    tcase_add_test(tc, only_the_value_is_printed_unless_told_otherwise);
    tcase_add_test(tc, fields_stand_in_a_fixed_order);
    tcase_add_test(tc, bytes_are_read_as_numbers_where_asked);
    tcase_add_test(tc, classes_that_are_not_there_are_named);
    suite_add_tcase(suite, tc);
    return suite;
}
