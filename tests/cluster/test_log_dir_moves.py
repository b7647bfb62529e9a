"""Replicas that move between the log directories of one broker (AlterReplicaLogDirs, KIP-113)."""

import contextlib
import itertools
import json
import os
import random
import threading
import time
import types

import pytest

from conftest import CLUSTER_CONFIG, make_topic, or_skip
from harness import environment, records, schema, settings
from harness.cluster import Cluster
from harness.mounts import LoopExt4
from harness.power import as_if_rebooted
from harness.rawclient import Closed
from harness.shims import FaultyDisk
from harness.tools import kafkas, ours
from harness.wait import wait_until
from harness.workload import Workload
from harness.zookeeper import ZooKeeper

_numbers = itertools.count(1)

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


def is_known(broker, topic):
    """Kafka may lead a partition, and refuse to read it, before its metadata has the topic."""
    with broker.connect() as client:
        return client.fetch(topic)["error"] == NONE


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


# --- beside Kafka -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def both(module_broker):
    """A real Kafka and the broker under test, with two log directories each."""
    return [module_broker(kind=kind, log_dirs=2, config=CONFIG) for kind in ("kafka", None)]


def answers(broker, version, topic):
    """What is said of what cannot be done, and of what is."""
    here, there = where(broker, topic), other_dir(broker, topic)
    return [
        alter(broker, "/nowhere", topic, version=version),
        alter(broker, here + "/", topic, version=version),
        alter(broker, here, topic, version=version),
        alter(broker, there, "x" * 249, version=version),
        alter(broker, there, "missing", version=version),
        alter(broker, there, topic, [7], version=version),
        alter(broker, "/nowhere", "missing", version=version),
    ]


@pytest.mark.parametrize("version", schema.versions("AlterReplicaLogDirs"))
def test_requests_are_answered_as_by_kafka(both, version):
    name = f"asked-{next(_numbers)}"
    said = [answers(broker, version, make_topic(broker, name=name)) for broker in both]
    assert said[0] == said[1]
    assert said[0][0] == {0: LOG_DIR_NOT_FOUND} and said[0][2] == {0: NONE} and said[0][3] == {0: INVALID_TOPIC}


def test_a_partition_named_for_two_directories_goes_to_the_last(both):
    for broker in both:
        topic = make_topic(broker)
        fill(broker, topic, 3)
        there = other_dir(broker, topic)
        topics = [{"name": topic, "partitions": [0]}]
        with broker.connect() as client:
            answer = schema.ask(
                client,
                "AlterReplicaLogDirs",
                2,
                dirs=[{"path": "/nowhere", "topics": topics}, {"path": there, "topics": topics}],
            )
        (found,) = answer["results"]
        assert found["partitions"] == [{"partition_index": 0, "error_code": NONE}]
        wait_moved(broker, topic, there)


def test_a_topic_is_made_where_it_was_asked_to_be(both):
    for broker in both:
        name = f"wished-{next(_numbers)}"
        for target in broker.log_dirs:
            assert alter(broker, target, name, range(3)) == {number: UNKNOWN_TOPIC for number in range(3)}
            make_topic(broker, partitions=3, name=name)
            assert [where(broker, name, number) for number in range(3)] == [target] * 3
            name += "-again"


@pytest.fixture
def tools():
    or_skip(environment.barnabas_tool)
    or_skip(environment.java)
    or_skip(lambda: environment.jars("kafka-3.9.1"))
    return kafkas, ours


def run_reassign(tool, broker, action, file, *flags):
    return tool("reassign", "--bootstrap-server", broker.address, action, "--reassignment-json-file", file, *flags)


def test_both_tools_move_and_say_the_same(both, tools, tmp_path):
    said = {}
    for broker, tool in itertools.product(both, tools):
        topic = make_topic(broker, name=f"told-{next(_numbers)}")
        fill(broker, topic, 20)
        here, there = where(broker, topic), other_dir(broker, topic)
        file = tmp_path / f"{topic}.json"
        part = {"topic": topic, "partition": 0, "replicas": [0], "log_dirs": [there]}
        file.write_text(json.dumps({"version": 1, "partitions": [part]}))
        lines = []

        def told(done, topic=topic, here=here, there=there, lines=lines):
            assert done.status == 0, done
            lines += [
                line.replace(topic, "TOPIC").replace(here, "HERE").replace(there, "THERE") for line in done.lines
            ]

        told(run_reassign(tool, broker, "--verify", file, "--preserve-throttles"))
        told(run_reassign(tool, broker, "--execute", file, "--replica-alter-log-dirs-throttle", "1000000"))
        wait_moved(broker, topic, there)
        told(run_reassign(tool, broker, "--verify", file))
        told(run_reassign(tool, broker, "--cancel", file))
        assert f"Reassignment of replica TOPIC-0-0 completed successfully." in lines
        assert len(contents(broker, topic)) == 20
        said[broker is both[0], tool is kafkas] = lines
    assert len({tuple(lines) for lines in said.values()}) == 1, said


def test_a_throttled_move_is_shown_changed_and_taken_back(both, tools, tmp_path):
    said = {}
    for broker, tool in itertools.product(both, tools):
        topic = make_topic(broker, name=f"slow-{next(_numbers)}")
        fill(broker, topic, 60, size=100_000)
        here, there = where(broker, topic), other_dir(broker, topic)
        file, back = tmp_path / f"{topic}.json", tmp_path / f"{topic}-back.json"
        for path, target in ((file, there), (back, here)):
            part = {"topic": topic, "partition": 0, "replicas": [0], "log_dirs": [target]}
            path.write_text(json.dumps({"version": 1, "partitions": [part]}))
        lines = []

        def told(done, topic=topic, here=here, there=there, lines=lines):
            assert done.status == 0, done
            lines += [
                line.replace(topic, "TOPIC").replace(here, "HERE").replace(there, "THERE") for line in done.lines
            ]

        told(run_reassign(tool, broker, "--execute", file, "--replica-alter-log-dirs-throttle", "100000"))

        def shown(broker=broker, topic=topic, there=there):
            found = places(broker, topic)
            entry = found.get(there, {"is_future_key": False})
            return entry["is_future_key"] and entry["partition_size"] > 0 and 0 < entry["offset_lag"] < 60

        wait_until(shown, 60, "the future replica is shown")
        told(run_reassign(tool, broker, "--verify", file))
        told(run_reassign(tool, broker, "--verify", back))
        told(run_reassign(tool, broker, "--cancel", file))
        wait_until(lambda: list(places(broker, topic)) == [here], 20, "the move is taken back")
        told(run_reassign(tool, broker, "--verify", file))
        said[broker is both[0], tool is kafkas] = lines
    assert len({tuple(lines) for lines in said.values()}) == 1, said


# --- interrupted ----------------------------------------------------------------------------------------------

BROKER, SET, DELETE = 4, 0, 1
RATE = "replica.alter.log.dirs.io.max.bytes.per.second"


def throttle(broker, rate):
    """Bytes a second, in force; None takes the limit away."""
    config = {"name": RATE, "config_operation": DELETE if rate is None else SET, "value": rate and str(rate)}
    wanted = [{"resource_type": BROKER, "resource_name": str(broker.id), "configs": [config]}]
    with broker.connect() as client:
        answer = schema.ask(client, "IncrementalAlterConfigs", 1, resources=wanted, validate_only=False)
    assert [one["error_code"] for one in answer["responses"]] == [NONE]
    settings.wait_dynamic(broker, RATE, config["value"])


def begin_slowly(broker, topic, target):
    """A move that is under way and far from its end."""
    throttle(broker, 200_000)
    assert alter(broker, target, topic) == {0: NONE}

    def under_way():
        found = places(broker, topic)
        return target in found and found[target]["partition_size"] > 0

    wait_until(under_way, 20, "some of it is copied")
    assert places(broker, topic)[target]["is_future_key"]


@pytest.mark.parametrize("kinds", (("barnabas", "kafka"), ("kafka", "barnabas")), ids="_then_".join)
def test_a_move_goes_on_under_a_broker_of_the_other_make(new_broker, kinds):
    broker = new_broker(kind=kinds[0], log_dirs=2, config=CONFIG)
    topic = make_topic(broker)
    fill(broker, topic, 60, size=100_000)
    before, target = contents(broker, topic), other_dir(broker, topic)
    begin_slowly(broker, topic, target)
    broker.stop()
    assert [name for name in leftovers(broker) if name.endswith("-future")]
    other = new_broker.like(broker, kind=kinds[1])
    throttle(other, None)
    wait_moved(other, topic, target)
    assert contents(other, topic) == before
    fill(other, topic, 3)
    other.stop()
    first = new_broker.like(other, kind=kinds[0])
    wait_until(lambda: is_known(first, topic), 30, f"{topic} is known to the broker that was started")
    assert where(first, topic) == target and contents(first, topic)[:60] == before
    assert len(contents(first, topic)) == 63


@pytest.mark.parametrize("ending", ("stop", "kill"))
def test_a_move_goes_on_after_a_start(two_dirs, ending):
    topic = make_topic(two_dirs)
    fill(two_dirs, topic, 60, size=100_000)
    before, target = contents(two_dirs, topic), other_dir(two_dirs, topic)
    begin_slowly(two_dirs, topic, target)
    getattr(two_dirs, ending)()
    two_dirs.start()
    throttle(two_dirs, None)
    wait_moved(two_dirs, topic, target)
    assert contents(two_dirs, topic) == before
    wait_until(lambda: not leftovers(two_dirs), 20, "the old directory is deleted")


def test_records_deleted_while_it_is_copied_are_not_in_the_copy(two_dirs):
    topic = make_topic(two_dirs)
    fill(two_dirs, topic, 60, size=100_000)
    target = other_dir(two_dirs, topic)
    begin_slowly(two_dirs, topic, target)
    with two_dirs.connect() as client:
        schema.ask(
            client,
            "DeleteRecords",
            2,
            topics=[{"name": topic, "partitions": [{"partition_index": 0, "offset": 55}]}],
            timeout_ms=5000,
        )
    before = contents(two_dirs, topic)
    assert before[0][0] == 55
    throttle(two_dirs, None)
    wait_moved(two_dirs, topic, target)
    assert contents(two_dirs, topic) == before
    two_dirs.stop()
    two_dirs.start()
    assert contents(two_dirs, topic) == before


def test_a_topic_deleted_while_it_is_copied_is_gone(two_dirs):
    topic = make_topic(two_dirs)
    fill(two_dirs, topic, 60, size=100_000)
    begin_slowly(two_dirs, topic, other_dir(two_dirs, topic))
    with two_dirs.connect() as client:
        client.delete_topics([topic])
    wait_until(lambda: not leftovers(two_dirs) and not places(two_dirs, topic), 30, "nothing is left of it")
    make_topic(two_dirs, name=topic)
    assert contents(two_dirs, topic) == []


# --- directories that fail ------------------------------------------------------------------------------------


@pytest.fixture
def faulty(new_broker, tmp_path):
    """A broker whose first log directory can be made to fail or hang, and a topic in either."""
    broker = new_broker(start=False, log_dirs=2, config=CONFIG)
    broker.faulty = or_skip(lambda: FaultyDisk(tmp_path, broker.log_dirs[0]))
    broker.faulty.attach(broker)
    yield broker.start()
    broker.faulty.be(None)


def topic_in(broker, folder):
    name = f"placed-{next(_numbers)}"
    assert alter(broker, folder, name) == {0: UNKNOWN_TOPIC}
    make_topic(broker, name=name)
    assert where(broker, name) == folder
    fill(broker, name, 60, size=100_000)
    return name


def is_offline(broker, folder):
    with broker.connect() as client:
        answer = schema.ask(client, "DescribeLogDirs", 4, topics=[])
    return [result["error_code"] for result in answer["results"] if result["log_dir"] == folder] == [STORAGE_ERROR]


@pytest.mark.parametrize("how", ("write", "sync", "full"))
def test_a_target_that_fails_costs_the_copy_alone(faulty, how):
    target, source = faulty.log_dirs
    topic = topic_in(faulty, source)
    begin_slowly(faulty, topic, target)
    faulty.faulty.be(how)
    throttle(faulty, None)
    wait_until(lambda: is_offline(faulty, target), 30, "the target is offline")
    assert list(places(faulty, topic)) == [source]
    fill(faulty, topic, 5)
    before = contents(faulty, topic)
    assert len(before) == 65
    assert alter(faulty, target, topic) == {0: STORAGE_ERROR}
    assert alter(faulty, source, topic) == {0: NONE}
    faulty.faulty.be(None)
    faulty.stop()
    faulty.start()
    wait_moved(faulty, topic, target)
    assert contents(faulty, topic) == before


def test_a_source_that_fails_takes_the_replica_and_the_copy_waits(faulty):
    source, target = faulty.log_dirs
    topic = topic_in(faulty, source)
    before = contents(faulty, topic)
    begin_slowly(faulty, topic, target)
    faulty.faulty.be("write")
    with faulty.connect() as client:
        assert client.produce(topic, records.batch([(b"k", b"v")]))["error"] == STORAGE_ERROR
    wait_until(lambda: is_offline(faulty, source), 30, "the source is offline")
    assert places(faulty, topic) == {}
    assert alter(faulty, target, topic) == {0: STORAGE_ERROR}
    faulty.faulty.be(None)
    faulty.kill()
    faulty.start()
    throttle(faulty, None)
    wait_moved(faulty, topic, target)
    assert contents(faulty, topic)[:60] == before


def test_a_target_that_hangs_holds_up_nobody(faulty):
    target, source = faulty.log_dirs
    topic = topic_in(faulty, source)
    begin_slowly(faulty, topic, target)
    faulty.faulty.be("hang")
    throttle(faulty, None)
    fill(faulty, topic, 30, size=1000)
    assert list(places(faulty, topic)) == [target, source] or list(places(faulty, topic)) == [source, target]
    faulty.faulty.be(None)
    wait_moved(faulty, topic, target)
    assert len(contents(faulty, topic)) == 90


# --- power ------------------------------------------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path):
    """A file system whose power can be cut."""
    made = or_skip(lambda: LoopExt4(tmp_path / "disk", tmp_path / "disk.img"))
    or_skip(made.mount)
    yield made
    made.unmount()


def reboot(broker):
    """Each directory has a record of its own of the machine's boot."""
    for folder in broker.log_dirs:
        as_if_rebooted(types.SimpleNamespace(log_dirs=[folder]))


@pytest.mark.parametrize("pause_s", (0.0, 0.02, 0.05, 0.1, 0.3))
def test_power_cut_while_a_synced_replica_moves_loses_nothing(new_broker, disk, pause_s):
    """Both directories on one disk; flush.messages=1, under load."""
    config = {**CONFIG, "log.flush.interval.messages": "1", "log.segment.bytes": str(64 * 1024)}
    broker = new_broker(start=False, log_dirs=2, config=config)
    broker.log_dirs = [os.path.join(disk.path, name) for name in ("one", "two")]
    broker.config["log.dirs"] = ",".join(broker.log_dirs)
    broker.start()
    topic = make_topic(broker)
    fill(broker, topic, 100, size=2000)
    acknowledged, stopping = dict(contents(broker, topic)), threading.Event()

    def produce():
        with contextlib.suppress(OSError, Closed), broker.connect(timeout_s=5) as client:
            while not stopping.is_set():
                value = os.urandom(500)
                answer = client.produce(topic, records.batch([(b"k", value)]))
                # ext4 itself tells a sync that is on its way while it is shut down that it succeeded, now and then.
                if answer["error"] != NONE or stopping.is_set():
                    return
                acknowledged[answer["base_offset"]] = value

    producer = threading.Thread(target=produce)
    producer.start()
    assert alter(broker, other_dir(broker, topic), topic) == {0: NONE}
    time.sleep(pause_s)
    stopping.set()
    or_skip(disk.cut_power)
    producer.join()
    broker.kill()
    disk.repower()
    reboot(broker)
    broker.start()

    def whole():
        with broker.connect() as client:
            return client.list_offset(topic, -1)["error"] == NONE

    wait_until(whole, 20, "the end is known")
    found = dict(contents(broker, topic))
    lost = [offset for offset, value in acknowledged.items() if found.get(offset) != value]
    assert not lost, f"{len(lost)} of {len(acknowledged)} acknowledged records are lost: {lost[:10]}"
    wait_until(lambda: len(places(broker, topic)) == 1, 20, "the move ends")
    assert dict(contents(broker, topic)) == found
    broker.stop()


# --- under load -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def moving_cluster(workspace):
    """Three brokers with two log directories each."""
    zk = or_skip(lambda: ZooKeeper(workspace / "moves-zookeeper"))
    zk.start()
    cluster = or_skip(
        lambda: Cluster(workspace / "moves", zk, zk.make_chroot("/moves"), [None] * 3, CLUSTER_CONFIG, log_dirs=2)
    )
    cluster.start()
    yield cluster
    cluster.stop()
    zk.kill()


PARTITIONS = 4


def move_all(broker, topic):
    """Each replica of the broker to its other directory."""
    for partition in range(PARTITIONS):
        assert alter(broker, other_dir(broker, topic, partition), topic, [partition]) == {partition: NONE}


def none_moves(broker, topic):
    return all(len(places(broker, topic, partition)) == 1 for partition in range(PARTITIONS))


@pytest.mark.parametrize("flush", (None, "1"), ids=("cached", "synced"))
def test_nothing_is_lost_while_replicas_move_and_brokers_die(moving_cluster, flush):
    draw = random.Random(int(os.environ.get("BARNABAS_SEED", "7")))
    topic = f"moved-{next(_numbers)}"
    configs = {"min.insync.replicas": "2", **({"flush.messages": flush} if flush else {})}
    moving_cluster.heal()
    moving_cluster.create(topic, partitions=PARTITIONS, configs=configs)
    with Workload(moving_cluster, topic, PARTITIONS) as load:
        for number in range(6):
            broker = moving_cluster.brokers[number % 3]
            move_all(broker, topic)
            time.sleep(draw.random() * 0.3)
            if number % 2:
                broker.kill()
                broker.start()
                moving_cluster.heal()
            load.progress()
        for broker in moving_cluster.brokers:
            wait_until(lambda broker=broker: none_moves(broker, topic), 60, f"all moves of broker {broker.id} end")
        assert load.finish() > 0
    for broker in moving_cluster.brokers:
        wait_until(lambda broker=broker: not leftovers(broker), 30, f"nothing is left over on broker {broker.id}")
