#include "storage/compact/rewrite.h"

void rewrite_begin(struct rewrite *rewrite, const struct batch_info *info, struct view entry,
                   struct buf *scratch, struct buf *out)
{
    *rewrite = (struct rewrite){
        .info = info,
        .entry = entry,
        .out = out,
        .records = info->codec == CODEC_NONE ? out : scratch,
        .start = out->len,
        .max_timestamp = info->log_append_time ? info->max_timestamp : NO_TIMESTAMP,
    };
}

static void copy_run(struct rewrite *rewrite)
{
    if (rewrite->run)
        buf_put(rewrite->records, rewrite->run, (size_t)(rewrite->run_end - rewrite->run));
    rewrite->run = NULL;
}

void rewrite_keep(struct rewrite *rewrite, const struct record_ref *ref)
{
    if (!rewrite->run)
        rewrite->run = ref->at;
    rewrite->run_end = ref->at + ref->len;
    rewrite->kept++;
    rewrite->has_tombstone |= ref->is_tombstone;
    const int64_t timestamp =
        (int64_t)((uint64_t)rewrite->info->base_timestamp + (uint64_t)ref->timestamp_delta);
    if (!rewrite->info->log_append_time && timestamp > rewrite->max_timestamp)
        rewrite->max_timestamp = timestamp;
}

void rewrite_drop(struct rewrite *rewrite)
{
    if (!rewrite->any_gone) {
        buf_put(rewrite->out, rewrite->entry.ptr, BATCH_V2_HEADER_SIZE);
        if (rewrite->records != rewrite->out)
            buf_clear(rewrite->records);
    }
    rewrite->any_gone = true;
    copy_run(rewrite);
}

void rewrite_finish(struct rewrite *rewrite, struct codec_ctx *codecs)
{
    copy_run(rewrite);
    const struct batch_info *info = rewrite->info;
    if (rewrite->records != rewrite->out)
        compress_all(codecs, (enum codec)info->codec, CODEC_LEVEL_DEFAULT, info->magic,
                     buf_view(rewrite->records), rewrite->out);
    batch_set_content(rewrite->out->data + rewrite->start, (int32_t)(rewrite->out->len - rewrite->start),
                      rewrite->kept, rewrite->max_timestamp);
}

void rewrite_abort(struct rewrite *rewrite)
{
    rewrite->out->len = rewrite->start;
}

struct record_builder_spec rewrite_spec(const struct batch_info *info, int64_t horizon_ms,
                                        int64_t first_offset)
{
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    spec.magic = info->magic;
    spec.codec = (enum codec)info->codec;
    spec.base_offset = info->magic >= 2 ? info->base_offset : first_offset;
    spec.log_append_time = info->log_append_time;
    spec.log_append_ms = info->log_append_time ? info->max_timestamp : NO_TIMESTAMP;
    spec.producer_id = info->producer_id;
    spec.producer_epoch = info->producer_epoch;
    spec.base_sequence = info->base_sequence;
    spec.transactional = info->transactional;
    spec.control = info->control;
    spec.leader_epoch = info->leader_epoch;
    spec.delete_horizon_ms = horizon_ms;
    return spec;
}
