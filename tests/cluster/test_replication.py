"""Our broker follows partitions that a real Kafka leads, in one cluster: Kafka is the controller, and what our
replica has on its disk is compared with Kafka's, byte by byte."""

import glob
import json
import os
import shutil
import struct
import urllib.request

import pytest
from conftest import or_skip

from harness import records, requests, tools
from harness.cluster import Cluster
from harness.ports import free_port
from harness.wait import wait_until
from harness.wire import Writer

KAFKA, OURS = 0, 1


@pytest.fixture
def cluster(zk, tmp_path):
    """Broker 0 is Kafka and the controller, broker 1 is ours."""
    from conftest import _numbers

    chroot = zk.make_chroot(f"/replication-{next(_numbers)}")
    made = []

    def make(config=None, kinds=("kafka", "barnabas")):
        folder = tmp_path / f"cluster-{len(made)}"
        settings = {
            "replica.lag.time.max.ms": "4000",
            "replica.fetch.wait.max.ms": "200",
            "replica.fetch.backoff.ms": "200",
            "auto.leader.rebalance.enable": "false",
            "log.retention.check.interval.ms": "1000",
            "log.initial.task.delay.ms": "500",
            "file.delete.delay.ms": "500",
            "controlled.shutdown.max.retries": "1",
        }
        settings.update(config or {})
        cluster = or_skip(lambda: Cluster(folder, zk, chroot, kinds, settings))
        made.append(cluster)
        cluster.brokers[KAFKA].start(90)
        for broker in cluster.brokers[1:]:
            broker.start(60)
        cluster.wait_members(range(len(kinds)))
        return cluster

    yield make
    for cluster in made:
        cluster.stop()


def create(cluster, topic, partitions=1, config=None, replicas=(KAFKA, OURS)):
    """A topic that Kafka leads and we follow; one of the same name may be on its way out."""
    wanted = {
        "name": topic,
        "partitions": -1,
        "replication": -1,
        "assignment": {number: list(replicas) for number in range(partitions)},
        "configs": config or {},
    }

    def created():
        with cluster.brokers[KAFKA].connect() as client:
            answer = client.create_topics([wanted])
        assert answer[topic]["error"] in (0, 36), answer
        return answer[topic]["error"] == 0

    wait_until(created, 30, f"{topic} is created")
    for partition in range(partitions):
        wait_isr(cluster, topic, sorted(replicas), partition)


def log_bytes(broker, topic, partition=0):
    """The bytes of the log's segments, one behind the other."""
    folder = broker.partition_folder(topic, partition)
    out = b""
    for path in sorted(glob.glob(os.path.join(folder, "*.log"))):
        with open(path, "rb") as file:
            out += file.read()
    return out


def wait_same(cluster, topic, partition=0, deadline_s=40, at_least=1, leader=KAFKA):
    def same():
        try:
            theirs = log_bytes(cluster.brokers[leader], topic, partition)
            return len(theirs) >= at_least and theirs == log_bytes(cluster.brokers[OURS], topic, partition)
        except (AssertionError, FileNotFoundError):
            return False

    wait_until(same, deadline_s, f"the replicas of {topic}-{partition} are the same")


def isr(cluster, topic, partition=0):
    with cluster.brokers[KAFKA].connect() as client:
        partitions = client.metadata([topic])["topics"][0]["partitions"]
    return sorted(partitions[partition]["isr"]) if partition < len(partitions) else None


def wait_isr(cluster, topic, want, partition=0, deadline_s=40):
    wait_until(lambda: isr(cluster, topic, partition) == want, deadline_s, f"the ISR of {topic} is {want}")


def produce(cluster, topic, data, partition=0, version=7, acks=-1, broker=KAFKA):
    """A broker that has just started may not know yet that it leads."""

    def accepted():
        with cluster.brokers[broker].connect() as client:
            answer = client.produce(topic, data, partition=partition, version=version, acks=acks)
        assert answer["error"] in (0, 3, 5, 6), answer
        return answer["error"] == 0

    wait_until(accepted, 30, f"{topic}-{partition} takes records")


def some_batch(number, codec=records.NONE, count=20):
    return records.batch([(b"key-%d" % i, b"value-%d-%d " % (number, i) * 20) for i in range(count)], codec=codec)


def test_a_follower_has_its_leaders_bytes_whatever_codec_they_come_in(cluster):
    cluster = cluster()
    create(cluster, "t", partitions=3)
    for number, codec in enumerate([records.NONE, records.GZIP, records.SNAPPY, records.LZ4, records.ZSTD]):
        for partition in range(3):
            produce(cluster, "t", some_batch(number, codec), partition)
    for partition in range(3):
        wait_same(cluster, "t", partition)
        wait_isr(cluster, "t", [KAFKA, OURS], partition)


def test_records_of_old_clients_arrive_as_the_leader_stored_them(cluster):
    cluster = cluster()
    create(cluster, "t")
    for version in (0, 1, 2):
        magic = 0 if version < 2 else 1
        data = records.message_set([(b"k", b"v" * 50), (None, b"w")], magic=magic, codec=records.GZIP)
        produce(cluster, "t", data, version=version)
    wait_same(cluster, "t")


def test_a_topic_in_an_old_format_has_no_epochs_and_is_followed_by_names(cluster):
    cluster = cluster({"inter.broker.protocol.version": "2.8", "log.message.format.version": "0.10.2"})
    create(cluster, "t")
    for number in range(5):
        data = records.message_set([(b"k", b"v-%d" % number), (None, b"w")], magic=1)
        produce(cluster, "t", data, version=2)
    wait_same(cluster, "t")
    cluster.brokers[OURS].kill()
    produce(cluster, "t", records.message_set([(b"k", b"later")], magic=1), version=2, acks=1)
    cluster.brokers[OURS].start()
    wait_same(cluster, "t")
    wait_isr(cluster, "t", [KAFKA, OURS])


def test_segments_roll_and_large_batches_fit(cluster):
    cluster = cluster(
        {
            "replica.fetch.max.bytes": "20000",
            "replica.fetch.response.max.bytes": "50000",
            "num.replica.fetchers": "3",
        }
    )
    create(cluster, "t", partitions=4, config={"segment.bytes": "100000"})
    for number in range(60):
        produce(cluster, "t", some_batch(number, count=10 + number), partition=number % 4, acks=1)
    produce(cluster, "t", records.batch([(b"k", bytes(90000))]), partition=1, acks=1)
    for partition in range(4):
        wait_same(cluster, "t", partition)
    assert len(glob.glob(os.path.join(cluster.brokers[OURS].partition_folder("t", 1), "*.log"))) > 1


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_follower_that_was_away_catches_up(cluster, how):
    cluster = cluster()
    create(cluster, "t", partitions=2)
    for number in range(10):
        produce(cluster, "t", some_batch(number), number % 2)
    wait_same(cluster, "t", 0)
    ours = cluster.brokers[OURS]
    ours.stop() if how == "stop" else ours.kill()
    for number in range(10, 30):
        produce(cluster, "t", some_batch(number), number % 2, acks=1)
    ours.start()
    for partition in range(2):
        wait_same(cluster, "t", partition)
        wait_isr(cluster, "t", [KAFKA, OURS], partition)


def test_a_follower_killed_again_and_again_never_has_other_bytes(cluster):
    cluster = cluster()
    create(cluster, "t")
    ours = cluster.brokers[OURS]
    for number in range(5):
        for batch in range(20):
            produce(cluster, "t", some_batch(100 * number + batch), acks=1)
        ours.kill()
        theirs = log_bytes(cluster.brokers[KAFKA], "t")
        assert theirs.startswith(log_bytes(ours, "t"))
        ours.start()
    wait_same(cluster, "t")
    wait_isr(cluster, "t", [KAFKA, OURS])


def test_a_leader_that_was_away_is_followed_again(cluster):
    cluster = cluster()
    create(cluster, "t")
    produce(cluster, "t", some_batch(1))
    wait_same(cluster, "t")
    # Down together, so that the leader stays the leader.
    cluster.brokers[OURS].kill()
    wait_isr(cluster, "t", [KAFKA])
    cluster.brokers[KAFKA].stop()
    cluster.brokers[KAFKA].start(90)
    produce(cluster, "t", some_batch(2), acks=1)
    cluster.brokers[OURS].start()
    wait_same(cluster, "t")
    wait_isr(cluster, "t", [KAFKA, OURS])
    produce(cluster, "t", some_batch(3))
    wait_same(cluster, "t")


def test_a_paused_leader_is_fetched_from_when_it_goes_on(cluster):
    cluster = cluster({"replica.socket.timeout.ms": "1000", "zookeeper.session.timeout.ms": "18000"})
    create(cluster, "t")
    produce(cluster, "t", some_batch(1))
    cluster.brokers[KAFKA].pause()
    log = cluster.brokers[OURS].process
    wait_until(lambda: "leader_unreachable" in log.log_tail(), 30, "our follower's request times out")
    cluster.brokers[KAFKA].resume()
    produce(cluster, "t", some_batch(2), acks=1)
    wait_same(cluster, "t")


def add_to_log(broker, topic, batch):
    """What a broker appended that no other ever had."""
    (path,) = glob.glob(os.path.join(broker.partition_folder(topic), "*.log"))
    with open(path, "ab") as file:
        file.write(batch)


def test_a_tail_that_the_leader_never_had_is_cut_where_the_epochs_part(cluster):
    cluster = cluster()
    create(cluster, "t")
    ours = cluster.brokers[OURS]
    for number in range(3):
        produce(cluster, "t", some_batch(number))
    wait_same(cluster, "t")
    ours.kill()
    wait_isr(cluster, "t", [KAFKA])
    add_to_log(ours, "t", records.batch([(b"lost", b"record")] * 7, base_offset=60, leader_epoch=0))
    # The leader goes on in a later epoch: its epoch 0 ends at 60, ours at 67.
    cluster.brokers[KAFKA].stop()
    cluster.brokers[KAFKA].start(90)
    for number in range(3, 6):
        produce(cluster, "t", some_batch(number), acks=1)
    ours.start()
    wait_same(cluster, "t")
    wait_isr(cluster, "t", [KAFKA, OURS])
    assert "log_cut" in ours.process.log_tail() or "cut_below" in ours.process.log_tail()


def test_a_log_longer_than_its_leaders_is_cut_to_the_leaders_end(cluster):
    cluster = cluster()
    create(cluster, "t")
    ours = cluster.brokers[OURS]
    produce(cluster, "t", some_batch(1))
    wait_same(cluster, "t")
    ours.kill()
    wait_isr(cluster, "t", [KAFKA])
    # An epoch that the leader has never heard of: out of range there.
    add_to_log(ours, "t", records.batch([(b"lost", b"record")] * 7, base_offset=20, leader_epoch=900))
    ours.start()
    wait_same(cluster, "t")
    wait_isr(cluster, "t", [KAFKA, OURS])
    produce(cluster, "t", some_batch(2))
    wait_same(cluster, "t")


def test_after_an_unclean_election_what_the_new_leader_never_had_is_cut(cluster):
    other = 2
    cluster = cluster(kinds=("kafka", "barnabas", "kafka"))
    create(cluster, "t", config={"unclean.leader.election.enable": "true"}, replicas=(KAFKA, OURS, other))
    produce(cluster, "t", some_batch(1))
    cluster.brokers[other].stop()
    wait_isr(cluster, "t", [KAFKA, OURS])
    for number in range(2, 5):
        produce(cluster, "t", some_batch(number))  # acknowledged by both, and below our high watermark
    wait_same(cluster, "t")
    cluster.brokers[OURS].stop()
    wait_isr(cluster, "t", [KAFKA])
    cluster.brokers[KAFKA].kill()
    cluster.brokers[other].start(120)
    produce(cluster, "t", some_batch(900), acks=1, broker=other)  # at the offsets of what was lost
    cluster.brokers[OURS].start()
    wait_same(cluster, "t", leader=other)
    log = cluster.brokers[OURS].process.log_tail()
    assert "cut_below_high_watermark" in log, log
    produce(cluster, "t", some_batch(901), broker=other)
    wait_same(cluster, "t", leader=other)


def delete_records(cluster, tmp_path, topic, offset):
    path = tmp_path / "offsets.json"
    path.write_text(json.dumps({"partitions": [{"topic": topic, "partition": 0, "offset": offset}], "version": 1}))
    done = tools.ours(
        "delete-records", "--bootstrap-server", cluster.brokers[KAFKA].address, "--offset-json-file", str(path)
    )
    assert done.status == 0 and f"low_watermark: {offset}" in done.out, done


def test_delete_records_moves_the_followers_start_before_it_is_answered(cluster, tmp_path):
    cluster = cluster({"log.flush.start.offset.checkpoint.interval.ms": "200"})
    create(cluster, "t", config={"segment.bytes": "20000"})
    for number in range(20):
        produce(cluster, "t", some_batch(number))
    wait_same(cluster, "t")
    delete_records(cluster, tmp_path, "t", 330)  # answered when the low watermark of all replicas is there

    def dropped():
        """Whole segments below the start went, the first record that is left is in the first of them."""
        bases = [int(os.path.basename(path)[:20]) for path in segments(cluster.brokers[OURS])]
        return 0 < bases[0] <= 330

    def segments(broker):
        return sorted(glob.glob(os.path.join(broker.partition_folder("t"), "*.log")))

    wait_until(dropped, 30, "segments below the new start are deleted")


def test_a_log_that_ends_below_its_leaders_start_begins_anew(cluster, tmp_path):
    cluster = cluster()
    create(cluster, "t")
    ours = cluster.brokers[OURS]
    produce(cluster, "t", some_batch(1))
    wait_same(cluster, "t")
    ours.kill()
    wait_isr(cluster, "t", [KAFKA])
    for number in range(2, 6):
        produce(cluster, "t", some_batch(number), acks=1)
    delete_records(cluster, tmp_path, "t", 90)  # inside a batch that begins at 80
    ours.start()
    wait_isr(cluster, "t", [KAFKA, OURS])
    produce(cluster, "t", some_batch(6))

    def is_the_rest():
        mine = log_bytes(ours, "t")
        begins = struct.unpack(">q", mine[:8])[0] if len(mine) > 8 else None
        return begins == 80 and log_bytes(cluster.brokers[KAFKA], "t").endswith(mine)

    wait_until(is_the_rest, 30, "our log is the end of the leader's")


def test_a_topic_deleted_and_made_again_is_followed_anew(cluster):
    cluster = cluster()
    for round_number in range(3):
        create(cluster, "t", partitions=2)
        for number in range(5 + round_number):
            produce(cluster, "t", some_batch(100 * round_number + number), number % 2)
        wait_same(cluster, "t", 0)
        wait_same(cluster, "t", 1)
        with cluster.brokers[KAFKA].connect() as client:
            assert client.delete_topics(["t"])["t"] == 0

        def gone():
            return not glob.glob(os.path.join(cluster.brokers[OURS].log_dirs[0], "t-[01]"))

        wait_until(gone, 30, "our replicas are gone")


def test_with_a_flush_for_each_message_the_follower_joins_too(cluster):
    cluster = cluster()
    create(cluster, "t", config={"flush.messages": "1"})
    for number in range(10):
        produce(cluster, "t", some_batch(number))  # acks=all: our follower syncs before it fetches on
    wait_same(cluster, "t")
    wait_isr(cluster, "t", [KAFKA, OURS])


ADD_PARTITIONS_TO_TXN, END_TXN = 24, 26


def begin_producer(client):
    """The coordinator may have to be loaded first."""
    found = {}

    def given():
        body = requests.encode_init_producer_id(1, transactional_id="one")
        answer = requests.decode_init_producer_id(client.ask(requests.INIT_PRODUCER_ID, 1, body), 1)
        found.update(answer)
        return answer["error"] == 0

    wait_until(given, 60, "a transactional producer id")
    return found["id"], found["epoch"]


def in_transaction(client, producer, batches, commit):
    """On partition 0 of "t", asked of Kafka by hand: a client would ask any broker for the coordinator."""
    body = Writer(False).string("one").int64(producer[0]).int16(producer[1])
    body.array(["t"], lambda w, name: w.string(name).array([0], Writer.int32))

    def begun():
        """Not before the markers of the one before are written."""
        return client.ask(ADD_PARTITIONS_TO_TXN, 0, body.done())[-2:] == b"\0\0"

    wait_until(begun, 30, "the transaction has begun")
    for data in batches:
        answer = client.produce("t", data, transactional_id="one")
        assert answer["error"] == 0, answer
    end = Writer(False).string("one").int64(producer[0]).int16(producer[1]).bool(commit)

    def ended():
        return client.ask(END_TXN, 0, end.done())[-2:] == b"\0\0"

    wait_until(ended, 30, "the transaction is over")


def test_transactions_arrive_with_their_markers(cluster):
    cluster = cluster()
    create(cluster, "__transaction_state", partitions=3, config={"cleanup.policy": "compact"})
    create(cluster, "t")
    with cluster.brokers[KAFKA].connect() as client:
        producer = begin_producer(client)
        sequence = 0
        for number in range(12):
            batches = []
            for _ in range(3):
                values = [(b"k", b"v-%d" % number)] * 4
                batches.append(records.batch(values, attributes=0x10, producer=(*producer, sequence)))
                sequence += 4
            in_transaction(client, producer, batches, commit=number % 3 != 0)
    wait_until(lambda: len(log_bytes(cluster.brokers[KAFKA], "t")) > 0, 10, "there are records")
    wait_same(cluster, "t")
    for partition in range(3):
        wait_same(cluster, "__transaction_state", partition, at_least=0)

    def aborted(broker):
        (path,) = glob.glob(os.path.join(broker.partition_folder("t"), "*.txnindex"))
        with open(path, "rb") as file:
            return file.read()

    assert len(aborted(cluster.brokers[KAFKA])) == 4 * 34
    assert aborted(cluster.brokers[OURS]) == aborted(cluster.brokers[KAFKA])
    cluster.brokers[OURS].kill()
    cluster.brokers[OURS].start()
    wait_isr(cluster, "t", [KAFKA, OURS])
    assert aborted(cluster.brokers[OURS]) == aborted(cluster.brokers[KAFKA])


def test_a_log_with_holes_is_followed_from_the_beginning(cluster):
    """The leader compacted it; our disk was replaced."""
    cluster = cluster({"log.cleaner.backoff.ms": "200"})
    compacted = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01", "segment.bytes": "20000"}
    create(cluster, "t", config=compacted)
    ours = cluster.brokers[OURS]
    ours.kill()
    shutil.rmtree(ours.partition_folder("t"))
    wait_isr(cluster, "t", [KAFKA])
    for number in range(60):
        produce(cluster, "t", some_batch(number), acks=1)  # the same twenty keys

    def has_holes():
        found = records.read(log_bytes(cluster.brokers[KAFKA], "t"))
        return len(found) < 200

    wait_until(has_holes, 60, "Kafka has compacted the log")
    ours.start()
    wait_isr(cluster, "t", [KAFKA, OURS])
    wait_until(
        lambda: [r["offset"] for r in records.read(log_bytes(ours, "t"))][-1] == 60 * 20 - 1, 30, "ours has the end"
    )
    assert len(records.read(log_bytes(ours, "t"))) < 400


def metric(port, name):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith(name):
                return float(line.rsplit(" ", 1)[1])
    return None


def test_metrics_tell_how_following_goes(cluster):
    port = free_port()
    cluster = cluster({"barnabas.metrics.listener": f"127.0.0.1:{port}"})
    create(cluster, "t")
    for number in range(10):
        produce(cluster, "t", some_batch(number))
    wait_same(cluster, "t")
    size = len(log_bytes(cluster.brokers[OURS], "t"))
    for name, value in (
        ("kafka_server_brokertopicmetrics_replicationbytesin_total", size),
        ('kafka_server_fetcherlagmetrics_consumerlag{topic="t",partition="0"}', 0),
    ):
        wait_until(lambda name=name, value=value: metric(port, name) == value, 20, f"{name} is {value}")
    assert metric(port, "kafka_server_replicafetchermanager_failedpartitionscount") == 0
    assert metric(port, "kafka_server_replicafetchermanager_maxlag") is not None
    wait_until(
        lambda: metric(port, "kafka_server_replicafetchermanager_minfetchrate") > 0, 20, "the fetch rate is told"
    )
