/*
 * The parts of `barnabas dump-log`: the command line (dump_log.c), and what each
 * kind of file in a partition's directory holds (dump_records.c, dump_index.c,
 * dump_state.c), printed line by line as kafka.tools.DumpLogSegments does.
 *
 * Files are read, never mapped: a broker may cut one while it is dumped.
 *
 * Runs on: the main thread.
 */
#ifndef BARNABAS_CLI_DUMP_H
#define BARNABAS_CLI_DUMP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/errmsg.h"
#include "cli/progress.h"
#include "wire/compress.h"
#include "wire/record_batch.h"

#define DUMP_NO_LIMIT INT32_MAX

enum dump_decoder { DUMP_STRING, DUMP_LONG, DUMP_INTEGER };

struct dump_options {
    bool print_data;
    bool deep;
    bool skip_metadata;
    bool verify_only;
    bool sanity_only;
    int32_t max_message_size;
    int32_t max_bytes;
    enum dump_decoder key_decoder;
    enum dump_decoder value_decoder;
};

/* What does not fit together, to be told on standard error at the end. */
enum dump_problem_kind {
    DUMP_INDEX_MISMATCH,
    DUMP_TIMESTAMP_MISMATCH,
    DUMP_OUT_OF_ORDER_TIMESTAMP,
    DUMP_OFFSET_NOT_FOUND,
    DUMP_NON_CONSECUTIVE,
    DUMP_PROBLEM_KINDS
};

struct dump_problem {
    enum dump_problem_kind kind;
    int file; /* number on the command line */
    int64_t first;
    int64_t second;
};

struct dump {
    struct dump_options options;
    struct progress progress;
    struct codec_ctx *codec;
    struct buf line; /* what is printed next */
    int file;        /* number of the file at hand */
    struct dump_problem *problems;
    size_t problem_count;
    size_t problem_cap;
};

void dump_report(struct dump *dump, enum dump_problem_kind kind, int64_t first, int64_t second);
/* Prints and empties dump->line. */
void dump_print(struct dump *dump);

/* One function a kind of file; false with why where Kafka's tool ends with an exception. */
bool dump_records(struct dump *dump, const char *path, struct errmsg *why);
bool dump_offset_index(struct dump *dump, const char *path, struct errmsg *why);
bool dump_time_index(struct dump *dump, const char *path, struct errmsg *why);
bool dump_txn_index(struct dump *dump, const char *path, struct errmsg *why);
bool dump_snapshot(struct dump *dump, const char *path, struct errmsg *why);
bool dump_leader_epochs(struct dump *dump, const char *path, struct errmsg *why);

/* --- files ---------------------------------------------------------------------------------------- */

/* Offset in the name of a file of a segment; false when it does not begin with one. */
bool dump_base_offset(const char *path, int64_t *out, struct errmsg *why);
/* The file beside this one with another suffix; heap, give to free(). */
char *dump_sibling(const char *path, const char *suffix);
/* The last part of a path. */
const char *dump_file_name(const char *path);
/* Whole file of at most 2^31-1 bytes. Gives `out` (buf_close). */
bool dump_read_file(const char *path, struct buf *out, struct errmsg *why);

/* A log file, entry by entry. */
struct dump_log {
    int fd;
    const char *path;
    int64_t size;
    struct buf bytes; /* of the last entry that was read */
};

/* Borrows path. */
bool dump_log_open(struct dump_log *log, const char *path, struct errmsg *why);
void dump_log_close(struct dump_log *log);

enum dump_step { DUMP_ENTRY, DUMP_END, DUMP_BROKEN };

/*
 * Reads the entry at `pos` if it ends at or before `end`; `body` false: the head suffices. DUMP_END: there
 * is no complete one. DUMP_BROKEN with why: the bytes there are no entry. The entry is valid until the next
 * read.
 */
enum dump_step dump_log_read(struct dump_log *log, int64_t pos, int64_t end, bool body,
                             struct batch_info *info, struct view *entry, struct errmsg *why);

#endif
