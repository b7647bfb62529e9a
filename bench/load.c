/*
 * The cheapest possible client: it encodes a request once and sends it over and
 * over, so that the broker is what is measured. Prints one line of JSON.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "bench/load_run.h"

static const char USAGE[] =
    "usage: load produce|fetch|list-offsets|api-versions|offset-commit|heartbeat|hold --port PORT [options]\n"
    "  --host ADDRESS           127.0.0.1\n"
    "  --topic NAME             bench\n"
    "  --partitions N           connection i uses partition i modulo N (1)\n"
    "  --in-turn                every request uses the next partition\n"
    "  --connections N          4\n"
    "  --in-flight N            per connection (1)\n"
    "  --records N              records per batch (1)\n"
    "  --record-bytes N         bytes of each record's value (100)\n"
    "  --codec NAME             none, gzip, snappy, lz4 or zstd (none)\n"
    "  --acks 1|-1              1\n"
    "  --fetch-bytes N          most bytes of an answer (1048576)\n"
    "  --from N --step N --count N   offsets to fetch, or timestamps to look up: from + step * (0..count-1)\n"
    "  --scatter                in an order without neighbours\n"
    "  --producer-ids FROM      each request is the first of another idempotent producer\n"
    "  --group NAME             bench\n"
    "  --groups N               NAME-000000 to NAME-<N-1> in turn; when all had theirs, the next partitions\n"
    "  --member ID --generation N   of the group (nobody in particular)\n"
    "  --offsets N              partitions per offset-commit (1)\n"
    "  --rate R                 requests per second in all; latency counts from when a request was due\n"
    "  --seconds S | --requests N   SIGINT ends it sooner\n"
    "hold opens the connections, says ready, and keeps them until its input ends.\n";

enum option_id {
    OPT_HOST = 256,
    OPT_PORT,
    OPT_TOPIC,
    OPT_PARTITIONS,
    OPT_IN_TURN,
    OPT_CONNECTIONS,
    OPT_IN_FLIGHT,
    OPT_RECORDS,
    OPT_RECORD_BYTES,
    OPT_CODEC,
    OPT_ACKS,
    OPT_FETCH_BYTES,
    OPT_FROM,
    OPT_STEP,
    OPT_COUNT,
    OPT_SCATTER,
    OPT_PRODUCER_IDS,
    OPT_GROUP,
    OPT_GROUPS,
    OPT_MEMBER,
    OPT_GENERATION,
    OPT_OFFSETS,
    OPT_RATE,
    OPT_SECONDS,
    OPT_REQUESTS
};

static const struct option OPTIONS[] = {
    {"host", required_argument, NULL, OPT_HOST},
    {"port", required_argument, NULL, OPT_PORT},
    {"topic", required_argument, NULL, OPT_TOPIC},
    {"partitions", required_argument, NULL, OPT_PARTITIONS},
    {"in-turn", no_argument, NULL, OPT_IN_TURN},
    {"connections", required_argument, NULL, OPT_CONNECTIONS},
    {"in-flight", required_argument, NULL, OPT_IN_FLIGHT},
    {"records", required_argument, NULL, OPT_RECORDS},
    {"record-bytes", required_argument, NULL, OPT_RECORD_BYTES},
    {"codec", required_argument, NULL, OPT_CODEC},
    {"acks", required_argument, NULL, OPT_ACKS},
    {"fetch-bytes", required_argument, NULL, OPT_FETCH_BYTES},
    {"from", required_argument, NULL, OPT_FROM},
    {"step", required_argument, NULL, OPT_STEP},
    {"count", required_argument, NULL, OPT_COUNT},
    {"scatter", no_argument, NULL, OPT_SCATTER},
    {"producer-ids", required_argument, NULL, OPT_PRODUCER_IDS},
    {"group", required_argument, NULL, OPT_GROUP},
    {"groups", required_argument, NULL, OPT_GROUPS},
    {"member", required_argument, NULL, OPT_MEMBER},
    {"generation", required_argument, NULL, OPT_GENERATION},
    {"offsets", required_argument, NULL, OPT_OFFSETS},
    {"rate", required_argument, NULL, OPT_RATE},
    {"seconds", required_argument, NULL, OPT_SECONDS},
    {"requests", required_argument, NULL, OPT_REQUESTS},
    {NULL, 0, NULL, 0},
};

static _Noreturn void usage(void)
{
    fputs(USAGE, stderr);
    exit(2);
}

static int64_t number(int64_t least, int64_t most)
{
    char *end;
    long long value = strtoll(optarg, &end, 10);
    if (*end || end == optarg || value < least || value > most)
        usage();
    return value;
}

static double real(void)
{
    char *end;
    double value = strtod(optarg, &end);
    if (*end || end == optarg || value <= 0)
        usage();
    return value;
}

static enum codec codec_named(const char *name)
{
    for (int i = 0; i < CODEC_COUNT; i++)
        if (strcmp(name, codec_name(i)) == 0)
            return (enum codec)i;
    usage();
}

static void take_option(int id, struct load_spec *spec, struct load_plan *plan)
{
    switch ((enum option_id)id) {
    case OPT_HOST:
        plan->host = optarg;
        return;
    case OPT_PORT:
        plan->port = (int)number(1, 65535);
        return;
    case OPT_TOPIC:
        spec->topic = optarg;
        return;
    case OPT_PARTITIONS:
        plan->partitions = (int32_t)number(1, 1000000);
        return;
    case OPT_IN_TURN:
        plan->in_turn = true;
        return;
    case OPT_CONNECTIONS:
        plan->connections = (int)number(1, 100000);
        return;
    case OPT_IN_FLIGHT:
        plan->in_flight = (int)number(1, 100000);
        return;
    case OPT_RECORDS:
        spec->records = (int32_t)number(1, 10000000);
        return;
    case OPT_RECORD_BYTES:
        spec->record_bytes = (int32_t)number(0, 100000000);
        return;
    case OPT_CODEC:
        spec->codec = codec_named(optarg);
        return;
    case OPT_ACKS:
        spec->acks = (int16_t)number(-1, 1);
        if (spec->acks == 0)
            usage();
        return;
    case OPT_FETCH_BYTES:
        spec->fetch_bytes = (int32_t)number(1, INT32_MAX);
        return;
    case OPT_FROM:
        plan->number_from = number(INT64_MIN, INT64_MAX);
        return;
    case OPT_STEP:
        plan->number_step = number(INT64_MIN, INT64_MAX);
        return;
    case OPT_COUNT:
        plan->number_count = number(1, INT64_MAX);
        return;
    case OPT_SCATTER:
        plan->scatter = true;
        return;
    case OPT_PRODUCER_IDS:
        plan->producer_from = number(0, INT64_MAX);
        return;
    case OPT_GROUP:
        spec->group = optarg;
        return;
    case OPT_GROUPS:
        plan->groups = (int32_t)number(1, 999999);
        spec->numbers_groups = true;
        return;
    case OPT_MEMBER:
        spec->member = optarg;
        return;
    case OPT_GENERATION:
        spec->generation = (int32_t)number(-1, INT32_MAX);
        return;
    case OPT_OFFSETS:
        spec->offsets = (int32_t)number(1, 100000);
        return;
    case OPT_RATE:
        plan->rate = real();
        return;
    case OPT_SECONDS:
        plan->seconds = real();
        return;
    case OPT_REQUESTS:
        plan->requests = (uint64_t)number(1, INT64_MAX);
        return;
    }
    usage();
}

static enum load_kind kind_of(const char *name, bool *hold)
{
    static const struct {
        const char *name;
        enum load_kind kind;
    } KINDS[] = {{"produce", LOAD_PRODUCE},
                 {"fetch", LOAD_FETCH},
                 {"list-offsets", LOAD_LIST_OFFSETS},
                 {"api-versions", LOAD_API_VERSIONS},
                 {"offset-commit", LOAD_OFFSET_COMMIT},
                 {"heartbeat", LOAD_HEARTBEAT},
                 {"hold", LOAD_API_VERSIONS}};
    *hold = strcmp(name, "hold") == 0;
    for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
        if (strcmp(name, KINDS[i].name) == 0)
            return KINDS[i].kind;
    }
    usage();
}

static double microseconds(const struct load_result *r, double quantile)
{
    return (double)histogram_quantile(&r->latency_ns, quantile) / 1000;
}

static void report(const struct load_spec *spec, const struct load_template *t, const struct load_result *r)
{
    bool produce = spec->kind == LOAD_PRODUCE;
    double rate = (double)r->answers / r->seconds;
    double bytes = produce ? rate * (double)t->bytes.len : (double)r->answer_bytes / r->seconds;
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                 (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    printf("{\"requests\": %llu, \"seconds\": %.6f, \"requests_per_s\": %.1f, \"records_per_s\": %.1f, "
           "\"bytes_per_s\": %.0f, \"bytes_per_request\": %.1f, \"p50_us\": %.1f, \"p99_us\": %.1f, "
           "\"p999_us\": %.1f, \"max_us\": %.1f, \"client_cpu_s\": %.3f, \"errors\": %llu, "
           "\"first_error\": %d}\n",
           (unsigned long long)r->answers, r->seconds, rate, produce ? rate * spec->records : 0.0, bytes,
           bytes / rate, microseconds(r, 0.5), microseconds(r, 0.99), microseconds(r, 0.999),
           (double)r->worst_ns / 1000, cpu, (unsigned long long)r->errors, r->first_error);
}

int main(int argc, char **argv)
{
    struct load_spec spec = {.topic = "bench",
                             .records = 1,
                             .record_bytes = 100,
                             .acks = 1,
                             .fetch_bytes = 1 << 20,
                             .group = "bench",
                             .member = "",
                             .generation = -1,
                             .offsets = 1};
    struct load_plan plan = {
        .host = "127.0.0.1", .connections = 4, .in_flight = 1, .partitions = 1, .producer_from = -1};
    bool hold;
    if (argc < 2)
        usage();
    spec.kind = kind_of(argv[1], &hold);
    optind = 2;
    for (int id; (id = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1;)
        take_option(id, &spec, &plan);
    if (plan.port == 0 || optind != argc || (!hold && plan.seconds <= 0 && plan.requests == 0))
        usage();
    if (plan.producer_from >= 0 && spec.kind != LOAD_PRODUCE)
        usage();

    struct load_template t;
    load_template_make(&t, &spec);
    if (hold) {
        load_hold(&plan, &t);
    } else {
        struct load_result *result = MEM_NEW(struct load_result);
        load_run(&plan, &t, result);
        report(&spec, &t, result);
        free(result);
    }
    load_template_close(&t);
    return EXIT_SUCCESS;
}
