/*
 * `barnabas groups`: consumer groups listed, described, deleted, and their offsets reset or deleted, as
 * kafka-consumer-groups.sh does; their rebalances told; the offsets of old ones read from ZooKeeper.
 */
#include "cli/groups.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"
#include "cli/commands.h"
#include "cli/groups_options.h"
#include "cli/groups_reset.h"
#include "cli/groups_zookeeper.h"
#include "cli/kafka_text.h"
#include "cli/progress.h"

#define TIMEOUT_MS 5000

/* --- list --------------------------------------------------------------------------------------------- */

/* Are all words of "a, b" among these? */
static bool words_known(const char *list, const char *const *known, size_t count)
{
    while (*list) {
        list += strspn(list, " \t");
        size_t len = strcspn(list, ","), word = len;
        bool found = false;
        while (word > 0 && (list[word - 1] == ' ' || list[word - 1] == '\t'))
            word--;
        for (size_t i = 0; i < count; i++)
            found |= strlen(known[i]) == word && strncasecmp(list, known[i], word) == 0;
        if (!found)
            return false;
        list += len + (list[len] == ',');
    }
    return true;
}

static bool check_filters(struct groups_session *session, const char *states, const char *types,
                          struct errmsg *why)
{
    static const char *const state_names[] = {
        "PreparingRebalance", "CompletingRebalance", "Stable", "Dead", "Empty", "Assigning", "Reconciling"};
    static const char *const type_names[] = {"Consumer", "Classic"};
    session->misused = true;
    if (types && !words_known(types, type_names, ARRAY_LEN(type_names))) {
        errmsg_set(why, "Invalid types list '%.100s'. Valid types are: Consumer, Classic", types);
        return false;
    }
    if (states && !words_known(states, state_names, ARRAY_LEN(state_names))) {
        errmsg_set(why,
                   "Invalid state list '%.80s'. Valid states are: PreparingRebalance, CompletingRebalance, "
                   "Stable, Dead, Empty, Assigning, Reconciling",
                   states);
        return false;
    }
    session->misused = false;
    return true;
}

static bool list(struct groups_session *session, const struct options *opts, struct errmsg *why)
{
    struct wire_list_groups_response_listed_group *found;
    int32_t count;
    const char *states = options_text(opts, GROUPS_OPT_STATE), *types = options_text(opts, GROUPS_OPT_TYPE);
    if (!check_filters(session, states, types, why) ||
        !groups_list(session, states, types, &found, &count, why))
        return false;
    groups_print_list(found, count, options_has(opts, GROUPS_OPT_TYPE), options_has(opts, GROUPS_OPT_STATE));
    return true;
}

/* --- groups of the command line ----------------------------------------------------------------------- */

/* Each once, in the order of Java's hash table. */
static struct view *hash_ordered(struct groups_session *session, const struct view *ids, int32_t *count)
{
    struct view *unique = arena_alloc(&session->arena, sizeof *unique * (size_t)(*count + 1));
    struct view *sorted = arena_alloc(&session->arena, sizeof *sorted * (size_t)(*count + 1));
    int32_t n = 0;
    for (int32_t i = 0; i < *count; i++) {
        bool known = false;
        for (int32_t k = 0; k < n; k++)
            known |= view_equal(unique[k], ids[i]);
        if (!known)
            unique[n++] = ids[i];
    }
    size_t *order = groups_hash_order(session, unique, n);
    for (int32_t i = 0; i < n; i++)
        sorted[i] = unique[order[i]];
    *count = n;
    return sorted;
}

/* The values of a repeatable option. */
static struct view *values_of(struct groups_session *session, const struct options *opts, int id,
                              int32_t *count)
{
    *count = options_count(opts, id);
    struct view *values = arena_alloc(&session->arena, sizeof *values * (size_t)(*count + 1));
    for (int32_t i = 0; i < *count; i++)
        values[i] = view_str(options_at(opts, id, i));
    return values;
}

static bool named_groups(struct groups_session *session, const struct options *opts, struct view **out,
                         int32_t *count, struct errmsg *why)
{
    if (!options_has(opts, GROUPS_OPT_ALL_GROUPS)) {
        *out = values_of(session, opts, GROUPS_OPT_GROUP, count);
    } else {
        struct wire_list_groups_response_listed_group *found;
        if (!groups_list(session, NULL, NULL, &found, count, why))
            return false;
        *out = arena_alloc(&session->arena, sizeof **out * (size_t)(*count + 1));
        for (int32_t i = 0; i < *count; i++)
            (*out)[i] = found[i].group_id;
    }
    *out = hash_ordered(session, *out, count);
    return true;
}

/* --- describe ----------------------------------------------------------------------------------------- */

static void print_one(struct groups_session *session, const struct options *opts,
                      const struct groups_found *group)
{
    bool exists = groups_print_oddities(group);
    if (options_has(opts, GROUPS_OPT_MEMBERS))
        groups_print_members(session, group, options_has(opts, GROUPS_OPT_VERBOSE));
    else if (exists && options_has(opts, GROUPS_OPT_STATE))
        groups_print_state(session, group);
    else if (exists && options_has(opts, GROUPS_OPT_HISTORY))
        groups_print_history(group);
    else if (exists && group->rows_count > 0)
        groups_print_offsets(group);
}

static int compare_ids(const void *a, const void *b)
{
    return view_compare(*(const struct view *)a, *(const struct view *)b);
}

/* All are asked before the first is printed. */
static bool describe(struct groups_session *session, const struct options *opts, struct errmsg *why)
{
    struct view *ids;
    int32_t count;
    if (!named_groups(session, opts, &ids, &count, why))
        return false;
    qsort(ids, (size_t)count, sizeof *ids, compare_ids);
    struct groups_found *found = arena_zalloc(&session->arena, sizeof *found * (size_t)(count + 1));
    bool with_history = options_has(opts, GROUPS_OPT_HISTORY);
    bool with_rows =
        !options_has(opts, GROUPS_OPT_MEMBERS) && !options_has(opts, GROUPS_OPT_STATE) && !with_history;
    struct progress progress;
    progress_start(&progress, "Describing groups", "groups", count);
    bool fine = true;
    for (int32_t i = 0; i < count && fine; i++) {
        fine = groups_describe(session, ids[i], with_history, &found[i], why) &&
               (!with_history || groups_check_history(&found[i], why)) &&
               (!with_rows || groups_fetch_rows(session, &found[i], why));
        progress_step(&progress, 1);
    }
    progress_stop(&progress);
    for (int32_t i = 0; i < count && fine; i++)
        print_one(session, opts, &found[i]);
    return fine;
}

/* --- delete ------------------------------------------------------------------------------------------- */

/* Kafka's tool quotes the list, or here and there a bit of it. */
static void print_names(const struct view *ids, const int16_t *codes, int32_t count, const char *between)
{
    bool first = true;
    for (int32_t i = 0; i < count; i++) {
        if (codes[i] != ERR_NONE)
            continue;
        printf("%s%.*s", first ? "" : between, VIEW_FMT(ids[i]));
        first = false;
    }
}

static bool delete_groups(struct groups_session *session, const struct options *opts, struct errmsg *why)
{
    struct view *ids;
    int32_t count, failed = 0;
    if (!named_groups(session, opts, &ids, &count, why))
        return false;
    int16_t *codes = arena_zalloc(&session->arena, sizeof *codes * (size_t)(count + 1));
    struct progress progress;
    bool fine = true;
    progress_start(&progress, "Deleting groups", "groups", count);
    for (int32_t i = 0; i < count && fine; i++) {
        fine = groups_delete(session, ids[i], &codes[i], why);
        failed += codes[i] != ERR_NONE;
        progress_step(&progress, 1);
    }
    progress_stop(&progress);
    if (!fine)
        return false;
    if (failed == 0) {
        fputs("Deletion of requested consumer groups ('", stdout);
        print_names(ids, codes, count, ", ");
        puts("') was successful.");
        return true;
    }
    puts("\nError: Deletion of some consumer groups failed:");
    for (int32_t i = 0; i < count; i++)
        if (codes[i] != ERR_NONE)
            printf("* Group '%.*s' could not be deleted due to: " GROUPS_EXECUTION ": %s\n", VIEW_FMT(ids[i]),
                   kafka_exception(codes[i], &session->arena));
    if (failed < count) {
        fputs("\nThese consumer groups were deleted successfully: '", stdout);
        print_names(ids, codes, count, "'");
        puts("', '");
    }
    return true;
}

/* --- offsets ------------------------------------------------------------------------------------------ */

static void read_target(const struct options *opts, struct groups_reset *reset)
{
    static const struct {
        int option;
        enum groups_target target;
    } targets[] = {
        {GROUPS_OPT_TO_OFFSET, GROUPS_TO_OFFSET},     {GROUPS_OPT_TO_EARLIEST, GROUPS_TO_EARLIEST},
        {GROUPS_OPT_TO_LATEST, GROUPS_TO_LATEST},     {GROUPS_OPT_SHIFT_BY, GROUPS_SHIFT_BY},
        {GROUPS_OPT_TO_DATETIME, GROUPS_TO_DATETIME}, {GROUPS_OPT_BY_DURATION, GROUPS_BY_DURATION},
        {GROUPS_OPT_FROM_FILE, GROUPS_FROM_FILE},     {GROUPS_OPT_TO_CURRENT, GROUPS_TO_CURRENT},
    };
    reset->target = GROUPS_NO_TARGET;
    for (size_t i = 0; i < ARRAY_LEN(targets); i++)
        if (options_has(opts, targets[i].option)) {
            reset->target = targets[i].target;
            reset->number = options_number(opts, targets[i].option, 0);
            reset->text = options_text(opts, targets[i].option);
        }
}

static bool reset_offsets(struct groups_session *session, const struct options *opts, struct errmsg *why)
{
    struct groups_reset reset = {.all_topics = options_has(opts, GROUPS_OPT_ALL_TOPICS),
                                 .execute = options_has(opts, GROUPS_OPT_EXECUTE),
                                 .as_csv = options_has(opts, GROUPS_OPT_EXPORT)};
    struct view *ids;
    int32_t count;
    read_target(opts, &reset);
    reset.topics = values_of(session, opts, GROUPS_OPT_TOPIC, &reset.topics_count);
    if (options_count(opts, GROUPS_OPT_GROUP) == 1)
        reset.only_group = view_str(options_text(opts, GROUPS_OPT_GROUP));
    if (!named_groups(session, opts, &ids, &count, why)) {
        errmsg_prefix(why, GROUPS_EXECUTION);
        return false;
    }
    return groups_reset(session, &reset, ids, count, why);
}

static bool delete_offsets(struct groups_session *session, const struct options *opts, struct errmsg *why)
{
    int32_t count;
    struct view *topics = values_of(session, opts, GROUPS_OPT_TOPIC, &count);
    if (options_count(opts, GROUPS_OPT_GROUP) > 1) {
        errmsg_set(why, "Found multiple arguments for option group, but you asked for only one");
        session->misused = true;
        return false;
    }
    return groups_delete_offsets(session, view_str(options_text(opts, GROUPS_OPT_GROUP)), topics, count, why);
}

/* --- the command -------------------------------------------------------------------------------------- */

static bool act(struct groups_session *session, const struct options *opts, struct errmsg *why)
{
    if (options_has(opts, GROUPS_OPT_LIST))
        return list(session, opts, why);
    if (options_has(opts, GROUPS_OPT_DESCRIBE))
        return describe(session, opts, why);
    if (options_has(opts, GROUPS_OPT_RESET_OFFSETS))
        return reset_offsets(session, opts, why);
    if (options_has(opts, GROUPS_OPT_DELETE_OFFSETS))
        return delete_offsets(session, opts, why);
    return delete_groups(session, opts, why);
}

static int run(const struct options *opts)
{
    int64_t timeout_ms = options_number(opts, GROUPS_OPT_TIMEOUT, TIMEOUT_MS);
    struct groups_session session = {.timeout_ms = timeout_ms < INT32_MAX ? (int)timeout_ms : INT32_MAX};
    struct client_config config = {0};
    struct errmsg why = {0};
    bool fine =
        client_config_load(options_text(opts, GROUPS_OPT_COMMAND_CONFIG), "adminclient-1", &config, &why);
    if (fine)
        session.client = admin_client_new(options_text(opts, GROUPS_OPT_BOOTSTRAP_SERVER), &config, &why);
    fine = session.client != NULL && act(&session, opts, &why);
    if (!fine && session.misused)
        options_usage(opts, why.text);
    else if (!fine)
        printf("\nError: Executing consumer group command failed due to %s\n", why.text);
    admin_client_free(session.client);
    client_config_close(&config);
    arena_close(&session.arena);
    return fine ? 0 : 1;
}

static int run_zookeeper(const struct options *opts)
{
    struct groups_session session = {0};
    int32_t count;
    struct view *ids = values_of(&session, opts, GROUPS_OPT_GROUP, &count);
    int status = groups_export_zookeeper(options_text(opts, GROUPS_OPT_ZOOKEEPER), ids, count);
    arena_close(&session.arena);
    return status;
}

int groups_command(int argc, char **argv)
{
    struct options opts;
    struct errmsg why = {0};
    int status;
    if (!options_parse(&opts, groups_option_specs, GROUPS_OPT_COUNT, argc, argv, &why))
        status = options_usage(&opts, why.text);
    else if (argc == 0 || options_has(&opts, GROUPS_OPT_HELP))
        status =
            options_usage(&opts, "This tool helps to list and describe consumer groups, to delete them, and "
                                 "to reset or delete their offsets.");
    else if (options_has(&opts, GROUPS_OPT_VERSION))
        status = options_print_version();
    else if (!groups_options_check(&opts, &why))
        status = options_usage(&opts, why.text);
    else if (options_has(&opts, GROUPS_OPT_ZOOKEEPER))
        status = run_zookeeper(&opts);
    else
        status = run(&opts);
    options_close(&opts);
    return status;
}
