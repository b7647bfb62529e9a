"""A data directory goes from Kafka to the broker under test and back, with everything that Kafka writes into
one: every codec, every magic, idempotent and transactional data, stopped cleanly and killed."""

import os
import re
import time

import pytest

from conftest import make_topic, or_skip, wait_leaders
from harness import dumplog, environment, records
from harness.crash import read_partition
from harness.wait import wait_until
from test_restart import restart_killed

OLD_TOPICS = {"old-0": (0, "0.9.0"), "old-1": (1, "0.10.0")}
OLD_CODECS = (records.NONE, records.GZIP, records.SNAPPY)
SEGMENT = {"segment.bytes": "20000"}
SMALL_BATCHES = {"batch.size": 8000}
CONFIG = {
    "log.index.interval.bytes": "1000",
    "zookeeper.session.timeout.ms": "6000",  # long enough for a Kafka that starts on a busy machine
}


def write_old_magics(kafka):
    """Kafka 3.9 writes old magics only while told to get along with brokers older than 3.0."""
    for topic, (magic, version) in OLD_TOPICS.items():
        make_topic(kafka, name=topic, configs={"message.format.version": version, **SEGMENT})
        with kafka.connect() as client:
            for codec in OLD_CODECS * 10:
                sent = [(b"k%d" % n, b"v%d" % n * 20) for n in range(10)]
                answer = client.produce(topic, records.message_set(sent, magic, codec), version=2)
                assert answer["error"] == 0, answer


def write_and_delete(kafka, java):
    """The log start offset is on disk after the next clean stop only (else half a minute later)."""
    make_topic(kafka, name="deleted-from", configs=SEGMENT)
    java.produce(kafka, "deleted-from", 300, "d", codec="none")
    java.admin(kafka, "delete-records", topic="deleted-from", offset=120)


def write_new_magic(kafka, java):
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        topic = make_topic(kafka, name=f"codec-{codec}", configs=SEGMENT)
        java.produce(kafka, topic, 300, codec, codec=codec, idempotence=True)
    make_topic(kafka, name="committed", configs=SEGMENT)
    for number, end in enumerate(("commit", "abort", "commit", "abort")):
        java.run(
            "transaction", bootstrap=kafka.address, topic="committed", count=100, seed=end, end=end,
            transactional_id=f"t{number % 2}", acks="all",
        )  # fmt: skip


def idempotent_batch(producer, sequence):
    """Dated now: a producer whose last batch is older than a day is forgotten when a log is loaded."""
    return records.batch(
        [(b"k", b"v%d" % sequence)],
        timestamp=int(time.time() * 1000),
        producer=(producer["id"], producer["epoch"], sequence),
    )


@pytest.fixture
def kafka_written(new_broker, clients):
    """A running Kafka that has written everything, and the state of a hand-made producer."""
    java = or_skip(lambda: clients.get("java-3.9"))
    kafka = new_broker(kind="kafka", config={**CONFIG, "inter.broker.protocol.version": "2.8"})
    write_old_magics(kafka)
    write_and_delete(kafka, java)
    kafka.stop()
    del kafka.config["inter.broker.protocol.version"]
    kafka.start()
    write_new_magic(kafka, java)
    make_topic(kafka, name="sequenced")
    with kafka.connect() as client:
        kafka.producer = client.new_producer_id()
        for sequence in range(6):
            assert client.produce("sequenced", idempotent_batch(kafka.producer, sequence))["error"] == 0
    return kafka


def topics_of(zk, broker):
    with zk.client(broker.chroot) as client:
        return sorted(name for name in client.get_children("/brokers/topics") if not name.startswith("__"))


def read_all(client, topic, offset, isolation):
    """All records from an offset on, and the last answer with the aborted transactions of all answers."""
    got, aborted = [], set()
    while True:
        answer = client.fetch(topic, offset=offset, version=11, isolation=isolation, max_wait_ms=0)
        assert answer["error"] == 0, f"{topic} at {offset}: error {answer['error']}"
        aborted.update(answer["aborted"] or [])
        piece = [record for record in records.read(answer["records"]) if record["offset"] >= offset]
        if not piece:
            end = answer["last_stable" if isolation else "high_watermark"]
            assert offset == end, f"nothing in {topic} at {offset} of {end}"
            return got, {**answer, "aborted": aborted}
        got += piece
        offset = got[-1]["offset"] + 1


def contents(zk, broker):
    """All that can be fetched: {topic: (log start, records, aborted transactions)}."""
    found = {}
    with broker.connect() as client:
        for topic in topics_of(zk, broker):
            wait_leaders(client, topic, 1)
            start = client.list_offset(topic, -2)["offset"]
            got, _ = read_all(client, topic, start, isolation=0)
            _, last = read_all(client, topic, start, isolation=1)
            found[topic] = (start, got, sorted(last["aborted"]), last["last_stable"])
    return found


def assert_same(before, after, what):
    assert sorted(before) == sorted(after), what
    for topic in before:
        for number, name in enumerate(("log start offset", "records", "aborted transactions", "last stable offset")):
            assert before[topic][number] == after[topic][number], f"{what}: {name} of {topic}"


def hand_over(broker, new_broker, kind, clean):
    """Stops or kills; opens the same directory with another make. A killed broker's session must end first,
    since another make cannot take it over."""
    if clean:
        broker.stop()
    else:
        broker.kill()
    wait_until(lambda: new_broker.zk.read(broker.chroot + "/brokers/ids/0") is None, 30, "the old registration is gone")
    return new_broker.like(broker, kind=kind)


def assert_quiet(kafka):
    bad = [line for line in kafka.process.log_text().splitlines() if re.search(r" (ERROR|FATAL) |[Cc]orrupt", line)]
    assert not bad, "Kafka complains of what it finds:\n" + "\n".join(bad[:10])


@pytest.mark.parametrize("clean", (True, False), ids=("clean", "killed"))
def test_kafkas_directory_opens_here_and_goes_back(kafka_written, new_broker, zk, clean):
    kafka = kafka_written
    written = contents(zk, kafka)
    assert {record["magic"] for _, got, _, _ in written.values() for record in got} == {0, 1, 2}
    assert len(written["committed"][2]) == 2, "Kafka itself should show two aborted transactions"

    ours = hand_over(kafka, new_broker, None, clean)
    assert_same(written, contents(zk, ours), "after the take-over")
    assert ("taken_over" in ours.process.log_text()) != clean, "what a killed Kafka did not sync is synced"
    with ours.connect() as client:
        again = client.produce("sequenced", idempotent_batch(kafka.producer, 5))
        assert (again["error"], again["base_offset"]) == (0, 5), "a repeated batch of before is known"
        assert client.produce("sequenced", idempotent_batch(kafka.producer, 9))["error"] == 45
        assert client.produce("sequenced", idempotent_batch(kafka.producer, 6))["base_offset"] == 6
        for topic in written:
            for codec in range(5):
                sent = [(b"new%d" % n, b"w%d" % n * 30) for n in range(40)]
                assert client.produce(topic, records.batch(sent, codec))["error"] == 0
    written = contents(zk, ours)

    back = hand_over(ours, new_broker, "kafka", clean)
    assert_same(written, contents(zk, back), "back in Kafka")
    assert_quiet(back)
    with back.connect() as client:
        assert client.produce("sequenced", idempotent_batch(kafka.producer, 6))["base_offset"] == 6
        assert client.produce("sequenced", idempotent_batch(kafka.producer, 7))["error"] == 0


def test_an_open_transaction_stays_open_through_the_take_over(new_broker, clients):
    java = or_skip(lambda: clients.get("java-3.9"))
    kafka = new_broker(kind="kafka", config=CONFIG)
    topic = make_topic(kafka)
    java.run(
        "transaction", bootstrap=kafka.address, topic=topic, count=10, seed="open", end="leave", transactional_id="o",
        acks="all",
    )  # fmt: skip
    ours = hand_over(kafka, new_broker, None, clean=True)
    with ours.connect() as client:
        wait_leaders(client, topic, 1)
        answer = client.fetch(topic, isolation=1, version=11)
        assert (answer["last_stable"], answer["high_watermark"]) == (0, 10)
        assert answer["records"] == b""
        assert len(records.read(client.fetch(topic, isolation=0, version=11)["records"])) == 10


def test_clean_stop_leaves_kafkas_files(new_broker, clients):
    client = or_skip(lambda: clients.get("confluent"))
    broker = new_broker(config=CONFIG)
    topic = make_topic(broker, configs=SEGMENT)
    client.produce(broker, topic, 300, "files", idempotence=True, **SMALL_BATCHES)
    broker.stop()
    (folder,) = broker.log_dirs
    partition = broker.partition_folder(topic)

    def lines(*path):
        with open(os.path.join(*path), encoding="utf-8") as file:
            return file.read().splitlines()

    assert os.path.exists(os.path.join(folder, ".kafka_cleanshutdown"))
    assert not os.path.exists(os.path.join(folder, ".lock"))
    properties = dict(line.split("=", 1) for line in lines(folder, "meta.properties") if not line.startswith("#"))
    assert properties["broker.id"] == "0" and properties["version"] == "0" and properties["cluster.id"]
    for name in ("recovery-point-offset-checkpoint", "replication-offset-checkpoint"):
        assert lines(folder, name) == ["0", "1", f"{topic} 0 300"], name
    assert lines(partition, "leader-epoch-checkpoint") == ["0", "1", "0 0"]
    assert re.fullmatch(r"topic_id: [\w-]{22}", lines(partition, "partition.metadata")[1])
    names = sorted(os.listdir(partition))
    logs = [name for name in names if name.endswith(".log")]
    assert len(logs) > 2 and logs[0] == "0" * 20 + ".log"
    for log in logs:
        assert log[:-4] + ".index" in names and log[:-4] + ".timeindex" in names
    assert f"{300:020d}.snapshot" in names
    for name in names:
        if name.endswith("index"):
            assert os.path.getsize(os.path.join(partition, name)) < 1 << 20, f"{name} was not trimmed"


def test_files_are_sound_to_kafkas_own_tool(new_broker, clients):
    """What the broker under test wrote, seen by DumpLogSegments: no mismatch, no gap, every CRC right."""
    client = or_skip(lambda: clients.get("confluent"))
    broker = new_broker(config=CONFIG)
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        topic = make_topic(broker, name=f"sound-{codec}", configs=SEGMENT)
        client.produce(broker, topic, 300, codec, codec=codec, idempotence=True, **SMALL_BATCHES)
    broker.stop()
    files = dumplog.segment_files(broker)
    out, err = or_skip(lambda: dumplog.kafkas(files, "--print-data-log"))
    assert err == []
    assert sum(line.startswith("| offset: ") for line in out) == 5 * 300
    assert not [line for line in out if "isvalid: false" in line]
    indexes = [name for name in files if name.endswith("index") and not name.endswith("txnindex")]
    _, err = dumplog.kafkas(indexes, "--index-sanity-check")
    assert err == []


@pytest.fixture
def tool():
    """Skips before anything is written for a tool that is not there."""
    return or_skip(environment.barnabas_tool)


def test_dump_log_agrees_with_kafkas_line_by_line(tool, kafka_written):
    kafka_written.stop()
    files = dumplog.segment_files(kafka_written)
    for flags in ((), ("--print-data-log",), ("--deep-iteration", "--skip-record-metadata")):
        mine, my_errors = dumplog.ours(files, *flags)
        theirs, their_errors = dumplog.kafkas(files, *flags)
        for number, (a, b) in enumerate(zip(theirs, mine, strict=False)):
            assert a == b, f"{flags}: line {number + 1}"
        assert len(theirs) == len(mine), flags
        assert sorted(their_errors) == sorted(my_errors), flags


def test_a_directory_of_another_cluster_is_refused(new_broker):
    broker = new_broker()
    broker.stop()
    meta = os.path.join(broker.log_dirs[0], "meta.properties")
    with open(meta, encoding="utf-8") as file:
        text = re.sub(r"cluster\.id=.*", "cluster.id=AAAAAAAAAAAAAAAAAAAAAA", file.read())
    with open(meta, "w", encoding="utf-8") as file:
        file.write(text)
    broker.launch()
    assert broker.process.wait_ended(30) != 0
    assert "AAAAAAAAAAAAAAAAAAAAAA" in broker.process.log_tail()


def test_a_directory_in_use_is_refused(new_broker):
    broker = new_broker()
    second = new_broker(start=False, broker_id=1)
    second.log_dirs = broker.log_dirs
    second.config["log.dirs"] = broker.config["log.dirs"]
    second.launch()
    assert second.process.wait_ended(30) != 0
    broker.process.must_run()


def test_an_id_in_use_is_refused(new_broker):
    broker = new_broker(config={"zookeeper.session.timeout.ms": "2000"})
    second = new_broker(start=False, chroot=broker.chroot)
    second.launch()
    assert second.process.wait_ended(60) != 0
    broker.process.must_run()
    with broker.connect() as client:
        assert client.api_versions()["error"] == 0


def test_cut_and_broken_files_of_a_killed_broker_are_mended(new_broker):
    """A torn batch at the end of the log, a missing and a wrong index: recovered to the last whole batch."""
    broker = new_broker(config=CONFIG)
    topic = make_topic(broker, configs=SEGMENT)
    with broker.connect() as client:
        for number in range(100):
            made = records.batch([(b"k", b"v%d" % number * 50)])
            assert client.produce(topic, made)["base_offset"] == number
    broker.kill()
    folder = broker.partition_folder(topic)
    logs = sorted(name for name in os.listdir(folder) if name.endswith(".log"))
    assert len(logs) > 1
    with open(os.path.join(folder, logs[-1]), "ab") as last:
        last.write(records.batch([(b"k", b"torn" * 100)], base_offset=100)[:-7])
    os.remove(os.path.join(folder, logs[0][:-4] + ".index"))
    with open(os.path.join(folder, logs[-1][:-4] + ".index"), "wb") as index:
        index.write(b"\xff" * 17)
    restart_killed(broker)
    with broker.connect() as client:
        wait_leaders(client, topic, 1)
        found = read_partition(client, topic, 0)
        assert [record["value"] for record in found] == [b"v%d" % number * 50 for number in range(100)]
        assert client.produce(topic, records.batch([(b"k", b"after")]))["base_offset"] == 100
