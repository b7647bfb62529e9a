/* Foreign compressed streams: the first byte chooses codec and magic. What we compress must come back. */
#include "base/assert.h"
#include "wire/compress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void fuzz_own_seeds(void (*add)(void *seeds, struct view seed), void *seeds);

#define LIMIT_BYTES ((size_t)1 << 22)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    int number = data[0] & 7;
    int8_t magic = (int8_t)((data[0] >> 3) % 3);
    struct codec_ctx *ctx = codec_ctx_new();
    struct view in = view_of(data + 1, size - 1);
    struct buf out = {0}, again = {0};
    enum err err = decompress_all(ctx, (enum codec)number, magic, in, LIMIT_BYTES, &out);
    ASSERT(err == ERR_NONE || err == ERR_MALFORMED || err == ERR_MESSAGE_TOO_LARGE);
    ASSERT(out.len <= LIMIT_BYTES);
    enum codec codec = (enum codec)(number % CODEC_COUNT);
    buf_clear(&out);
    compress_all(ctx, codec, (int)(size % 20), magic, in, &out);
    err = decompress_all(ctx, codec, magic, buf_view(&out), in.len, &again);
    ASSERT(!err && again.len == in.len && (in.len == 0 || memcmp(again.data, in.ptr, in.len) == 0));
    buf_close(&out);
    buf_close(&again);
    codec_ctx_free(ctx);
    return 0;
}

static bool make_seed(size_t index, struct buf *out)
{
    if (index >= 3 * CODEC_COUNT)
        return false;
    enum codec codec = (enum codec)(index % CODEC_COUNT);
    int8_t magic = (int8_t)(index / CODEC_COUNT);
    struct codec_ctx *ctx = codec_ctx_new();
    struct buf text = {0};
    for (int i = 0; i < 40 << (4 * magic); i++)
        buf_printf(&text, "line %d of %zu; ", i * i, index);
    buf_put_i8(out, (int8_t)((int)codec | magic << 3));
    compress_all(ctx, codec, CODEC_LEVEL_DEFAULT, magic, buf_view(&text), out);
    buf_close(&text);
    codec_ctx_free(ctx);
    return true;
}

void fuzz_own_seeds(void (*add)(void *seeds, struct view seed), void *seeds)
{
    struct buf seed = {0};
    for (size_t i = 0; make_seed(i, &seed); i++) {
        add(seeds, buf_view(&seed));
        buf_clear(&seed);
    }
    buf_close(&seed);
}
