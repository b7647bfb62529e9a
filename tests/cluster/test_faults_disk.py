"""Disks that are full, broken, slow or gone, and directories that are not what they should be."""

import glob
import os
import shutil
import subprocess
import time

import pytest

from conftest import make_topic, or_skip, wait_leaders
from harness import records, requests, schema
from harness.mounts import LoopExt4, Tmpfs
from harness.power import as_if_rebooted
from harness.shims import FaultyDisk
from harness.wait import wait_until

NONE, LEADER_NOT_AVAILABLE, NOT_LEADER, STORAGE_ERROR = 0, 5, 6, 56
# What a client may see of a partition whose directory fails under it: all of them are retriable.
FAILED = (STORAGE_ERROR, NOT_LEADER, LEADER_NOT_AVAILABLE)


@pytest.fixture
def two_dirs(new_broker, mounts):
    """A broker with two log directories, the first of them a small file system of its own."""

    def make(config=None, size="8m"):
        broker = new_broker(start=False, log_dirs=2, config={"log.segment.bytes": str(1 << 20), **(config or {})})
        broker.small = mounts(Tmpfs, broker.log_dirs[0], size)
        return broker.start()

    return make


@pytest.fixture
def faulty(new_broker, tmp_path):
    """A broker with two log directories, whose first can be made to fail or hang."""

    def make(config=None):
        broker = new_broker(start=False, log_dirs=2, config=config)
        broker.faulty = or_skip(lambda: FaultyDisk(tmp_path, broker.log_dirs[0]))
        broker.faulty.attach(broker)
        made.append(broker)
        return broker.start()

    made = []
    yield make
    for broker in made:
        broker.faulty.be(None)


def partitions_by_dir(broker, topic, partitions):
    """The partitions on the first and on the second log directory."""
    found = ([], [])
    for partition in range(partitions):
        where = [os.path.isdir(os.path.join(folder, f"{topic}-{partition}")) for folder in broker.log_dirs]
        found[where.index(True)].append(partition)
    assert found[0] and found[1], found
    return found


class Tally:
    """Produces and counts what was acknowledged; all of it must be readable in the end."""

    def __init__(self, broker, topic):
        self.broker = broker
        self.topic = topic
        self.acknowledged = {}

    def put(self, client, partition, size=100, acks=-1):
        value = b"%d:" % len(self.acknowledged.get(partition, ())) + os.urandom(size)
        answer = client.produce(self.topic, records.batch([(b"k", value)]), partition=partition, acks=acks)
        if answer["error"] == NONE:
            mine = self.acknowledged.setdefault(partition, {})
            assert answer["base_offset"] not in mine, "an offset was given twice"
            mine[answer["base_offset"]] = value
        return answer["error"]

    def put_until_it_fails(self, client, partition, size=3000):
        for _ in range(20_000):
            error = self.put(client, partition, size)
            if error != NONE:
                return error
        raise AssertionError("the fault was never noticed")

    def all_there(self):
        for partition, mine in self.acknowledged.items():
            with self.broker.connect() as client:
                found = {}
                # A leader that has just begun may have to sync before it knows what is committed.
                wait_until(
                    lambda client=client, partition=partition: client.list_offset(self.topic, -1, partition)["error"]
                    == NONE,
                    20,
                    f"the end of {self.topic}-{partition} is known",
                )
                offset, end = 0, client.end_offset(self.topic, partition)
                while offset < end:
                    answer = client.fetch(self.topic, offset=offset, partition=partition, partition_max_bytes=1 << 20)
                    assert answer["error"] == NONE
                    got = records.read(answer["records"])
                    found.update({record["offset"]: record["value"] for record in got})
                    offset = got[-1]["offset"] + 1
            lost = [offset for offset, value in mine.items() if found.get(offset) != value]
            assert not lost, f"{len(lost)} of {len(mine)} acknowledged records of {partition} are lost: {lost[:10]}"


def leaders(broker, topic):
    with broker.connect() as client:
        (found,) = client.metadata([topic])["topics"]
    return {partition["partition"]: partition["leader"] for partition in found["partitions"]}


def log_dir_events(zk, broker):
    """How many children /log_dir_event_notification has had made and deleted."""
    with zk.client(broker.chroot) as client:
        return client.get("/log_dir_event_notification")[1].children_version


def check_failed_dir(broker, zk, tally, bad, good):
    """The first directory has failed: its partitions are offline, the controller knows, all else goes on."""
    broker.process.must_run()
    with broker.connect() as client:
        for partition in bad:
            assert tally.put(client, partition) in FAILED
            assert client.fetch(tally.topic, partition=partition)["error"] in FAILED
        for partition in good:
            for _ in range(20):
                assert tally.put(client, partition) == NONE
    wait_until(lambda: log_dir_events(zk, broker) >= 1, 20, "the controller is told in ZooKeeper")
    wait_until(lambda: all(leaders(broker, tally.topic)[p] == -1 for p in bad), 20, "the partitions have no leader")
    assert all(leaders(broker, tally.topic)[p] == broker.id for p in good)
    name = f"after-{time.monotonic_ns()}"
    make_topic(broker, name=name, partitions=2)
    with broker.connect() as client:
        for partition in (0, 1):
            assert client.produce(name, records.batch([(b"k", b"v")]), partition=partition)["error"] == NONE


def check_restart(broker, tally, partitions):
    broker.stop()
    broker.start()
    with broker.connect() as client:
        wait_leaders(client, tally.topic, partitions)
        tally.all_there()
        for partition in range(partitions):
            assert tally.put(client, partition) == NONE
    tally.all_there()


# --- while it runs --------------------------------------------------------------------------------


def test_full_disk_takes_one_directory_offline(two_dirs, zk):
    broker = two_dirs()
    topic = make_topic(broker, partitions=4)
    bad, good = partitions_by_dir(broker, topic, 4)
    tally = Tally(broker, topic)
    with broker.connect() as client:
        for partition in range(4):
            for _ in range(10):
                assert tally.put(client, partition) == NONE
        broker.small.fill()
        assert tally.put_until_it_fails(client, bad[0]) in FAILED
    check_failed_dir(broker, zk, tally, bad, good)
    tally_of_good = {p: tally.acknowledged[p] for p in good}
    broker.small.give_back()
    check_restart(broker, tally, 4)
    assert all(tally.acknowledged[p].items() >= tally_of_good[p].items() for p in good)


def test_full_disk_at_a_roll_and_when_topics_are_made(two_dirs, zk):
    """Nothing of mapped indexes: a full file system must not kill by SIGBUS."""
    broker = two_dirs(config={"log.segment.bytes": "20000", "log.index.interval.bytes": "100"})
    topic = make_topic(broker, partitions=2)
    bad, good = partitions_by_dir(broker, topic, 2)
    tally = Tally(broker, topic)
    with broker.connect() as client:
        for _ in range(100):
            assert tally.put(client, bad[0], size=500) == NONE
        broker.small.fill()
        answer = client.create_topics([{"name": "at-full", "partitions": 8}])["at-full"]
        assert answer["error"] == NONE
        assert tally.put_until_it_fails(client, bad[0], size=500) in FAILED
    check_failed_dir(broker, zk, tally, bad, good)
    broker.small.give_back()
    check_restart(broker, tally, 2)


@pytest.mark.parametrize(("fault", "flush"), (("write", False), ("full", False), ("sync", True), ("write", True)))
def test_failing_calls_take_one_directory_offline(faulty, zk, fault, flush):
    """EIO and ENOSPC of one directory; with flush.messages=1 a failed sync is never tried again."""
    broker = faulty(config={"log.flush.interval.messages": "1"} if flush else None)
    if broker.kind == "kafka":
        pytest.skip("the JVM calls the kernel by other names")
    topic = make_topic(broker, partitions=4)
    bad, good = partitions_by_dir(broker, topic, 4)
    tally = Tally(broker, topic)
    with broker.connect() as client:
        for partition in range(4):
            assert tally.put(client, partition) == NONE
        broker.faulty.be(fault)
        assert tally.put(client, bad[0]) in FAILED
        broker.faulty.be(None)
        for _ in range(5):
            assert tally.put(client, bad[0]) in FAILED, "a directory that failed stays offline"
    check_failed_dir(broker, zk, tally, bad, good)
    check_restart(broker, tally, 4)


def test_the_last_directory_that_fails_ends_the_broker(new_broker, tmp_path):
    broker = new_broker(start=False)
    if broker.kind == "kafka":
        pytest.skip("the JVM calls the kernel by other names")
    faults = or_skip(lambda: FaultyDisk(tmp_path, broker.log_dirs[0]))
    faults.attach(broker)
    broker.start()
    topic = make_topic(broker)
    with broker.connect() as client:
        assert client.produce(topic, records.batch([(b"k", b"v")]))["error"] == NONE
        faults.be("write")
        client.send_bytes(b"")
        try:
            assert client.produce(topic, records.batch([(b"k", b"v")]))["error"] in FAILED
        except Exception:  # noqa: BLE001 - it may be gone before it answers
            pass
    assert broker.process.wait_ended(20) == 1
    assert "no_log_dir_left" in broker.process.log_text()
    faults.be(None)
    broker.start()
    with broker.connect() as client:
        wait_leaders(client, topic, 1)
        assert client.end_offset(topic) == 1


@pytest.mark.parametrize("flush", (False, True))
def test_a_hung_directory_holds_up_nothing_else(faulty, zk, flush):
    """Writes (or syncs) of one directory do not come back for longer than the ZooKeeper session lasts."""
    config = {"zookeeper.session.timeout.ms": "4000", "replica.high.watermark.checkpoint.interval.ms": "300"}
    if flush:
        config["log.flush.interval.messages"] = "1"
    broker = faulty(config=config)
    if broker.kind == "kafka":
        pytest.skip("Kafka's request handlers all end up waiting for the directory")
    topic = make_topic(broker, partitions=8)
    bad, good = partitions_by_dir(broker, topic, 8)
    tally = Tally(broker, topic)
    with zk.client(broker.chroot) as client:
        registered = client.get("/brokers/ids/0")[1].czxid
    with broker.connect() as client:
        for partition in range(8):
            assert tally.put(client, partition) == NONE
    broker.faulty.be("hang")
    stuck = [broker.connect() for _ in range(12)]
    try:
        for number, client in enumerate(stuck):
            body = requests.encode_produce(7, topic, {bad[number % len(bad)]: records.batch([(b"k", b"hung")])})
            client.send(requests.PRODUCE, 7, body)
        end, count = time.monotonic() + 5, 0
        while time.monotonic() < end or count <= 50:
            with broker.connect(timeout_s=10) as client:
                for partition in good:
                    assert tally.put(client, partition) == NONE
                    assert client.fetch(topic, partition=partition, max_wait_ms=0)["error"] == NONE
                    count += 1
                assert client.metadata([topic])["controller_id"] == broker.id
        with zk.client(broker.chroot) as client:
            assert client.get("/brokers/ids/0")[1].czxid == registered, "the session went on"
        broker.faulty.be(None)

        def works():
            with broker.connect(timeout_s=5) as client:
                return all(tally.put(client, partition) == NONE for partition in good)

        wait_until(works, 20, "it goes on")
    finally:
        broker.faulty.be(None)
        for client in stuck:
            client.close()
    broker.process.must_run()
    check_restart(broker, tally, 8)


def test_a_checkpoint_that_hangs_holds_up_no_other_directory(faulty):
    """The high watermarks of the hung directory are on their way while the recovery points of all are gathered."""
    config = {
        "replica.high.watermark.checkpoint.interval.ms": "300",
        "log.flush.offset.checkpoint.interval.ms": "200",
        "log.initial.task.delay.ms": "0",
    }
    broker = faulty(config=config)
    if broker.kind == "kafka":
        pytest.skip("Kafka's request handlers all end up waiting for the directory")
    other = make_topic(broker, partitions=1)
    topic = make_topic(broker, partitions=8)
    bad, good = partitions_by_dir(broker, topic, 8)
    tally = Tally(broker, topic)
    with broker.connect(timeout_s=5) as client:
        client.delete_topics([other])  # so that the first of all partitions is none of the hung directory's
        for partition in good + bad:
            assert tally.put(client, partition) == NONE
        broker.faulty.be("hang")
        end = time.monotonic() + 3
        while time.monotonic() < end:
            for partition in good:
                assert tally.put(client, partition) == NONE
    broker.faulty.be(None)
    check_restart(broker, tally, 8)


def test_requests_that_name_a_hung_directory_are_answered_after_a_while(faulty):
    """Its partitions are refused, the others of the same request served, new topics made elsewhere; it comes back."""
    broker = faulty()
    if broker.kind == "kafka":
        pytest.skip("Kafka's request handlers all end up waiting for the directory")
    topic = make_topic(broker, partitions=8)
    bad, good = partitions_by_dir(broker, topic, 8)
    tally = Tally(broker, topic)
    with broker.connect() as client:
        for partition in range(8):
            assert tally.put(client, partition) == NONE

    def errors_of_all(timeout_s=20):
        body = requests.encode_fetch(11, topic, dict.fromkeys(range(8), 0), max_wait_ms=0)
        with broker.connect(timeout_s=timeout_s) as client:
            answer = requests.decode_fetch(client.ask(requests.FETCH, 11, body), 11)
        return {number: part["error"] for number, part in answer["partitions"].items()}

    broker.faulty.be("hang")
    stuck = broker.connect(timeout_s=120)
    try:
        value = records.batch([(b"k", b"hung")])
        stuck.send(requests.PRODUCE, 7, requests.encode_produce(7, topic, {bad[0]: value}))
        refused = {bad[0]: STORAGE_ERROR}
        wait_until(lambda: refused.items() <= errors_of_all().items(), 60, "the hung directory is noticed")
        found = errors_of_all()
        assert {found[partition] for partition in good} == {NONE}
        assert {found[partition] for partition in bad} == {STORAGE_ERROR}
        with broker.connect(timeout_s=20) as client:
            assert client.produce(topic, value, partition=bad[0])["error"] == STORAGE_ERROR
            assert tally.put(client, good[0]) == NONE
        other = make_topic(broker, partitions=4)
        assert all(os.path.isdir(os.path.join(broker.log_dirs[1], f"{other}-{n}")) for n in range(4))
        edit = {"name": "num.replica.fetchers", "config_operation": 0, "value": "2"}
        resource = {"resource_type": 4, "resource_name": "", "configs": [edit]}
        with broker.connect(timeout_s=20) as client:
            answer = schema.ask(client, "IncrementalAlterConfigs", 1, resources=[resource], validate_only=False)
        assert [found["error_code"] for found in answer["responses"]] == [NONE], answer
        wait_until(lambda: "fetchers number=2 " in broker.process.log_text(), 20, "settings change meanwhile")
    finally:
        broker.faulty.be(None)
    wait_until(lambda: set(errors_of_all().values()) == {NONE}, 20, "the directory answers again")
    with broker.connect() as client:
        assert client.fetch(topic, partition=bad[0], offset=1)["high_watermark"] == 2, "what hung was written"
        for partition in range(8):
            if partition != bad[0]:
                assert tally.put(client, partition) == NONE
    stuck.close()
    assert "log_dir_answers_again" in broker.process.log_text()
    broker.process.must_run()


def topic_of_two(controller, leader, name, replicas, partitions):
    with controller.connect() as client:
        spec = {"name": name, "partitions": -1, "replication": -1}
        spec["assignment"] = {number: replicas for number in range(partitions)}
        assert client.create_topics([spec], timeout_ms=60000)[name]["error"] == NONE
    wait_until(lambda: set(leaders(controller, name).values()) == {replicas[0]}, 30, f"{replicas[0]} leads {name}")

    def leads():
        with leader.connect() as client:
            return all(client.list_offset(name, -2, number)["error"] == NONE for number in range(partitions))

    wait_until(leads, 30, f"{replicas[0]} knows that it leads {name}")
    return name


def wait_in_sync(controller, topic, replicas):
    def whole():
        with controller.connect() as client:
            (found,) = client.metadata([topic])["topics"]
        return all(sorted(p["isr"]) == sorted(replicas) and not p["offline"] for p in found["partitions"])

    wait_until(whole, 60, f"every replica of {topic} is in sync and online")


@pytest.mark.parametrize("kind", ("barnabas", "kafka"))
def test_the_leaders_of_a_directory_that_stays_hung_move_and_its_replicas_come_back(new_broker, zk, tmp_path, kind):
    """Whoever is the controller. What it wants of the other directory meanwhile is done at once."""
    config = {"auto.leader.rebalance.enable": "false"}
    chroot = zk.make_chroot(f"/hang-{kind}")
    other = new_broker(kind=kind, broker_id=0, chroot=chroot, config=config)
    config = {**config, "barnabas.log.dir.hang.ms": "12000", "replica.high.watermark.checkpoint.interval.ms": "300"}
    broker = new_broker(start=False, broker_id=1, chroot=chroot, log_dirs=2, config=config)
    if broker.kind == "kafka":
        pytest.skip("Kafka's request handlers all end up waiting for the directory")
    broker.faulty = or_skip(lambda: FaultyDisk(tmp_path, broker.log_dirs[0]))
    broker.faulty.attach(broker)
    broker.start()
    topic = topic_of_two(other, broker, "moves", [1, 0], 8)
    doomed = topic_of_two(other, broker, "doomed", [1, 0], 4)
    bad, good = partitions_by_dir(broker, topic, 8)
    partitions_by_dir(broker, doomed, 4)
    tally = Tally(broker, topic)
    with broker.connect() as client:
        for partition in range(8):
            assert tally.put(client, partition) == NONE
    broker.faulty.be("hang")
    stuck = broker.connect(timeout_s=120)
    try:
        value = records.batch([(b"k", b"hung")])
        stuck.send(requests.PRODUCE, 7, requests.encode_produce(7, topic, {bad[0]: value}, acks=1))
        wait_until(lambda: all(leaders(other, topic)[p] == 0 for p in bad), 60, "others lead what hangs")
        assert all(leaders(other, topic)[p] == 1 for p in good), "what does not hang stays"
        with other.connect(timeout_s=20) as client, broker.connect(timeout_s=20) as hung:
            for partition in range(8):
                assert tally.put(client if partition in bad else hung, partition) == NONE
            assert client.delete_topics([doomed])[doomed] == NONE
            begun = time.monotonic()
            topic_of_two(other, broker, "fresh", [1, 0], 4)
            assert time.monotonic() - begun < 20, "a new topic waits for nothing that hangs"
            fresh = Tally(broker, "fresh")
            for partition in range(4):
                assert fresh.put(hung, partition) == NONE
    finally:
        broker.faulty.be(None)
    answer = requests.decode_produce(stuck.receive(requests.PRODUCE, 7), 7)[(topic, bad[0])]
    assert answer["error"] != NONE, "what only the old leader has is not acknowledged"
    wait_in_sync(other, topic, [0, 1])
    for partition in range(8):
        tally.broker = other if partition in bad else broker
        with tally.broker.connect() as client:
            assert tally.put(client, partition) == NONE
            mine = Tally(tally.broker, topic)
            mine.acknowledged = {partition: tally.acknowledged[partition]}
            mine.all_there()
    if kind == "barnabas":  # Kafka's controller tries again when the broker starts anew

        def is_gone():
            return not any(glob.glob(os.path.join(folder, f"{doomed}-?")) for folder in broker.log_dirs)

        wait_until(is_gone, 30, "the deletion that a hung directory held up is ended")
    other.stop()
    wait_until(lambda: set(leaders(broker, topic).values()) == {1}, 60, "what came back may lead again")
    stuck.close()
    broker.process.must_run()


# --- power ----------------------------------------------------------------------------------------


def on_its_own_disk(broker, mounts, tmp_path):
    """Puts the broker's log directory on ext4. Not on its root, where lost+found would be no partition."""
    disk = mounts(LoopExt4, tmp_path / "disk", tmp_path / "disk.img")
    broker.log_dirs = [os.path.join(disk.path, "logs")]
    broker.config["log.dirs"] = broker.log_dirs[0]
    return disk


@pytest.mark.parametrize("partitions", (1, 5))
def test_power_cut_keeps_what_was_synced_before_it_was_acknowledged(new_broker, mounts, tmp_path, partitions):
    """flush.messages=1 on ext4, whose power is cut under load: every acknowledged record is there."""
    broker = new_broker(
        start=False, config={"log.flush.interval.messages": "1", "log.segment.bytes": str(64 * 1024)}
    )
    disk = on_its_own_disk(broker, mounts, tmp_path)
    broker.start()
    topic = make_topic(broker, partitions=partitions)
    tally = Tally(broker, topic)
    with broker.connect(timeout_s=20) as client:
        for number in range(150):
            assert tally.put(client, number % partitions, size=2000) == NONE
        or_skip(disk.cut_power)
        try:
            for number in range(20):
                assert tally.put(client, number % partitions) != NONE, "acknowledged without power"
        except Exception as gone:  # noqa: BLE001 - the broker ends when its only directory is gone
            assert not isinstance(gone, AssertionError), gone
    broker.process.wait_ended(20)
    disk.repower()
    broker.start()
    with broker.connect() as client:
        wait_leaders(client, topic, partitions)
        tally.all_there()
        for partition in range(partitions):
            assert tally.put(client, partition) == NONE
    tally.all_there()
    broker.stop()


def test_power_cut_without_syncs_leaves_a_readable_log(new_broker, mounts, tmp_path):
    """Kafka's default keeps nothing through a power cut of the only replica, but what is left must be whole."""
    config = {"log.segment.bytes": str(64 * 1024), "zookeeper.session.timeout.ms": "2000"}
    broker = new_broker(start=False, config=config)
    disk = on_its_own_disk(broker, mounts, tmp_path)
    broker.start()
    topic = make_topic(broker)
    with broker.connect() as client:
        for _ in range(200):
            client.produce(topic, records.batch([(b"k", os.urandom(1500))]))
    or_skip(disk.cut_power)
    broker.kill()
    disk.repower()
    if broker.kind == "barnabas":
        as_if_rebooted(broker)
    broker.start()
    with broker.connect() as client:
        wait_leaders(client, topic, 1)
        end = client.end_offset(topic)
        offset = 0
        while offset < end:
            got = records.read(client.fetch(topic, offset=offset, partition_max_bytes=1 << 20)["records"])
            assert got, f"nothing at {offset}, below the end {end}"
            assert [record["offset"] for record in got] == list(range(offset, offset + len(got)))
            offset += len(got)
        assert client.produce(topic, records.batch([(b"k", b"v")]))["base_offset"] == end
    broker.stop()


def test_synced_records_survive_a_kill(new_broker):
    broker = new_broker(config={"log.flush.interval.messages": "1"})
    topic = make_topic(broker, partitions=3)
    tally = Tally(broker, topic)
    if broker.kind == "kafka":
        pytest.skip("Kafka waits for its old session after a kill; test_crash has that case")
    for _ in range(3):
        with broker.connect() as client:
            for number in range(30):
                assert tally.put(client, number % 3) == NONE
        broker.kill()
        broker.start()
        with broker.connect() as client:
            wait_leaders(client, topic, 3)
        tally.all_there()


def test_another_boot_is_noticed(new_broker):
    """After a restart of the machine, tails may be missing below what was written: the logs are checked so."""
    broker = new_broker(config={"zookeeper.session.timeout.ms": "2000"})
    if broker.kind == "kafka":
        pytest.skip("Kafka does not know of boots")
    topic = make_topic(broker)
    with broker.connect() as client:
        for _ in range(10):
            assert client.produce(topic, records.batch([(b"k", b"v")]))["error"] == NONE
    broker.kill()
    as_if_rebooted(broker)
    broker.start()
    assert "machine_restarted" in broker.process.log_text()
    with broker.connect() as client:
        wait_leaders(client, topic, 1)
        assert client.end_offset(topic) == 10
    broker.kill()
    before = broker.process.log_text().count("machine_restarted")
    broker.start()
    assert broker.process.log_text().count("machine_restarted") == before, "the same boot is no restart"


# --- at the start ---------------------------------------------------------------------------------


def refused(broker, deadline_s=40):
    """Starts it; it must end by itself. Returns its last word."""
    broker.launch()
    status = broker.process.wait_ended(deadline_s)
    assert status == 1, f"status {status}:\n{broker.process.log_tail()}"
    return broker.process.log_text().splitlines()[-1]


def ours(broker):
    if broker.kind == "kafka":
        pytest.skip("the wording is Barnabas's own")


def rewrite(path, change):
    with open(path, "rb") as source:
        data = source.read()
    with open(path, "wb") as out:
        out.write(change(data))


META = "meta.properties"


def test_a_directory_of_another_cluster_is_refused(new_broker):
    first = new_broker()
    first.stop()
    second = new_broker(start=False)
    shutil.copytree(first.log_dirs[0], second.log_dirs[0])
    ours(second)
    said = refused(second)
    assert "cluster.id" in said and os.path.join(second.log_dirs[0], META) in said


def test_a_directory_of_another_broker_is_refused(new_broker):
    broker = new_broker()
    broker.stop()
    ours(broker)
    broker.config["broker.id"] = "7"
    said = refused(broker)
    assert "7" in said and os.path.join(broker.log_dirs[0], META) in said


@pytest.mark.parametrize(
    ("text", "word"),
    (
        ("version=1\nnode.id=0\ncluster.id=AAAAAAAAAAAAAAAAAAAAAA\n", "KRaft"),
        ("version=7\nbroker.id=0\n", META),
        ("version=0\nbroker.id=none\n", META),
    ),
)
def test_a_foreign_meta_properties_is_named(new_broker, text, word):
    broker = new_broker(start=False)
    ours(broker)
    os.makedirs(broker.log_dirs[0])
    with open(os.path.join(broker.log_dirs[0], META), "w") as out:
        out.write(text)
    broker.launch()
    assert broker.process.wait_ended(40) == 1
    assert word in broker.process.log_text() and broker.log_dirs[0] in broker.process.log_text()


def test_directories_of_two_brokers_are_refused_together(new_broker):
    broker = new_broker(log_dirs=2)
    broker.stop()
    ours(broker)
    rewrite(os.path.join(broker.log_dirs[1], META), lambda data: data.replace(b"broker.id=0", b"broker.id=5"))
    said = refused(broker)
    assert META in said


def test_the_same_partition_in_two_directories_is_refused(new_broker):
    broker = new_broker(log_dirs=2)
    topic = make_topic(broker)
    broker.stop()
    ours(broker)
    folder = broker.partition_folder(topic)
    other = next(d for d in broker.log_dirs if not folder.startswith(d))
    shutil.copytree(folder, os.path.join(other, f"{topic}-0"))
    said = refused(broker)
    assert f"{topic}-0" in said


def test_a_second_broker_on_the_same_directory_is_refused(new_broker):
    broker = new_broker()
    topic = make_topic(broker)
    second = new_broker(start=False)
    ours(second)
    second.log_dirs = broker.log_dirs
    second.config["log.dirs"] = broker.log_dirs[0]
    said = refused(second)
    assert broker.log_dirs[0] in said and ".lock" in said
    second.log_dirs = []
    with broker.connect() as client:
        assert client.produce(topic, records.batch([(b"k", b"v")]))["error"] == NONE


def test_the_same_directory_twice_is_refused(new_broker, tmp_path):
    broker = new_broker(start=False)
    ours(broker)
    os.makedirs(broker.log_dirs[0])
    os.symlink(broker.log_dirs[0], tmp_path / "again")
    broker.config["log.dirs"] = f"{broker.log_dirs[0]},{tmp_path / 'again'}"
    assert broker.log_dirs[0] in refused(broker)


def test_a_log_dir_that_is_a_file_is_named(new_broker):
    broker = new_broker(start=False)
    ours(broker)
    path = os.path.join(broker.folder, "plain-file")
    with open(path, "w") as out:
        out.write("x")
    broker.config["log.dirs"] = path
    refused(broker)
    assert path in broker.process.log_text()


def test_no_permission_to_write_is_named(new_broker, mounts, zk):
    """Root may write anywhere, so a read-only file system stands for it. The other directory serves."""
    broker = new_broker(start=False, log_dirs=2)
    ours(broker)
    small = mounts(Tmpfs, broker.log_dirs[0])
    or_skip(lambda: small.remount("ro"))
    broker.start()
    assert "log_dir_unusable" in broker.process.log_text()
    assert broker.log_dirs[0] in broker.process.log_text()
    topic = make_topic(broker, partitions=3)
    with broker.connect() as client:
        for partition in range(3):
            assert client.produce(topic, records.batch([(b"k", b"v")]), partition=partition)["error"] == NONE
    broker.stop()
    broker.config["log.dirs"] = broker.log_dirs[0]
    said = refused(broker)
    assert "log.dirs" in said


def test_an_immutable_partition_takes_its_directory_offline(new_broker):
    broker = new_broker(log_dirs=2)
    ours(broker)
    topic = make_topic(broker, partitions=2)
    bad, good = partitions_by_dir(broker, topic, 2)
    tally = Tally(broker, topic)
    with broker.connect() as client:
        for partition in (0, 1):
            assert tally.put(client, partition) == NONE
    broker.stop()
    segment = glob.glob(os.path.join(broker.partition_folder(topic, bad[0]), "*.log"))[0]
    if os.geteuid() != 0 or subprocess.run(["chattr", "+i", segment], capture_output=True).returncode != 0:
        pytest.skip("chattr +i does not work here")
    try:
        broker.start()
        with broker.connect() as client:
            wait_until(lambda: tally.put(client, good[0]) == NONE, 20, "the other directory serves")
            assert tally.put(client, bad[0]) in FAILED
    finally:
        subprocess.run(["chattr", "-i", segment], check=True)
    check_restart(broker, tally, 2)


# --- spoiled files --------------------------------------------------------------------------------


@pytest.fixture
def killed(new_broker):
    """A killed broker with records in several segments, and what was acknowledged."""

    def make(clean=False, **more):
        config = {
            "log.segment.bytes": "20000",
            "log.index.interval.bytes": "500",
            "zookeeper.session.timeout.ms": "3000",
        }
        broker = new_broker(config=config, **more)
        if broker.kind == "kafka" and not clean:
            pytest.skip("Kafka waits for its old session after a kill")
        topic = make_topic(broker)
        tally = Tally(broker, topic)
        with broker.connect() as client:
            for _ in range(100):
                assert tally.put(client, 0, size=700) == NONE
        if clean:
            broker.stop()
        else:
            broker.kill()
        tally.folder = broker.partition_folder(topic)
        tally.logs = sorted(glob.glob(os.path.join(tally.folder, "*.log")))
        assert len(tally.logs) >= 3
        return broker, tally

    return make


def cut_half(data):
    return data[: len(data) // 2 + 3]


SPOILERS = {
    "index_cut": ("*.index", cut_half),
    "index_zeroed": ("*.index", lambda data: b"\x00" * len(data)),
    "index_garbled": ("*.index", lambda data: os.urandom(len(data))),
    "index_empty": ("*.index", lambda data: b""),
    "timeindex_cut": ("*.timeindex", cut_half),
    "timeindex_garbled": ("*.timeindex", lambda data: os.urandom(len(data))),
    "snapshot_garbled": ("*.snapshot", lambda data: os.urandom(len(data))),
    "snapshot_cut": ("*.snapshot", cut_half),
    "epochs_garbled": ("leader-epoch-checkpoint", lambda data: b"7\nrubbish\n-1 -1\n"),
    "epochs_empty": ("leader-epoch-checkpoint", lambda data: b""),
}


@pytest.mark.parametrize("case", SPOILERS)
def test_spoiled_side_files_are_built_again(killed, case):
    broker, tally = killed()
    pattern, spoil = SPOILERS[case]
    found = glob.glob(os.path.join(tally.folder, pattern))
    for path in found:
        rewrite(path, spoil)
    broker.start()
    with broker.connect() as client:
        wait_leaders(client, tally.topic, 1)
        tally.all_there()
        assert tally.put(client, 0) == NONE
    check_restart(broker, tally, 1)


@pytest.mark.parametrize("pattern", ("*.index", "*.timeindex", "*.snapshot", "leader-epoch-checkpoint"))
def test_missing_side_files_are_built_again(killed, pattern):
    broker, tally = killed(clean=True)
    for path in glob.glob(os.path.join(tally.folder, pattern)):
        os.unlink(path)
    broker.start()
    with broker.connect() as client:
        wait_leaders(client, tally.topic, 1)
    check_restart(broker, tally, 1)


CHECKPOINTS = {
    "empty": b"",
    "garbled": b"\xff\xfe\x00rubbish",
    "version": b"99\n0\n",
    "count": b"0\n5\na 0 1\n",
    "negative": b"0\n1\nx 0 -9\n",
    "huge": b"0\n1\nx 0 99999999999999999999999\n",
}


@pytest.mark.parametrize("content", CHECKPOINTS)
def test_spoiled_checkpoints_lose_nothing(killed, content):
    """Recovery points and log starts that cannot be read mean that everything is scanned."""
    broker, tally = killed()
    for name in ("recovery-point-offset-checkpoint", "log-start-offset-checkpoint"):
        with open(os.path.join(broker.log_dirs[0], name), "wb") as out:
            out.write(CHECKPOINTS[content])
    broker.start()
    with broker.connect() as client:
        wait_leaders(client, tally.topic, 1)
    tally.all_there()
    check_restart(broker, tally, 1)


def last_log(tally):
    return max(tally.logs, key=os.path.getsize) if not os.path.getsize(tally.logs[-1]) else tally.logs[-1]


TAILS = {
    "zeroes_behind": lambda data: data + b"\x00" * 5000,
    "rubbish_behind": lambda data: data + os.urandom(3000),
    "old_batch_behind": lambda data: data + data[:400],
    "half_a_batch_behind": lambda data: data + data[: len(data) // 20],
}


@pytest.mark.parametrize("tail", TAILS)
def test_a_spoiled_tail_is_cut_and_nothing_else(killed, tail):
    broker, tally = killed()
    rewrite(tally.logs[-1], TAILS[tail])
    broker.start()
    with broker.connect() as client:
        wait_leaders(client, tally.topic, 1)
        tally.all_there()
        assert client.end_offset(tally.topic) == 100
        assert tally.put(client, 0) == NONE
    check_restart(broker, tally, 1)


@pytest.mark.parametrize("spoil", ("zeroed", "garbled", "bit"))
def test_a_spoiled_segment_ends_the_log_before_it(killed, spoil):
    """What lies behind the damage is lost with one replica; what lies before it is served, and it goes on."""
    broker, tally = killed()
    change = {
        "zeroed": lambda data: b"\x00" * len(data),
        "garbled": lambda data: os.urandom(len(data)),
        "bit": lambda data: data[:200] + bytes([data[200] ^ 1]) + data[201:],
    }[spoil]
    victim = tally.logs[len(tally.logs) // 2]
    base = int(os.path.basename(victim).split(".")[0])
    rewrite(victim, change)
    with open(os.path.join(broker.log_dirs[0], "recovery-point-offset-checkpoint"), "wb") as out:
        out.write(b"0\n0\n")
    broker.start()
    with broker.connect() as client:
        wait_leaders(client, tally.topic, 1)
        end = client.end_offset(tally.topic)
        assert end == base, f"the log ends at {end}, the damage begins at {base}"
        tally.acknowledged[0] = {offset: value for offset, value in tally.acknowledged[0].items() if offset < end}
        tally.all_there()
        assert tally.put(client, 0) == NONE
    check_restart(broker, tally, 1)


def test_foreign_files_are_left_alone(killed):
    broker, tally = killed(clean=True)
    root = broker.log_dirs[0]
    files = [
        os.path.join(root, "README"),
        os.path.join(root, ".hidden"),
        os.path.join(root, "core.1234"),
        os.path.join(tally.folder, "notes.txt"),
        os.path.join(tally.folder, ".00000000000000000000.log.swp"),
        os.path.join(tally.folder, "00000000000000000000.log~"),
    ]
    for path in files:
        with open(path, "w") as out:
            out.write("somebody's own")
    broker.start()
    with broker.connect() as client:
        wait_leaders(client, tally.topic, 1)
    check_restart(broker, tally, 1)
    for path in files:
        with open(path) as source:
            assert source.read() == "somebody's own", path


@pytest.mark.parametrize("name", ("nodash", "-5", "x-y", "x-99999999999", "lost+found"))
def test_a_foreign_directory_is_named(killed, name):
    """As in Kafka, a directory whose name is no partition's stops the start."""
    broker, tally = killed(clean=True)
    os.makedirs(os.path.join(broker.log_dirs[0], name))
    with open(os.path.join(broker.log_dirs[0], name, "00000000000000000000.log"), "w") as out:
        out.write("x")
    broker.launch()
    if broker.kind == "barnabas":
        assert broker.process.wait_ended(40) == 1
        said = broker.process.log_text().splitlines()[-1]
        assert name in said, said
    else:
        assert broker.process.wait_ended(40) != 0


def test_leftovers_of_deletions_are_removed(killed):
    broker, tally = killed(clean=True)
    leftover = os.path.join(broker.log_dirs[0], "gone-0.0123456789abcdef0123456789abcdef-delete")
    shutil.copytree(tally.folder, leftover)
    deleted = tally.logs[0] + ".deleted"
    shutil.copy(tally.logs[0], deleted)
    broker.start()
    wait_until(lambda: not os.path.exists(leftover) and not os.path.exists(deleted), 90, "leftovers are removed")
    with broker.connect() as client:
        wait_leaders(client, tally.topic, 1)
    check_restart(broker, tally, 1)
