/*
 * A codec_ctx for each thread, made when the thread first needs one and freed with it: the loops check what
 * producers send and the workers recompress without an allocation of their own for each batch.
 *
 * While it is on loan the thread has none, so whoever needs two at once gets a second one, which is freed
 * when the first is back in its place. A peer chooses how much memory its data takes to read, within limits
 * that are wide; a thread keeps only what everyday data needs.
 */
#include <pthread.h>

#include "base/assert.h"
#include "wire/compress_impl.h"

/* zlib does not tell: its windows and tables by its manual, 32 KiB + 7 KiB and 256 KiB. */
#define INFLATE_BYTES ((size_t)40 * 1024)
#define DEFLATE_BYTES ((size_t)264 * 1024)

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t idle; /* the thread's ctx while nobody has it */

static void free_idle(void *ctx)
{
    codec_ctx_free(ctx);
}

static void make_key(void)
{
    int rc = pthread_key_create(&idle, free_idle);
    ASSERT(rc == 0);
}

static void keep(struct codec_ctx *ctx)
{
    int rc = pthread_setspecific(idle, ctx);
    ASSERT(rc == 0);
}

struct codec_ctx *codec_ctx_borrow(void)
{
    pthread_once(&once, make_key);
    struct codec_ctx *ctx = pthread_getspecific(idle);
    if (!ctx)
        return codec_ctx_new();
    keep(NULL);
    return ctx;
}

void codec_ctx_return(struct codec_ctx *ctx)
{
    if (!ctx)
        return;
    if (pthread_getspecific(idle) || codec_ctx_bytes(ctx) > CODEC_THREAD_BYTES)
        codec_ctx_free(ctx);
    else
        keep(ctx);
}

size_t codec_ctx_bytes(const struct codec_ctx *ctx)
{
    const struct codec_reader *r = &ctx->r;
    const struct codec_writer *w = &ctx->w;
    return sizeof *ctx + r->out_cap + (r->gzip_ready ? INFLATE_BYTES : 0) + ZSTD_sizeof_DCtx(r->zstd) +
           w->chunk.cap + (w->gzip_ready ? DEFLATE_BYTES : 0) + lz4_write_bytes(w) +
           ZSTD_sizeof_CCtx(w->zstd) + ctx->scratch.cap;
}
