"""Consumer groups with real clients: sharing, committing, resuming, members and coordinators that die, and
__consumer_offsets on its way between Kafka and us."""

import subprocess
import threading

import kafka as kafka_python
import pytest

from conftest import make_topic, or_skip
from harness import environment, schema
from harness.consumers import Member, committed, produce, wait_read, wait_shared
from harness.wait import wait_until

NONE, UNKNOWN_TOPIC, NOT_AVAILABLE, INVALID_REPLICATION = 0, 3, 15, 38
PARTITIONS = 4


@pytest.fixture
def four(broker):
    return make_topic(broker, partitions=PARTITIONS)


def test_members_share_commit_and_resume(broker, four):
    first = Member(broker.address, "sharers", four)
    wait_shared([first], PARTITIONS)
    second = Member(broker.address, "sharers", four)
    wait_shared([first, second], PARTITIONS)
    assert len(first.assigned) == len(second.assigned) == 2
    produce(broker.address, four, 10, PARTITIONS)
    wait_read([first, second], 40)
    wait_until(
        lambda: set(committed(broker.address, "sharers", four, PARTITIONS).values()) == {10}, 30, "all is committed"
    )
    second.close()
    wait_shared([first], PARTITIONS)
    first.close()
    assert len(first.read + second.read) == 40, "nothing is read twice"
    assert committed(broker.address, "sharers", four, PARTITIONS) == {p: 10 for p in range(PARTITIONS)}

    produce(broker.address, four, 5, PARTITIONS, first=10)
    third = Member(broker.address, "sharers", four)
    wait_read([third], 20)
    third.close()
    assert sorted(third.read) == [(p, o) for p in range(PARTITIONS) for o in range(10, 15)]
    assert not first.problems + second.problems + third.problems


def test_two_makes_of_client_share_one_group(broker, four):
    other = kafka_python.KafkaConsumer(
        four,
        bootstrap_servers=broker.address,
        group_id="mixed",
        partition_assignment_strategy=[_range_assignor()],
        auto_offset_reset="earliest",
    )
    done = threading.Event()

    def poll():
        while not done.is_set():
            other.poll(timeout_ms=100)

    thread = threading.Thread(target=poll, daemon=True)
    thread.start()
    member = Member(broker.address, "mixed", four, **{"partition.assignment.strategy": "range"})
    try:
        wait_until(lambda: len(member.assigned) == 2 and len(other.assignment() or ()) == 2, 60, "two partitions each")
        theirs = {partition.partition for partition in other.assignment()}
        assert theirs | member.assigned == set(range(PARTITIONS))
    finally:
        done.set()
        thread.join(30)
        other.close()
        member.close()


def _range_assignor():
    from kafka.coordinator.assignors.range import RangePartitionAssignor

    return RangePartitionAssignor


def test_a_killed_member_loses_its_partitions_to_the_others(broker, four):
    program = or_skip(lambda: environment.program("kcat"))
    kcat = subprocess.Popen(
        [program, "-b", broker.address, "-G", "mortals", "-X", "session.timeout.ms=6000", "-q", four],
        stdout=subprocess.DEVNULL,
    )
    member = Member(broker.address, "mortals", four)
    try:
        wait_until(lambda: len(member.assigned) == 2, 60, "two of the four partitions")
    finally:
        kcat.kill()
        kcat.wait()
    wait_shared([member], PARTITIONS)
    member.close()


# --- the topic ----------------------------------------------------------------------------------------


def test_groups_have_no_coordinator_while_too_few_brokers_live(new_broker):
    broker = new_broker(config={"offsets.topic.replication.factor": "3"})
    with broker.connect() as client:
        for version in schema.versions("FindCoordinator"):
            keys = {"coordinator_keys": ["g"]} if version >= 4 else {"key": "g"}
            answer = schema.ask(client, "FindCoordinator", version, **keys)
            found = answer["coordinators"][0] if version >= 4 else answer
            assert (found["error_code"], found["node_id"], found["port"]) == (NOT_AVAILABLE, -1, -1)
        asked = [{"name": "__consumer_offsets"}]
        (told,) = schema.ask(client, "Metadata", 9, topics=asked, allow_auto_topic_creation=True)["topics"]
        assert (told["error_code"], told["is_internal"]) == (INVALID_REPLICATION, True)
        assert "__consumer_offsets" not in {topic["name"] for topic in client.metadata(None)["topics"]}


def wait_coordinator(broker, group):
    def found():
        with broker.connect() as client:
            answer = schema.ask(client, "FindCoordinator", 3, key=group)
            groups = schema.ask(client, "DescribeGroups", 5, groups=[group])["groups"]
        return answer["error_code"] == NONE and groups[0]["error_code"] == NONE

    wait_until(found, 60, f"the coordinator of {group}")


def test_the_topic_is_made_as_kafka_makes_it(new_broker):
    broker = new_broker(config={"offsets.topic.num.partitions": "7", "auto.create.topics.enable": "false"})
    wait_coordinator(broker, "g")
    with broker.connect() as client:
        answer = schema.ask(client, "Metadata", 9, topics=[{"name": "__consumer_offsets"}])["topics"][0]
        assert answer["is_internal"] and len(answer["partitions"]) == 7
        resources = [{"resource_type": 2, "resource_name": "__consumer_offsets", "configuration_keys": None}]
        (described,) = schema.ask(client, "DescribeConfigs", 4, resources=resources)["results"]
        own = {c["name"]: c["value"] for c in described["configs"] if c["config_source"] == 1}
        assert own == {"compression.type": "producer", "cleanup.policy": "compact", "segment.bytes": "104857600"}


# --- the offsets of old clients ---------------------------------------------------------------------


@pytest.fixture(scope="module", params=("kafka", "barnabas"))
def judge(module_broker, request):
    """What Kafka answers, we do."""
    return module_broker(kind=request.param)


def test_version_0_keeps_offsets_in_zookeeper(judge):
    topic = make_topic(judge)
    with judge.connect() as client:

        def fetch(group, partition=0):
            topics = [{"name": topic, "partition_indexes": [partition]}]
            answer = schema.ask(client, "OffsetFetch", 0, group_id=group, topics=topics)
            found = answer["topics"][0]["partitions"][0]
            return found["error_code"], found["committed_offset"]

        def commit(group, offset, metadata=""):
            partition = {"partition_index": 0, "committed_offset": offset, "committed_metadata": metadata}
            topics = [{"name": topic, "partitions": [partition]}]
            answer = schema.ask(client, "OffsetCommit", 0, group_id=group, topics=topics)
            return answer["topics"][0]["partitions"][0]["error_code"]

        assert fetch("old") == (UNKNOWN_TOPIC, -1)
        assert commit("old", 41) == NONE and commit("old", 42) == NONE
        assert fetch("old") == (NONE, 42)
        assert fetch("old", partition=9) == (UNKNOWN_TOPIC, -1)
        assert commit("old", 43, "m" * 5000) == 12
        with judge.zk.client(judge.chroot) as zk:
            assert zk.get(f"/consumers/old/offsets/{topic}/0")[0] == b"42"


# --- coordinators that die ---------------------------------------------------------------------------


def coordinator_of(cluster, group):
    def found():
        for broker in cluster.awake:
            with broker.connect() as client:
                answer = schema.ask(client, "FindCoordinator", 3, key=group)
            if answer["error_code"] == NONE:
                return next((b for b in cluster.awake if b.id == answer["node_id"]), None)
        return None

    return wait_until(found, 60, f"the coordinator of {group}")


@pytest.fixture(scope="module")
def three(workspace, zk):
    from harness.cluster import Cluster

    config = {
        "offsets.topic.replication.factor": "3",
        "min.insync.replicas": "2",
        "default.replication.factor": "3",
    }
    cluster = Cluster(workspace / "groups-three", zk, zk.make_chroot("/groups-three"), ["barnabas"] * 3, config)
    cluster.start()
    yield cluster
    complaints = cluster.complaints()
    cluster.stop()
    assert not complaints, "; ".join(complaints)


def test_a_group_goes_on_when_its_coordinator_is_killed(three):
    topic, group = "outlives", "survivors"
    three.create(topic, partitions=PARTITIONS)
    members = [Member(three.bootstrap, group, topic) for _ in range(2)]
    wait_shared(members, PARTITIONS)
    produce(three.bootstrap, topic, 10, PARTITIONS)
    wait_read(members, 40)
    wait_until(
        lambda: set(committed(three.bootstrap, group, topic, PARTITIONS).values()) == {10}, 30, "all is committed"
    )
    killed = coordinator_of(three, group)
    killed.kill()
    assert committed(three.bootstrap, group, topic, PARTITIONS) == {p: 10 for p in range(PARTITIONS)}
    produce(three.bootstrap, topic, 10, PARTITIONS, first=10)
    wait_read(members, 80)
    wait_shared(members, PARTITIONS)
    wait_until(
        lambda: set(committed(three.bootstrap, group, topic, PARTITIONS).values()) == {20}, 30, "all is committed"
    )
    assert coordinator_of(three, group) is not killed
    for member in members:
        member.close()
    three.heal()


# --- between Kafka and us -------------------------------------------------------------------------


def test_what_kafka_committed_is_known_here_and_the_other_way_round(new_broker):
    broker = new_broker(kind="kafka")
    topic = make_topic(broker, partitions=PARTITIONS)
    produce(broker.address, topic, 10, PARTITIONS)
    expected = 10
    for kind in ("barnabas", "kafka", "barnabas"):
        member = Member(broker.address, "travellers", topic)
        wait_read([member], 10 * PARTITIONS)
        member.close()
        assert sorted(member.read) == [(p, o) for p in range(PARTITIONS) for o in range(expected - 10, expected)]
        broker.stop()
        broker = new_broker.like(broker, kind=kind)
        wait_coordinator(broker, "travellers")
        assert committed(broker.address, "travellers", topic, PARTITIONS) == {p: expected for p in range(PARTITIONS)}
        produce(broker.address, topic, 10, PARTITIONS, first=expected)
        expected += 10


# --- stops ----------------------------------------------------------------------------------------------


def test_a_broker_stops_with_members_that_wait_and_they_go_on_when_it_is_back(new_broker):
    broker = new_broker()
    topic = make_topic(broker, partitions=PARTITIONS)
    member = Member(broker.address, "waiters", topic)
    wait_shared([member], PARTITIONS)
    fields = {
        "group_id": "alone",
        "session_timeout_ms": 60000,
        "rebalance_timeout_ms": 60000,
        "protocol_type": "consumer",
        "protocols": [{"name": "range", "metadata": b"m"}],
    }
    wait_coordinator(broker, "alone")
    with broker.connect() as client:  # a member that does not come back for the second one
        assert schema.ask(client, "JoinGroup", 3, **fields)["error_code"] == NONE
    with broker.connect() as waiting:
        schema.send(waiting, "JoinGroup", 3, **fields)
        wait_until(lambda: group_state(broker, "alone") == "PreparingRebalance", 20, "a JoinGroup that waits")
        broker.stop()
    broker.start()
    produce(broker.address, topic, 5, PARTITIONS)
    wait_read([member], 5 * PARTITIONS)
    wait_until(
        lambda: set(committed(broker.address, "waiters", topic, PARTITIONS).values()) == {5}, 30, "all is committed"
    )
    member.close()


def group_state(broker, group):
    with broker.connect() as client:
        return schema.ask(client, "DescribeGroups", 4, groups=[group])["groups"][0]["group_state"]
