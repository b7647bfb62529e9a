/*
 * librdkafka's messages in the terms of the formatter.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "cli/consume.h"

static struct view bytes_of(const void *ptr, size_t len)
{
    return ptr == NULL ? VIEW_NULL : view_of(ptr, len);
}

static int read_headers(const rd_kafka_message_t *from, struct formatter_header **out)
{
    rd_kafka_headers_t *headers = NULL;
    *out = NULL;
    if (rd_kafka_message_headers(from, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    size_t count = rd_kafka_header_cnt(headers);
    *out = mem_zalloc((count + 1) * sizeof **out);
    for (size_t i = 0; i < count; i++) {
        const char *name;
        const void *value;
        size_t len;
        if (rd_kafka_header_get_all(headers, i, &name, &value, &len) != RD_KAFKA_RESP_ERR_NO_ERROR)
            return (int)i;
        (*out)[i] = (struct formatter_header){view_str(name), bytes_of(value, len)};
    }
    return (int)count;
}

bool consume_format(struct consumer *consumer, const rd_kafka_message_t *from, struct errmsg *why)
{
    rd_kafka_timestamp_type_t type;
    struct formatter_header *headers = NULL;
    struct formatter_message message = {.timestamp = rd_kafka_message_timestamp(from, &type),
                                        .partition = from->partition,
                                        .offset = from->offset,
                                        .key = bytes_of(from->key, from->key_len),
                                        .value = bytes_of(from->payload, from->len)};
    message.timestamp_type = type == RD_KAFKA_TIMESTAMP_CREATE_TIME       ? FORMATTER_CREATE_TIME
                             : type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME ? FORMATTER_LOG_APPEND_TIME
                                                                          : FORMATTER_NO_TIMESTAMP;
    if (consumer->formatter.print_headers)
        message.header_count = read_headers(from, &headers);
    message.headers = headers;
    bool fine = formatter_write(&consumer->formatter, &message, &consumer->out, why);
    free(headers);
    return fine;
}

bool consume_write_out(struct consumer *consumer)
{
    if (consumer->out.len == 0)
        return true;
    bool fine = fwrite(consumer->out.data, 1, consumer->out.len, stdout) == consumer->out.len;
    buf_clear(&consumer->out);
    return fine;
}
