/*
 * `barnabas dump-log`: the command line of kafka-dump-log.sh, which file is
 * dumped how, and what did not fit together.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/commands.h"
#include "cli/dump.h"
#include "cli/options.h"

#define DEFAULT_MAX_MESSAGE_SIZE (5 * 1024 * 1024)

enum {
    OPT_PRINT_DATA_LOG,
    OPT_VERIFY_INDEX_ONLY,
    OPT_INDEX_SANITY_CHECK,
    OPT_FILES,
    OPT_MAX_MESSAGE_SIZE,
    OPT_MAX_BYTES,
    OPT_DEEP_ITERATION,
    OPT_VALUE_DECODER,
    OPT_KEY_DECODER,
    OPT_OFFSETS_DECODER,
    OPT_TRANSACTION_LOG_DECODER,
    OPT_CLUSTER_METADATA_DECODER,
    OPT_REMOTE_LOG_METADATA_DECODER,
    OPT_SKIP_RECORD_METADATA,
    OPT_HELP,
    OPT_VERSION,
    OPT_COUNT
};

static const struct option_spec specs[OPT_COUNT] = {
    [OPT_PRINT_DATA_LOG] = {"print-data-log", OPTION_FLAG, false, NULL,
                            "Print keys and values too; a decoder implies it."},
    [OPT_VERIFY_INDEX_ONLY] = {"verify-index-only", OPTION_FLAG, false, NULL,
                               "Hold indexes against the log without printing them."},
    [OPT_INDEX_SANITY_CHECK] = {"index-sanity-check", OPTION_FLAG, false, NULL,
                                "Only check of indexes what a broker checks when it starts."},
    [OPT_FILES] = {"files", OPTION_TEXT, false, "file1, file2, ...",
                   "REQUIRED: files, joined by commas: .log, .index, .timeindex, .txnindex, .snapshot, "
                   "leader-epoch-checkpoint."},
    [OPT_MAX_MESSAGE_SIZE] = {"max-message-size", OPTION_INT, false, "size",
                              "Bytes of the largest batch an index may point at (default: 5242880)."},
    [OPT_MAX_BYTES] = {"max-bytes", OPTION_INT, false, "size", "Read so many bytes of each log at most."},
    [OPT_DEEP_ITERATION] = {"deep-iteration", OPTION_FLAG, false, NULL,
                            "Print each record, not just batches; --print-data-log implies it."},
    [OPT_VALUE_DECODER] = {"value-decoder-class", OPTION_MAYBE_TEXT, false, "class",
                           "StringDecoder (default), LongDecoder or IntegerDecoder."},
    [OPT_KEY_DECODER] = {"key-decoder-class", OPTION_MAYBE_TEXT, false, "class",
                         "StringDecoder (default), LongDecoder or IntegerDecoder."},
    [OPT_OFFSETS_DECODER] = {"offsets-decoder", OPTION_FLAG, false, NULL, "Not supported by this version."},
    [OPT_TRANSACTION_LOG_DECODER] = {"transaction-log-decoder", OPTION_FLAG, false, NULL,
                                     "Not supported by this version."},
    [OPT_CLUSTER_METADATA_DECODER] = {"cluster-metadata-decoder", OPTION_FLAG, false, NULL,
                                      "Not supported: there is no such log in a cluster on ZooKeeper."},
    [OPT_REMOTE_LOG_METADATA_DECODER] = {"remote-log-metadata-decoder", OPTION_FLAG, false, NULL,
                                         "Not supported: there is no tiered storage."},
    [OPT_SKIP_RECORD_METADATA] = {"skip-record-metadata", OPTION_FLAG, false, NULL,
                                  "Leave out offset, time and sizes of each record."},
    [OPT_HELP] = OPTION_SPEC_HELP,
    [OPT_VERSION] = OPTION_SPEC_VERSION,
};

/* --- what is printed ------------------------------------------------------------------------------- */

void dump_print(struct dump *dump)
{
    buf_put_i8(&dump->line, '\n');
    fwrite(dump->line.data, 1, dump->line.len, stdout);
    buf_clear(&dump->line);
}

void dump_report(struct dump *dump, enum dump_problem_kind kind, int64_t first, int64_t second)
{
    if (dump->problem_count == dump->problem_cap) {
        dump->problem_cap = dump->problem_cap * 2 + 16;
        dump->problems = mem_resize(dump->problems, dump->problem_cap * sizeof *dump->problems);
    }
    dump->problems[dump->problem_count++] = (struct dump_problem){kind, dump->file, first, second};
}

/* Headings and lines, in the order in which Kafka's tool tells the kinds. */
static const struct {
    const char *heading; /* the file's name follows, unless it ends with a dot */
    const char *first;
    const char *second;
    bool newest_first;
} problem_texts[DUMP_PROBLEM_KINDS] = {
    [DUMP_INDEX_MISMATCH] = {"Mismatches in :", "  Index offset: ", ", log offset: ", true},
    [DUMP_TIMESTAMP_MISMATCH] = {"Found timestamp mismatch in :", "  Index timestamp: ", ", log timestamp: ",
                                 false},
    [DUMP_OUT_OF_ORDER_TIMESTAMP] = {"Found out of order timestamp in :", "  Index timestamp: ",
                                     ", Previously indexed timestamp: ", false},
    [DUMP_OFFSET_NOT_FOUND] = {"The following indexed offsets are not found in the log.",
                               "Indexed offset: ", ", found log offset: ", false},
    [DUMP_NON_CONSECUTIVE] = {"Non-consecutive offsets in ", "  ", " is followed by ", true},
};

static void print_problem(const struct dump *dump, size_t i)
{
    const struct dump_problem *problem = &dump->problems[i];
    fprintf(stderr, "%s%" PRId64 "%s%" PRId64 "\n", problem_texts[problem->kind].first, problem->first,
            problem_texts[problem->kind].second, problem->second);
}

static void print_problems_of(const struct dump *dump, enum dump_problem_kind kind, int file,
                              const char *path)
{
    bool newest_first = problem_texts[kind].newest_first;
    bool headed = false;
    for (size_t k = 0; k < dump->problem_count; k++) {
        size_t i = newest_first ? dump->problem_count - 1 - k : k;
        if (dump->problems[i].kind != kind || dump->problems[i].file != file)
            continue;
        if (!headed)
            fprintf(stderr, "%s%s\n", problem_texts[kind].heading, kind == DUMP_OFFSET_NOT_FOUND ? "" : path);
        headed = true;
        print_problem(dump, i);
    }
}

static char *absolute(const char *path)
{
    if (path[0] == '/')
        return mem_strdup(path);
    char *cwd = getcwd(NULL, 0);
    char *whole = mem_printf("%s/%s", cwd ? cwd : "", path);
    free(cwd);
    return whole;
}

static void print_problems(const struct dump *dump, char *const *paths, int count)
{
    fflush(stdout);
    for (int kind = 0; kind < DUMP_PROBLEM_KINDS; kind++) {
        for (int file = 0; file < count; file++) {
            char *path = absolute(paths[file]);
            print_problems_of(dump, (enum dump_problem_kind)kind, file, path);
            free(path);
        }
    }
}

/* --- files ----------------------------------------------------------------------------------------- */

/* The list's paths, written as Java's File writes them: no doubled and no closing slash. */
static char **split_files(const char *text, int *count)
{
    char **paths = NULL;
    *count = 0;
    while (*text != '\0') {
        size_t len = strcspn(text, ",");
        char *path = mem_alloc(len + 1);
        size_t used = 0;
        for (size_t i = 0; i < len; i++)
            if (text[i] != '/' || used == 0 || path[used - 1] != '/')
                path[used++] = text[i];
        if (used > 1 && path[used - 1] == '/')
            used--;
        path[used] = '\0';
        paths = mem_resize(paths, (size_t)(*count + 1) * sizeof *paths);
        paths[(*count)++] = path;
        text += len + (text[len] == ',' ? 1 : 0);
    }
    return paths;
}

static bool dump_file(struct dump *dump, const char *path, struct errmsg *why)
{
    static const struct {
        const char *suffix;
        bool (*dump)(struct dump *dump, const char *path, struct errmsg *why);
    } kinds[] = {
        {".log", dump_records},       {".index", dump_offset_index}, {".timeindex", dump_time_index},
        {".snapshot", dump_snapshot}, {".txnindex", dump_txn_index},
    };
    const char *name = dump_file_name(path);
    const char *dot = strrchr(name, '.');
    if (strcmp(name, "leader-epoch-checkpoint") == 0)
        return dump_leader_epochs(dump, path, why);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (dot != NULL && strcmp(dot, kinds[i].suffix) == 0)
            return kinds[i].dump(dump, path, why);
    fflush(stdout);
    fprintf(stderr, "Ignoring unknown file %s\n", path);
    return true;
}

static int64_t size_of_all(char *const *paths, int count)
{
    int64_t total = 0;
    struct stat st;
    for (int i = 0; i < count; i++)
        if (stat(paths[i], &st) == 0)
            total += (int64_t)st.st_size;
    return total;
}

static int dump_files(struct dump *dump, char *const *paths, int count)
{
    struct errmsg why = {0};
    bool fine = true;
    /* What is printed on a terminal shows by itself how far it is. */
    if (!isatty(STDOUT_FILENO))
        progress_start(&dump->progress, "Dumping", "bytes", size_of_all(paths, count));
    for (dump->file = 0; fine && dump->file < count; dump->file++) {
        buf_printf(&dump->line, "Dumping %s", paths[dump->file]);
        dump_print(dump);
        fine = dump_file(dump, paths[dump->file], &why);
    }
    progress_stop(&dump->progress);
    if (fine) {
        print_problems(dump, paths, count);
        return 0;
    }
    /* A line that was begun stays visible, as with Kafka's tool. */
    fwrite(dump->line.data ? dump->line.data : (const uint8_t *)"", 1, dump->line.len, stdout);
    fflush(stdout);
    fprintf(stderr, "%s\n", why.text);
    return 1;
}

/* --- command line ----------------------------------------------------------------------------------- */

static bool parse_decoder(const struct options *opts, int id, enum dump_decoder *out, struct errmsg *why)
{
    const char *class = options_text(opts, id);
    const char *dot = class ? strrchr(class, '.') : NULL;
    const char *name = dot ? dot + 1 : class;
    *out = DUMP_STRING;
    if (name == NULL || strcmp(name, "StringDecoder") == 0)
        return true;
    if (strcmp(name, "LongDecoder") == 0) {
        *out = DUMP_LONG;
        return true;
    }
    if (strcmp(name, "IntegerDecoder") == 0) {
        *out = DUMP_INTEGER;
        return true;
    }
    errmsg_set(why,
               "There is no decoder %.150s here; StringDecoder, LongDecoder and IntegerDecoder can be used",
               class);
    return false;
}

static bool read_options(const struct options *opts, struct dump_options *out, struct errmsg *why)
{
    static const int missing[] = {OPT_OFFSETS_DECODER, OPT_TRANSACTION_LOG_DECODER,
                                  OPT_CLUSTER_METADATA_DECODER, OPT_REMOTE_LOG_METADATA_DECODER};
    for (size_t i = 0; i < ARRAY_LEN(missing); i++) {
        if (options_has(opts, missing[i])) {
            errmsg_set(why, "--%s is not supported by this version; leave it out to see the bytes",
                       specs[missing[i]].name);
            return false;
        }
    }
    *out = (struct dump_options){
        .print_data = options_has(opts, OPT_PRINT_DATA_LOG) || options_has(opts, OPT_VALUE_DECODER) ||
                      options_has(opts, OPT_KEY_DECODER),
        .skip_metadata = options_has(opts, OPT_SKIP_RECORD_METADATA),
        .verify_only = options_has(opts, OPT_VERIFY_INDEX_ONLY),
        .sanity_only = options_has(opts, OPT_INDEX_SANITY_CHECK),
        .max_message_size = (int32_t)options_number(opts, OPT_MAX_MESSAGE_SIZE, DEFAULT_MAX_MESSAGE_SIZE),
        .max_bytes = (int32_t)options_number(opts, OPT_MAX_BYTES, DUMP_NO_LIMIT),
    };
    out->deep = out->print_data || options_has(opts, OPT_DEEP_ITERATION);
    return parse_decoder(opts, OPT_VALUE_DECODER, &out->value_decoder, why) &&
           parse_decoder(opts, OPT_KEY_DECODER, &out->key_decoder, why);
}

static int run(const struct options *opts)
{
    struct dump dump = {0};
    struct errmsg why = {0};
    int count;
    if (!read_options(opts, &dump.options, &why)) {
        fprintf(stderr, "%s\n", why.text);
        return 1;
    }
    char **paths = split_files(options_text(opts, OPT_FILES), &count);
    dump.codec = codec_ctx_new();
    int status = dump_files(&dump, paths, count);
    codec_ctx_free(dump.codec);
    buf_close(&dump.line);
    free(dump.problems);
    for (int i = 0; i < count; i++)
        free(paths[i]);
    free(paths);
    return status;
}

int dump_log_command(int argc, char **argv)
{
    struct options opts;
    struct errmsg why = {0};
    int status;
    if (!options_parse(&opts, specs, OPT_COUNT, argc, argv, &why))
        status = options_usage(&opts, why.text);
    else if (argc == 0 || options_has(&opts, OPT_HELP))
        status = options_usage(&opts, "This tool helps to parse a log file and dump its contents to the "
                                      "console, useful for debugging a seemingly corrupt log segment.");
    else if (options_has(&opts, OPT_VERSION))
        status = options_print_version();
    else if (!options_require(&opts, OPT_FILES, &why))
        status = options_usage(&opts, why.text);
    else
        status = run(&opts);
    options_close(&opts);
    return status;
}
