/*
 * Sweeps: the same story is told again and again with one fault at the first operation, the
 * second, and so on, until a run ends before its fault.
 */
#include "rig.h"
#include "suites.h"

/* A little of everything: topics made, grown and deleted, brokers that come and go, requests. */
static void tell_of_everything(struct rig *rig)
{
    static const int32_t replicas[] = {2, 1, 3, 1, 2, 3};
    int32_t isr[] = {1, 3};
    struct controller_request requests[6] = {0};
    struct controller_new_topic topics[] = {{.name = "a", .partitions_count = 3, .replication_factor = 2},
                                            {.name = "b", .partitions_count = 1, .replication_factor = 3}};
    struct controller_more_partitions more = {.topic = "a", .count = 5};
    struct controller_topic_ref gone = {.name = "a"};
    struct controller_isr_change change = {
        .topic = {.name = "t"}, .partition = 0, .leader_epoch = 1, .partition_epoch = 1, .isr = {isr, 2}};

    requests[0].kind = CONTROLLER_CREATE_TOPICS;
    requests[0].create_topics.topics = topics;
    requests[0].create_topics.topics_count = 2;
    requests[1].kind = CONTROLLER_CREATE_PARTITIONS;
    requests[1].create_partitions.topics = &more;
    requests[1].create_partitions.topics_count = 1;
    requests[2].kind = CONTROLLER_ALLOCATE_PRODUCER_IDS;
    requests[2].allocate_producer_ids.broker_id = 1;
    requests[2].allocate_producer_ids.broker_epoch = fake_zk_czxid(rig->zk, "/brokers/ids/1");
    requests[3].kind = CONTROLLER_ALTER_PARTITION;
    requests[3].alter_partition.broker_id = 1;
    requests[3].alter_partition.broker_epoch = requests[2].allocate_producer_ids.broker_epoch;
    requests[3].alter_partition.version = 3;
    requests[3].alter_partition.changes = &change;
    requests[3].alter_partition.changes_count = 1;
    requests[4].kind = CONTROLLER_DELETE_TOPICS;
    requests[4].delete_topics.topics = &gone;
    requests[4].delete_topics.topics_count = 1;
    requests[5].kind = CONTROLLER_CONTROLLED_SHUTDOWN;
    requests[5].controlled_shutdown.broker_id = 3;
    requests[5].controlled_shutdown.broker_epoch = -1;

    rig_add_core(rig, 1);
    rig_put_topic(rig, "t", 2, replicas, 3);
    rig_request(rig, 0, 0, &requests[0]);
    rig_request(rig, 0, 1, &requests[1]);
    rig_kill(rig, 2);
    rig_run(rig);
    rig_request(rig, 0, 2, &requests[2]);
    rig_request(rig, 0, 3, &requests[3]);
    rig_register(rig, 2, NULL);
    rig_run(rig);
    rig_request(rig, 0, 4, &requests[4]);
    rig_request(rig, 0, 5, &requests[5]);
}

static void ask_isr(struct rig *rig, uint64_t ticket, int32_t leader_epoch, int32_t partition_epoch,
                    int32_t *isr, int32_t count)
{
    struct controller_isr_change change = {.topic = {.name = "t"},
                                           .leader_epoch = leader_epoch,
                                           .partition_epoch = partition_epoch,
                                           .isr = {isr, count}};
    struct controller_request request = {.kind = CONTROLLER_ALTER_PARTITION};
    request.alter_partition.broker_id = 1;
    request.alter_partition.broker_epoch = fake_zk_czxid(rig->zk, "/brokers/ids/1");
    request.alter_partition.version = 3;
    request.alter_partition.changes = &change;
    request.alter_partition.changes_count = 1;
    rig_request(rig, 0, ticket, &request);
}

static void ask_move(struct rig *rig, uint64_t ticket, int32_t to, bool cancel)
{
    struct controller_move move = {.topic = "t", .cancel = cancel, .replicas = {&to, 1}};
    struct controller_request request = {.kind = CONTROLLER_ALTER_REASSIGNMENTS};
    request.alter_reassignments.moves = &move;
    request.alter_reassignments.moves_count = 1;
    rig_request(rig, 0, ticket, &request);
}

/* A partition that is to move, does not, and then does, by request and by the list. */
static void tell_of_moves(struct rig *rig)
{
    static const int32_t replicas[] = {1};
    int32_t isr[] = {1, 3};
    int32_t to = 3;
    struct znode_partition entry = {.topic = "t", .replicas = {&to, 1}};
    struct controller_value listed = {.kind = CONTROLLER_VALUE_REASSIGNMENT, .partitions = {&entry, 1}};

    rig_add_core(rig, 1);
    rig_put_topic(rig, "t", 1, replicas, 1);
    fake_zk_put(rig->zk, "/admin/reassign_partitions", &listed);
    rig_run(rig);
    ask_move(rig, 0, 2, false);
    ask_move(rig, 1, 2, true);
    fake_zk_put(rig->zk, "/admin/reassign_partitions", &listed);
    rig_run(rig);
    const char *path = "/brokers/topics/t/partitions/0/state";
    bool there = fake_zk_exists(rig->zk, path);
    ask_isr(rig, 2, there ? rig_state(rig, "t", 0)->leader_epoch : 0,
            there ? fake_zk_version(rig->zk, path) : 0, isr, 2);
}

/* A broker that is suspected, answers, is suspected again and dies. */
static void tell_of_suspicions(struct rig *rig)
{
    static const int32_t replicas[] = {2, 1, 3, 1, 2, 3};
    struct controller_request request = {.kind = CONTROLLER_ALLOCATE_PRODUCER_IDS};
    rig_add_core(rig, 1);
    rig_put_topic(rig, "t", 2, replicas, 3);
    rig->mood[2] = RIG_UNREACHABLE;
    rig_refuse(rig, 0, 2);
    rig->mood[2] = RIG_ANSWERS;
    rig_advance(rig, 20000);
    rig->mood[2] = RIG_UNREACHABLE;
    rig_refuse(rig, 0, 2);
    rig_kill(rig, 2);
    rig_run(rig);
    request.allocate_producer_ids.broker_id = 1;
    request.allocate_producer_ids.broker_epoch = fake_zk_czxid(rig->zk, "/brokers/ids/1");
    rig_request(rig, 0, 0, &request);
}

static const struct story {
    void (*tell)(struct rig *rig);
    uint64_t tickets;
    int operations; /* at least so many are worth a fault */
} stories[] = {{tell_of_everything, 6, 60}, {tell_of_moves, 3, 40}, {tell_of_suspicions, 1, 35}};
enum { STORIES = sizeof stories / sizeof *stories };

static struct rig *start(void)
{
    struct rig *rig = rig_new();
    for (int id = 1; id <= 3; id++)
        rig_register(rig, id, NULL);
    return rig;
}

static void all_are_answered(struct rig *rig, const struct story *story)
{
    for (uint64_t ticket = 0; ticket < story->tickets; ticket++)
        rig_answer(rig, ticket);
}

START_TEST(controller_that_was_replaced_writes_nothing_and_answers_everybody)
{
    const struct story *story = &stories[_i];
    for (int at = 0;; at++) {
        struct rig *rig = start();
        rig->take_over_at = at;
        story->tell(rig);
        all_are_answered(rig, story);
        bool happened = rig->intruder != 0;
        if (happened) {
            ck_assert_msg(fake_zk_changes(rig->zk, rig->cores[0].session) == rig->changes_at_take_over,
                          "operation %d: written after another controller had begun", at);
            ck_assert(!controller_is_active(rig->cores[0].c));
            ck_assert_int_eq(fake_zk_value(rig->zk, "/controller")->controller.broker_id, 9);
        }
        rig_free(rig);
        if (!happened) {
            ck_assert_int_gt(at, story->operations);
            break;
        }
    }
}
END_TEST

/* The leader of t's partition says that 1 and 3 are in sync, whatever the epochs are by now. */
static void catch_up(struct rig *rig, uint64_t ticket)
{
    int32_t isr[] = {1, 3};
    ask_isr(rig, ticket, rig_state(rig, "t", 0)->leader_epoch,
            fake_zk_version(rig->zk, "/brokers/topics/t/partitions/0/state"), isr, 2);
}

START_TEST(move_that_was_cut_off_anywhere_is_ended_by_the_next_controller)
{
    for (int at = 0;; at++) {
        struct rig *rig = start();
        rig->take_over_at = at;
        tell_of_moves(rig);
        bool happened = rig->intruder != 0;
        if (happened) {
            rig->take_over_at = -1;
            fake_zk_close_session(rig->zk, rig->intruder);
            rig_run(rig);
            rig_advance(rig, 10000); /* it was deposed, and waits */
            ck_assert(controller_is_active(rig->cores[0].c));
            if (rig_state(rig, "t", 0)->leader == 1)
                catch_up(rig, 10);
        }
        const struct znode_topic *topic = &fake_zk_value(rig->zk, "/brokers/topics/t")->topic;
        const struct znode_assignment *end = &topic->partitions[0];
        ck_assert_msg(end->replicas.count == 1 && end->replicas.ids[0] == 3 && end->adding.count == 0 &&
                          end->removing.count == 0,
                      "operation %d: replicas=%d adding=%d removing=%d", at, end->replicas.count,
                      end->adding.count, end->removing.count);
        ck_assert_int_eq(rig_state(rig, "t", 0)->leader, 3);
        ck_assert(!fake_zk_exists(rig->zk, "/admin/reassign_partitions"));
        rig_free(rig);
        if (!happened)
            break;
    }
}
END_TEST

/* The whole tree after the story, without a fault. */
static void expected_tree(const struct story *story, struct buf *out)
{
    struct rig *rig = start();
    story->tell(rig);
    for (uint64_t ticket = 0; ticket < story->tickets; ticket++) {
        const struct controller_answer *answer = rig_answer(rig, ticket);
        ck_assert_int_eq(answer->err, ERR_NONE);
        for (int32_t i = 0; i < answer->partitions_count; i++)
            ck_assert_int_eq(answer->partitions[i].err, ERR_NONE);
    }
    fake_zk_dump(rig->zk, out);
    rig_free(rig);
}

static void sweep_lost_answers(const struct story *story, bool applied)
{
    struct buf expected = {0};
    expected_tree(story, &expected);
    for (int at = 0;; at++) {
        struct rig *rig = start();
        rig->lose_at = at;
        rig->lose_applied = applied;
        story->tell(rig);
        all_are_answered(rig, story);
        struct buf tree = {0};
        fake_zk_dump(rig->zk, &tree);
        ck_assert_msg(view_equal(buf_view(&tree), buf_view(&expected)), "write %d:\n%s\nexpected:\n%s", at,
                      buf_cstr(&tree), buf_cstr(&expected));
        ck_assert_int_eq(rig_answer(rig, 0)->err, ERR_NONE);
        bool happened = rig->writes_done > at;
        buf_close(&tree);
        rig_free(rig);
        if (!happened)
            break;
    }
    buf_close(&expected);
}

START_TEST(write_whose_answer_was_lost_is_found_to_be_done)
{
    sweep_lost_answers(&stories[_i], true);
}
END_TEST

START_TEST(write_that_was_lost_itself_is_done_again)
{
    sweep_lost_answers(&stories[_i], false);
}
END_TEST

START_TEST(session_that_ends_anywhere_leaves_no_question_unanswered)
{
    for (int at = 1; at < 60; at++) {
        struct rig *rig = start();
        rig_add_core(rig, 1);
        struct controller_new_topic topic = {.name = "a", .partitions_count = 2, .replication_factor = 1};
        struct controller_request request = {.kind = CONTROLLER_CREATE_TOPICS};
        request.create_topics.topics = &topic;
        request.create_topics.topics_count = 1;
        struct controller_event ask = {.kind = CONTROLLER_EVENT_REQUEST};
        ask.request.request = &request;
        ask.request.ticket = 1;
        rig_feed(rig, 0, &ask);
        ask.request.ticket = 2;
        rig_feed(rig, 0, &ask);
        for (int i = 0; i < at; i++)
            rig_run_one(rig);
        rig_kill(rig, 1);
        struct controller_event event = {.kind = CONTROLLER_EVENT_SESSION_EXPIRED};
        rig_feed(rig, 0, &event);
        rig_run(rig);
        rig_answer(rig, 1);
        rig_answer(rig, 2);
        ck_assert(!controller_is_active(rig->cores[0].c));
        rig_free(rig);
    }
}
END_TEST

Suite *faults_suite(void)
{
    Suite *suite = suite_create("faults");
    TCase *tcase = tcase_create("faults");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, controller_that_was_replaced_writes_nothing_and_answers_everybody, 0, STORIES);
    tcase_add_test(tcase, move_that_was_cut_off_anywhere_is_ended_by_the_next_controller);
    tcase_add_loop_test(tcase, write_whose_answer_was_lost_is_found_to_be_done, 0, STORIES);
    tcase_add_loop_test(tcase, write_that_was_lost_itself_is_done_again, 0, STORIES);
    tcase_add_test(tcase, session_that_ends_anywhere_leaves_no_question_unanswered);
    suite_add_tcase(suite, tcase);
    return suite;
}
