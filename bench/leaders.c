/*
 * Asks brokers for their metadata until all of them say that every partition of
 * some topics has a live leader (--whole: and all its replicas in sync), and
 * prints when that was. Asking costs a broker something, so it pauses between
 * two questions for longer than an answer takes.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "cli/connection.h"

static const char USAGE[] =
    "usage: leaders --ports PORT,... --topics NAME,... --partitions N --live ID,... [options]\n"
    "  --partitions N   of all the topics together\n"
    "  --live IDS       brokers that may lead\n"
    "  --whole          wait until every replica is in its ISR, too\n"
    "  --timeout S      60\n";

#define LISTED_MOST      64
#define PAUSE_NS         INT64_C(5000000)
#define PAUSE_TIMES      3 /* of what an answer took */
#define METADATA_KEY     3
#define REQUEST_LIMIT_MS 30000

struct question {
    int ports[LISTED_MOST];
    int port_count;
    struct wire_metadata_request_metadata_request_topic topics[LISTED_MOST];
    int topic_count;
    int32_t live[LISTED_MOST];
    int live_count;
    int partitions;
    bool whole;
    double timeout_s;
};

static _Noreturn void usage(void)
{
    fputs(USAGE, stderr);
    exit(2);
}

static int64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void pause_ns(int64_t ns)
{
    struct timespec rest = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    nanosleep(&rest, NULL);
}

/* --- options ------------------------------------------------------------------------------------- */

static int number(const char *text)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (*end || end == text || value < 0 || value > 100000000)
        usage();
    return (int)value;
}

/* Cuts the text at its commas; returns how many pieces there are. */
static int split(char *text, char *pieces[LISTED_MOST])
{
    int count = 0;
    char *rest = NULL;
    for (char *piece = strtok_r(text, ",", &rest); piece; piece = strtok_r(NULL, ",", &rest)) {
        if (count == LISTED_MOST)
            usage();
        pieces[count++] = piece;
    }
    return count;
}

static void take_option(struct question *q, int id)
{
    char *pieces[LISTED_MOST];
    switch (id) {
    case 'p':
        q->port_count = split(optarg, pieces);
        for (int i = 0; i < q->port_count; i++)
            q->ports[i] = number(pieces[i]);
        return;
    case 't':
        q->topic_count = split(optarg, pieces);
        for (int i = 0; i < q->topic_count; i++)
            q->topics[i].name = view_str(pieces[i]);
        return;
    case 'l':
        q->live_count = split(optarg, pieces);
        for (int i = 0; i < q->live_count; i++)
            q->live[i] = number(pieces[i]);
        return;
    case 'n':
        q->partitions = number(optarg);
        return;
    case 'w':
        q->whole = true;
        return;
    case 's':
        q->timeout_s = number(optarg);
        return;
    default:
        usage();
    }
}

static void take_options(struct question *q, int argc, char **argv)
{
    static const struct option OPTIONS[] = {
        {"ports", required_argument, NULL, 'p'},
        {"topics", required_argument, NULL, 't'},
        {"live", required_argument, NULL, 'l'},
        {"partitions", required_argument, NULL, 'n'},
        {"timeout", required_argument, NULL, 's'},
        {"whole", no_argument, NULL, 'w'},
        {NULL, 0, NULL, 0},
    };
    for (int id; (id = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1;)
        take_option(q, id);
    if (optind != argc || q->port_count == 0 || q->topic_count == 0 || q->live_count == 0 ||
        q->partitions == 0)
        usage();
}

/* --- asking -------------------------------------------------------------------------------------- */

static bool may_lead(const struct question *q, int32_t id)
{
    for (int i = 0; i < q->live_count; i++) {
        if (q->live[i] == id)
            return true;
    }
    return false;
}

/* How many partitions of the answer are as they are waited for. */
static int count_ready(const struct question *q, const struct wire_metadata_response *answer)
{
    int ready = 0;
    for (int32_t t = 0; t < answer->topics_count; t++) {
        for (int32_t p = 0; p < answer->topics[t].partitions_count; p++) {
            const struct wire_metadata_response_metadata_response_partition *partition =
                &answer->topics[t].partitions[p];
            bool in_sync = partition->isr_nodes_count == partition->replica_nodes_count;
            ready += may_lead(q, partition->leader_id) && (in_sync || !q->whole);
        }
    }
    return ready;
}

/* How many partitions a broker says are ready; -1 when it says nothing: *conn is closed then. */
static int ask(const struct question *q, struct connection **conn, int port, struct errmsg *why)
{
    static const struct connection_config CONFIG = {
        .client_id = "leaders", .connect_timeout_ms = 1000, .request_timeout_ms = REQUEST_LIMIT_MS};
    if (!*conn && !(*conn = connection_open("127.0.0.1", port, &CONFIG, why)))
        return -1;
    struct wire_metadata_request request = {.topics = (void *)(uintptr_t)q->topics,
                                            .topics_count = q->topic_count};
    struct wire_metadata_response answer;
    struct arena arena = {0};
    int ready = -1;
    if (connection_call(*conn, wire_api_find_any(METADATA_KEY), &request, 0, &arena, &answer, why)) {
        connection_close(*conn);
        *conn = NULL;
    } else {
        ready = count_ready(q, &answer);
    }
    arena_close(&arena);
    return ready;
}

static int64_t wait_for(const struct question *q, int port, int64_t deadline_ns)
{
    struct connection *conn = NULL;
    for (;;) {
        struct errmsg why = {{0}};
        int64_t asked_ns = clock_ns();
        int ready = ask(q, &conn, port, &why);
        int64_t now_ns = clock_ns();
        if (ready == q->partitions) {
            connection_close(conn);
            return now_ns;
        }
        if (now_ns >= deadline_ns) {
            fprintf(stderr, "leaders: port %d says %d of %d partitions are ready after %g s%s%s\n", port,
                    ready, q->partitions, q->timeout_s, why.text[0] ? "; " : "", why.text);
            exit(EXIT_FAILURE);
        }
        pause_ns(PAUSE_NS + PAUSE_TIMES * (now_ns - asked_ns));
    }
}

int main(int argc, char **argv)
{
    static struct question question = {.timeout_s = 60};
    take_options(&question, argc, argv);
    int64_t begin_ns = clock_ns();
    int64_t deadline_ns = begin_ns + (int64_t)(question.timeout_s * 1e9);
    int64_t ready_ns = begin_ns;
    for (int i = 0; i < question.port_count; i++)
        ready_ns = wait_for(&question, question.ports[i], deadline_ns);
    printf("{\"at\": %.6f, \"seconds\": %.6f}\n", (double)ready_ns / 1e9,
           (double)(ready_ns - begin_ns) / 1e9);
    return EXIT_SUCCESS;
}
