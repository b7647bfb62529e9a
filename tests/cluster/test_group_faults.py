"""Members that vanish, lie and overdo, records that are damaged, coordinators that die, hang and come back: each gets
Kafka's error, the group goes on, no committed offset goes back, no partition has two owners."""

import glob
import os
import random

import pytest

from conftest import make_topic
from harness import schema
from harness.group_members import TOPIC, GroupLoad, commit, commit_fields, coordinator_of, fetch
from harness.wait import wait_until

OK, UNKNOWN_ERROR, TOO_LARGE_METADATA, ILLEGAL, UNKNOWN, REBALANCE = 0, -1, 12, 22, 25, 27
INVALID_REQUEST, NEEDS_ID, FENCED = 42, 79, 82
PARTITIONS = 6
# Of members that are to be given up, and of groups that wait for such; all others have time.
SESSION_MS, REBALANCE_MS = 1500, 2500
PATIENT_MS = 60000


@pytest.fixture(scope="module", params=("kafka", "barnabas"))
def judge(module_broker, request):
    """What Kafka does, we do."""
    broker = module_broker(kind=request.param, config={"group.min.session.timeout.ms": "100"})
    make_topic(broker, PARTITIONS, name=TOPIC)
    wait_found(broker)
    return broker


def wait_found(broker):
    """Asking for a coordinator is what makes the topic of the offsets."""
    draw = random.Random(1)
    wait_until(lambda: coordinator_of([broker], "any", draw), 60, "a coordinator")


class Member:
    """One consumer on a connection of its own, each step a call."""

    def __init__(self, broker, group, session_ms=PATIENT_MS, instance=None, rebalance_ms=PATIENT_MS):
        self.client = broker.connect(timeout_s=30)
        self.group, self.session_ms, self.instance, self.rebalance_ms = group, session_ms, instance, rebalance_ms
        self.id, self.generation, self.leads = "", -1, False

    def vanish(self):
        self.client.close()

    def send_join(self):
        fields = {
            "group_id": self.group,
            "session_timeout_ms": self.session_ms,
            "rebalance_timeout_ms": self.rebalance_ms,
            "member_id": self.id,
            "group_instance_id": self.instance,
            "protocol_type": "consumer",
            "protocols": [{"name": "range", "metadata": b"m"}],
        }
        return schema.send(self.client, "JoinGroup", 5, **fields)

    def receive_join(self, sent):
        answer = schema.receive(self.client, "JoinGroup", 5, sent)
        if answer["error_code"] in (OK, NEEDS_ID):
            self.id, self.generation = answer["member_id"], answer["generation_id"]
            self.leads = answer["leader"] == self.id
            self.others = [member["member_id"] for member in answer["members"]]
        return answer["error_code"]

    def take_id(self):
        """As a member that is not there yet; again while the coordinator is not."""
        wait_until(lambda: self.receive_join(self.send_join()) == NEEDS_ID, 30, "an id from the coordinator")
        return self

    def send_sync(self, given=None):
        given = {member: b"share of " + member.encode() for member in self.others} if given is None else given
        assignments = [{"member_id": member, "assignment": what} for member, what in given.items()]
        fields = {"group_id": self.group, "generation_id": self.generation, "member_id": self.id}
        return schema.send(
            self.client, "SyncGroup", 3, assignments=assignments, group_instance_id=self.instance, **fields
        )

    def receive_sync(self, sent):
        answer = schema.receive(self.client, "SyncGroup", 3, sent)
        return answer["error_code"], answer["assignment"]

    def sync(self, given=None):
        return self.receive_sync(self.send_sync(given))

    def beat(self):
        who = {"group_id": self.group, "generation_id": self.generation, "member_id": self.id}
        return schema.ask(self.client, "Heartbeat", 3, group_instance_id=self.instance, **who)["error_code"]

    def commit(self, offset, generation=None, partition=0, metadata=""):
        generation = self.generation if generation is None else generation
        return commit(self.client, self.group, partition, offset, self.id, generation, metadata)

    def settle(self, deadline_s=30):
        """As a consumer goes on: joins, deals out when it leads, until it has its share and hears no complaint."""

        def settled():
            code = self.beat() if self.generation > 0 else REBALANCE
            if code == OK:
                return True
            if code == UNKNOWN:
                self.id = ""
            joined = self.receive_join(self.send_join())
            if joined == UNKNOWN:
                self.id = ""
            if joined != OK:
                return False
            return self.sync()[0] == OK and self.beat() == OK

        wait_until(settled, deadline_s, f"a member of {self.group} settles")


def described(broker, group):
    with broker.connect() as client:
        (found,) = schema.ask(client, "DescribeGroups", 4, groups=[group])["groups"]
    return found["group_state"], sorted(member["member_id"] for member in found["members"])


def wait_state(broker, group, state):
    wait_until(lambda: described(broker, group)[0] == state, 20, f"{group} is {state}")


def offsets_of(broker, group):
    with broker.connect() as client:
        found = fetch(client, group, PARTITIONS)
    assert isinstance(found, dict), f"OffsetFetch of {group} is answered {found}"
    return found


# --- members that vanish ------------------------------------------------------------------------------------


def pair(broker, group, session_ms=PATIENT_MS, rebalance_ms=PATIENT_MS):
    """Two who joined and have not synced: the leader, and one with that session."""
    lives = Member(broker, group, rebalance_ms=rebalance_ms).take_id()
    goes = Member(broker, group, session_ms, rebalance_ms=rebalance_ms)
    assert lives.receive_join(lives.send_join()) == OK and lives.sync()[0] == OK
    goes.take_id()
    joining = goes.send_join()
    wait_state(broker, group, "PreparingRebalance")
    assert lives.receive_join(lives.send_join()) == OK and goes.receive_join(joining) == OK
    assert lives.leads and not goes.leads
    return lives, goes


def vanish_with_an_id(broker, group):
    lives = Member(broker, group, rebalance_ms=REBALANCE_MS).take_id()
    assert lives.receive_join(lives.send_join()) == OK and lives.sync()[0] == OK
    goes = Member(broker, group, SESSION_MS, rebalance_ms=REBALANCE_MS).take_id()
    goes.vanish()
    return lives


def vanish_while_joining(broker, group):
    lives = vanish_with_an_id(broker, group)
    goes = Member(broker, group, SESSION_MS, rebalance_ms=REBALANCE_MS).take_id()
    goes.send_join()
    wait_state(broker, group, "PreparingRebalance")
    goes.vanish()
    return lives


def vanish_before_sync(broker, group):
    lives, goes = pair(broker, group, SESSION_MS, REBALANCE_MS)
    goes.vanish()
    return lives


def vanish_while_syncing(broker, group):
    lives, goes = pair(broker, group, SESSION_MS, REBALANCE_MS)
    goes.send_sync({})
    goes.vanish()
    return lives


def vanish_when_stable(broker, group):
    lives, goes = pair(broker, group, SESSION_MS, REBALANCE_MS)
    waiting = goes.send_sync({})
    assert lives.sync()[0] == OK and goes.receive_sync(waiting)[0] == OK
    goes.vanish()
    return lives


@pytest.mark.parametrize(
    "vanish",
    (vanish_with_an_id, vanish_while_joining, vanish_before_sync, vanish_while_syncing, vanish_when_stable),
)
def test_group_goes_on_without_the_member_that_vanished(judge, vanish):
    group = vanish.__name__
    lives = vanish(judge, group)

    def alone():
        lives.settle()
        return described(judge, group) == ("Stable", [lives.id])

    wait_until(alone, 30, f"{group} has one member left and is stable")
    assert lives.commit(5) == OK and offsets_of(judge, group)[0] == 5
    lives.vanish()


# --- leaders that misbehave -----------------------------------------------------------------------------------


def test_leader_that_never_syncs_is_removed_and_the_others_go_on(judge):
    leader, follower = pair(judge, "unsynced", rebalance_ms=REBALANCE_MS)
    waiting = follower.send_sync({})
    said = []

    def told():
        said.append(leader.beat())  # it lives, and deals out nothing
        return described(judge, "unsynced")[0] != "CompletingRebalance"

    wait_until(told, 20, "the coordinator loses patience")
    assert set(said[:-1]) == {OK}
    assert follower.receive_sync(waiting)[0] == REBALANCE
    follower.settle()
    wait_until(lambda: described(judge, "unsynced") == ("Stable", [follower.id]), 20, "only the other is left")
    assert leader.beat() == UNKNOWN
    for member in (leader, follower):
        member.vanish()


def test_what_a_leader_deals_out_is_passed_on_as_it_is(judge):
    """Partitions that do not exist, bytes that are no assignment, shares of strangers: its members' business."""
    leader, follower = pair(judge, "odd")
    waiting = follower.send_sync({})
    given = {leader.id: b"\x00\x00\x00\x00\x00\x01\x00\x04none\x00\x00\x00\x01\x7f\xff\xff\xff\xff\xff\xff\xff"}
    given["a stranger"] = b"everything"
    assert leader.sync(given) == (OK, given[leader.id])
    assert follower.receive_sync(waiting) == (OK, b""), "a member that was forgotten has nothing"
    assert leader.beat() == OK and follower.beat() == OK
    assert described(judge, "odd") == ("Stable", sorted([leader.id, follower.id]))
    for member in (leader, follower):
        member.vanish()


@pytest.mark.parametrize("size", (2 << 20, 50 << 20), ids=("2_MB", "50_MB"))
def test_assignment_that_no_batch_can_hold_is_refused_and_the_group_goes_on(judge, size):
    group = f"large-{size}"
    leader, follower = pair(judge, group)
    waiting = follower.send_sync({})
    refused = leader.sync({leader.id: b"x" * size})[0]
    assert (refused, follower.receive_sync(waiting)[0]) == (UNKNOWN_ERROR, UNKNOWN_ERROR)
    wait_state(judge, group, "PreparingRebalance")
    joining = follower.send_join()
    assert leader.receive_join(leader.send_join()) == OK and follower.receive_join(joining) == OK
    waiting = follower.send_sync({})
    assert leader.sync() == (OK, b"share of " + leader.id.encode())
    assert follower.receive_sync(waiting) == (OK, b"share of " + follower.id.encode())
    for member in (leader, follower):
        member.vanish()


def test_group_that_is_named_again_and_again_is_told_as_often_as_memory_allows(new_broker):
    """A short question, an answer of gigabytes: Kafka tries, and runs out of memory."""
    broker = new_broker(kind="barnabas")
    wait_found(broker)
    alone = Member(broker, "big")
    alone.settle()
    assert alone.receive_join(alone.send_join()) == OK
    assert alone.sync({alone.id: b"x" * 1000000})[0] == OK
    with broker.connect(timeout_s=120) as client:
        told = schema.ask(client, "DescribeGroups", 4, groups=["big"] * 3000)["groups"]
        errors = [one["error_code"] for one in told]
        assert errors == [OK] * errors.count(OK) + [INVALID_REQUEST] * errors.count(INVALID_REQUEST)
        assert 200 < errors.count(OK) < 300 and len(errors) == 3000
        wanted = [{"group_id": "big", "topics": None}] * 10
        assert len(schema.ask(client, "OffsetFetch", 8, groups=wanted)["groups"]) == 10
    assert alone.beat() == OK
    alone.vanish()


def test_two_of_one_static_id_the_one_that_waits_is_fenced_by_the_other(judge):
    group = "doubles"
    lives = Member(judge, group).take_id()
    assert lives.receive_join(lives.send_join()) == OK and lives.sync()[0] == OK
    first, second = Member(judge, group, instance="i"), Member(judge, group, instance="i")
    waiting = first.send_join()
    wait_state(judge, group, "PreparingRebalance")
    joining = second.send_join()
    assert first.receive_join(waiting) == FENCED
    assert lives.receive_join(lives.send_join()) == OK and second.receive_join(joining) == OK
    waiting = second.send_sync({})
    assert lives.sync()[0] == OK and second.receive_sync(waiting)[0] == OK
    assert second.beat() == OK and len(described(judge, group)[1]) == 2
    for member in (lives, first, second):
        member.vanish()


# --- commits that are not to be ---------------------------------------------------------------------------------


def test_commits_that_are_refused_change_nothing(judge):
    leader, follower = pair(judge, "refused")
    waiting = follower.send_sync({})
    assert leader.sync()[0] == OK and follower.receive_sync(waiting)[0] == OK
    assert leader.commit(10) == OK
    old, unknown = leader.generation - 1, Member(judge, "refused")
    assert leader.commit(11, generation=old) == ILLEGAL
    assert leader.commit(12, generation=leader.generation + 1) == ILLEGAL
    assert unknown.commit(13) == UNKNOWN
    unknown.id = "stranger"
    assert unknown.commit(14, generation=leader.generation) == UNKNOWN
    assert leader.commit(15, metadata="m" * 4097) == TOO_LARGE_METADATA
    assert leader.commit(16, partition=PARTITIONS) == 3
    assert offsets_of(judge, "refused")[0] == 10
    assert leader.commit(17, metadata="m" * 4096) == OK and offsets_of(judge, "refused")[0] == 17
    for member in (leader, follower, unknown):
        member.vanish()


def test_partitions_of_one_commit_are_judged_one_by_one(judge):
    asked = [
        {"partition_index": 0, "committed_offset": 1, "committed_metadata": ""},
        {"partition_index": 1, "committed_offset": 2, "committed_metadata": "m" * 5000},
        {"partition_index": 99, "committed_offset": 3, "committed_metadata": ""},
        {"partition_index": 2, "committed_offset": 4, "committed_metadata": "n"},
    ]
    topics = [{"name": TOPIC, "partitions": asked}]
    with judge.connect() as client:

        def committed():
            answer = schema.ask(client, "OffsetCommit", 7, group_id="mixed", topics=topics)
            codes = {p["partition_index"]: p["error_code"] for p in answer["topics"][0]["partitions"]}
            return codes if not set(codes.values()) & {14, 15, 16} else None

        codes = wait_until(committed, 30, "an answer of the coordinator")
        assert codes == {0: OK, 1: TOO_LARGE_METADATA, 99: 3, 2: OK}
    assert offsets_of(judge, "mixed") == {0: 1, 1: -1, 2: 4, 3: -1, 4: -1, 5: -1}


# --- a damaged log ---------------------------------------------------------------------------------------------


def wait_offsets(broker, group):
    def known():
        with broker.connect() as client:
            found = fetch(client, group, PARTITIONS)
        return found if isinstance(found, dict) else None

    return wait_until(known, 30, f"the offsets of {group}")


def test_damaged_record_costs_its_own_commit_only(new_broker):
    """The broker was stopped cleanly, so nothing but the loading reads what is damaged."""
    broker = new_broker(kind="barnabas", config={"offsets.topic.num.partitions": "1"})
    make_topic(broker, PARTITIONS, name=TOPIC)
    marks = {partition: f"mark-{partition}-{'x' * 40}" for partition in range(PARTITIONS)}
    wait_found(broker)
    wait_offsets(broker, "damaged")
    with broker.connect() as client:
        for partition in range(PARTITIONS):
            assert commit(client, "damaged", partition, 100 + partition, metadata=marks[partition]) == OK
    broker.stop()
    (path,) = glob.glob(os.path.join(broker.partition_folder("__consumer_offsets"), "*.log"))
    with open(path, "r+b") as log:
        data = log.read()
        assert data.count(marks[2].encode()) == 1
        log.seek(data.index(marks[2].encode()))
        log.write(b"MARK")
    broker.start()
    found = wait_offsets(broker, "damaged")
    assert {p: offset for p, offset in found.items() if p != 2} == {p: 100 + p for p in range(PARTITIONS) if p != 2}
    assert found[2] in (-1, 102)
    assert "damaged_batches=1" in broker.process.log_text()
    with broker.connect() as client:
        assert commit(client, "damaged", 2, 202) == OK
    assert wait_offsets(broker, "damaged")[2] == 202
    broker.stop()
    broker.start()
    assert wait_offsets(broker, "damaged")[2] == 202


# --- coordinators that die and hang ------------------------------------------------------------------------------


@pytest.fixture
def topic_of_cluster(cluster):
    cluster.create(TOPIC, PARTITIONS)
    return cluster


def wait_coordinator(cluster, group, without=None):
    draw = random.Random(1)

    def found():
        broker = coordinator_of(cluster.brokers, group, draw)
        return broker if broker is not None and broker.awake and broker is not without else None

    return wait_until(found, 60, f"a coordinator of {group}")


def commit_when_served(cluster, group, partition, offset):
    def committed():
        with wait_coordinator(cluster, group).connect(timeout_s=5) as client:
            return commit(client, group, partition, offset) == OK

    wait_until(committed, 60, f"{offset} is committed")


def offsets_in(cluster, group):
    def found():
        with wait_coordinator(cluster, group).connect(timeout_s=5) as client:
            offsets = fetch(client, group, PARTITIONS)
        return offsets if isinstance(offsets, dict) else None

    return wait_until(found, 60, f"the offsets of {group}")


def bytes_of_groups(broker):
    paths = [path for folder in broker.log_dirs for path in glob.glob(f"{folder}/__consumer_offsets-*/*.log")]
    return sum(os.path.getsize(path) for path in paths)


def test_coordinator_killed_between_append_and_answer(topic_of_cluster):
    """The followers stand still, so that the commit is in the coordinator's log and nowhere else."""
    cluster, group = topic_of_cluster, "unanswered"
    if cluster.brokers[0].kind == "kafka":
        pytest.skip("a killed Kafka ends when it is started before its session has expired")
    commit_when_served(cluster, group, 0, 10)
    cluster.wait_whole(["__consumer_offsets"])
    coordinator = wait_coordinator(cluster, group)
    before = bytes_of_groups(coordinator)
    others = cluster.others(coordinator)
    with coordinator.connect() as client:
        for other in others:
            other.pause()
        schema.send(client, "OffsetCommit", 7, **commit_fields(group, 0, 11))
        wait_until(lambda: bytes_of_groups(coordinator) > before, 20, "the commit is in the log", poll_s=0.001)
        coordinator.kill()
    for other in others:
        other.resume()
    assert offsets_in(cluster, group)[0] in (10, 11)
    commit_when_served(cluster, group, 0, 12)
    cluster.heal()
    assert offsets_in(cluster, group)[0] == 12


def test_coordinator_killed_under_members(topic_of_cluster):
    cluster = topic_of_cluster
    if cluster.brokers[0].kind == "kafka":
        pytest.skip("a killed Kafka ends when it is started before its session has expired")
    with GroupLoad(cluster, "killed", PARTITIONS) as load:
        for _ in range(2):
            killed = wait_coordinator(cluster, "killed")
            killed.kill()
            load.progress()
            assert wait_coordinator(cluster, "killed") is not killed
            cluster.heal()
        load.finish()


def test_coordinator_that_hung_until_another_took_over_and_wakes(topic_of_cluster):
    cluster = topic_of_cluster
    with GroupLoad(cluster, "hung", PARTITIONS) as load:
        hung = wait_coordinator(cluster, "hung")
        hung.pause()
        wait_coordinator(cluster, "hung", without=hung)
        load.progress()
        hung.resume()
        load.progress()
        cluster.heal()
        load.finish()


def test_zookeeper_away_while_a_group_works_and_its_coordinator_dies(topic_of_cluster):
    cluster = topic_of_cluster
    if cluster.brokers[0].kind == "kafka":
        pytest.skip("a killed Kafka ends when it is started before its session has expired")
    with GroupLoad(cluster, "orphans", PARTITIONS) as load:
        cluster.zookeeper.kill()
        load.progress()  # nothing of it needs ZooKeeper
        wait_coordinator(cluster, "orphans").kill()
        cluster.zookeeper.start()
        load.progress()
        cluster.heal()
        load.finish()
