/*
 * `barnabas groups`: lists, describes and deletes consumer groups, as kafka-consumer-groups.sh does.
 */
#include "cli/groups.h"

#include <stdio.h>

#include "cli/commands.h"
#include "cli/kafka_text.h"
#include "cli/options.h"

#define TIMEOUT_MS 5000

enum {
    OPT_BOOTSTRAP_SERVER,
    OPT_COMMAND_CONFIG,
    OPT_GROUP,
    OPT_ALL_GROUPS,
    OPT_LIST,
    OPT_DESCRIBE,
    OPT_DELETE,
    OPT_OFFSETS,
    OPT_MEMBERS,
    OPT_STATE,
    OPT_TYPE,
    OPT_VERBOSE,
    OPT_TIMEOUT,
    OPT_HELP,
    OPT_VERSION,
    OPT_COUNT
};

static const struct option_spec specs[OPT_COUNT] = {
    [OPT_BOOTSTRAP_SERVER] = {"bootstrap-server", OPTION_TEXT, false, "server to connect to",
                              "REQUIRED: brokers to connect to, host:port,host:port."},
    [OPT_COMMAND_CONFIG] = {"command-config", OPTION_TEXT, false, "command config property file",
                            "File of settings for the admin client."},
    [OPT_GROUP] = {"group", OPTION_TEXT, true, "consumer group", "The group to act on; may be repeated."},
    [OPT_ALL_GROUPS] = {"all-groups", OPTION_FLAG, false, NULL, "Act on all groups."},
    [OPT_LIST] = {"list", OPTION_FLAG, false, NULL, "List all groups."},
    [OPT_DESCRIBE] = {"describe", OPTION_FLAG, false, NULL,
                      "Describe groups: what they have committed, and how far behind they are."},
    [OPT_DELETE] = {"delete", OPTION_FLAG, false, NULL, "Delete groups that have no members."},
    [OPT_OFFSETS] = {"offsets", OPTION_FLAG, false, NULL, "Describe offsets (default)."},
    [OPT_MEMBERS] = {"members", OPTION_FLAG, false, NULL, "Describe members."},
    [OPT_STATE] = {"state", OPTION_MAYBE_TEXT, false, "state",
                   "With --describe: describe the state. With --list: show states, or only groups in these."},
    [OPT_TYPE] = {"type", OPTION_MAYBE_TEXT, false, "types",
                  "With --list: show types, or only groups of these."},
    [OPT_VERBOSE] = {"verbose", OPTION_FLAG, false, NULL, "With --members: show what each was assigned."},
    [OPT_TIMEOUT] = {"timeout", OPTION_LONG, false, "timeout (ms)",
                     "How long to wait for a coordinator (default: 5000)."},
    [OPT_HELP] = OPTION_SPEC_HELP,
    [OPT_VERSION] = OPTION_SPEC_VERSION,
};

static bool list(struct groups_session *session, const struct options *opts, struct errmsg *why)
{
    struct wire_list_groups_response_listed_group *found;
    int32_t count;
    if (!groups_list(session, options_text(opts, OPT_STATE), options_text(opts, OPT_TYPE), &found, &count,
                     why))
        return false;
    groups_print_list(found, count, options_has(opts, OPT_TYPE), options_has(opts, OPT_STATE));
    return true;
}

/* --- groups of the command line ----------------------------------------------------------------------- */

static bool named_groups(struct groups_session *session, const struct options *opts, struct view **out,
                         int32_t *count, struct errmsg *why)
{
    *count = options_count(opts, OPT_GROUP);
    if (!options_has(opts, OPT_ALL_GROUPS)) {
        *out = arena_alloc(&session->arena, sizeof **out * (size_t)(*count + 1));
        for (int32_t i = 0; i < *count; i++)
            (*out)[i] = view_str(options_at(opts, OPT_GROUP, i));
        return true;
    }
    struct wire_list_groups_response_listed_group *found;
    if (!groups_list(session, NULL, NULL, &found, count, why))
        return false;
    *out = arena_alloc(&session->arena, sizeof **out * (size_t)(*count + 1));
    for (int32_t i = 0; i < *count; i++)
        (*out)[i] = found[i].group_id;
    return true;
}

static bool describe_one(struct groups_session *session, const struct options *opts, struct view id,
                         struct errmsg *why)
{
    struct groups_found group;
    if (!groups_describe(session, id, &group, why))
        return false;
    if (!groups_print_oddities(&group))
        return true;
    if (options_has(opts, OPT_STATE)) {
        groups_print_state(session, &group);
    } else if (options_has(opts, OPT_MEMBERS)) {
        if (group.described.members_count > 0)
            groups_print_members(&group, options_has(opts, OPT_VERBOSE));
    } else {
        if (!groups_fetch_offsets(session, &group, why))
            return false;
        if (group.rows_count > 0)
            groups_print_offsets(&group);
    }
    return true;
}

static bool describe(struct groups_session *session, const struct options *opts, struct errmsg *why)
{
    struct view *ids;
    int32_t count;
    if (!named_groups(session, opts, &ids, &count, why))
        return false;
    for (int32_t i = 0; i < count; i++)
        if (!describe_one(session, opts, ids[i], why))
            return false;
    return true;
}

static void print_names(const struct view *ids, const int16_t *codes, int32_t count)
{
    bool first = true;
    for (int32_t i = 0; i < count; i++) {
        if (codes[i] != ERR_NONE)
            continue;
        printf("%s'%.*s'", first ? "" : ", ", VIEW_FMT(ids[i]));
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
    for (int32_t i = 0; i < count; i++) {
        if (!groups_delete(session, ids[i], &codes[i], why))
            return false;
        failed += codes[i] != ERR_NONE;
    }
    if (failed == 0) {
        fputs("Deletion of requested consumer groups (", stdout);
        print_names(ids, codes, count);
        puts(") was successful.");
        return true;
    }
    puts("\nError: Deletion of some consumer groups failed:");
    for (int32_t i = 0; i < count; i++)
        if (codes[i] != ERR_NONE)
            printf("* Group '%.*s' could not be deleted due to: %s\n", VIEW_FMT(ids[i]),
                   kafka_error_text(codes[i]));
    if (failed < count) {
        fputs("\nThese consumer groups were deleted successfully: ", stdout);
        print_names(ids, codes, count);
        putchar('\n');
    }
    return true;
}

/* --- the command -------------------------------------------------------------------------------------- */

static bool check_options(const struct options *opts, struct errmsg *why)
{
    int actions =
        options_has(opts, OPT_LIST) + options_has(opts, OPT_DESCRIBE) + options_has(opts, OPT_DELETE);
    if (actions != 1) {
        errmsg_set(why, "Command must include exactly one action: --list, --describe, --delete");
        return false;
    }
    if (!options_require(opts, OPT_BOOTSTRAP_SERVER, why))
        return false;
    if (options_has(opts, OPT_LIST))
        return true;
    if (!options_has(opts, OPT_GROUP) && !options_has(opts, OPT_ALL_GROUPS)) {
        errmsg_set(why, "Option [%s] takes one of these options: [all-groups], [group]",
                   options_has(opts, OPT_DELETE) ? "delete" : "describe");
        return false;
    }
    if (options_has(opts, OPT_DESCRIBE) && options_text(opts, OPT_STATE)) {
        errmsg_set(why, "Option [describe] does not take a value for [state]");
        return false;
    }
    return options_exclude(opts, OPT_GROUP, OPT_ALL_GROUPS, why) &&
           options_exclude(opts, OPT_MEMBERS, OPT_STATE, why) &&
           options_exclude(opts, OPT_OFFSETS, OPT_MEMBERS, why) &&
           options_exclude(opts, OPT_OFFSETS, OPT_STATE, why);
}

static int run(const struct options *opts)
{
    struct groups_session session = {.timeout_ms = (int)options_number(opts, OPT_TIMEOUT, TIMEOUT_MS)};
    struct client_config config = {0};
    struct errmsg why = {0};
    bool fine = client_config_load(options_text(opts, OPT_COMMAND_CONFIG), "adminclient-1", &config, &why);
    if (fine)
        session.client = admin_client_new(options_text(opts, OPT_BOOTSTRAP_SERVER), &config, &why);
    fine = session.client != NULL;
    if (fine)
        fine = options_has(opts, OPT_LIST)       ? list(&session, opts, &why)
               : options_has(opts, OPT_DESCRIBE) ? describe(&session, opts, &why)
                                                 : delete_groups(&session, opts, &why);
    if (!fine)
        printf("\nError: Executing consumer group command failed due to %s\n", why.text);
    admin_client_free(session.client);
    client_config_close(&config);
    arena_close(&session.arena);
    return fine ? 0 : 1;
}

int groups_command(int argc, char **argv)
{
    struct options opts;
    struct errmsg why = {0};
    int status;
    if (!options_parse(&opts, specs, OPT_COUNT, argc, argv, &why))
        status = options_usage(&opts, why.text);
    else if (argc == 0 || options_has(&opts, OPT_HELP))
        status = options_usage(&opts, "This tool helps to list, describe and delete consumer groups.");
    else if (options_has(&opts, OPT_VERSION))
        status = options_print_version();
    else if (!check_options(&opts, &why))
        status = options_usage(&opts, why.text);
    else
        status = run(&opts);
    options_close(&opts);
    return status;
}
