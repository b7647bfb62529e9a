#include "cli/reassign.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "suites.h"

static struct arena arena;
static struct errmsg why;
static struct buf told; /* what the cluster was asked to do */
static char path[] = "/tmp/barnabas-reassign-XXXXXX";

static void begin(void)
{
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
}

static void end(void)
{
    unlink(path);
    memcpy(path + sizeof path - 7, "XXXXXX", 6);
    arena_close(&arena);
    buf_close(&told);
    arena = (struct arena){0};
    told = (struct buf){0};
}

static bool read_text(const char *text, struct reassign_list *out)
{
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
    *out = (struct reassign_list){0};
    return reassign_read_moves(path, &arena, out, &why);
}

static struct reassign_part *add(struct reassign_list *list, const char *topic, int partition,
                                 const char *replicas)
{
    struct reassign_part *part = reassign_add(&arena, list, topic, partition);
    if (replicas[0])
        ck_assert(reassign_read_brokers(replicas, &arena, &part->replicas, &why));
    return part;
}

/* ---- files */

START_TEST(moves_are_read_in_their_order)
{
    struct reassign_list list;
    ck_assert(read_text("{\"version\":1,\"partitions\":[{\"topic\":\"b\",\"partition\":1,\"replicas\":[3,1]},"
                        "{\"topic\":\"a\",\"partition\":0,\"replicas\":[],\"log_dirs\":[]}]}",
                        &list));
    ck_assert_int_eq(list.count, 2);
    ck_assert_str_eq(reassign_name(&arena, &list.items[0]), "b-1");
    ck_assert_int_eq(list.items[0].replicas.ids[0], 3);
    ck_assert_int_eq(list.items[1].replicas.count, 0);
    reassign_sort(&list);
    ck_assert_str_eq(reassign_name(&arena, &list.items[0]), "a-0");
}
END_TEST

START_TEST(what_is_no_file_of_moves_is_refused)
{
    static const struct {
        const char *text;
        const char *said;
    } cases[] = {
        {"", "not a valid JSON"},
        {"7", "Expected JSON object, received 7"},
        {"{\"version\":2}", "Not supported version field value 2"},
        {"{\"version\":\"1\"}", "Expected `Integer` value, received \"1\""},
        {"{\"version\":1,\"partitions\":[{\"topic\":\"t\",\"partition\":0}]}",
         "No such field exists: `replicas`"},
        {"{\"version\":1,\"partitions\":[{\"topic\":\"t\",\"partition\":0,\"replicas\":[5000000000]}]}",
         "Expected `Integer` value"},
        {"{\"version\":1,\"partitions\":[{\"topic\":\"t\",\"partition\":0,\"replicas\":[1],\"log_dirs\":[]}]"
         "}",
         "different from size of log dirs list for partition t-0"},
        {"{\"version\":1,\"partitions\":[{\"topic\":\"t\",\"partition\":0,\"replicas\":[1],\"log_dirs\":[7]}]"
         "}",
         "Expected `String` value, received 7"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reassign_list list;
        ck_assert_msg(!read_text(cases[i].text, &list), "%s", cases[i].text);
        ck_assert_msg(strstr(why.text, cases[i].said) != NULL, "%s: %s", cases[i].text, why.text);
    }
}
END_TEST

START_TEST(moves_that_cannot_be_meant_are_refused)
{
    struct reassign_list list = {0};
    ck_assert(!reassign_check_moves(&list, &arena, &why));
    ck_assert_str_eq(why.text, "Partition reassignment list cannot be empty");
    add(&list, "t", 0, "1,2");
    ck_assert(reassign_check_moves(&list, &arena, &why));
    add(&list, "t", 0, "2,1");
    ck_assert(!reassign_check_moves(&list, &arena, &why));
    ck_assert_str_eq(why.text, "Partition reassignment contains duplicate topic partitions: t-0");
    list.items[1].partition = 1;
    list.items[1].replicas.ids[1] = 2;
    ck_assert(!reassign_check_moves(&list, &arena, &why));
    ck_assert_ptr_nonnull(strstr(why.text, "t-1 contains multiple entries for 2"));
}
END_TEST

START_TEST(brokers_are_ids_each_once)
{
    struct znode_ids ids = {0};
    ck_assert(reassign_read_brokers("3,1,2", &arena, &ids, &why));
    ck_assert_int_eq(ids.count, 3);
    static const char *const bad[] = {"", "1,", "1,x", "1 2", "1,1", "99999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ids = (struct znode_ids){0};
        ck_assert_msg(!reassign_read_brokers(bad[i], &arena, &ids, &why), "%s", bad[i]);
    }
}
END_TEST

/* ---- throttles, told to a cluster that writes them down */

static enum err tell(const char *entity, const struct reassign_edit *edits, int count)
{
    for (int i = 0; i < count; i++)
        buf_printf(&told, "%s %s=%s\n", entity, edits[i].name, edits[i].value ? edits[i].value : "(removed)");
    return ERR_NONE;
}

static enum err edit_broker(void *session, struct arena *in, int32_t id, const struct reassign_edit *edits,
                            int count, struct errmsg *error)
{
    (void)session;
    (void)error;
    return tell(arena_printf(in, "broker %d", id), edits, count);
}

static enum err edit_topic(void *session, struct arena *in, const char *topic,
                           const struct reassign_edit *edits, int count, struct errmsg *error)
{
    (void)session;
    (void)error;
    return tell(arena_printf(in, "topic %s", topic), edits, count);
}

static const struct reassign_cluster cluster = {.edit_broker = edit_broker, .edit_topic = edit_topic};

START_TEST(throttle_names_who_sends_and_who_receives)
{
    struct reassign_list active = {0}, moves = {0}, present = {0};
    add(&present, "t", 0, "1,2");
    add(&present, "t", 10, "2");
    add(&moves, "t", 0, "2,3");
    add(&moves, "t", 10, "2");
    ck_assert_int_eq(reassign_throttle(&cluster, &arena, &active, &moves, &present, 5000, &why), ERR_NONE);
    ck_assert_str_eq(buf_cstr(&told), "topic t leader.replication.throttled.replicas=0:1,0:2,10:2\n"
                                      "topic t follower.replication.throttled.replicas=0:3\n"
                                      "broker 1 leader.replication.throttled.rate=5000\n"
                                      "broker 1 follower.replication.throttled.rate=5000\n"
                                      "broker 2 leader.replication.throttled.rate=5000\n"
                                      "broker 2 follower.replication.throttled.rate=5000\n"
                                      "broker 3 leader.replication.throttled.rate=5000\n"
                                      "broker 3 follower.replication.throttled.rate=5000\n");
}
END_TEST

START_TEST(throttle_keeps_what_moves_already)
{
    struct reassign_list active = {0}, moves = {0}, present = {0};
    struct reassign_part *moving = add(&active, "t", 0, "2,1");
    ck_assert(reassign_read_brokers("2", &arena, &moving->adding, &why));
    moving = add(&active, "u", 3, "4,5");
    ck_assert(reassign_read_brokers("4", &arena, &moving->adding, &why));
    add(&present, "t", 0, "2,1");
    add(&moves, "t", 0, "3"); /* in the place of the move to 2: still from 1 */
    ck_assert_int_eq(reassign_throttle(&cluster, &arena, &active, &moves, &present, 1, &why), ERR_NONE);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&told), "topic t leader.replication.throttled.replicas=0:1\n"
                                                  "topic t follower.replication.throttled.replicas=0:3\n"));
    ck_assert_ptr_nonnull(strstr(buf_cstr(&told), "topic u leader.replication.throttled.replicas=3:5\n"
                                                  "topic u follower.replication.throttled.replicas=3:4\n"));
    ck_assert_ptr_null(strstr(buf_cstr(&told), "broker 2"));
}
END_TEST

/* ---- directories, of a cluster that answers what it is told to */

static struct reassign_dir answers[3]; /* of broker 1, 2, 3 */
static int asked;

static enum err find_dirs(void *session, struct arena *in, struct reassign_dirs *dirs, struct errmsg *error)
{
    (void)session;
    (void)in;
    (void)error;
    for (int i = 0; i < dirs->count; i++) {
        dirs->items[i].current = answers[dirs->items[i].broker - 1].current;
        dirs->items[i].future = answers[dirs->items[i].broker - 1].future;
    }
    return ERR_NONE;
}

/* A replica that is not there yet is there when it is asked for again. */
static enum err alter_dirs(void *session, struct arena *in, struct reassign_dirs *dirs, struct errmsg *error)
{
    (void)session;
    (void)in;
    (void)error;
    for (int i = 0; i < dirs->count; i++) {
        struct reassign_dir *dir = &dirs->items[i];
        if (dir->begun)
            continue;
        int16_t *answer = &answers[dir->broker - 1].error;
        dir->error = *answer;
        *answer = ERR_NONE;
        buf_printf(&told, "%s-%d on %d to %s\n", dir->topic, (int)dir->partition, (int)dir->broker,
                   dir->target);
        asked++;
    }
    return ERR_NONE;
}

static const struct reassign_cluster with_dirs = {
    .edit_broker = edit_broker, .find_dirs = find_dirs, .alter_dirs = alter_dirs};

static struct reassign_dirs dirs_of_file(void)
{
    struct reassign_list list;
    ck_assert(read_text("{\"version\":1,\"partitions\":["
                        "{\"topic\":\"t\",\"partition\":1,\"replicas\":[3,2],\"log_dirs\":[\"/c\",\"any\"]},"
                        "{\"topic\":\"t\",\"partition\":0,\"replicas\":[2,1],\"log_dirs\":[\"/b\",\"/a\"]},"
                        "{\"topic\":\"s\",\"partition\":0,\"replicas\":[2]}]}",
                        &list));
    memset(answers, 0, sizeof answers);
    asked = 0;
    return reassign_dirs_of(&arena, &list);
}

START_TEST(directories_that_are_named_are_asked_for_one_by_one)
{
    struct reassign_dirs dirs = dirs_of_file();
    ck_assert_int_eq(reassign_dirs_begin(&with_dirs, &arena, &dirs, 0, &why), ERR_NONE);
    ck_assert_str_eq(buf_cstr(&told), "t-0 on 1 to /a\nt-0 on 2 to /b\nt-1 on 3 to /c\n");
}
END_TEST

START_TEST(a_replica_that_is_not_there_yet_is_asked_for_again)
{
    struct reassign_dirs dirs = dirs_of_file();
    answers[1].error = ERR_REPLICA_NOT_AVAILABLE;
    ck_assert_int_eq(reassign_dirs_begin(&with_dirs, &arena, &dirs, 60000, &why), ERR_NONE);
    ck_assert_int_eq(asked, 4);
    dirs = dirs_of_file();
    answers[1].error = ERR_REPLICA_NOT_AVAILABLE;
    ck_assert_int_eq(reassign_dirs_begin(&with_dirs, &arena, &dirs, 0, &why), ERR_REQUEST_TIMED_OUT);
    ck_assert_ptr_nonnull(strstr(why.text, "log directory move could be started for: t-0-2"));
    dirs = dirs_of_file();
    answers[1].error = ERR_LOG_DIR_NOT_FOUND;
    ck_assert_int_ne(reassign_dirs_begin(&with_dirs, &arena, &dirs, 60000, &why), ERR_NONE);
    ck_assert_ptr_nonnull(strstr(why.text, "Failed to alter dir for t-0-2"));
}
END_TEST

START_TEST(moves_between_directories_are_under_way_until_all_have_arrived)
{
    struct reassign_dirs dirs = dirs_of_file();
    bool moving;
    answers[0].current = "/a";
    answers[1].current = "/x"; /* and not moving: nothing will come of it */
    answers[2].current = "/c";
    ck_assert_int_eq(reassign_dirs_verify(&with_dirs, &arena, &dirs, &moving, &why), ERR_NONE);
    ck_assert(!moving);
    answers[1].future = "/b";
    ck_assert_int_eq(reassign_dirs_verify(&with_dirs, &arena, &dirs, &moving, &why), ERR_NONE);
    ck_assert(moving);
    answers[1] = (struct reassign_dir){0}; /* nowhere */
    ck_assert_int_eq(reassign_dirs_verify(&with_dirs, &arena, &dirs, &moving, &why), ERR_NONE);
    ck_assert(moving);
}
END_TEST

START_TEST(only_what_is_under_way_is_taken_back)
{
    struct reassign_dirs dirs = dirs_of_file();
    answers[0].current = "/a";
    answers[1].current = "/x";
    answers[1].future = "/b";
    ck_assert_int_eq(reassign_dirs_cancel(&with_dirs, &arena, &dirs, 0, &why), ERR_NONE);
    ck_assert_str_eq(buf_cstr(&told), "t-0 on 2 to /x\n");
}
END_TEST

START_TEST(the_limit_is_set_where_something_moves)
{
    struct reassign_dirs dirs = dirs_of_file();
    ck_assert_int_eq(reassign_throttle_dirs(&with_dirs, &arena, &dirs, 500, &why), ERR_NONE);
    ck_assert_str_eq(buf_cstr(&told), "broker 1 replica.alter.log.dirs.io.max.bytes.per.second=500\n"
                                      "broker 2 replica.alter.log.dirs.io.max.bytes.per.second=500\n"
                                      "broker 3 replica.alter.log.dirs.io.max.bytes.per.second=500\n");
}
END_TEST

START_TEST(directories_cannot_be_named_where_no_broker_is_asked)
{
    struct reassign_dirs dirs = dirs_of_file(), none = {0};
    ck_assert(!reassign_dirs_check(&cluster, &dirs, &why));
    ck_assert_ptr_nonnull(strstr(why.text, "/a for t-0"));
    ck_assert(reassign_dirs_check(&cluster, &none, &why));
}
END_TEST

Suite *reassign_suite(void)
{
    Suite *suite = suite_create("reassign");
    TCase *tcase = tcase_create("reassign");
    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, moves_are_read_in_their_order);
    tcase_add_test(tcase, what_is_no_file_of_moves_is_refused);
    tcase_add_test(tcase, moves_that_cannot_be_meant_are_refused);
    tcase_add_test(tcase, brokers_are_ids_each_once);
    tcase_add_test(tcase, throttle_names_who_sends_and_who_receives);
    tcase_add_test(tcase, throttle_keeps_what_moves_already);
    tcase_add_test(tcase, directories_that_are_named_are_asked_for_one_by_one);
    tcase_add_test(tcase, a_replica_that_is_not_there_yet_is_asked_for_again);
    tcase_add_test(tcase, moves_between_directories_are_under_way_until_all_have_arrived);
    tcase_add_test(tcase, only_what_is_under_way_is_taken_back);
    tcase_add_test(tcase, the_limit_is_set_where_something_moves);
    tcase_add_test(tcase, directories_cannot_be_named_where_no_broker_is_asked);
    suite_add_tcase(suite, tcase);
    return suite;
}
