"""Replicas that move between the log directories of one broker (AlterReplicaLogDirs, KIP-113)."""

import os

import pytest

from conftest import make_topic
from harness import records, schema
from harness.wait import wait_until

NONE, UNKNOWN_TOPIC, REPLICA_NOT_AVAILABLE = 0, 3, 9
INVALID_TOPIC, STORAGE_ERROR, LOG_DIR_NOT_FOUND = 17, 56, 57

CONFIG = {"log.segment.bytes": str(1 << 20), "log.segment.delete.delay.ms": "500", "auto.create.topics.enable": "false"}


@pytest.fixture
def two_dirs(new_broker):
    return new_broker(log_dirs=2, config=CONFIG)


def alter(broker, path, topic, partitions=(0,), version=2):
    """Asks; gives the error of each partition."""
    wanted = [{"path": path, "topics": [{"name": topic, "partitions": list(partitions)}]}]
    with broker.connect() as client:
        answer = schema.ask(client, "AlterReplicaLogDirs", version, dirs=wanted)
    (found,) = answer["results"]
    assert found["topic_name"] == topic
    return {part["partition_index"]: part["error_code"] for part in found["partitions"]}


def places(broker, topic, partition=0):
    """{directory: its entry} of DescribeLogDirs."""
    with broker.connect() as client:
        answer = schema.ask(client, "DescribeLogDirs", 4, topics=[{"topic": topic, "partitions": [partition]}])
    return {
        result["log_dir"]: found
        for result in answer["results"]
        for of_topic in result["topics"]
        for found in of_topic["partitions"]
    }


def where(broker, topic, partition=0):
    """The directory of the replica itself."""
    (found,) = [path for path, entry in places(broker, topic, partition).items() if not entry["is_future_key"]]
    return found


def other_dir(broker, topic, partition=0):
    present = where(broker, topic, partition)
    (found,) = [path for path in broker.log_dirs if path != present]
    return found


def wait_moved(broker, topic, target, partition=0, deadline_s=30):
    def moved():
        found = places(broker, topic, partition)
        return list(found) == [target] and not found[target]["is_future_key"]

    wait_until(moved, deadline_s, f"{topic}-{partition} is in {target}")


def fill(broker, topic, count, size=100, partition=0):
    with broker.connect() as client:
        for number in range(count):
            value = b"%d:" % number + os.urandom(size)
            assert client.produce(topic, records.batch([(b"k", value)]), partition=partition)["error"] == NONE


def contents(broker, topic, partition=0):
    found = []
    with broker.connect() as client:
        offset, end = client.list_offset(topic, -2, partition)["offset"], client.end_offset(topic, partition)
        while offset < end:
            answer = client.fetch(topic, offset=offset, partition=partition, partition_max_bytes=1 << 20)
            assert answer["error"] == NONE
            found += [(record["offset"], record["value"]) for record in records.read(answer["records"])]
            offset = found[-1][0] + 1
    return found


def leftovers(broker):
    return [
        os.path.join(folder, name)
        for folder in broker.log_dirs
        for name in os.listdir(folder)
        if name.endswith(("-future", "-delete"))
    ]


def test_an_idle_partition_moves_and_is_served_from_where_it_is(two_dirs):
    topic = make_topic(two_dirs)
    fill(two_dirs, topic, 50)
    before = contents(two_dirs, topic)
    source, target = where(two_dirs, topic), other_dir(two_dirs, topic)
    assert alter(two_dirs, target, topic) == {0: NONE}
    wait_moved(two_dirs, topic, target)
    assert contents(two_dirs, topic) == before
    fill(two_dirs, topic, 5)
    assert len(contents(two_dirs, topic)) == 55
    wait_until(lambda: not leftovers(two_dirs), 20, "the old directory is deleted")
    assert not os.path.exists(os.path.join(source, f"{topic}-0"))
    assert not os.path.exists(os.path.join(target, f"{topic}-0", "barnabas.move"))
    two_dirs.stop()
    two_dirs.start()
    assert where(two_dirs, topic) == target and len(contents(two_dirs, topic)) == 55
