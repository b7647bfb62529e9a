/*
 * `barnabas reassign`: moves partitions to other brokers, as
 * kafka-reassign-partitions.sh does.
 *
 * The texts are those of Kafka's tool; with --zookeeper, of the tool that still
 * had that option. A failure is told on standard output, as there.
 */
#include "cli/reassign.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "disk/posix_random.h"

#define UNKNOWN_TOPIC "org.apache.kafka.common.errors.UnknownTopicOrPartitionException: "

enum {
    OPT_GENERATE,
    OPT_EXECUTE,
    OPT_VERIFY,
    OPT_CANCEL,
    OPT_LIST,
    OPT_BOOTSTRAP_SERVER,
    OPT_ZOOKEEPER,
    OPT_COMMAND_CONFIG,
    OPT_REASSIGNMENT_JSON_FILE,
    OPT_TOPICS_TO_MOVE_JSON_FILE,
    OPT_BROKER_LIST,
    OPT_DISABLE_RACK_AWARE,
    OPT_THROTTLE,
    OPT_REPLICA_ALTER_LOG_DIRS_THROTTLE,
    OPT_TIMEOUT,
    OPT_ADDITIONAL,
    OPT_PRESERVE_THROTTLES,
    OPT_HELP,
    OPT_VERSION,
    OPT_COUNT
};
#define ACTIONS (OPT_LIST + 1)

#define DIRS_TIMEOUT_MS 10000

static const struct option_spec specs[OPT_COUNT] = {
    [OPT_GENERATE] = {"generate", OPTION_FLAG, false, NULL,
                      "Propose where the partitions of topics could go. Changes nothing."},
    [OPT_EXECUTE] = {"execute", OPTION_FLAG, false, NULL,
                     "Begin the moves of --reassignment-json-file. Does not wait for their end."},
    [OPT_VERIFY] = {"verify", OPTION_FLAG, false, NULL,
                    "Show how far the moves of the file are, and remove the throttles when nothing moves."},
    [OPT_CANCEL] = {"cancel", OPTION_FLAG, false, NULL, "Take the moves of the file back."},
    [OPT_LIST] = {"list", OPTION_FLAG, false, NULL, "Show all that moves."},
    [OPT_BOOTSTRAP_SERVER] = {"bootstrap-server", OPTION_TEXT, false, "Server(s) to use for bootstrapping",
                              "REQUIRED unless --zookeeper: brokers to connect to, host:port,host:port."},
    [OPT_ZOOKEEPER] = {"zookeeper", OPTION_TEXT, false, "urls",
                       "ZooKeeper to go through instead, host:port,host:port/chroot; moves cannot be taken "
                       "back that way."},
    [OPT_COMMAND_CONFIG] = {"command-config", OPTION_TEXT, false, "Admin client property file",
                            "File of settings for the admin client."},
    [OPT_REASSIGNMENT_JSON_FILE] = {"reassignment-json-file", OPTION_TEXT, false,
                                    "manual assignment json file path",
                                    "The file of moves:\n"
                                    "{\"partitions\":\n"
                                    "  [{\"topic\": \"foo\", \"partition\": 1, \"replicas\": [1,2],\n"
                                    "    \"log_dirs\":[\"/d1\",\"any\"]}],\n"
                                    " \"version\":1\n"
                                    "}\n"
                                    "log_dirs may be left out; it moves replicas between the log directories "
                                    "of their brokers."},
    [OPT_TOPICS_TO_MOVE_JSON_FILE] = {"topics-to-move-json-file", OPTION_TEXT, false,
                                      "topics to reassign json file path",
                                      "The file of topics for --generate:\n"
                                      "{\"topics\": [{\"topic\": \"foo\"}], \"version\":1}"},
    [OPT_BROKER_LIST] = {"broker-list", OPTION_TEXT, false, "brokerlist",
                         "Ids of the brokers that --generate may use, 0,1,2."},
    [OPT_DISABLE_RACK_AWARE] = {"disable-rack-aware", OPTION_FLAG, false, NULL,
                                "Let --generate pass over the brokers' racks."},
    [OPT_THROTTLE] = {"throttle", OPTION_LONG, false, "throttle",
                      "Limit what moves between brokers, in bytes per second for each."},
    [OPT_REPLICA_ALTER_LOG_DIRS_THROTTLE] = {"replica-alter-log-dirs-throttle", OPTION_LONG, false,
                                             "replicaAlterLogDirsThrottle",
                                             "Limit what moves between the directories of a broker."},
    [OPT_TIMEOUT] = {"timeout", OPTION_LONG, false, "timeout",
                     "Milliseconds to wait for moves between directories to begin."},
    [OPT_ADDITIONAL] = {"additional", OPTION_FLAG, false, NULL,
                        "Let --execute add to moves that are under way, or change their throttle."},
    [OPT_PRESERVE_THROTTLES] = {"preserve-throttles", OPTION_FLAG, false, NULL, "Leave the throttles alone."},
    [OPT_HELP] = OPTION_SPEC_HELP,
    [OPT_VERSION] = OPTION_SPEC_VERSION,
};

/* What an action needs beyond a cluster, and what it may be given. */
static const struct {
    int needs[2];
    int needs_count;
    int may[6];
    int may_count;
} rules[ACTIONS] = {
    [OPT_GENERATE] = {{OPT_TOPICS_TO_MOVE_JSON_FILE, OPT_BROKER_LIST}, 2, {OPT_DISABLE_RACK_AWARE}, 1},
    [OPT_EXECUTE] = {{OPT_REASSIGNMENT_JSON_FILE},
                     1,
                     {OPT_ADDITIONAL, OPT_THROTTLE, OPT_REPLICA_ALTER_LOG_DIRS_THROTTLE, OPT_TIMEOUT},
                     4},
    [OPT_VERIFY] = {{OPT_REASSIGNMENT_JSON_FILE}, 1, {OPT_PRESERVE_THROTTLES}, 1},
    [OPT_CANCEL] = {{OPT_REASSIGNMENT_JSON_FILE}, 1, {OPT_PRESERVE_THROTTLES, OPT_TIMEOUT}, 2},
};

struct session {
    const struct options *opts;
    struct arena arena;
    struct reassign_cluster cluster;
    struct reassign_list moves;  /* of the file */
    struct reassign_dirs dirs;   /* of those, what is to move between directories */
    struct reassign_list active; /* under way */
    struct errmsg why;
    bool old; /* through ZooKeeper, with the texts of then */
};

static int fail(const struct session *session)
{
    printf("Error: %s\n", session->why.text);
    return 1;
}

static const char *plural(int count)
{
    return count == 1 ? "" : "s";
}

static const char *text_of(struct arena *arena, const struct znode_ids *ids)
{
    struct buf out = {0};
    for (int32_t i = 0; i < ids->count; i++)
        buf_printf(&out, "%s%" PRId32, i ? "," : "", ids->ids[i]);
    const char *text = arena_strdup(arena, buf_cstr(&out));
    buf_close(&out);
    return text;
}

static void print_names(struct session *session, const struct reassign_list *list)
{
    for (int i = 0; i < list->count; i++)
        printf("%s%s", i ? "," : "", reassign_name(&session->arena, &list->items[i]));
    putchar('\n');
}

/* "title\nt-0: message\n..." for the parts that have an error; false when there is none. */
static bool print_errors(struct session *session, const struct reassign_list *list, const char *title)
{
    bool any = false;
    for (int i = 0; i < list->count; i++) {
        if (!list->items[i].error)
            continue;
        if (!any)
            puts(title);
        any = true;
        printf("%s: %s\n", reassign_name(&session->arena, &list->items[i]), list->items[i].error);
    }
    return any;
}

static bool read_moves(struct session *session)
{
    if (!reassign_read_moves(options_text(session->opts, OPT_REASSIGNMENT_JSON_FILE), &session->arena,
                             &session->moves, &session->why))
        return false;
    session->dirs = reassign_dirs_of(&session->arena, &session->moves);
    return true;
}

static bool find_active(struct session *session)
{
    return session->cluster.active(session->cluster.session, &session->arena, &session->active,
                                   &session->why) == ERR_NONE;
}

/* Present replicas of the topics; false with why when one of them does not exist. */
static bool find_present(struct session *session, const char *const *topics, int count, bool must_exist,
                         struct reassign_list *out)
{
    if (count > 0 && session->cluster.present(session->cluster.session, &session->arena, topics, count, out,
                                              &session->why) != ERR_NONE)
        return false;
    for (int i = 0; must_exist && i < count; i++) {
        int at = 0;
        while (at < out->count && strcmp(out->items[at].topic, topics[i]) != 0)
            at++;
        if (at < out->count)
            continue;
        errmsg_set(&session->why, UNKNOWN_TOPIC "Topic %.150s not found.", topics[i]);
        return false;
    }
    return true;
}

static int unthrottle(struct session *session)
{
    if (reassign_unthrottle(&session->cluster, &session->arena, &session->moves, &session->why) == ERR_NONE)
        return 0;
    return fail(session);
}

/* --- generate --------------------------------------------------------------------------------------- */

/* The brokers of the list that live; racks as they count. */
static bool usable_brokers(struct session *session, const struct znode_ids *wanted,
                           struct assign_broker **out, int *count)
{
    struct assign_broker *all;
    int all_count, with_rack = 0;
    bool racks = !options_has(session->opts, OPT_DISABLE_RACK_AWARE);
    if (session->cluster.brokers(session->cluster.session, &session->arena, &all, &all_count,
                                 &session->why) != ERR_NONE)
        return false;
    *out = all;
    *count = 0;
    for (int i = 0; i < all_count; i++) {
        if (!reassign_ids_contain(wanted, all[i].id))
            continue;
        (*out)[*count] = (struct assign_broker){.id = all[i].id, .rack = racks ? all[i].rack : NULL};
        with_rack += (*out)[(*count)++].rack != NULL;
    }
    if (with_rack == 0 || with_rack == *count)
        return true;
    errmsg_set(&session->why,
               "Not all brokers have rack information. Add --disable-rack-aware in command line to make "
               "replica assignment without rack information.");
    return false;
}

/* New replicas for one topic's partitions, which stand together from `first` on. */
static bool propose_topic(struct session *session, struct reassign_part *first, int count,
                          const struct assign_broker *brokers, int brokers_count)
{
    struct znode_ids *lists;
    struct assign_request request = {.brokers = brokers,
                                     .brokers_count = brokers_count,
                                     .partitions_count = count,
                                     .replication_factor = first->replicas.count};
    if (brokers_count > 0) {
        struct random random = random_posix();
        request.start = (int32_t)(random_u64(&random) % (uint64_t)brokers_count);
        request.shift = (int32_t)(random_u64(&random) % (uint64_t)brokers_count);
    }
    if (assign_replicas(&request, &session->arena, &lists, &session->why) != ERR_NONE)
        return false;
    for (int i = 0; i < count; i++)
        first[i].replicas = lists[i];
    return true;
}

static bool propose(struct session *session, struct reassign_list *list, const struct znode_ids *wanted)
{
    struct assign_broker *brokers;
    int brokers_count;
    if (!usable_brokers(session, wanted, &brokers, &brokers_count))
        return false;
    for (int i = 0; i < list->count;) {
        int same = 1;
        while (i + same < list->count && strcmp(list->items[i + same].topic, list->items[i].topic) == 0)
            same++;
        if (!propose_topic(session, &list->items[i], same, brokers, brokers_count))
            return false;
        i += same;
    }
    return true;
}

static int generate(struct session *session)
{
    const char **topics;
    int count;
    struct znode_ids wanted = {0};
    struct reassign_list present = {0}, proposed = {0};
    if (!reassign_read_brokers(options_text(session->opts, OPT_BROKER_LIST), &session->arena, &wanted,
                               &session->why) ||
        !reassign_read_topics(options_text(session->opts, OPT_TOPICS_TO_MOVE_JSON_FILE), &session->arena,
                              &topics, &count, &session->why) ||
        !find_present(session, topics, count, true, &present))
        return fail(session);
    for (int i = 0; i < present.count; i++)
        *reassign_add(&session->arena, &proposed, present.items[i].topic, present.items[i].partition) =
            present.items[i];
    if (!propose(session, &proposed, &wanted))
        return fail(session);
    puts("Current partition replica assignment");
    reassign_print_json(&present);
    puts("\nProposed partition reassignment configuration");
    reassign_print_json(&proposed);
    return 0;
}

/* --- execute ---------------------------------------------------------------------------------------- */

static bool check_brokers(struct session *session)
{
    struct assign_broker *live;
    int count;
    struct znode_ids known = {0};
    if (session->cluster.brokers(session->cluster.session, &session->arena, &live, &count, &session->why) !=
        ERR_NONE)
        return false;
    known.ids = arena_alloc(&session->arena, ((size_t)count + 1) * sizeof *known.ids);
    for (int i = 0; i < count; i++)
        known.ids[known.count++] = live[i].id;
    for (int i = 0; i < session->moves.count; i++)
        for (int32_t k = 0; k < session->moves.items[i].replicas.count; k++)
            if (!reassign_ids_contain(&known, session->moves.items[i].replicas.ids[k])) {
                errmsg_set(&session->why, "Unknown broker id %" PRId32,
                           session->moves.items[i].replicas.ids[k]);
                return false;
            }
    return true;
}

/* Where the partitions of the file are now. */
static bool find_current(struct session *session, struct reassign_list *out)
{
    int count;
    struct reassign_list all = {0};
    const char **topics = reassign_topics(&session->arena, &session->moves, &count);
    if (!find_present(session, topics, count, true, &all))
        return false;
    for (int i = 0; i < session->moves.count; i++) {
        const struct reassign_part *move = &session->moves.items[i];
        const struct reassign_part *part = reassign_find(&all, move->topic, move->partition);
        if (!part) {
            errmsg_set(&session->why, UNKNOWN_TOPIC "Unable to find partition: %.150s",
                       reassign_name(&session->arena, move));
            return false;
        }
        *reassign_add(&session->arena, out, part->topic, part->partition) = *part;
    }
    return true;
}

static bool throttle(struct session *session, const struct reassign_list *current)
{
    int64_t rate = options_number(session->opts, OPT_THROTTLE, -1);
    int64_t dirs_rate = options_number(session->opts, OPT_REPLICA_ALTER_LOG_DIRS_THROTTLE, -1);
    if (rate >= 0 || dirs_rate >= 0)
        puts("Warning: You must run --verify periodically, until the reassignment completes, to ensure the "
             "throttle is removed.");
    if (rate >= 0 && reassign_throttle(&session->cluster, &session->arena, &session->active, &session->moves,
                                       current, rate, &session->why) != ERR_NONE)
        return false;
    return dirs_rate < 0 || reassign_throttle_dirs(&session->cluster, &session->arena, &session->dirs,
                                                   dirs_rate, &session->why) == ERR_NONE;
}

static int64_t timeout_ms(const struct session *session)
{
    return options_number(session->opts, OPT_TIMEOUT, DIRS_TIMEOUT_MS);
}

static int begin(struct session *session)
{
    if (session->cluster.alter(session->cluster.session, &session->arena, &session->moves, &session->why) !=
        ERR_NONE) {
        if (!session->old)
            return fail(session);
        puts(session->why.text);
        return 1;
    }
    if (print_errors(session, &session->moves, "Error reassigning partition(s):"))
        return 1;
    if (session->old) {
        puts("Successfully started reassignment of partitions.");
        return 0;
    }
    printf("Successfully started partition reassignment%s for ", plural(session->moves.count));
    print_names(session, &session->moves);
    bool begun = reassign_dirs_begin(&session->cluster, &session->arena, &session->dirs, timeout_ms(session),
                                     &session->why) == ERR_NONE;
    return begun ? 0 : fail(session);
}

static int execute(struct session *session)
{
    struct reassign_list current = {0};
    if (!read_moves(session) || !reassign_check_moves(&session->moves, &session->arena, &session->why) ||
        !reassign_dirs_check(&session->cluster, &session->dirs, &session->why) || !find_active(session))
        return fail(session);
    if (session->active.count > 0 && !options_has(session->opts, OPT_ADDITIONAL)) {
        puts(session->old
                 ? "There is an existing assignment running."
                 : "Cannot execute because there is an existing partition assignment.  Use --additional to "
                   "override this and create a new partition assignment in addition to the existing one. "
                   "The --additional flag can also be used to change the throttle by resubmitting the "
                   "current reassignment.");
        return 1;
    }
    reassign_sort(&session->moves);
    if (!check_brokers(session) || !find_current(session, &current))
        return fail(session);
    puts("Current partition replica assignment\n");
    reassign_print_json(&current);
    puts("\nSave this to use as the --reassignment-json-file option during rollback");
    return throttle(session, &current) ? begin(session) : fail(session);
}

/* --- verify, cancel, list --------------------------------------------------------------------------- */

static bool same_ids(const struct znode_ids *a, const struct znode_ids *b)
{
    return a->count == b->count &&
           (a->count == 0 || memcmp(a->ids, b->ids, (size_t)a->count * sizeof *a->ids) == 0);
}

static void print_state(struct session *session, const struct reassign_part *move,
                        const struct reassign_part *part)
{
    const char *name = reassign_name(&session->arena, move);
    const struct znode_ids none = {0};
    const struct znode_ids *now = part ? &part->replicas : &none;
    if (reassign_find(&session->active, move->topic, move->partition))
        printf("Reassignment of partition %s is still in progress%s\n", name, session->old ? "" : ".");
    else if (session->old)
        printf("Reassignment of partition %s %s\n", name,
               same_ids(now, &move->replicas) ? "completed successfully" : "failed");
    else if (same_ids(now, &move->replicas))
        printf("Reassignment of partition %s is completed.\n", name);
    else
        printf("There is no active reassignment of partition %s, but replica set is %s rather than %s.\n",
               name, text_of(&session->arena, now), text_of(&session->arena, &move->replicas));
}

static int verify(struct session *session)
{
    int count;
    struct reassign_list present = {0}, sorted = {0};
    if (!read_moves(session) || !find_active(session))
        return fail(session);
    const char **topics = reassign_topics(&session->arena, &session->moves, &count);
    if (!find_present(session, topics, count, false, &present))
        return fail(session);
    for (int i = 0; i < session->moves.count; i++)
        *reassign_add(&session->arena, &sorted, NULL, 0) = session->moves.items[i];
    reassign_sort(&sorted);
    puts("Status of partition reassignment:");
    for (int i = 0; i < sorted.count; i++) {
        const struct reassign_part *move = &sorted.items[i];
        print_state(session, move, reassign_find(&present, move->topic, move->partition));
    }
    bool moving;
    if (reassign_dirs_verify(&session->cluster, &session->arena, &session->dirs, &moving, &session->why) !=
        ERR_NONE)
        return fail(session);
    if (session->active.count > 0 || moving || options_has(session->opts, OPT_PRESERVE_THROTTLES))
        return 0;
    return unthrottle(session);
}

static int cancel(struct session *session)
{
    struct reassign_list taken = {0};
    if (!read_moves(session) || !find_active(session))
        return fail(session);
    for (int i = 0; i < session->active.count; i++) {
        const struct reassign_part *part = &session->active.items[i];
        if (reassign_find(&session->moves, part->topic, part->partition))
            reassign_add(&session->arena, &taken, part->topic, part->partition)->cancel = true;
    }
    if (taken.count == 0)
        puts("None of the specified partition reassignments are active.");
    else {
        if (session->cluster.alter(session->cluster.session, &session->arena, &taken, &session->why) !=
            ERR_NONE)
            return fail(session);
        char title[64];
        int failed = 0;
        for (int i = 0; i < taken.count; i++)
            failed += taken.items[i].error != NULL;
        snprintf(title, sizeof title, "Error cancelling partition reassignment%s for:", plural(failed));
        if (print_errors(session, &taken, title))
            return 1;
        printf("Successfully cancelled partition reassignment%s for: ", plural(taken.count));
        print_names(session, &taken);
    }
    if (reassign_dirs_cancel(&session->cluster, &session->arena, &session->dirs, timeout_ms(session),
                             &session->why) != ERR_NONE)
        return fail(session);
    return options_has(session->opts, OPT_PRESERVE_THROTTLES) ? 0 : unthrottle(session);
}

static int list(struct session *session)
{
    if (!find_active(session))
        return fail(session);
    puts(session->active.count ? "Current partition reassignments:" : "No partition reassignments found.");
    for (int i = 0; i < session->active.count; i++) {
        const struct reassign_part *part = &session->active.items[i];
        printf("%s: replicas: %s.", reassign_name(&session->arena, part),
               text_of(&session->arena, &part->replicas));
        if (part->adding.count)
            printf(" adding: %s.", text_of(&session->arena, &part->adding));
        if (part->removing.count)
            printf(" removing: %s.", text_of(&session->arena, &part->removing));
        putchar('\n');
    }
    return 0;
}

/* --- the command ------------------------------------------------------------------------------------ */

static int act(struct session *session, int action)
{
    switch (action) {
    case OPT_GENERATE:
        return generate(session);
    case OPT_EXECUTE:
        return execute(session);
    case OPT_VERIFY:
        return verify(session);
    case OPT_CANCEL:
        return cancel(session);
    default:
        return list(session);
    }
}

static int run(const struct options *opts, int action)
{
    struct session session = {.opts = opts, .old = options_has(opts, OPT_ZOOKEEPER)};
    struct progress progress;
    progress_start(&progress, "Asking the cluster", NULL, 0);
    bool open =
        session.old
            ? reassign_over_zookeeper(options_text(opts, OPT_ZOOKEEPER), &session.cluster, &session.why)
            : reassign_over_wire(options_text(opts, OPT_BOOTSTRAP_SERVER),
                                 options_text(opts, OPT_COMMAND_CONFIG), &session.cluster, &session.why);
    int status = open ? act(&session, action) : fail(&session);
    progress_stop(&progress);
    if (open)
        session.cluster.close(session.cluster.session);
    arena_close(&session.arena);
    return status;
}

/* The one action that was asked for; -1 for none or several. */
static int action_of(const struct options *opts)
{
    int action = -1;
    for (int i = 0; i < ACTIONS; i++) {
        if (!options_has(opts, i))
            continue;
        if (action >= 0)
            return -1;
        action = i;
    }
    return action;
}

static bool is_one_of(const int *list, int count, int id)
{
    for (int i = 0; i < count; i++)
        if (list[i] == id)
            return true;
    return false;
}

static bool check_options(const struct options *opts, int *action, struct errmsg *why)
{
    *action = action_of(opts);
    if (*action < 0) {
        errmsg_set(why, "Command must include exactly one action: --generate, --execute, --verify, --cancel, "
                        "--list");
        return false;
    }
    if (options_has(opts, OPT_BOOTSTRAP_SERVER) == options_has(opts, OPT_ZOOKEEPER)) {
        errmsg_set(why, options_has(opts, OPT_ZOOKEEPER)
                            ? "Please specify --bootstrap-server or --zookeeper, "
                              "not both"
                            : "Please specify --bootstrap-server");
        return false;
    }
    if (options_has(opts, OPT_ZOOKEEPER) && *action == OPT_CANCEL) {
        errmsg_set(why, "A move cannot be taken back through ZooKeeper: use --bootstrap-server");
        return false;
    }
    for (int i = 0; i < rules[*action].needs_count; i++)
        if (!options_require(opts, rules[*action].needs[i], why))
            return false;
    for (int i = OPT_COMMAND_CONFIG + 1; i < OPT_HELP; i++) {
        if (!options_has(opts, i) || is_one_of(rules[*action].needs, rules[*action].needs_count, i) ||
            is_one_of(rules[*action].may, rules[*action].may_count, i))
            continue;
        errmsg_set(why, "Option \"[%s]\" can't be used with action \"[%s]\"", specs[i].name,
                   specs[*action].name);
        return false;
    }
    return true;
}

int reassign_command(int argc, char **argv)
{
    struct options opts;
    struct errmsg why = {0};
    int status, action;
    if (!options_parse(&opts, specs, OPT_COUNT, argc, argv, &why))
        status = options_usage(&opts, why.text);
    else if (argc == 0 || options_has(&opts, OPT_HELP))
        status = options_usage(&opts, "This tool helps to move topic partitions between replicas.");
    else if (options_has(&opts, OPT_VERSION))
        status = options_print_version();
    else if (!check_options(&opts, &action, &why))
        status = options_usage(&opts, why.text);
    else
        status = run(&opts, action);
    options_close(&opts);
    return status;
}
