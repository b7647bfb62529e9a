"""Topics and their settings, through the admin clients of several years and by hand, and what of it stands in
ZooKeeper."""

import base64
import itertools
import json

import pytest

from conftest import make_topic, or_skip, wait_leaders
from harness import records
from harness.clients import ClientFailed
from harness.wait import wait_until

_numbers = itertools.count(1)
ADMINS = ("java-0.11", "java-2.8", "java-3.9", "java-4")
MODERN = ADMINS[1:]

# Kafka's codes.
NONE, UNKNOWN_TOPIC, INVALID_TOPIC, EXISTS = 0, 3, 17, 36
INVALID_PARTITIONS, INVALID_REPLICATION, INVALID_ASSIGNMENT, INVALID_CONFIG, INVALID_REQUEST = 37, 38, 39, 40, 42


def fresh_name():
    return f"made-{next(_numbers)}"


def znode(broker, path):
    data = broker.zk.read(broker.chroot + path)
    return None if data is None else json.loads(data)


@pytest.fixture(scope="module")
def broker(module_broker, zk):
    made = module_broker()
    made.zk = zk
    return made


# --- life of a topic ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ADMINS)
def test_topic_is_created_described_listed_and_deleted(broker, clients, name):
    admin = or_skip(lambda: clients.get(name))
    topic = fresh_name()
    admin.admin(broker, "create", topic=topic, partitions=3, configs="retention.ms=1234567")
    with broker.connect() as client:
        wait_leaders(client, topic, 3)
    described = admin.admin(broker, "describe", topic=topic)
    assert described["name"] == topic and not described["internal"]
    assert [(p["partition"], p["leader"], p["replicas"], p["isr"]) for p in described["partitions"]] == [
        (number, 0, [0], [0]) for number in range(3)
    ]
    assert topic in admin.admin(broker, "list")
    assert znode(broker, f"/config/topics/{topic}") == {"version": 1, "config": {"retention.ms": "1234567"}}
    state = znode(broker, f"/brokers/topics/{topic}/partitions/1/state")
    assert (state["leader"], state["isr"], state["version"]) == (0, [0], 1)

    admin.admin(broker, "delete", topic=topic)
    wait_until(lambda: topic not in admin.admin(broker, "list"), 20, f"{topic} gone from the list")
    wait_until(lambda: znode(broker, f"/brokers/topics/{topic}") is None, 20, f"znode of {topic} gone")
    assert znode(broker, f"/config/topics/{topic}") is None


def test_topic_znode_is_kafkas(broker):
    topic = make_topic(broker, partitions=2)
    node = znode(broker, f"/brokers/topics/{topic}")
    assert node["version"] == 3
    assert node["partitions"] == {"0": [0], "1": [0]}
    assert node["adding_replicas"] == {} and node["removing_replicas"] == {}
    assert isinstance(node["topic_id"], str) and len(node["topic_id"]) == 22
    with broker.connect() as client:
        (described,) = client.metadata([topic], version=12)["topics"]
    assert base64.urlsafe_b64encode(described["id"]).decode().rstrip("=") == node["topic_id"]


@pytest.mark.parametrize("version", range(0, 8))
def test_create_topics_of_every_version(broker, version):
    topic = fresh_name()
    with broker.connect() as client:
        answer = client.create_topics([{"name": topic, "partitions": 2}], version=version)[topic]
        assert answer["error"] == NONE
        if version >= 5:
            assert (answer["partitions"], answer["replication"]) == (2, 1)
            assert any(config["name"] == "retention.ms" for config in answer["configs"])
        assert client.create_topics([{"name": topic}], version=version)[topic]["error"] == EXISTS
        wait_leaders(client, topic, 2)
        assert client.produce(topic, records.batch([(b"k", b"v")]), partition=1)["error"] == NONE


@pytest.mark.parametrize("version", range(0, 7))
def test_delete_topics_of_every_version(broker, version):
    topic = make_topic(broker)
    with broker.connect() as client:
        assert client.delete_topics([topic], version=version) == {topic: NONE}
        assert client.delete_topics(["never-was"], version=version) == {"never-was": UNKNOWN_TOPIC}


def test_deleted_topic_leaves_the_disk_and_may_come_back_empty(new_broker):
    broker = new_broker(config={"file.delete.delay.ms": "100"})
    topic = make_topic(broker, name="phoenix")
    with broker.connect() as client:
        assert client.produce(topic, records.batch([(b"k", b"v")]))["error"] == NONE
        (before,) = client.metadata([topic], version=12)["topics"]
        assert client.delete_topics([topic])[topic] == NONE

        def created_again():
            return client.create_topics([{"name": topic}])[topic]["error"] == NONE

        wait_until(created_again, 20, "the name is free again")
        wait_leaders(client, topic, 1)
        assert client.end_offset(topic) == 0
        (after,) = client.metadata([topic], version=12)["topics"]
        assert after["id"] != before["id"]


CREATION_MISTAKES = {
    "partitions_zero": ({"partitions": 0}, INVALID_PARTITIONS),
    "partitions_negative": ({"partitions": -2}, INVALID_PARTITIONS),
    "replication_above_brokers": ({"replication": 3}, INVALID_REPLICATION),
    "replication_zero": ({"replication": 0}, INVALID_REPLICATION),
    "unknown_config": ({"configs": {"no.such.config": "1"}}, INVALID_CONFIG),
    "bad_config_value": ({"configs": {"retention.ms": "soon"}}, INVALID_CONFIG),
    "config_out_of_range": ({"configs": {"segment.bytes": "13"}}, INVALID_CONFIG),
    "assignment_and_count": ({"partitions": 1, "assignment": {0: [0]}}, INVALID_REQUEST),
    "assignment_with_a_gap": ({"partitions": -1, "replication": -1, "assignment": {1: [0]}}, INVALID_ASSIGNMENT),
    "assignment_twice_to_one_broker": (
        {"partitions": -1, "replication": -1, "assignment": {0: [0, 0]}},
        INVALID_ASSIGNMENT,
    ),
}


@pytest.mark.parametrize("case", CREATION_MISTAKES)
def test_mistaken_creation_gets_kafkas_code_and_a_reason(broker, case):
    wanted, error = CREATION_MISTAKES[case]
    topic = fresh_name()
    with broker.connect() as client:
        answer = client.create_topics([{"name": topic, **wanted}])[topic]
        assert answer["error"] == error and answer["message"]
    assert znode(broker, f"/brokers/topics/{topic}") is None


def test_validate_only_creates_nothing(broker):
    topic = fresh_name()
    with broker.connect() as client:
        assert client.create_topics([{"name": topic}], validate_only=True)[topic]["error"] == NONE
        assert client.metadata([topic])["topics"][0]["error"] == UNKNOWN_TOPIC


def test_names_that_collide_are_refused(broker):
    with broker.connect() as client:
        assert client.create_topics([{"name": "collide.a_b"}])["collide.a_b"]["error"] == NONE
        assert client.create_topics([{"name": "collide_a.b"}])["collide_a.b"]["error"] == INVALID_TOPIC


def test_the_same_name_twice_in_one_request(broker):
    topic = fresh_name()
    with broker.connect() as client:
        answer = client.create_topics([{"name": topic}, {"name": topic}])
        assert answer[topic]["error"] == INVALID_REQUEST


def test_defaults_of_partitions_and_replication(broker):
    topic = fresh_name()
    with broker.connect() as client:
        answer = client.create_topics([{"name": topic, "partitions": -1, "replication": -1}])[topic]
        assert (answer["error"], answer["partitions"], answer["replication"]) == (NONE, 1, 1)


def test_metadata_creates_a_topic_when_asked_to(broker):
    topic = fresh_name()
    with broker.connect() as client:
        assert client.metadata([topic], auto_create=False)["topics"][0]["error"] == UNKNOWN_TOPIC
        client.metadata([topic], auto_create=True)
        wait_leaders(client, topic, 1)


@pytest.mark.parametrize("version", range(0, 13))
def test_metadata_of_every_version(broker, version):
    topic = make_topic(broker, partitions=2)
    with broker.connect() as client:
        answer = client.metadata([topic], version=version)
    assert answer["left"] == 0
    assert [(b["id"], b["host"], b["port"]) for b in answer["brokers"]] == [(0, "127.0.0.1", broker.port)]
    (found,) = answer["topics"]
    assert (found["error"], found["name"]) == (NONE, topic)
    assert [(p["error"], p["leader"], p["replicas"], p["isr"]) for p in found["partitions"]] == [(0, 0, [0], [0])] * 2
    if version >= 1:
        assert answer["controller_id"] == 0
    if version >= 2:
        assert answer["cluster_id"] == znode(broker, "/cluster/id")["id"]


# --- partitions, settings -------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODERN)
def test_partitions_are_added_and_never_taken_away(broker, clients, name):
    admin = or_skip(lambda: clients.get(name))
    topic = make_topic(broker)
    admin.admin(broker, "partitions", topic=topic, partitions=4)
    with broker.connect() as client:
        wait_leaders(client, topic, 4)
        assert client.produce(topic, records.batch([(b"k", b"v")]), partition=3)["error"] == NONE
    for count in (4, 2, 0):
        with pytest.raises(ClientFailed, match="InvalidPartitionsException"):
            admin.admin(broker, "partitions", topic=topic, partitions=count)


@pytest.mark.parametrize("name", ADMINS[:3])
def test_settings_are_replaced(broker, clients, name):
    admin = or_skip(lambda: clients.get(name))
    topic = make_topic(broker, configs={"retention.ms": "1000", "segment.ms": "5000"})
    admin.admin(broker, "replace-configs", name=topic, configs="retention.ms=2000")

    def seen():
        configs = admin.admin(broker, "configs", name=topic)
        return (configs["retention.ms"]["value"], configs["segment.ms"]["value"]) == ("2000", "604800000")

    wait_until(seen, 20, "the new settings")
    assert znode(broker, f"/config/topics/{topic}")["config"] == {"retention.ms": "2000"}


@pytest.mark.parametrize("name", MODERN)
def test_settings_are_changed_one_by_one(broker, clients, name):
    admin = or_skip(lambda: clients.get(name))
    topic = make_topic(broker, configs={"retention.ms": "1000", "segment.ms": "5000"})
    admin.admin(broker, "alter-configs", name=topic, configs="max.message.bytes=2000", delete="segment.ms")
    assert znode(broker, f"/config/topics/{topic}")["config"] == {"retention.ms": "1000", "max.message.bytes": "2000"}
    with broker.connect() as client:

        def refused():
            return client.produce(topic, records.batch([(b"k", b"x" * 3000)]))["error"] == 10

        wait_until(refused, 20, "max.message.bytes in force")
    with pytest.raises(ClientFailed, match="InvalidConfigurationException|InvalidRequestException"):
        admin.admin(broker, "alter-configs", name=topic, configs="retention.ms=never")


@pytest.mark.parametrize("name", ADMINS)
def test_settings_of_the_broker_are_described(broker, clients, name):
    admin = or_skip(lambda: clients.get(name))
    configs = admin.admin(broker, "configs", type="BROKER", name="0")
    assert configs["broker.id"]["value"] == "0" and configs["broker.id"]["read_only"]
    assert configs["log.retention.hours"]["value"] == "168"
    assert configs["offsets.topic.num.partitions"]["value"] == "3"
    assert len(configs) > 200


@pytest.mark.parametrize("name", ADMINS)
def test_cluster_is_described(broker, clients, name):
    admin = or_skip(lambda: clients.get(name))
    answer = admin.admin(broker, "cluster")
    assert answer == {"id": znode(broker, "/cluster/id")["id"], "controller": 0, "nodes": [0]}


# --- records, offsets, dirs, producers ------------------------------------------------------------


@pytest.mark.parametrize("name", MODERN)
def test_records_are_deleted_up_to_an_offset(broker, clients, name):
    admin = or_skip(lambda: clients.get(name))
    topic = make_topic(broker)
    with broker.connect() as client:
        for number in range(5):
            assert client.produce(topic, records.batch([(b"k", b"v%d" % number)]))["error"] == NONE
        assert admin.admin(broker, "delete-records", topic=topic, offset=3) == 3
        assert client.list_offset(topic, -2)["offset"] == 3
        assert client.fetch(topic, offset=2)["error"] == 1
        assert [r["value"] for r in records.read(client.fetch(topic, offset=3)["records"])] == [b"v3", b"v4"]
        assert admin.admin(broker, "delete-records", topic=topic, offset=-1) == 5
    with pytest.raises(ClientFailed, match="OffsetOutOfRangeException"):
        admin.admin(broker, "delete-records", topic=topic, offset=9)


@pytest.mark.parametrize("name", MODERN)
def test_offsets_are_listed(broker, clients, name):
    admin = or_skip(lambda: clients.get(name))
    topic = make_topic(broker)
    with broker.connect() as client:
        for number in range(3):
            made = records.batch([(b"k", b"v")], timestamp=1700000000000 + 1000 * number)
            assert client.produce(topic, made)["error"] == NONE
    asked = {at: admin.admin(broker, "offset", topic=topic, at=at) for at in ("earliest", "latest", "1700000000500")}
    assert asked == {"earliest": 0, "latest": 3, "1700000000500": 1}


@pytest.mark.parametrize("name", MODERN)
def test_log_dirs_are_described(broker, clients, name):
    admin = or_skip(lambda: clients.get(name))
    topic = make_topic(broker)
    data = records.batch([(b"k", b"v" * 1000)])
    with broker.connect() as client:
        assert client.produce(topic, data)["error"] == NONE
    dirs = admin.admin(broker, "log-dirs", id=0)
    assert list(dirs) == broker.log_dirs
    assert dirs[broker.log_dirs[0]][f"{topic}-0"] == len(data)


@pytest.mark.parametrize("name", ("java-3.9", "java-4"))
def test_producers_are_described(broker, clients, name):
    admin = or_skip(lambda: clients.get(name))
    topic = make_topic(broker)
    with broker.connect() as client:
        producer = client.new_producer_id()
        for sequence in range(3):
            made = records.batch([(b"k", b"v")], producer=(producer["id"], producer["epoch"], sequence))
            assert client.produce(topic, made)["error"] == NONE
    assert admin.admin(broker, "producers", topic=topic) == [
        {"id": producer["id"], "epoch": producer["epoch"], "last_sequence": 2}
    ]
