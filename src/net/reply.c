#include "net/reply.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/be.h"
#include "base/mem.h"

static void drop_ranges(struct reply *reply)
{
    for (int i = 0; i < reply->ranges_count; i++)
        disk_file_release(reply->ranges[i].file);
    reply->ranges_count = 0;
    reply->ranges_bytes = 0;
}

void reply_begin(struct reply *reply)
{
    drop_ranges(reply);
    buf_clear(&reply->bytes);
    buf_extend(&reply->bytes, 4);
}

void reply_add_range(struct reply *reply, struct disk_file *file, int64_t pos, int64_t len, int64_t cached_ms)
{
    reply_insert_range(reply, reply->bytes.len, file, pos, len, cached_ms);
}

void reply_insert_range(struct reply *reply, size_t at, struct disk_file *file, int64_t pos, int64_t len,
                        int64_t cached_ms)
{
    ASSERT(at >= 4 && at <= reply->bytes.len && len >= 0);
    ASSERT(reply->ranges_count == 0 || reply->ranges[reply->ranges_count - 1].at <= at);
    if (reply->ranges_count == reply->ranges_cap) {
        reply->ranges_cap = reply->ranges_cap ? reply->ranges_cap * 2 : 4;
        reply->ranges = (struct reply_range *)mem_resize(reply->ranges,
                                                         (size_t)reply->ranges_cap * sizeof *reply->ranges);
    }
    reply->ranges[reply->ranges_count++] = (struct reply_range){
        .at = at, .file = file, .pos = pos, .len = len, .cached_len = len, .cached_ms = cached_ms};
    reply->ranges_bytes += len;
}

static int64_t frame_len(const struct reply *reply)
{
    return (int64_t)reply->bytes.len - 4 + reply->ranges_bytes;
}

bool reply_fits(const struct reply *reply)
{
    return frame_len(reply) <= INT32_MAX;
}

void reply_seal(struct reply *reply)
{
    ASSERT(reply->bytes.len >= 4 && reply_fits(reply));
    be_put_i32(reply->bytes.data, (int32_t)frame_len(reply));
}

void reply_close(struct reply *reply)
{
    drop_ranges(reply);
    buf_close(&reply->bytes);
    free(reply->ranges);
    *reply = (struct reply){0};
}
